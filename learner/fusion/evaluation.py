"""How well scores agree with human MOS, always beside the simplest things that could.

Shape letters: N clips.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def agreement(name: str, scores: ArrayLike, mos: ArrayLike) -> dict[str, Any]:
    """Correlations and errors of one way of scoring, over the clips that have both.

    Args:
        name: What was used to score.
        scores: Shape (N,), on any scale; NaN where it has none.
        mos: Human MOS, shape (N,); NaN where there is none.

    Returns:
        name, n, pcc, srcc, and, where scores are on the scale of 1 to 5, mse, r2 and bias; None
        where a figure is not defined.

    >>> agreement("same", [1, 2, 3, 4.0], [1, 2, 3, 4.0])["pcc"]
    1.0
    """
    scores_N, mos_N = np.asarray(scores, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    both = ~np.isnan(scores_N) & ~np.isnan(mos_N)
    scores_N, mos_N = scores_N[both], mos_N[both]
    row: dict[str, Any] = {"name": name, "n": int(both.sum())}
    varies = len(mos_N) > 2 and np.ptp(scores_N) > 0 and np.ptp(mos_N) > 0
    row["pcc"] = _rounded(np.corrcoef(scores_N, mos_N)[0, 1]) if varies else None
    row["srcc"] = _rounded(stats.spearmanr(scores_N, mos_N).statistic) if varies else None
    return row


def errors(scores: ArrayLike, mos: ArrayLike) -> dict[str, float | None]:
    """Mean squared error, share of variance explained, and bias, of scores on the scale of MOS."""
    scores_N, mos_N = np.asarray(scores, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    both = ~np.isnan(scores_N) & ~np.isnan(mos_N)
    if both.sum() < 2:
        return {"mse": None, "r2": None, "bias": None}
    gap_N = scores_N[both] - mos_N[both]
    variance = float(np.var(mos_N[both]))
    mse = float(np.mean(gap_N**2))
    return {
        "mse": _rounded(mse),
        "r2": _rounded(1 - mse / variance) if variance > 0 else None,
        "bias": _rounded(gap_N.mean()),
    }


def _rounded(value: float) -> float:
    return round(float(value), 6)
