"""When to stop collecting: intervals that hold however often one looks at them.

An interval of the usual kind holds for one look. Who looks after every rating and stops as soon as
it is narrow, or apart from another, finds one that misses the truth far more often than it says.

Shape letters: C clips (or other means), S sources, P pairs of systems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mos.aggregate import SPAN
from mos.reliability import upper_quantile

Floats = NDArray[np.float64]

FIRST_N = 15  # ratings: before, the approximation by normal sums is not to be trusted
PLANNED_N = 30
# Two ratings at the ends of the scale are added to the spread: without them, 15 raters who happen
# to say 5 would prove that nobody ever says less.
END_RATINGS, END_SD = 2, SPAN / 2


@dataclass(frozen=True)
class Watch:
    """Where means lie so far, and which need no more ratings.

    Args:
        mean: As given.
        low, high: Ends of the confidence sequence now; infinite before `first_n` ratings. They may
            leave the scale.
        half_width: Half its width.
        n: Ratings, or pairs, behind each mean.
        is_settled: Whether the half-width is down to the target.
        target: Half-width asked for, in MOS points.
        level: Of the chance that a sequence holds its mean at all times at once.
        planned_n: Where the sequences are narrowest.
        first_n: Where they begin.
    """

    mean: Floats
    low: Floats
    high: Floats
    half_width: Floats
    n: NDArray[np.int64]
    is_settled: NDArray[np.bool_]
    target: float
    level: float
    planned_n: int
    first_n: int


def sequence_half_width(
    sd: ArrayLike,
    n: ArrayLike,
    *,
    level: float = 0.95,
    planned_n: int = PLANNED_N,
    first_n: int = FIRST_N,
) -> Floats:
    r"""Half the width of a confidence sequence for a mean after n ratings.

    .. math:: h_n = \hat\sigma_n \sqrt{\frac{2(n\rho^2+1)}{n^2\rho^2}
       \ln\frac{\sqrt{n\rho^2+1}}{\alpha}}, \quad
       \rho^2 = \frac{-W_{-1}(-\alpha^2/e) - 1}{n_{planned}}, \quad
       \hat\sigma^2_n = \frac{(n-1)s^2_n + 2\cdot 2^2}{n+1}

    W is Lambert's function; this :math:`\rho` makes h smallest at the planned n. Two ratings, a 1
    and a 5, are put to the spread, which makes no difference in the long run and keeps equal
    ratings from passing for certainty.

    With `sd` 2, the most that scores of 1 to 5 can spread, and `first_n` 1 this is Robbins' (1970)
    mixture bound, which holds exactly for any scores. With their own spread it holds in the limit
    of many ratings. Looked at after each of 15 to 1000 simulated ratings, sequences at 95 % missed
    the mean at some time in 5 % of runs at most, whether ratings lay about the middle, near an end
    or in two camps; but in some 10 % where 80 % say 5 and 8 % say 1, and in some 14 % where one in
    33 says 1 and all others 5.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), theorem 2.2, arXiv:2103.06476;
    the two ratings are ours.

    Args:
        sd: Standard deviations between ratings, any shape; NaN where n is below 2.
        n: Ratings so far, same shape.
        level: Of the chance that the sequence holds the mean at all times at once. For each clip
            alone: of 100 clips about 5 may be missed at some time.
        planned_n: Ratings at which to be narrowest; settle it before collecting.
        first_n: Ratings below which nothing is said.

    Returns:
        In the unit of `sd`; infinite below `first_n` ratings.

    Raises:
        ValueError: shapes differ, a spread is negative or missing where n is not, a planned or
            first n is below 1, or the level is no share.

    >>> sequence_half_width([0.9, 0.9, 0.9], [5, 20, 80]).round(2).tolist()
    [inf, 0.72, 0.33]
    """
    alpha = 2 * (1 - upper_quantile(level))
    for name, number in (("planned_n", planned_n), ("first_n", first_n)):
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, not {number}.")
    sd_C, n_C = np.asarray(sd, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if sd_C.shape != n_C.shape:
        raise ValueError(f"Spreads {sd_C.shape} and ratings {n_C.shape} must have one shape.")
    has_begun_C = n_C >= first_n
    bad_C = sd_C[has_begun_C & ~((sd_C >= 0) & np.isfinite(sd_C))]
    if bad_C.size:
        raise ValueError(f"A spread is {bad_C[0]:g}: give the standard deviation of the ratings.")
    half_C = np.full(n_C.shape, np.inf)
    kept_C, many_C = sd_C[has_begun_C], n_C[has_begun_C]
    squares_C = (many_C - 1) * kept_C**2 + END_RATINGS * END_SD**2
    spread_C = np.sqrt(squares_C / (many_C - 1 + END_RATINGS))
    half_C[has_begun_C] = spread_C * _mixture(many_C, alpha, planned_n)
    return half_C


def _mixture(n_C: Floats, alpha: float, planned_n: int) -> Floats:
    """Half-widths for a spread of 1."""
    rho2 = float(-scipy.special.lambertw(-(alpha**2) / np.e, -1).real - 1) / planned_n
    grown_C = n_C * rho2 + 1
    return np.asarray(
        np.sqrt(2 * grown_C / (n_C**2 * rho2) * np.log(np.sqrt(grown_C) / alpha)), dtype=np.float64
    )


def watch_means(
    mean: ArrayLike,
    sd: ArrayLike,
    n: ArrayLike,
    *,
    target: float,
    level: float = 0.95,
    planned_n: int = PLANNED_N,
    first_n: int = FIRST_N,
) -> Watch:
    """Which clips have ratings enough, whenever and however often one asks.

    Any reason to stop or to go on will do, this rule or another, as long as each rating of a clip
    comes from another rater and none is left out for what it says.

    Source: as `sequence_half_width`.

    Args:
        mean, sd, n: Of the ratings of each clip, shape (C,), as `mos_table` gives them.
        target: Half-width at which to stop, in MOS points.
        level, planned_n, first_n: As for `sequence_half_width`.

    Raises:
        ValueError: as `sequence_half_width`, or a target that is not above 0.

    >>> watch = watch_means([4.1, 2.9], [0.7, 1.1], [40, 40], target=0.5)
    >>> watch.is_settled.tolist(), watch.low.round(2).tolist()
    ([True, False], [3.71, 2.34])
    """
    if not target > 0:
        raise ValueError(f"A half-width to reach is above 0, and {target:g} is not.")
    mean_C, n_C = np.asarray(mean, dtype=np.float64), np.asarray(n, dtype=np.int64)
    half_C = sequence_half_width(sd, n_C, level=level, planned_n=planned_n, first_n=first_n)
    if mean_C.shape != half_C.shape:
        raise ValueError(f"Means {mean_C.shape} and ratings {n_C.shape} must have one shape.")
    return Watch(
        mean=mean_C,
        low=mean_C - half_C,
        high=mean_C + half_C,
        half_width=half_C,
        n=n_C,
        is_settled=half_C <= target,
        target=target,
        level=level,
        planned_n=planned_n,
        first_n=first_n,
    )


def watch_differences(
    mos_a: ArrayLike,
    mos_b: ArrayLike,
    *,
    target: float,
    level: float = 0.95,
    planned_n: int = PLANNED_N,
    first_n: int = FIRST_N,
) -> Watch:
    """Whether two systems have been compared on sources enough.

    The mean is over sources of which both dubs have been rated. A source's own quality cancels in
    its difference, as does the level of raters who rate both dubs. It holds for other sources; what
    other raters would say is left out, so let many share them.

    Source: as `sequence_half_width`, with sources in place of raters.

    Args:
        mos_a: MOS of one system's dub of each source, shape (S,), or (S, P) for P pairs of systems;
            NaN where there is none yet. A MOS must not change once it is there.
        mos_b: MOS of the other system's dubs, likewise.
        target: Half-width of the mean difference at which to stop, in MOS points.
        level, planned_n, first_n: As for `sequence_half_width`, counting sources.

    Returns:
        Means of a - b and their sequences, shape (P,), NaN for a pair without a source; a pair is
        apart where 0 lies outside.

    Raises:
        ValueError: as `watch_means`, or shapes that differ.

    >>> watch = watch_differences([4.0, 3.5] * 20, [3.0, 3.0] * 20, target=0.4)
    >>> watch.mean.tolist(), watch.half_width.round(2).tolist(), watch.is_settled.tolist()
    ([0.75], [0.24], [True])
    """
    a, b = np.asarray(mos_a, dtype=np.float64), np.asarray(mos_b, dtype=np.float64)
    if a.shape != b.shape or a.ndim not in (1, 2):
        raise ValueError(f"MOS {a.shape} and {b.shape} must have one entry a source and pair.")
    gap_SP = a - b if a.ndim == 2 else (a - b)[:, None]
    is_there_SP = ~np.isnan(gap_SP)
    n_P = is_there_SP.sum(axis=0)
    sums_P = np.where(is_there_SP, gap_SP, 0.0).sum(axis=0)
    mean_P = np.divide(sums_P, n_P, out=np.full(len(n_P), np.nan), where=n_P > 0)
    squares_P = (np.where(is_there_SP, gap_SP - mean_P, 0.0) ** 2).sum(axis=0)
    sd_P = np.sqrt(np.divide(squares_P, n_P - 1, out=np.full(len(n_P), np.nan), where=n_P > 1))
    return watch_means(
        mean_P, sd_P, n_P, target=target, level=level, planned_n=planned_n, first_n=first_n
    )
