"""How many labels a strategy saves: what random needs for the same figure.

Shape letters: J replays, L numbers of labels, D bootstrap draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ROUNDING = 1e-12  # a mean that is equal but for the order of adding has been reached


@dataclass(frozen=True)
class Saving:
    """Labels saved at one budget.

    Args:
        labels: That the strategy used.
        needed: That random needs for as good a figure.
        saved: The difference, below 0 where random needs fewer.
        low, high: Interval of `saved`, by bootstrap over replays.
        is_at_least: Random never came so far, so `needed` and `saved` are bounds from below.
        is_at_most: Random was as good from its first labels, so they are bounds from above.
        is_high_at_least: The interval's upper end is such a bound from below.
        is_low_at_most: Its lower end is such a bound from above.
    """

    labels: int
    needed: float
    saved: float
    low: float
    high: float
    is_at_least: bool
    is_at_most: bool
    is_high_at_least: bool
    is_low_at_most: bool


def labels_needed(labels: ArrayLike, curve: ArrayLike, target: float) -> float:
    r"""The fewest labels with which a learning curve reaches a target.

    The curve is made to rise by isotonic regression, for more labels do no harm on average, and
    is straight between its points.

    Source: Barlow et al. (1972) for isotonic regression.

    Args:
        labels: Ascending, shape (L,).
        curve: Mean figure at each, shape (L,).
        target: The figure to be reached.

    Returns:
        Labels; the first of them where the target is reached there already, infinity where it
        is never reached.

    Raises:
        ValueError: no points, lengths that differ, labels that do not ascend, or a missing value.

    >>> labels_needed([10, 20, 40], [0.2, 0.4, 0.5], 0.45)
    30.0
    >>> labels_needed([10, 20, 40], [0.2, 0.4, 0.5], 0.6)
    inf
    """
    labels_L, curve_L = np.asarray(labels, np.float64), np.asarray(curve, np.float64)
    if labels_L.shape != curve_L.shape or labels_L.ndim != 1 or not labels_L.size:
        raise ValueError(f"{labels_L.shape} labels do not fit a curve of {curve_L.shape}.")
    if not (np.isfinite(curve_L).all() and np.isfinite(target)):
        raise ValueError("The curve or its target has a missing value.")
    if (np.diff(labels_L) <= 0).any():
        raise ValueError(f"Labels must ascend, not {labels_L.tolist()}.")
    rising_L, target = scipy.optimize.isotonic_regression(curve_L).x, target - ROUNDING
    if target > rising_L[-1]:
        return float("inf")
    after = int(np.searchsorted(rising_L, target))
    if after == 0:
        return float(labels_L[0])
    ends = slice(after - 1, after + 1)
    return round(float(np.interp(target, rising_L[ends], labels_L[ends])), 6)


def label_saving(
    labels: ArrayLike,
    random: ArrayLike,
    asked: ArrayLike,
    at: int,
    *,
    level: float,
    draws: int,
    seed: int,
) -> Saving:
    """Labels saved at a budget, with an interval by bootstrap over replays.

    Random's curve is cut off where it was last judged: beyond, all that is known is "at least".

    Args:
        labels: Where random was judged, ascending, shape (L,).
        random: Its figure in each replay, shape (J, L).
        asked: The strategy's figure in each replay at the budget, shape (J,).
        at: The budget, in labels.
        level: Of the interval.
        draws: Of the bootstrap.
        seed: Of the draws.

    Returns:
        NaN throughout where no replay has all figures.

    >>> saving = label_saving([10, 20, 40], [[0.2, 0.4, 0.5]] * 3, [0.45] * 3, 20,
    ...                       level=0.95, draws=100, seed=0)
    >>> saving.needed, saving.saved, saving.low, saving.high
    (30.0, 10.0, 10.0, 10.0)
    """
    labels_L, random_JL = np.asarray(labels, np.float64), np.asarray(random, np.float64)
    asked_J = np.asarray(asked, np.float64)
    has_J = np.isfinite(random_JL).all(axis=1) & np.isfinite(asked_J)
    random_JL, asked_J, size = random_JL[has_J], asked_J[has_J], int(has_J.sum())
    if size == 0:
        nan = float("nan")
        return Saving(at, nan, nan, nan, nan, False, False, False, False)
    needed = labels_needed(labels_L, random_JL.mean(axis=0), float(asked_J.mean()))
    share_DJ = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), draws) / size
    needed_D = [
        labels_needed(labels_L, curve_L, float(target))
        for curve_L, target in zip(share_DJ @ random_JL, share_DJ @ asked_J, strict=True)
    ]
    first, last = float(labels_L[0]), float(labels_L[-1])
    tails = [(1 - level) / 2, (1 + level) / 2]
    # Bounds take part as the values they are bounds to, which leaves the order as it is.
    low, high = (float(one) for one in np.quantile(np.minimum(needed_D, last), tails))
    return Saving(
        labels=at,
        needed=min(needed, last),
        saved=min(needed, last) - at,
        low=low - at,
        high=high - at,
        is_at_least=needed > last,
        is_at_most=needed == first,
        is_high_at_least=high == last,
        is_low_at_most=low == first,
    )
