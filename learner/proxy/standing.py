"""Where one clip's metric stands among those of a corpus.

Shape letters: N clips, B bins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

BINS = 24


@dataclass(frozen=True)
class Standing:
    """A value beside the distribution it belongs to.

    Args:
        percentile: Share of values below it in per cent, ties counting half; 0 to 100.
        is_outside: It lies below the lowest or above the highest.
        low, high: The lowest and the highest.
        counts: Values in each of B bins of equal width from low to high.
        n: How many values.
    """

    percentile: float
    is_outside: bool
    low: float
    high: float
    counts: tuple[int, ...]
    n: int

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return asdict(self)


def standing(value: float, values_N: ArrayLike, bins: int = BINS) -> Standing | None:
    """Place a value among others; None where there are none to compare it with.

    Args:
        value: Of the clip.
        values_N: Of the corpus, shape (N,); NaN do not count.
        bins: B.

    Raises:
        ValueError: the value is no number.

    >>> found = standing(2.0, [1.0, 2.0, 3.0, 4.0], bins=3)
    >>> found.percentile, found.is_outside, found.counts
    (37.5, False, (1, 1, 2))
    """
    if not np.isfinite(value):
        raise ValueError(f"{value} has no place among others")
    known_N = np.asarray(values_N, dtype=np.float64)
    known_N = known_N[np.isfinite(known_N)]
    if not len(known_N):
        return None
    low, high = float(known_N.min()), float(known_N.max())
    below = float((known_N < value).mean() + (known_N == value).mean() / 2)
    counts_B, _ = np.histogram(known_N, bins=bins, range=(low, high))
    return Standing(
        percentile=round(100 * below, 2),
        is_outside=not low <= value <= high,
        low=low,
        high=high,
        counts=tuple(counts_B.tolist()),
        n=len(known_N),
    )
