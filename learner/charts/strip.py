"""A value marked on the distribution it belongs to: a small histogram in the cell of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from learner.charts.frame import across, is_known

MARGIN = 4.0  # percent kept free at both ends, so that a mark at the rim is whole
SMALLEST = 4.0  # percent of the height: a bin with any value at all is seen


@dataclass(frozen=True)
class Strip:
    """Bars of a histogram in percent of the drawing, and the place of the value.

    Args:
        bars: Left, width and top and height of each bin that holds any value.
        x: Place of the value; beyond the ends it stands at the rim.
        low, high: What both ends stand for.
        is_below, is_above: The value lies beyond that end.
    """

    bars: list[tuple[str, str, str, str]]
    x: str
    value: float
    low: float
    high: float
    is_below: bool
    is_above: bool


def strip(value: float, low: float, high: float, counts: Sequence[int]) -> Strip:
    """Lay out a histogram from low to high, and a value on it.

    Args:
        value: What is marked.
        low, high: Ends of the histogram; where they are one number, it has one bar.
        counts: Of bins of equal width.

    Raises:
        ValueError: there is no bin, or a number is none.

    >>> drawn = strip(2.0, 1.0, 3.0, [1, 2])
    >>> drawn.bars[1], drawn.x, drawn.is_above
    (('50.00%', '46.00%', '0.00%', '100.00%'), '50.00%', False)
    """
    if not counts or not is_known(value, low, high):
        raise ValueError(f"no histogram of {list(counts)} from {low} to {high}, or no {value}")
    is_one = high <= low
    lo, hi = (low - 0.5, low + 0.5) if is_one else (low, high)
    bins = [sum(counts)] if is_one else list(counts)
    most = max(bins) or 1
    wide = (100 - 2 * MARGIN) / len(bins)
    bars = []
    for place, count in enumerate(bins):
        if count:
            tall = max(SMALLEST, 100 * count / most)
            left = MARGIN + place * wide
            bars.append((f"{left:.2f}%", f"{wide:.2f}%", f"{100 - tall:.2f}%", f"{tall:.2f}%"))
    x = across(value, lo, hi, MARGIN)
    return Strip(bars, x, value, low, high, is_below=value < low, is_above=value > high)
