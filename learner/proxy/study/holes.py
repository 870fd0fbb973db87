"""What to do about metrics that are missing: cells are taken away, filled, and the rest is judged.

Shape letters: N items, M metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.proxy.fit import fit_weights
from learner.proxy.missing import fill_missing
from learner.proxy.study.once import pearson_of
from learner.proxy.study.summary import mean_interval
from learner.proxy.study.table import StudyTable, split_of

Floats = NDArray[np.float64]
HOLES_FRAC = 0.2
HOLES_LABELS = 60
MOST_REPEATS = 100
PRODUCT = "conditional_mean"
FILLS = ("complete", PRODUCT, "mean", "renormalised")


def holes_once(
    table: StudyTable, n_labels: int, seed: int, holes_frac: float = HOLES_FRAC
) -> dict[str, float]:
    """One split with a share of all cells taken away: correlation by way of filling them."""
    split = split_of(table.group_N, seed)
    rows, test = split.pool[:n_labels], split.test
    holed = make_holes(table.values_NM, holes_frac, np.random.default_rng([seed, 7]))
    z_NM = table.scores(holed)
    scores = {
        "complete": table.filled(),
        PRODUCT: fill_missing(z_NM).values,
        "mean": np.where(np.isnan(z_NM), np.nanmean(z_NM, axis=0), z_NM),
    }
    y, sources = table.human_N, table.group_N[rows]
    found = {}
    for name, filled in scores.items():
        fit = fit_weights(filled[rows], y[rows], sources=sources, seed=seed, scale=table.scale)
        weights_M = np.array(fit.weights)
        found[name] = pearson_of(filled[test] @ weights_M, y[test])
        if name == "mean":
            found["renormalised"] = pearson_of(_renormalised(z_NM[test], weights_M), y[test])
    return found


def make_holes(values_NM: Floats, frac: float, random: np.random.Generator) -> Floats:
    """The same with cells taken away at random; a metric that would not vary any more keeps all.

    >>> make_holes(np.array([[1.0], [2.0]]), 1.0, np.random.default_rng(0)).tolist()
    [[1.0], [2.0]]
    """
    holed = np.where(random.random(values_NM.shape) < frac, np.nan, values_NM)
    low_M = np.where(np.isnan(holed), np.inf, holed).min(axis=0)
    high_M = np.where(np.isnan(holed), -np.inf, holed).max(axis=0)
    return np.where(low_M < high_M, holed, values_NM)


def _renormalised(z_NM: Floats, weights_M: Floats) -> Floats:
    """Sums of the metrics that are there, by their weights made to sum to 1; 0 without any."""
    total_N = (weights_M * ~np.isnan(z_NM)).sum(axis=1)
    sum_N = np.nan_to_num(z_NM) @ weights_M
    return np.where(total_N > 0, sum_N / np.where(total_N > 0, total_N, 1.0), 0.0)


def summarise_holes(repeats: Sequence[dict[str, float]], n_labels: int) -> dict[str, Any]:
    """Mean correlation of each way, and what the product's gains over each of the others.

    Args:
        repeats: Of `holes_once`.
        n_labels: Their number of labels.

    Returns:
        `labels`, `repeats`, `holes_frac`, `pcc` by way, and `conditional_mean_minus` each other
        as (mean, low, high).
    """
    pcc = {name: np.array([one[name] for one in repeats]) for name in FILLS}
    return {
        "labels": n_labels,
        "repeats": len(repeats),
        "holes_frac": HOLES_FRAC,
        "pcc": {name: float(values.mean()) for name, values in pcc.items()},
        "conditional_mean_minus": {
            name: mean_interval(pcc[PRODUCT] - values)
            for name, values in pcc.items()
            if name != PRODUCT
        },
    }
