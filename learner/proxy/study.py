"""Weightings, intervals and ways to fill holes compared on any table of items, metrics and scores.

Items are split again and again, by group where groups are known; few labels are drawn from one part
and everything is judged on the other. Shape letters: N items, M metrics, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from learner.proxy.bag import DRAWS
from learner.proxy.calibration import LEVEL, calibration
from learner.proxy.fit import fit_weights
from learner.proxy.missing import fill_missing
from learner.proxy.normalise import fit_normalisation
from learner.proxy.result import WeightFit, proxy_mos
from learner.proxy.sums import Centred
from learner.proxy.weightings import (
    best_single,
    equal_weights,
    from_clips,
    pearson,
    shrunk,
    simplex,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TEST_FRAC = 0.4
HOLES_FRAC = 0.2
DEFAULT = "default"
WEIGHTINGS = ("equal", "best_single", "ols", "ridge_cv", "nnls", "bagged", "shrunk", DEFAULT)
FILLS = ("complete", "conditional_mean", "mean", "renormalised")
RIDGES = np.geomspace(0.1, 3000, 25)


@dataclass(frozen=True)
class StudyTable:
    """Items with metrics and a human score.

    Args:
        names: Of the metrics, M.
        values_NM: As measured; NaN where missing.
        directions: +1 where more is better, -1 where less is, M.
        human_N: Scores by people, on any scale.
        group_N: What items have in common; items of one group are never on both sides of a split.
        kind: Of normalisation.
    """

    names: tuple[str, ...]
    values_NM: Floats
    directions: tuple[int, ...]
    human_N: Floats
    group_N: Ints
    kind: str = "rank-gauss"

    def __post_init__(self) -> None:
        if np.isnan(self.human_N).any() or np.ptp(self.human_N) == 0:
            raise ValueError(
                "Human scores must be there for every item, and must not be all equal."
            )
        if len(np.unique(self.group_N)) < 5:
            raise ValueError(
                f"{len(np.unique(self.group_N))} groups cannot be split: 5 are needed at least. "
                "Leave the groups out if items have little in common."
            )

    @property
    def scale(self) -> tuple[float, float]:
        """Lowest and highest human score."""
        return float(self.human_N.min()), float(self.human_N.max())

    def scores(self, values_NM: Floats | None = None) -> Floats:
        """Normal scores, NaN where missing, shape (N, M)."""
        values = self.values_NM if values_NM is None else values_NM
        return fit_normalisation(values, self.directions, self.kind).transform(values)


@dataclass(frozen=True)
class Split:
    """Rows that may be labelled, in random order, and rows to be judged on."""

    pool: Ints
    test: Ints


def split_rows(group_N: Ints, random: np.random.Generator) -> Split:
    """Two fifths of the groups are for judging; the rest is shuffled, to be labelled in order."""
    groups = np.unique(group_N)
    judged = random.choice(groups, max(1, round(TEST_FRAC * len(groups))), replace=False)
    is_test = np.isin(group_N, judged)
    return Split(random.permutation(np.flatnonzero(~is_test)), np.flatnonzero(is_test))


def study_once(
    table: StudyTable, z_NM: Floats, labels: Sequence[int], seed: int, draws: int = DRAWS
) -> dict[str, Any]:
    """One split: correlation on the other part of every weighting, and intervals, by labels.

    Args:
        table: What is studied.
        z_NM: Its scores without holes.
        labels: How many labels to learn from; numbers beyond the pool are left out.
        seed: Of split and draws.
        draws: Of the bag.

    Returns:
        By number of labels, as text: `pcc` by weighting, `intervals`, `says_better`, and
        `share_learned`.
    """
    split = split_rows(table.group_N, np.random.default_rng(seed))
    test_z, test_y = z_NM[split.test], table.human_N[split.test]
    found = {}
    for n in labels:
        if n > len(split.pool):
            continue
        rows = split.pool[:n]
        z, y = z_NM[rows], table.human_N[rows]
        fit = fit_weights(
            z, y, sources=table.group_N[rows], draws=draws, seed=seed, scale=table.scale
        )
        weights = {**point_weights(z, y), "bagged": fit.learned, DEFAULT: fit.weights}
        found[str(n)] = {
            "pcc": {name: pearson_of(test_z @ np.array(w), test_y) for name, w in weights.items()},
            "intervals": _intervals(fit, test_z, test_y),
            "says_better": fit.is_better,
            "share_learned": fit.share_learned,
        }
    return found


def point_weights(z_LM: Floats, y_L: Floats) -> dict[str, Floats]:
    """Weights by every rule that needs no draws; equal ones where scores do not vary."""
    n_metrics = z_LM.shape[1]
    if np.ptp(y_L) == 0:
        return {name: equal_weights(n_metrics) for name in WEIGHTINGS[:-2] + ("shrunk",)}
    known: Centred = from_clips(z_LM, y_L)
    ridge = RidgeCV(alphas=RIDGES).fit(z_LM, y_L)
    return {
        "equal": equal_weights(n_metrics),
        "best_single": best_single(known),
        "ols": pearson(known),
        "ridge_cv": ridge.coef_,
        "nnls": simplex(known),
        "shrunk": shrunk(known),
    }


def _intervals(fit: WeightFit, z_NM: Floats, y_N: Floats) -> dict[str, Any] | None:
    """How intervals at 90 % held on the other part; None where there is no rising line."""
    if fit.line.reason:
        return None
    said = proxy_mos(fit, z_NM)
    parts = (said.mos_raw, said.epistemic_var, said.total_var, y_N)
    own = calibration(*parts, low=said.low, high=said.high, level=LEVEL, scale=fit.scale)
    normal = calibration(*parts, level=LEVEL, scale=fit.scale)
    return {
        "picp": own.picp,
        "mpiw": own.mpiw,
        "picp_normal": normal.picp,
        "mpiw_normal": normal.mpiw,
        "apv_epistemic": own.apv_epistemic,
        "apv_total": own.apv_total,
        "ece": own.ece,
        "crps": own.crps,
    }


def holes_once(
    table: StudyTable, n_labels: int, seed: int, holes_frac: float = HOLES_FRAC
) -> dict[str, float]:
    """One split with a share of all cells taken away: correlation by way of filling them."""
    random = np.random.default_rng([seed, 7])
    split = split_rows(table.group_N, random)
    rows, test = split.pool[:n_labels], split.test
    holed = np.where(random.random(table.values_NM.shape) < holes_frac, np.nan, table.values_NM)
    scores = {"complete": fill_missing(table.scores()).values}
    z_NM = table.scores(holed)
    scores["conditional_mean"] = fill_missing(z_NM).values
    scores["mean"] = np.where(np.isnan(z_NM), np.nanmean(z_NM, axis=0), z_NM)
    y, sources = table.human_N, table.group_N[rows]
    found = {}
    for name, filled in scores.items():
        fit = fit_weights(filled[rows], y[rows], sources=sources, seed=seed, scale=table.scale)
        found[name] = pearson_of(filled[test] @ np.array(fit.weights), y[test])
        if name == "mean":
            weights = np.array(fit.weights) * ~np.isnan(z_NM[test])
            total = weights.sum(axis=1)
            sums = (weights * np.nan_to_num(z_NM[test])).sum(axis=1)
            renormalised = np.where(total > 0, sums / np.where(total > 0, total, 1.0), 0.0)
            found["renormalised"] = pearson_of(renormalised, y[test])
    return found


def pearson_of(score_N: Floats, y_N: Floats) -> float:
    """Correlation, 0 where the score does not vary: it tells nothing of any item."""
    if np.ptp(score_N) == 0 or np.ptp(y_N) == 0:
        return 0.0
    return float(np.corrcoef(score_N, y_N)[0, 1])


def summarise(repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over repeats, each difference from equal weights with its 95 % interval.

    Args:
        repeats: Of `study_once`.

    Returns:
        `by_labels`: by number of labels the `pcc` of every weighting, `minus_equal` as (mean, low,
        high), `intervals`, `says_better_frac`. `overall`: mean over numbers of labels. `checks`:
        `default_minus_equal` at its worst number of labels, and `default_minus_best_two`: how far
        the default lies overall above the mean of the two best of the other weightings.
    """
    by_labels = {n: _at(n, repeats) for n in repeats[0]}
    overall = {
        name: float(np.mean([row["pcc"][name] for row in by_labels.values()]))
        for name in WEIGHTINGS
    }
    others = sorted((value for name, value in overall.items() if name != DEFAULT), reverse=True)
    worst = min(row["pcc"][DEFAULT] - row["pcc"]["equal"] for row in by_labels.values())
    return {
        "by_labels": by_labels,
        "overall": overall,
        "checks": {
            "default_minus_equal": worst,
            "default_minus_best_two": overall[DEFAULT] - (others[0] + others[1]) / 2,
        },
    }


def _at(n: str, repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rows = [one[n] for one in repeats]
    pcc = {name: np.array([row["pcc"][name] for row in rows]) for name in WEIGHTINGS}
    intervals = [row["intervals"] for row in rows if row["intervals"]]
    return {
        "pcc": {name: float(values.mean()) for name, values in pcc.items()},
        "minus_equal": {name: mean_interval(v - pcc["equal"]) for name, v in pcc.items()},
        "intervals": {
            "level": LEVEL,
            "without_line": len(rows) - len(intervals),
            **{k: float(np.mean([row[k] for row in intervals])) for k in (intervals or [{}])[0]},
        },
        "says_better_frac": float(np.mean([row["says_better"] for row in rows])),
        "share_learned": float(np.mean([row["share_learned"] for row in rows])),
    }


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """Mean over repeats with its 95 % interval.

    >>> mean_interval(np.array([1.0, 1.0]))
    (1.0, 1.0, 1.0)
    """
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    half = 1.96 * spread / len(values) ** 0.5
    return mean, mean - half, mean + half
