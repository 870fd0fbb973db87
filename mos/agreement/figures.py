"""Measures of agreement, for many ways of counting the sources at once.

Shape letters: N clips, G sources, D ways of counting them, U different values, F figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIGURES = (
    "pcc",
    "srcc",
    "kendall_tau_b",
    "mse",
    "rmse",
    "bias",
    "r2",
    "mse_mapped",
    "rmse_mapped",
    "outlier_frac",
    "outlier_frac_mapped",
)
CORRELATIONS = FIGURES[:3]
MAPPED = ("mse_mapped", "rmse_mapped", "outlier_frac_mapped")
OUTLIERS = ("outlier_frac", "outlier_frac_mapped")
FEWEST_CLIPS = 3  # two always lie on a line
CELLS = 1_000_000  # of ways by clips held at a time


@dataclass(frozen=True)
class Pairs:
    """Score and MOS of the same clips, half the interval of each MOS, and each clip's source."""

    score_N: Floats
    mos_N: Floats
    half_N: Floats
    source_N: Ints
    n_sources: int

    @classmethod
    def of(
        cls,
        scores: ArrayLike,
        mos: ArrayLike,
        sources: ArrayLike,
        half_widths: ArrayLike | None = None,
    ) -> Pairs:
        """Check and number them; each argument as for `agreement_table`.

        Raises:
            ValueError: no clips, lengths that differ, a score or MOS that is missing or infinite,
                or a half-width that is negative or infinite.

        >>> Pairs.of([1, 2], [1, 2], ["a", "a"]).n_sources
        1
        """
        score_N, mos_N = np.asarray(scores, dtype=np.float64), np.asarray(mos, dtype=np.float64)
        half_N = np.full(mos_N.shape, np.nan)
        if half_widths is not None:
            half_N = np.asarray(half_widths, dtype=np.float64)
        shapes = {score_N.shape, half_N.shape, np.shape(sources), (mos_N.size,)}
        if shapes != {mos_N.shape}:
            raise ValueError(
                f"Scores {score_N.shape}, MOS {mos_N.shape}, half-widths {half_N.shape} and "
                f"sources {np.shape(sources)} must have one entry a clip."
            )
        if not mos_N.size:
            raise ValueError("There are 0 clips with a score and a MOS: agreement needs some.")
        for name, values_N in (("scores", score_N), ("MOS", mos_N)):
            bad = int((~np.isfinite(values_N)).sum())
            if bad:
                raise ValueError(f"{bad} {name} are missing or infinite: leave those clips out.")
        bad_N = half_N[(half_N < 0) | np.isinf(half_N)]
        if len(bad_N):
            raise ValueError(f"Half an interval is {bad_N[0]:g} wide: give 0 or more, or NaN.")
        names, source_N = np.unique(np.asarray(sources), return_inverse=True)
        return cls(score_N, mos_N, half_N, source_N, len(names))

    def line(self) -> tuple[float, float]:
        """Slope and offset of the least-squares line from score to MOS; NaN where there is none.

        >>> Pairs.of([1, 2, 3], [3, 5, 7], list("abc")).line()
        (2.0, 1.0)
        """
        if self.undefined("mse_mapped"):
            return float("nan"), float("nan")
        x_N = self.score_N - self.score_N.mean()
        slope = float(x_N @ (self.mos_N - self.mos_N.mean()) / (x_N @ x_N))
        return slope, float(self.mos_N.mean() - slope * self.score_N.mean())

    def undefined(self, name: str) -> str:
        """Why a figure has no value over these clips, or nothing.

        >>> Pairs.of([3, 3, 3], [1, 2, 4], list("abc")).undefined("pcc")
        'Every score is 3: it tells no clip from another.'
        """
        n = len(self.mos_N)
        if name in OUTLIERS and np.isnan(self.half_N).all():
            return "The interval of no MOS is known."
        if name in (*CORRELATIONS, *MAPPED, "r2") and n < FEWEST_CLIPS:
            return f"{FEWEST_CLIPS} clips are needed, not {n}."
        if name in (*CORRELATIONS, *MAPPED) and not _varies(self.score_N, self.score_N.var()):
            return f"Every score is {self.score_N[0]:g}: it tells no clip from another."
        if name in (*CORRELATIONS, "r2") and not _varies(self.mos_N, self.mos_N.var()):
            return f"Every MOS is {self.mos_N[0]:g}: there is nothing to agree with."
        return ""


def figures(pairs: Pairs, counts_DG: Ints) -> Floats:
    """All figures, each source counting so often, shape (D, F); NaN where undefined.

    >>> pairs = Pairs.of([1, 2, 4], [2, 3, 5], list("abc"))
    >>> figures(pairs, np.array([[1, 1, 1], [2, 2, 2]]))[:, FIGURES.index("bias")].tolist()
    [-1.0, -1.0]
    """
    step = max(1, CELLS // len(pairs.mos_N))
    parts = [
        _figures(pairs, counts_DG[start : start + step][:, pairs.source_N])
        for start in range(0, len(counts_DG), step)
    ]
    return np.concatenate(parts)


def _figures(pairs: Pairs, times_DN: Ints) -> Floats:
    x_1N, y_1N, weights_DN = pairs.score_N[None, :], pairs.mos_N[None, :], times_DN.astype(float)
    slope, offset = pairs.line()
    error_1N, mapped_1N = x_1N - y_1N, offset + slope * x_1N - y_1N
    n_D = weights_DN.sum(axis=1)
    mse_D = _mean(error_1N**2, weights_DN)
    mse_mapped_D = _over((mapped_1N**2 * weights_DN).sum(axis=1), n_D - 2, n_D > 2)
    columns = {
        "pcc": _pearson(x_1N, y_1N, weights_DN),
        "srcc": _pearson(_ranks(x_1N[0], weights_DN), _ranks(y_1N[0], weights_DN), weights_DN),
        "kendall_tau_b": _kendall(x_1N[0], y_1N[0], times_DN),
        "mse": mse_D,
        "rmse": np.sqrt(mse_D),
        "bias": _mean(error_1N, weights_DN),
        "r2": _explained(mse_D, y_1N, weights_DN),
        "mse_mapped": mse_mapped_D,
        "rmse_mapped": np.sqrt(mse_mapped_D),
        "outlier_frac": _outliers(error_1N, pairs.half_N, weights_DN),
        "outlier_frac_mapped": _outliers(mapped_1N, pairs.half_N, weights_DN),
    }
    for name in (*CORRELATIONS, "r2"):
        columns[name][n_D < FEWEST_CLIPS] = np.nan
    return np.stack([columns[name] for name in FIGURES], axis=1)


def _over(part_D: Floats, whole_D: Floats, is_defined_D: NDArray[np.bool_]) -> Floats:
    ratio_D: Floats = np.full(whole_D.shape, np.nan)
    np.divide(part_D, whole_D, out=ratio_D, where=is_defined_D)
    return ratio_D


def _mean(values_DN: Floats, weights_DN: Floats) -> Floats:
    total_D = weights_DN.sum(axis=1)
    return _over((values_DN * weights_DN).sum(axis=1), total_D, total_D > 0)


def _centred(values_DN: Floats, weights_DN: Floats) -> Floats:
    return np.asarray(values_DN - _mean(values_DN, weights_DN)[:, None])


def _varies(values: Floats, variance_D: Floats) -> NDArray[np.bool_]:
    """Whether a variance is more than what rounding makes of equal values."""
    return np.asarray(variance_D > (1e-12 * np.abs(values).max()) ** 2)


def _pearson(x_DN: Floats, y_DN: Floats, weights_DN: Floats) -> Floats:
    a_DN, b_DN = _centred(x_DN, weights_DN), _centred(y_DN, weights_DN)
    a_D, b_D = _mean(a_DN**2, weights_DN), _mean(b_DN**2, weights_DN)
    varies_D = _varies(x_DN, a_D) & _varies(y_DN, b_D)
    return _over(_mean(a_DN * b_DN, weights_DN), np.sqrt(a_D) * np.sqrt(b_D), varies_D)


def _explained(mse_D: Floats, y_1N: Floats, weights_DN: Floats) -> Floats:
    variance_D = _mean(_centred(y_1N, weights_DN) ** 2, weights_DN)
    return 1 - _over(mse_D, variance_D, _varies(y_1N, variance_D))


def _outliers(error_1N: Floats, half_N: Floats, weights_DN: Floats) -> Floats:
    is_beyond_1N = (np.abs(error_1N) > half_N).astype(np.float64)
    return _mean(is_beyond_1N, weights_DN * ~np.isnan(error_1N + half_N))


def _ranks(values_N: Floats, weights_DN: Floats) -> Floats:
    """Mean ranks where each clip stands there so often."""
    order_N = np.argsort(values_N, kind="stable")
    _, first_U, place_N = np.unique(values_N[order_N], return_index=True, return_inverse=True)
    mass_DU = np.add.reduceat(weights_DN[:, order_N], first_U, axis=1)
    middle_DU = np.cumsum(mass_DU, axis=1) - (mass_DU - 1) / 2
    ranks_DN = np.empty_like(weights_DN)
    ranks_DN[:, order_N] = middle_DU[:, place_N]
    return ranks_DN


def _kendall(x_N: Floats, y_N: Floats, times_DN: Ints) -> Floats:
    tau_D = np.full(len(times_DN), np.nan)
    for index, times_N in enumerate(times_DN):
        x, y = np.repeat(x_N, times_N), np.repeat(y_N, times_N)
        if len(x) >= FEWEST_CLIPS and np.ptp(x) > 0 and np.ptp(y) > 0:
            tau_D[index] = scipy.stats.kendalltau(x, y, method="asymptotic").statistic
    return tau_D
