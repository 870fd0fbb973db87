"""How well predicted MOS agrees with MOS, as an audit judges it.

Shape letters: N test clips.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
FIGURES = ("pcc", "srcc", "r2")
PRIMARY = "pcc"  # of which label saving and verdict speak
ROUNDING = 1e-24  # of a variance, in parts of the mean square
NAMES = {"pcc": "PCC", "srcc": "SRCC", "r2": "R²"}


def judge(predicted: ArrayLike, mos: ArrayLike) -> dict[str, float]:
    r"""PCC, SRCC and R² of predictions on clips that were not learned from.

    .. math:: R^2 = 1 - \frac{\sum_i (y_i-\hat y_i)^2}{\sum_i (y_i-\bar y)^2}

    R² is taken of the predictions as they are, on the scale of MOS, so it is at most the square of
    PCC, and below 0 where the mean of the test clips would have been nearer.

    Source: the paper's table 4.

    Args:
        predicted: Of each clip, shape (N,).
        mos: Likewise.

    Returns:
        Each 1 at best. NaN where the MOS do not vary, and PCC and SRCC also where the predictions
        do not.

    Raises:
        ValueError: lengths differ, or a value is missing or infinite.

    >>> {name: round(value, 3) for name, value in judge([2, 3, 5], [1, 3, 4]).items()}
    {'pcc': 0.929, 'srcc': 1.0, 'r2': 0.571}
    """
    guess_N, mos_N = np.asarray(predicted, np.float64), np.asarray(mos, np.float64)
    if guess_N.shape != mos_N.shape or guess_N.ndim != 1:
        raise ValueError(f"{guess_N.shape} predictions do not fit {mos_N.shape} MOS.")
    if not (np.isfinite(guess_N).all() and np.isfinite(mos_N).all()):
        raise ValueError("A prediction or MOS is missing or infinite.")
    total = float(((mos_N - mos_N.mean()) ** 2).sum())
    missed = float(((mos_N - guess_N) ** 2).sum())
    return {
        "pcc": _correlation(guess_N, mos_N),
        "srcc": _correlation(_ranks(guess_N), _ranks(mos_N)),
        "r2": 1 - missed / total if np.ptp(mos_N) > 0 else float("nan"),
    }


def _correlation(a_N: Floats, b_N: Floats) -> float:
    """Pearson's; where rounding alone makes a side vary, it does not vary."""
    off_a, off_b = a_N - a_N.mean(), b_N - b_N.mean()
    var_a, var_b = float(off_a @ off_a), float(off_b @ off_b)
    if var_a <= ROUNDING * float(a_N @ a_N) or var_b <= ROUNDING * float(b_N @ b_N):
        return float("nan")
    r = float(off_a @ off_b) / float(np.sqrt(var_a * var_b))
    return min(1.0, max(-1.0, r))


def _ranks(value_N: Floats) -> Floats:
    """Ranks, the mean of theirs for equals; scipy's are as right and cost half of a replay."""
    order, ordered = value_N.argsort(), np.sort(value_N)
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    times = np.append(starts[1:], len(ordered)) - starts
    ranks_N = np.empty(len(ordered))
    ranks_N[order] = np.repeat(starts + (times + 1) / 2, times)
    return ranks_N
