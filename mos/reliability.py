"""Agreement of raters on complete tables: the six intraclass correlations and Cronbach's alpha.

Shape letters: N clips, K raters (or aspects, for alpha over a rubric).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

BLOCK = 1000  # rows looked at at once, few enough for the processor's own memory
FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")


@dataclass(frozen=True)
class ICC:
    """One intraclass correlation with its F test and interval.

    `low` and `high` are NaN where raters agree perfectly: no residual is left to judge by. `value`
    is NaN where the estimated variance of what is judged is not above 0, and `low` is NaN where the
    interval has no lower end, as happens to means of few raters over few clips.
    """

    form: str
    value: float
    low: float
    high: float
    f: float
    df1: float
    df2: float
    p: float


@dataclass(frozen=True)
class ICCTable:
    """The six forms over the same n clips and k raters."""

    forms: dict[str, ICC]
    n: int
    k: int
    level: float


@dataclass(frozen=True)
class MeanSquares:
    """Two-way analysis of variance without replication: mean squares and sizes."""

    clips: float
    raters: float
    error: float
    within: float
    n: int
    k: int


def upper_quantile(level: float) -> float:
    """Where the upper end of a two-sided interval lies, as a share of the distribution.

    Args:
        level: Of the interval, between 0 and 1, both excluded.

    Raises:
        ValueError: a level that is no share, such as 95.

    >>> upper_quantile(0.95)
    0.975
    """
    if not 0 < level < 1:
        raise ValueError(f"An interval has a level between 0 and 1, such as 0.95, not {level:g}.")
    return (1 + level) / 2


def complete_table(scores: ArrayLike) -> NDArray[np.float64]:
    """Check a table of ratings and give it as floats.

    Args:
        scores: Shape (N, K): a row a clip, a column a rater. No missing cells.

    Raises:
        ValueError: not two-dimensional, fewer than 2 clips or raters, a missing or infinite cell,
            or the same score everywhere.

    >>> complete_table([[1, 2], [3, 5]]).shape
    (2, 2)
    """
    scores_NK = np.asarray(scores, dtype=np.float64)
    if scores_NK.ndim != 2 or min(scores_NK.shape) < 2:
        raise ValueError(
            f"Agreement needs a table of at least 2 clips by 2 raters, not {scores_NK.shape}."
        )
    missing = int(np.isnan(scores_NK).sum())
    if missing:
        raise ValueError(
            f"{missing} of {scores_NK.size} cells are missing: use variance components instead."
        )
    if np.isinf(scores_NK).any():
        raise ValueError("A score is infinite: correct it or leave its clip out.")
    if np.ptp(scores_NK) == 0:
        raise ValueError(
            f"Every score is {scores_NK.flat[0]:g}: there is no variance to share out."
        )
    return scores_NK


def mean_squares(scores: ArrayLike) -> MeanSquares:
    r"""Mean squares of the two-way layout clips by raters.

    .. math:: MS_R = \frac{k}{n-1}\sum_i(\bar x_{i.}-\bar x)^2, \quad
       MS_C = \frac{n}{k-1}\sum_j(\bar x_{.j}-\bar x)^2

    Source: Shrout and Fleiss (1979), table 2.

    >>> round(mean_squares([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8]]).clips, 3)
    14.333
    """
    scores_NK = complete_table(scores)
    n, k = scores_NK.shape
    clip_means_N, rater_means_K = scores_NK @ np.full(k, 1 / k), np.full(n, 1 / n) @ scores_NK
    grand = float(clip_means_N.mean())
    ss_clips = k * float(((clip_means_N - grand) ** 2).sum())
    ss_raters = n * float(((rater_means_K - grand) ** 2).sum())
    ss_error = sum(
        _sum_of_squares(block_NK - means_N[:, None] - (rater_means_K - grand))
        for block_NK, means_N in zip(
            *(np.array_split(each, n // BLOCK + 1) for each in (scores_NK, clip_means_N)),
            strict=True,
        )
    )
    if ss_error < 1e-20 * _sum_of_squares(scores_NK):
        ss_error = 0.0  # rounding, where raters differ by a constant only
    return MeanSquares(
        clips=ss_clips / (n - 1),
        raters=ss_raters / (k - 1),
        error=ss_error / ((n - 1) * (k - 1)),
        within=(ss_raters + ss_error) / (n * (k - 1)),
        n=n,
        k=k,
    )


def _sum_of_squares(table: NDArray[np.float64]) -> float:
    return float(np.einsum("ij,ij->", table, table))


def icc_forms(scores: ArrayLike, level: float = 0.95) -> ICCTable:
    r"""The six intraclass correlations of Shrout and Fleiss, each named by its form.

    .. math::
       ICC(1,1) = \frac{MS_R-MS_W}{MS_R+(k-1)MS_W}, \quad
       ICC(2,1) = \frac{MS_R-MS_E}{MS_R+(k-1)MS_E+k(MS_C-MS_E)/n}, \quad
       ICC(3,1) = \frac{MS_R-MS_E}{MS_R+(k-1)MS_E}

    and for means of k raters
    :math:`(MS_R-MS_W)/MS_R,\ (MS_R-MS_E)/(MS_R+(MS_C-MS_E)/n),\ (MS_R-MS_E)/MS_R`.

    Source: Shrout and Fleiss (1979); intervals as McGraw and Wong (1996), table 7.

    Args:
        scores: Ratings on the rubric's own scale, shape (N, K): a row a clip, a column a rater.
        level: Of the intervals, between 0 and 1.

    Returns:
        Values at most 1. A negative one is left negative: clips differ less than chance would make
        them. ICC(1,1) above ICC(2,1) means that the raters' own variance was estimated negative.
        NaN where a form divides by an estimated variance that is not above 0.

    Raises:
        ValueError: as `complete_table` and `upper_quantile`.

    >>> table = icc_forms([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
    ...                    [6, 2, 4, 7]])
    >>> [round(table.forms[form].value, 2) for form in FORMS]
    [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    """
    return icc_table(mean_squares(scores), level)


def icc_table(ms: MeanSquares, level: float = 0.95) -> ICCTable:
    """As `icc_forms`, from mean squares.

    Raises:
        ValueError: as `upper_quantile`.
    """
    tail = upper_quantile(level)
    n, k = ms.n, ms.k
    one = _one_way(ms, tail)
    two = _two_way_random(ms, tail)
    three = _two_way_mixed(ms, tail)
    singles = dict(zip(FORMS[:3], (one, two, three), strict=True))
    forms = {form: ICC(form, *values) for form, values in singles.items()}
    for form, average in zip(FORMS[:3], FORMS[3:], strict=True):
        single = forms[form]
        value, low, high = (_spearman_brown(r, k) for r in (single.value, single.low, single.high))
        forms[average] = ICC(average, value, low, high, single.f, single.df1, single.df2, single.p)
    return ICCTable(forms=forms, n=n, k=k, level=level)


def one_way_forms(
    scores_per_clip: ArrayLike, between: float, within: float, level: float = 0.95
) -> dict[str, ICC]:
    r"""ICC(1,1) and ICC(1,k) where clips may have different numbers of scores.

    .. math:: ICC(1,1) = \frac{MS_B - MS_W}{MS_B + (n_0 - 1) MS_W}, \quad
       n_0 = \frac{T - \sum n_c^2 / T}{N - 1}

    n_0 stands for k, in the interval too: exact where numbers are equal, close where they differ
    little.

    Source: Shrout and Fleiss (1979), case 1; n_0 as in Searle (1971).

    Args:
        scores_per_clip: Shape (N,), each at least 1.
        between, within: Mean squares between clips and within them.
        level: Of the intervals.

    Raises:
        ValueError: fewer than 2 clips, no clip with 2 scores, no variance, or a level as
            `upper_quantile`.

    >>> forms = one_way_forms([4] * 6, 11.24, 6.26)
    >>> [round(forms[form].value, 2) for form in ("ICC(1,1)", "ICC(1,k)")]
    [0.17, 0.44]
    """
    tail = upper_quantile(level)
    n_N = np.asarray(scores_per_clip, dtype=np.float64)
    n, total = len(n_N), float(n_N.sum())
    if n < 2 or total <= n:
        raise ValueError(
            f"Agreement needs 2 clips and one with 2 scores, not {n} clips with {total:g} in all."
        )
    if between + within <= 0:
        raise ValueError("Every score is the same: there is no variance to share out.")
    k = (total - float((n_N**2).sum()) / total) / (n - 1)
    value = (between - within) / (between + (k - 1) * within)
    single = _with_f(value, between, within, n - 1, total - n, k, tail)
    ends = (_spearman_brown(r, k) for r in single[:3])
    average = (*ends, *single[3:])
    return {form: ICC(form, *of) for form, of in (("ICC(1,1)", single), ("ICC(1,k)", average))}


_Values = tuple[float, float, float, float, float, float, float]


def _one_way(ms: MeanSquares, tail: float) -> _Values:
    n, k = ms.n, ms.k
    value = (ms.clips - ms.within) / (ms.clips + (k - 1) * ms.within)
    return _with_f(value, ms.clips, ms.within, n - 1, n * (k - 1), k, tail)


def _two_way_mixed(ms: MeanSquares, tail: float) -> _Values:
    n, k = ms.n, ms.k
    denominator = ms.clips + (k - 1) * ms.error
    value = (ms.clips - ms.error) / denominator if denominator > 0 else float("nan")
    return _with_f(value, ms.clips, ms.error, n - 1, (n - 1) * (k - 1), k, tail)


def _with_f(
    value: float, ms_clips: float, ms_rest: float, df1: float, df2: float, k: float, tail: float
) -> _Values:
    """F test of MS_clips against the rest, and the interval of an ICC that depends on F alone."""
    if ms_rest == 0:
        return value, float("nan"), float("nan"), float("inf"), df1, df2, 0.0
    f = ms_clips / ms_rest
    f_low = f / scipy.stats.f.ppf(tail, df1, df2)
    f_high = f * scipy.stats.f.ppf(tail, df2, df1)
    low, high = (f_low - 1) / (f_low + k - 1), (f_high - 1) / (f_high + k - 1)
    return value, float(low), float(high), f, df1, df2, float(scipy.stats.f.sf(f, df1, df2))


def _two_way_random(ms: MeanSquares, tail: float) -> _Values:
    n, k = ms.n, ms.k
    denominator = ms.clips + (k - 1) * ms.error + k * (ms.raters - ms.error) / n
    value = _ratio(ms.clips - ms.error, denominator, ms.error)
    df1, df2 = n - 1, (n - 1) * (k - 1)
    if ms.error == 0:
        return value, float("nan"), float("nan"), float("inf"), df1, df2, 0.0
    f, ratio = ms.clips / ms.error, ms.raters / ms.error
    p = float(scipy.stats.f.sf(f, df1, df2))
    if np.isnan(value):
        return value, float("nan"), float("nan"), f, df1, df2, p
    core = n * (1 + (k - 1) * value) - k * value
    df = _ratio(
        (k - 1) * (n - 1) * (k * value * ratio + core) ** 2,
        (n - 1) * k**2 * value**2 * ratio**2 + core**2,
        1.0,
    )
    f_up, f_down = scipy.stats.f.ppf(tail, n - 1, df), scipy.stats.f.ppf(tail, df, n - 1)
    rest = k * ms.raters + (k * n - k - n) * ms.error
    low = _ratio(n * (ms.clips - f_up * ms.error), f_up * rest + n * ms.clips, ms.error)
    high = _ratio(n * (f_down * ms.clips - ms.error), rest + n * f_down * ms.clips, ms.error)
    return value, low, high, f, df1, df2, p


def _spearman_brown(single: float, k: float) -> float:
    """Reliability of the mean of k raters from that of one; NaN from -1/(k-1) downwards.

    There the variance of the mean is estimated at 0 or below, and the ratio would come out above 1.
    """
    return _ratio(k * single, 1 + (k - 1) * single, 1.0)


def _ratio(part: float, whole: float, scale: float) -> float:
    """`part / whole`, NaN unless the whole is above 0 by more than rounding at this scale.

    Both are infinite where the F quantile of an interval is: that says nothing either.
    """
    is_defined = np.isfinite(part) and 1e-12 * scale < whole < np.inf
    return float(part / whole) if is_defined else float("nan")


def cronbach_alpha(scores: ArrayLike) -> float:
    r"""Internal consistency of k raters, or k aspects, over the same n clips.

    .. math:: \alpha = \frac{k}{k-1} \left(1 - \frac{\sum_j s_j^2}{s_{\mathrm{total}}^2}\right)

    Source: Cronbach (1951); the paper's section 3.2. Over raters it equals ICC(3,k).

    Args:
        scores: Shape (N, K): a row a clip, a column a rater or an aspect. No missing cells: a
            sparse design needs `mos.components.variance_components`.

    Returns:
        Alpha, at most 1; below 0 when columns vary against one another.

    Raises:
        ValueError: as `complete_table`, or when the clips' totals are all the same.

    >>> round(cronbach_alpha([[1, 2], [3, 4], [5, 5]]), 4)
    0.973
    """
    scores_NK = complete_table(scores)
    totals_N = scores_NK.sum(axis=1)
    total = float(totals_N.var(ddof=1))
    # Not `== 0`: sums of thirds that should be equal differ by rounding.
    if total <= 1e-12 * float((totals_N**2).mean()):
        raise ValueError("Every clip has the same total: alpha is not defined.")
    k = scores_NK.shape[1]
    return float(k / (k - 1) * (1 - scores_NK.var(axis=0, ddof=1).sum() / total))
