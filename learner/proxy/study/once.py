"""One repeat: every weighting learned from few labels and judged on other items.

Shape letters: N items, M metrics, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from learner.proxy.bag import DRAWS
from learner.proxy.calibration import LEVEL, calibration
from learner.proxy.fit import fit_weights
from learner.proxy.result import WeightFit, proxy_mos
from learner.proxy.study.table import StudyTable, split_of
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
DEFAULT = "default"
WEIGHTINGS = ("equal", "best_single", "ols", "ridge_cv", "nnls", "bagged", "shrunk", DEFAULT)
DRAWN = ("bagged", DEFAULT)
RIDGES = np.geomspace(0.1, 3000, 25)


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
    split = split_of(table.group_N, seed)
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
        return {name: equal_weights(n_metrics) for name in WEIGHTINGS if name not in DRAWN}
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
        "mpiw_frac": own.mpiw_frac,
        "picp_normal": normal.picp,
        "mpiw_normal": normal.mpiw,
        "apv_epistemic": own.apv_epistemic,
        "apv_total": own.apv_total,
        "ece": own.ece,
        "crps": own.crps,
    }


def pearson_of(score_N: Floats, y_N: Floats) -> float:
    """Correlation, 0 where the score does not vary: it tells nothing of any item."""
    if np.ptp(score_N) == 0 or np.ptp(y_N) == 0:
        return 0.0
    return float(np.corrcoef(score_N, y_N)[0, 1])
