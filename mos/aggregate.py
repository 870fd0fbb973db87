"""Mean opinion scores with intervals.

Shape letters: T ratings, G groups (clips or systems).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LOWEST, HIGHEST = 1.0, 5.0
# Below so many ratings the t interval is wide beyond the scale, and a bounded one is shown.
FEW_RATINGS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MOSTable:
    """One row a group, in the order of `keys`.

    Args:
        keys: The groups, sorted.
        mos_raw: Means, 1 to 5.
        sd: Standard deviations between ratings; NaN for one rating.
        n: Ratings.
        low, high: Interval; NaN where one rating leaves it open.
        is_bounded: Whether the interval is the bounded one and not Student's.
        level: Of the intervals.
    """

    keys: list[Hashable]
    mos_raw: Floats
    sd: Floats
    n: NDArray[np.int64]
    low: Floats
    high: Floats
    is_bounded: NDArray[np.bool_]
    level: float


def mos_table(scores: ArrayLike, groups: ArrayLike, level: float = 0.95) -> MOSTable:
    r"""Mean, spread and interval of the scores in each group.

    .. math:: \mathrm{MOS}_g \pm t_{(1+level)/2,\,n_g-1}\, s_g/\sqrt{n_g}

    With fewer than 5 ratings, no spread, or an interval that leaves the scale, the bounded interval
    of `bounded_interval` is given instead.

    Source: ITU-T P.910 and P.1401; the bounded one Hossfeld et al. (2018).

    Args:
        scores: Shape (T,), 1 to 5.
        groups: Shape (T,): to which group each belongs; integers or strings.
        level: Of the intervals.

    Raises:
        ValueError: lengths differ, or a score is missing or off the scale.

    >>> table = mos_table([4, 5, 3, 1], ["a", "a", "a", "b"])
    >>> table.keys, table.mos_raw.tolist(), table.n.tolist()
    (['a', 'b'], [4.0, 1.0], [3, 1])
    """
    scores_T = np.asarray(scores, dtype=np.float64)
    names, group_T = np.unique(np.asarray(groups), return_inverse=True)
    _check(scores_T, group_T)
    n_G = np.bincount(group_T, minlength=len(names))
    mos_G = np.bincount(group_T, scores_T, len(names)) / n_G
    squares_G = np.bincount(group_T, (scores_T - mos_G[group_T]) ** 2, len(names))
    several_G = n_G > 1
    sd_G = np.sqrt(np.divide(squares_G, n_G - 1, out=np.full(len(n_G), np.nan), where=several_G))
    half_G = stats.t.ppf((1 + level) / 2, np.maximum(n_G - 1, 1)) * sd_G / np.sqrt(n_G)
    low_G, high_G = mos_G - half_G, mos_G + half_G
    bounded_G = several_G & (
        (n_G < FEW_RATINGS) | (sd_G == 0) | (low_G < LOWEST) | (high_G > HIGHEST)
    )
    low_b, high_b = bounded_interval(mos_G, n_G, level)
    return MOSTable(
        keys=names.tolist(),
        mos_raw=mos_G,
        sd=sd_G,
        n=n_G,
        low=np.where(bounded_G, low_b, low_G),
        high=np.where(bounded_G, high_b, high_G),
        is_bounded=bounded_G,
        level=level,
    )


def bounded_interval(
    mos_raw: ArrayLike, n: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of a mean that never leaves the scale, whatever the spread.

    The sum of n scores of 0 to 4 is taken as successes in 4n trials (Clopper and Pearson). Scores
    spread less than a binomial of that size only when raters agree, so it is rather too wide.

    Source: Hossfeld, Heegaard, Varela and Skorin-Kapov (2018), section on binomial intervals.

    Args:
        mos_raw: Means, 1 to 5.
        n: Ratings behind each.
        level: Of the interval.

    >>> low, high = bounded_interval([5.0], [3])
    >>> round(float(low[0]), 2), float(high[0])
    (3.94, 5.0)
    """
    n_G = np.asarray(n, dtype=np.float64)
    trials_G = (HIGHEST - LOWEST) * n_G
    hits_G = (np.asarray(mos_raw, dtype=np.float64) - LOWEST) * n_G
    tail = (1 - level) / 2
    low_G = stats.beta.ppf(tail, hits_G, trials_G - hits_G + 1)
    high_G = stats.beta.ppf(1 - tail, hits_G + 1, trials_G - hits_G)
    low_G = np.where(hits_G <= 0, 0.0, low_G)
    high_G = np.where(hits_G >= trials_G, 1.0, high_G)
    span = HIGHEST - LOWEST
    return LOWEST + span * low_G, LOWEST + span * high_G


def _check(scores_T: Floats, group_T: NDArray[np.intp]) -> None:
    if scores_T.shape != group_T.shape:
        raise ValueError(f"{len(scores_T)} scores but {len(group_T)} groups: give one a score.")
    off = scores_T[~((scores_T >= LOWEST) & (scores_T <= HIGHEST))]
    if len(off):
        raise ValueError(f"{len(off)} scores lie off the scale of 1 to 5, the first is {off[0]}.")
