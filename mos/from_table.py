"""Reliability of ratings that were collected elsewhere: any scale, and raters that may be slots.

Shape letters: T ratings, N clips, A aspects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mos.reliability import one_way_forms
from mos.summaries import (
    ICC_WORDS,
    Coefficient,
    Reliability,
    VarianceShare,
    alpha_over_aspects,
    below_zero,
    defined_row,
    reliability,
)
from mos.tally import Tally, n_islands

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TWO_WAY = "Forms (2,·) and (3,·)"
NOBODY_KNOWS = (
    "Which scores are of the same rater is not known, so that raters' levels cannot be told apart."
)
MOST_DECIMALS = 4  # sums of the squares of more digits leave what whole numbers hold


def table_reliability(
    scores: ArrayLike, clips: ArrayLike, raters: ArrayLike, means_NA: Floats
) -> Reliability:
    """Every coefficient that the design allows, as `mos.summaries.reliability`, on any scale.

    Scores with decimals are counted in the smallest unit that makes them whole, so that sums stay
    exact; coefficients know no unit, and variances come back on the scale of the scores.

    Args:
        scores: Shape (T,), with up to 4 decimals.
        clips, raters: Places, shape (T,). A rater rates a clip once.
        means_NA: MOS of each clip on each aspect, for alpha over aspects.

    Raises:
        ValueError: lengths differ, a score is missing, infinite, or has more decimals.

    >>> rows = [1.5, 2, 3.5, 3], [0, 0, 1, 1], [0, 1, 0, 1]
    >>> found = table_reliability(*rows, np.empty((0, 1)))
    >>> found.coefficients[0].name, round(found.coefficients[0].value, 3)
    ('ICC(1,1)', 0.895)
    """
    whole_T, unit = whole_numbers(scores)
    clip_T, rater_T = (np.asarray(places, dtype=np.int64) for places in (clips, raters))
    tally = Tally.of(whole_T, clip_T, rater_T)
    islands = n_islands(clip_T, rater_T)
    return reliability(tally, islands, means_NA, (whole_T, clip_T, rater_T), unit=unit)


def whole_numbers(scores: ArrayLike) -> tuple[Ints, float]:
    """Scores as whole numbers of a unit: 1, .1, .01, .001 or .0001.

    Raises:
        ValueError: a score is missing, infinite, or has more decimals.

    >>> whole_numbers([3.5, 4])
    (array([35, 40]), 0.1)
    """
    scores_T = np.asarray(scores, dtype=np.float64)
    odd_T = ~np.isfinite(scores_T)
    if odd_T.any():
        first = scores_T[odd_T][0]
        raise ValueError(f"{int(odd_T.sum())} scores are no numbers, the first is {first}.")
    for decimals in range(MOST_DECIMALS + 1):
        scaled_T = scores_T * 10**decimals
        whole_T = scaled_T.round()
        if np.allclose(scaled_T, whole_T, rtol=0, atol=1e-6):
            return whole_T.astype(np.int64), 10.0**-decimals
    off_T = np.abs(scaled_T - whole_T) > 1e-6
    raise ValueError(
        f"The score {scores_T[off_T][0]:g} has more than {MOST_DECIMALS} decimals: round it."
    )


def one_way_reliability(scores: ArrayLike, clips: ArrayLike, means_NA: Floats) -> Reliability:
    """ICC(1,1) and ICC(1,k), for scores of which nobody knows who gave which.

    Source: as `mos.reliability.one_way_forms`.

    Args:
        scores: Shape (T,), with up to 4 decimals.
        clips: Places, shape (T,).
        means_NA: MOS of each clip on each aspect, for alpha over aspects.

    Raises:
        ValueError: lengths differ, or a score is missing, infinite, or has more decimals.

    >>> found = one_way_reliability([9, 2, 6, 1, 8, 4], [0, 0, 1, 1, 2, 2], np.empty((3, 1)))
    >>> round(found.coefficients[0].value, 3)
    -0.622
    """
    whole_T, unit = whole_numbers(scores)
    clip_T = np.asarray(clips, dtype=np.int64)
    tally = Tally.of(whole_T, clip_T, np.zeros_like(clip_T))
    n_C, sum_C = (each[tally.n_C > 0] for each in (tally.n_C, tally.sum_C))
    n, total = len(n_C), len(whole_T)
    over_aspects = alpha_over_aspects(means_NA)
    of_clips = float((sum_C**2 / n_C).sum())
    between = max(of_clips - float(sum_C.sum()) ** 2 / total, 0.0) / max(n - 1, 1)
    within = max(float(tally.squares_C.sum()) - of_clips, 0.0) / max(total - n, 1)
    try:
        forms = one_way_forms(n_C, between, within)
    except ValueError as reason:
        row = Coefficient("ICC(1,1)", ICC_WORDS["ICC(1,1)"], reason=str(reason))
        return Reliability([row, over_aspects], shares=[])
    k = (total - float((n_C**2).sum()) / total) / (n - 1)
    sizes = {"ICC(1,1)": 1.0, "ICC(1,k)": k}
    found = [
        defined_row(form, ICC_WORDS[form], icc.value, icc.low, icc.high, n, sizes[form])
        for form, icc in forms.items()
    ]
    clip = (between - within) / k
    return Reliability(
        [*found, Coefficient(TWO_WAY, "over raters", reason=NOBODY_KNOWS), over_aspects],
        shares=_shares(clip * unit**2, within * unit**2),
        notes=below_zero(found),
        k_harmonic=n / float((1 / n_C).sum()),
    )


def _shares(clip: float, within: float) -> list[VarianceShare]:
    kept = {"between clips": max(clip, 0.0), "within clips": within}
    whole = sum(kept.values())
    return [VarianceShare(name, value, value / whole) for name, value in kept.items()]
