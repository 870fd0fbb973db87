"""Two coefficients called alpha that need no analysis of variance: Krippendorff's, and Cronbach's
with one item left out.

Shape letters: N clips, K raters or aspects, C rated clips, D draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mos.components import Interval
from mos.reliability import complete_table, cronbach_alpha, upper_quantile

Floats = NDArray[np.float64]
DRAWS = 1000
MOST_DRAWN = 1_000_000  # clips drawn at a time, so that memory stays small
FEWEST_ITEMS = 3


def krippendorff_alpha(n: ArrayLike, sums: ArrayLike, squares: ArrayLike) -> float:
    r"""Agreement on an interval scale, whoever rated what: missing ratings need no care.

    With :math:`m_c` ratings of clip c, of which only clips with two or more count,
    :math:`N=\sum m_c` and variances with their divisor m,

    .. math:: D_o = \frac{1}{N} \sum_c \frac{2 m_c^2 s_c^2}{m_c - 1}, \quad
       D_e = \frac{2 N s^2}{N-1}, \quad \alpha = 1 - \frac{D_o}{D_e}

    Source: Krippendorff (2011), "Computing Krippendorff's alpha-reliability", interval metric.

    Args:
        n, sums, squares: Shape (C,): of each clip, how many ratings, their sum, the sum of their
            squares.

    Returns:
        Alpha, at most 1; 0 is chance, below it raters contradict one another.

    Raises:
        ValueError: no clip has two ratings, or all ratings are the same.

    >>> round(krippendorff_alpha([2, 2, 2], [9, 6, 3], [41, 18, 5]), 3)
    0.833
    """
    n_C, sums_C, squares_C = _checked(n, sums, squares)
    alpha = _alpha(*(np.atleast_2d(each) for each in (n_C, sums_C, squares_C)))
    if np.isnan(alpha[0]):
        raise ValueError("Every rating is the same: there is nothing to agree or disagree on.")
    return float(alpha[0])


def krippendorff_interval(
    n: ArrayLike, sums: ArrayLike, squares: ArrayLike, *, level: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile interval of `krippendorff_alpha` over clips drawn with replacement.

    It speaks of other clips and the same raters.

    Raises:
        ValueError: as `krippendorff_alpha` and `upper_quantile`.
    """
    tail = upper_quantile(level)
    columns = _checked(n, sums, squares)
    size = len(columns[0])
    random, at_once = np.random.default_rng(seed), max(1, MOST_DRAWN // size)
    alphas = []
    for first in range(0, DRAWS, at_once):
        drawn_DC = random.integers(0, size, (min(at_once, DRAWS - first), size))
        alphas.append(_alpha(*(column[drawn_DC] for column in columns)))
    low, high = np.nanquantile(np.concatenate(alphas), [1 - tail, tail])
    return Interval(float(low), float(high), level)


def _checked(n: ArrayLike, sums: ArrayLike, squares: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Clips with two ratings or more, about their common mean, so that rounding stays small."""
    n_C, sums_C, squares_C = (np.asarray(each, dtype=np.float64) for each in (n, sums, squares))
    if not n_C.shape == sums_C.shape == squares_C.shape == (n_C.size,):
        raise ValueError("n, sums and squares must have one entry a clip.")
    paired_C = n_C > 1
    if not paired_C.any():
        raise ValueError("No clip was rated twice: there is nothing to compare.")
    n_C, sums_C, squares_C = n_C[paired_C], sums_C[paired_C], squares_C[paired_C]
    centre = round(float(sums_C.sum() / n_C.sum()))
    return n_C, sums_C - n_C * centre, squares_C - 2 * centre * sums_C + n_C * centre**2


def _alpha(n_DC: Floats, sums_DC: Floats, squares_DC: Floats) -> Floats:
    total_D = n_DC.sum(axis=1)
    within_D = (2 * (n_DC * squares_DC - sums_DC**2) / (n_DC - 1)).sum(axis=1) / total_D
    overall_D = squares_DC.sum(axis=1) - sums_DC.sum(axis=1) ** 2 / total_D
    expected_D = 2 * overall_D / (total_D - 1)
    ratio_D = np.full(len(total_D), np.nan)
    np.divide(within_D, expected_D, out=ratio_D, where=expected_D > 1e-12)
    return np.asarray(1 - ratio_D)


def alpha_if_dropped(scores: ArrayLike, names: Sequence[str]) -> dict[str, float]:
    """Cronbach's alpha without each rater or aspect in turn: above the whole, it does not fit in.

    Source: as reported by most packages as "alpha if item deleted".

    Args:
        scores: Shape (N, K), no missing cells.
        names: Of the K items.

    Returns:
        Name to alpha of the other items; NaN where these have no variance in their totals.

    Raises:
        ValueError: as `complete_table`, fewer than 3 items, or as many names as there are not.

    >>> table = [[5, 5, 1], [4, 4, 3], [2, 3, 2], [1, 1, 4]]
    >>> {name: round(alpha, 2) for name, alpha in alpha_if_dropped(table, "abc").items()}
    {'a': -8.0, 'b': -4.0, 'c': 0.98}
    """
    scores_NK = complete_table(scores)
    if scores_NK.shape[1] < FEWEST_ITEMS or len(names) != scores_NK.shape[1]:
        raise ValueError(
            f"Leaving one out needs at least {FEWEST_ITEMS} items, each named; here are "
            f"{scores_NK.shape[1]} with {len(names)} names."
        )
    found = {}
    for item, name in enumerate(names):
        try:
            found[name] = cronbach_alpha(np.delete(scores_NK, item, axis=1))
        except ValueError:  # the others' totals do not vary
            found[name] = float("nan")
    return found
