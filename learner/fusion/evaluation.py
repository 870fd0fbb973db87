"""How well scores agree with human MOS, always beside the simplest things that could.

Shape letters: N clips, U units (sources), B draws, C columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from learner.proxy.sums import widened_tails

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS, LEVEL = 1000, 0.95
SAME = 1e-12  # of the size squared: what varies less is one number
FEWEST_UNITS = 5  # fewer sources or systems make no interval


@dataclass(frozen=True)
class Judged:
    """What scores are judged by.

    Args:
        mos_N: Human MOS, 1 to 5; NaN where there is none.
        source_N: What each clip was made from: drawn as a whole.
        system_N: What made each dub; empty strings where that is not known.
        seed: Of the draws, which are the same for every way of scoring.
    """

    mos_N: Floats
    source_N: NDArray[Any]
    system_N: NDArray[Any]
    seed: int = 0


def agreement(
    name: str, scores: ArrayLike, judged: Judged, *, is_on_scale: bool = True
) -> dict[str, Any]:
    r"""Correlations and errors of one way of scoring, of clips and of systems.

    PCC and SRCC; mean squared error as it is and after the line of least squares (ITU-T P.1401
    judges models so); :math:`R^2 = 1 - \mathrm{MSE}/s_y^2`; bias, above 0
    where scores are too high. Each has an interval at 95 % over bootstrap draws of whole sources,
    wider for few of them as Student's is.
    Ranks of SRCC are those of all clips, in every draw.

    Args:
        name: What was used to score.
        scores: Shape (N,); NaN where it has none.
        judged: By what.
        is_on_scale: Whether scores are on the scale of MOS; otherwise errors are told after the
            line only.

    Returns:
        name, n, and for each figure its value, or None where it is not defined, with
        `FIGURE_low` and `FIGURE_high`; `systems` holds the same of means by system, intervals
        aside, or None below 3 systems.

    >>> judged = Judged(np.array([1, 2, 3, 4.0]), np.arange(4), np.array(["a", "a", "b", "b"]))
    >>> agreement("same", [1, 2, 3, 4.0], judged)["pcc"]
    1.0
    """
    score_N, mos_N = np.asarray(scores, dtype=np.float64), judged.mos_N
    if score_N.shape != mos_N.shape:
        raise ValueError(f"scores of shape {score_N.shape} do not fit {mos_N.shape} MOS")
    both = np.isfinite(score_N) & np.isfinite(mos_N)
    score_N, mos_N = score_N[both], mos_N[both]
    row: dict[str, Any] = {"name": name, "n": int(both.sum())}
    units = judged.source_N[both]
    row |= _figures(score_N, mos_N, units, judged.seed, is_on_scale)
    row["systems"] = _of_systems(score_N, mos_N, judged.system_N[both], is_on_scale)
    return row


def draw_units(unit_N: NDArray[Any], seed: int, draws: int = DRAWS) -> Floats:
    """How often each clip is drawn when whole units are, shape (B, N); no rows for few units."""
    names, place_N = np.unique(unit_N, return_inverse=True)
    if len(names) < FEWEST_UNITS:
        return np.empty((0, len(unit_N)))
    random = np.random.default_rng(seed)
    chance = np.full(len(names), 1 / len(names))
    counts_BU = random.multinomial(len(names), chance, size=draws)
    return np.asarray(counts_BU[:, place_N], dtype=np.float64)


FIGURES = ("pcc", "srcc", "mse", "mse_mapped", "r2", "bias")


def _figures(
    score_N: Floats, mos_N: Floats, unit_N: NDArray[Any], seed: int, is_on_scale: bool
) -> dict[str, Any]:
    draws_BN, n_units = draw_units(unit_N, seed), len(np.unique(unit_N))
    ones = np.ones((1, len(mos_N)))
    whole, drawn = (_weighted(score_N, mos_N, w) for w in (ones, draws_BN))
    out: dict[str, Any] = {}
    for name in FIGURES:
        if name in ("mse", "r2", "bias") and not is_on_scale:
            out |= {name: None, f"{name}_low": None, f"{name}_high": None}
            continue
        value = float(whole[name][0]) if len(mos_N) else float("nan")
        known = drawn[name][np.isfinite(drawn[name])]
        has_ends = np.isfinite(value) and len(known)
        low, high = _ends(known, n_units) if has_ends else (np.nan, np.nan)
        out |= {name: _rounded(value), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}
    return out


def _ends(drawn_B: Floats, n_units: int) -> tuple[float, float]:
    """Quantiles of the draws, farther out for few units."""
    low, high = np.quantile(drawn_B, widened_tails(n_units, LEVEL))
    return float(low), float(high)


def _weighted(score_N: Floats, mos_N: Floats, weight_BN: Floats) -> dict[str, Floats]:
    """Every figure under every row of weights."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total_B = weight_BN.sum(axis=1)
        gap_N = score_N - mos_N
        mse_B = weight_BN @ gap_N**2 / total_B
        variance_B = _moment(mos_N, mos_N, weight_BN, total_B)
        pcc_B = _correlation(score_N, mos_N, weight_BN, total_B)
        ranks = scipy.stats.rankdata(score_N), scipy.stats.rankdata(mos_N)
        return {
            "pcc": pcc_B,
            "srcc": _correlation(*ranks, weight_BN, total_B),
            "mse": mse_B,
            "mse_mapped": variance_B * (1 - np.nan_to_num(pcc_B) ** 2),
            "r2": np.where(variance_B > 1e-12, 1 - mse_B / variance_B, np.nan),
            "bias": weight_BN @ gap_N / total_B,
        }


def _moment(x_N: Floats, y_N: Floats, weight_BN: Floats, total_B: Floats) -> Floats:
    x_N, y_N = x_N - (x_N.mean() if len(x_N) else 0), y_N - (y_N.mean() if len(y_N) else 0)
    means = (weight_BN @ x_N / total_B) * (weight_BN @ y_N / total_B)
    return np.asarray(weight_BN @ (x_N * y_N) / total_B - means)


def _correlation(x_N: Floats, y_N: Floats, weight_BN: Floats, total_B: Floats) -> Floats:
    """Pearson's, NaN where one of them does not vary or there are fewer than three clips."""
    x_var, y_var = (_moment(a, a, weight_BN, total_B) for a in (x_N, y_N))
    least_x, least_y = (SAME * float(np.abs(a).max(initial=0)) ** 2 for a in (x_N, y_N))
    varies = (x_var > least_x) & (y_var > least_y) & (len(x_N) > 2)
    product = _moment(x_N, y_N, weight_BN, total_B)
    return np.where(varies, product / np.sqrt(np.where(varies, x_var * y_var, 1.0)), np.nan)


def _of_systems(
    score_N: Floats, mos_N: Floats, system_N: NDArray[Any], is_on_scale: bool
) -> dict[str, Any] | None:
    """The same of means by system."""
    named = np.array([bool(name) for name in system_N], dtype=bool)
    names, place_N = np.unique(system_N[named], return_inverse=True)
    if len(names) < 3:
        return None
    size = np.bincount(place_N)
    score_S = np.bincount(place_N, score_N[named]) / size
    mos_S = np.bincount(place_N, mos_N[named]) / size
    return {"n": len(names), **_figures(score_S, mos_S, names, 0, is_on_scale)}


def gain(first: ArrayLike, second: ArrayLike, judged: Judged) -> dict[str, Any]:
    """How much better the second way of scoring is: differences of PCC and MSE, paired.

    Args:
        first, second: Scores on the scale of MOS, shape (N,); NaN where there is none.
        judged: By what; clips that both score count, in the same draws of sources.

    Returns:
        n; pcc_first, pcc_second and their difference `pcc` with `pcc_low` and `pcc_high`; the same
        of mse, where below 0 is better. None where it is not defined.
    """
    a_N, b_N = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    all_N = ~np.isnan(a_N) & ~np.isnan(b_N) & ~np.isnan(judged.mos_N)
    a_N, b_N, mos_N = a_N[all_N], b_N[all_N], judged.mos_N[all_N]
    found: dict[str, Any] = {"n": int(all_N.sum())}
    draws_BN = draw_units(judged.source_N[all_N], judged.seed)
    n_units = len(np.unique(judged.source_N[all_N]))
    weights = np.vstack([np.ones((1, len(mos_N))), draws_BN])
    of_a, of_b = (_weighted(x, mos_N, weights) for x in (a_N, b_N))
    for name in ("pcc", "mse"):
        apart = of_b[name] - of_a[name]
        known = apart[1:][np.isfinite(apart[1:])]
        low, high = _ends(known, n_units) if len(known) else (np.nan, np.nan)
        found |= {
            f"{name}_first": _rounded(of_a[name][0]),
            f"{name}_second": _rounded(of_b[name][0]),
            name: _rounded(apart[0]),
            f"{name}_low": _rounded(low),
            f"{name}_high": _rounded(high),
        }
    return found


def best_single(values: ArrayLike, mos: ArrayLike) -> int:
    """Which column alone correlates best with MOS, of the clips that have one; 0 if none does."""
    values_NC, mos_N = np.asarray(values, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    known = ~np.isnan(mos_N)
    ones = np.ones((1, int(known.sum())))
    found = [
        float(_correlation(column, mos_N[known], ones, ones.sum(axis=1))[0])
        for column in values_NC[known].T
    ]
    return int(np.argmax(np.nan_to_num(found, nan=-2.0)))


def _rounded(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
