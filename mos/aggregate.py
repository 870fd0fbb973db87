"""Mean opinion scores with intervals.

Shape letters: T ratings, G groups (clips or systems).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mos.reliability import upper_quantile

LOWEST, HIGHEST = 1.0, 5.0
SPAN = HIGHEST - LOWEST
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
        ValueError: lengths differ, a score is missing or off the scale, or the level is no share.

    >>> table = mos_table([4, 5, 3, 1], ["a", "a", "a", "b"])
    >>> table.keys, table.mos_raw.tolist(), table.n.tolist()
    (['a', 'b'], [4.0, 1.0], [3, 1])
    """
    scores_T = np.asarray(scores, dtype=np.float64)
    names, group_T = _distinct(np.asarray(groups))
    _check(scores_T, group_T)
    n_G = np.bincount(group_T, minlength=len(names))
    mos_G = np.bincount(group_T, scores_T, len(names)) / n_G
    around_T = (scores_T - mos_G[group_T]) ** 2
    squares_G = np.bincount(group_T, around_T, len(names)).astype(np.float64)
    return _with_intervals(names.tolist(), n_G, mos_G, squares_G, level)


def _distinct(groups_T: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The groups in order, and which of them each is; codes from 0 on need no sorting."""
    is_code = groups_T.dtype.kind in "iu" and groups_T.size and groups_T.min() >= 0
    if not is_code or groups_T.max() > groups_T.size:
        names, group_T = np.unique(groups_T, return_inverse=True)
        return names, group_T
    names = np.flatnonzero(np.bincount(groups_T))
    place = np.zeros(int(groups_T.max()) + 1, dtype=np.int64)
    place[names] = np.arange(len(names))
    return names, place[groups_T]


def mos_from_sums(
    keys: Sequence[Hashable], n: ArrayLike, sums: ArrayLike, squares: ArrayLike, level: float = 0.95
) -> MOSTable:
    """The same as `mos_table`, from what each group's scores sum to.

    Args:
        keys: The groups, shape (G,).
        n: Scores of each, at least 1.
        sums, squares: Of whole-number scores and of their squares.
        level: Of the intervals.

    >>> mos_from_sums(["a"], [3], [12], [50]).sd.tolist()
    [1.0]
    """
    n_G, sums_G, squares_G = (np.asarray(each, dtype=np.int64) for each in (n, sums, squares))
    # Groups of few scores look alike: quantiles are taken once for each look.
    _, of_two_G = np.unique(n_G * (sums_G.max(initial=0) + 1) + sums_G, return_inverse=True)
    key_G = of_two_G * (squares_G.max(initial=0) + 1) + squares_G
    _, first_L, look_G = np.unique(key_G, return_index=True, return_inverse=True)
    n_L, sums_L, squares_L = n_G[first_L], sums_G[first_L], squares_G[first_L]
    around_L = (n_L * squares_L - sums_L**2) / n_L
    of_looks = _with_intervals([], n_L, sums_L / n_L, around_L, level)
    columns = {
        name: getattr(of_looks, name)[look_G]
        for name in ("mos_raw", "sd", "n", "low", "high", "is_bounded")
    }
    return MOSTable(keys=list(keys), **columns, level=level)


def _with_intervals(
    keys: list[Hashable], n_G: NDArray[np.int64], mos_G: Floats, squares_G: Floats, level: float
) -> MOSTable:
    """From means and the sums of squared distances from them."""
    several_G = n_G > 1
    sd_G = np.sqrt(np.divide(squares_G, n_G - 1, out=np.full(len(n_G), np.nan), where=several_G))
    half_G = scipy.stats.t.ppf(upper_quantile(level), np.maximum(n_G - 1, 1)) * sd_G / np.sqrt(n_G)
    low_G, high_G = mos_G - half_G, mos_G + half_G
    bounded_G = several_G & (
        (n_G < FEW_RATINGS) | (sd_G == 0) | (low_G < LOWEST) | (high_G > HIGHEST)
    )
    low_b, high_b = bounded_interval(mos_G, n_G, level, sd=sd_G)
    return MOSTable(
        keys=keys,
        mos_raw=mos_G,
        sd=sd_G,
        n=n_G,
        low=np.where(bounded_G, low_b, low_G),
        high=np.where(bounded_G, high_b, high_G),
        is_bounded=bounded_G,
        level=level,
    )


def bounded_interval(
    mos_raw: ArrayLike, n: ArrayLike, level: float = 0.95, *, sd: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    r"""Interval of a mean that never leaves the scale, whatever the spread.

    The sum of n scores of 0 to 4 is taken as successes in 4n trials (Clopper and Pearson). Scores
    that spread more than such a binomial does are worth fewer trials each, down to one where raters
    say only 1 or 5; scores that spread less are not worth more, so that three equal scores are not
    taken for certainty.

    .. math:: trials = \frac{4n}{D}, \quad
       D = \min\left(4, \max\left(1, \frac{4 s^2}{(MOS-1)(5-MOS)}\right)\right)

    Source: Hossfeld, Heegaard, Varela and Skorin-Kapov (2018), arXiv:1806.01126, for the binomial;
    the design effect D is ours. Where clips divide raters into camps, fewer than 5 ratings seldom
    show it, and the interval then holds the true mean less often than its level says.

    Args:
        mos_raw: Means, 1 to 5.
        n: Ratings behind each.
        level: Of the interval.
        sd: Standard deviations between ratings; NaN or None where they are not known, which takes
            the spread for a binomial one.

    Raises:
        ValueError: the level is no share.

    >>> low, high = bounded_interval([5.0], [3])
    >>> round(float(low[0]), 2), float(high[0])
    (3.94, 5.0)
    """
    tail = upper_quantile(level)
    share_G = (np.asarray(mos_raw, dtype=np.float64) - LOWEST) / SPAN
    sd_G = np.zeros_like(share_G) if sd is None else np.nan_to_num(np.asarray(sd, dtype=np.float64))
    trials_G = SPAN * np.asarray(n, dtype=np.float64) / _design_effect(share_G, sd_G)
    hits_G = share_G * trials_G
    low_G = scipy.stats.beta.ppf(1 - tail, hits_G, trials_G - hits_G + 1)
    high_G = scipy.stats.beta.ppf(tail, hits_G + 1, trials_G - hits_G)
    low_G = np.where(share_G <= 0, 0.0, low_G)
    high_G = np.where(share_G >= 1, 1.0, high_G)
    return LOWEST + SPAN * low_G, LOWEST + SPAN * high_G


def _design_effect(share_G: Floats, sd_G: Floats) -> Floats:
    """How much more the scores spread than a binomial of 4 trials does, from 1 to 4."""
    binomial_G = SPAN * share_G * (1 - share_G)
    effect_G = np.ones_like(share_G)
    np.divide(sd_G**2, binomial_G, out=effect_G, where=binomial_G > 0)
    return np.clip(effect_G, 1.0, SPAN)


def _check(scores_T: Floats, group_T: NDArray[np.intp]) -> None:
    if scores_T.shape != group_T.shape:
        raise ValueError(f"{len(scores_T)} scores but {len(group_T)} groups: give one a score.")
    off = scores_T[~((scores_T >= LOWEST) & (scores_T <= HIGHEST))]
    if len(off):
        raise ValueError(f"{len(off)} scores lie off the scale of 1 to 5, the first is {off[0]}.")
