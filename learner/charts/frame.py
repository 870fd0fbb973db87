"""What all charts of this package share: places, ticks and outlines.

A drawing has no viewBox: it is as wide as the page lets it be, and every place in it is a share of
it in percent, across from the left and down from the top. Dots so stay round and words keep their
size on every screen. Places come as text, because a number would be written in the reader's
language, with a comma in some, and SVG knows only the point. Outlines, which know no percent, are
drawn in a box of 100 by 100 that is stretched over the same drawing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

STEPS = (1.0, 2.0, 5.0, 10.0)
LARGEST = 1e300  # what is beyond is as good as infinite: sums and round numbers there are
THINNEST = 1e-9  # of the numbers themselves: closer together they are one number


@dataclass(frozen=True)
class Tick:
    """A line of the grid: the number at it, its decimals, and its place in percent."""

    value: float
    digits: int
    place: str


def is_known(*values: float | None) -> bool:
    """Whether all of these are numbers that have a place.

    >>> is_known(1.0, 2), is_known(1.0, None), is_known(float("nan"))
    (True, False, False)
    """
    return all(value is not None and abs(value) <= LARGEST for value in values)


def share(value: float, lo: float, hi: float) -> float:
    """How far from lo to hi a value lies, 0 to 1; what lies beyond is put at the rim.

    >>> share(2.0, 1.0, 5.0), share(9.0, 1.0, 5.0)
    (0.25, 1.0)
    """
    return min(max((value - lo) / (hi - lo), 0.0), 1.0)


def across(value: float, lo: float, hi: float, margin: float = 0.0) -> str:
    """Place from the left; the margin, in percent, is kept free at both ends.

    >>> across(2.0, 1.0, 5.0), across(1.0, 1.0, 5.0, margin=4.0)
    ('25.00%', '4.00%')
    """
    return f"{margin + share(value, lo, hi) * (100 - 2 * margin):.2f}%"


def down(value: float, lo: float, hi: float) -> str:
    """Place from the top: the higher the value, the less.

    >>> down(2.0, 1.0, 5.0)
    '75.00%'
    """
    return f"{100 - 100 * share(value, lo, hi):.2f}%"


def outline(points: Iterable[tuple[str, str]]) -> str:
    """Places as the `points` of a polyline in a box of 100 by 100.

    >>> outline([("25.00%", "75.00%"), ("50.00%", "0.00%")])
    '25.00,75.00 50.00,0.00'
    """
    return " ".join(f"{x[:-1]},{y[:-1]}" for x, y in points)


def reach(values: Iterable[float]) -> tuple[float, float]:
    """Lowest and highest of these, kept apart where they are one number.

    >>> reach([3.0, 1.0]), reach([2.0]), reach([])
    ((1.0, 3.0), (1.5, 2.5), (0.0, 1.0))
    """
    known = [value for value in values if is_known(value)]
    if not known:
        return 0.0, 1.0
    lo, hi = min(known), max(known)
    size = max(abs(lo), abs(hi))
    if hi - lo <= THINNEST * max(size, THINNEST):
        pad = 0.5 if size <= 1 / THINNEST else size / 20
        return lo - pad, hi + pad
    return lo, hi


def nice_step(lo: float, hi: float, most: int = 5) -> tuple[float, int]:
    """A round distance between at most so many lines, and the decimals that its numbers need.

    >>> nice_step(0.0, 1.0), nice_step(0.0, 470.0)
    ((0.2, 1), (100.0, 0))
    """
    rough = (hi - lo) / most
    power = math.floor(math.log10(rough))
    step = next(step for step in STEPS if step * 10.0**power >= rough * (1 - THINNEST))
    return step * 10.0**power, max(0, -power - (step == STEPS[-1]))


def steps_within(lo: float, hi: float, most: int = 5) -> list[tuple[float, int]]:
    """Round numbers from lo to hi, each with its decimals.

    >>> steps_within(30.0, 70.0, most=4)
    [(30.0, 0), (40.0, 0), (50.0, 0), (60.0, 0), (70.0, 0)]
    """
    step, digits = nice_step(lo, hi, most)
    first, last = math.ceil(lo / step - THINNEST), math.floor(hi / step + THINNEST)
    return [(step * i, digits) for i in range(first, last + 1)]


def rounded_out(lo: float, hi: float, most: int = 5) -> tuple[float, float]:
    """The next round numbers below lo and above hi.

    >>> rounded_out(0.31, 0.78)
    (0.3, 0.8)
    """
    step, digits = nice_step(lo, hi, most)
    low, high = math.floor(lo / step + THINNEST) * step, math.ceil(hi / step - THINNEST) * step
    return round(low, digits), round(high, digits)


def ticks_across(lo: float, hi: float, most: int = 5) -> list[Tick]:
    """Lines of the grid from left to right.

    >>> [(tick.value, tick.place) for tick in ticks_across(1.0, 5.0, most=2)]
    [(2.0, '25.00%'), (4.0, '75.00%')]
    """
    return [
        Tick(value, digits, across(value, lo, hi)) for value, digits in steps_within(lo, hi, most)
    ]


def ticks_down(lo: float, hi: float, most: int = 5) -> list[Tick]:
    """Lines of the grid from bottom to top.

    >>> [(tick.value, tick.place) for tick in ticks_down(0.0, 1.0, most=2)]
    [(0.0, '100.00%'), (0.5, '50.00%'), (1.0, '0.00%')]
    """
    return [
        Tick(value, digits, down(value, lo, hi)) for value, digits in steps_within(lo, hi, most)
    ]


def spread_evenly(n: int, most: int) -> list[int]:
    """Which of n things to take so that at most so many are taken, evenly and always the same.

    >>> spread_evenly(3, 5), spread_evenly(10, 4)
    ([0, 1, 2], [0, 2, 5, 7])
    """
    return list(range(n)) if n <= most else [i * n // most for i in range(most)]
