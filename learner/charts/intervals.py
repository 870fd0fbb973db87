"""Values with intervals, one a row, drawn in the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from learner.charts.frame import across, is_known

MARGIN = 4.0  # percent kept free at both ends, so that no dot is cut
# Ends of a scale whose halves and quarters are round enough to be read.
ENDS = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
N_LINES = 4  # learner.css draws these lines through all rows, by the same MARGIN


class WeightRow(Protocol):
    """What is known of the weight of one metric."""

    @property
    def title(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def equal(self) -> float | None: ...
    @property
    def importance(self) -> float | None: ...


@dataclass(frozen=True)
class WeightBar:
    """One metric's weight: its place, its interval's and that of equal weights, None if unknown."""

    title: str
    weight: float
    low: float | None
    high: float | None
    equal: float | None
    importance: float | None
    x: str | None
    low_x: str | None
    high_x: str | None
    equal_x: str | None


@dataclass(frozen=True)
class WeightBars:
    """All metrics' weights on one scale from 0, with the numbers at its start, middle and end."""

    rows: list[WeightBar]
    ticks: list[tuple[float, int, str]]
    highest: float


def weight_bars(rows: Iterable[WeightRow]) -> WeightBars:
    """Lay out weights below one another.

    Args:
        rows: Each with title, weight, low, high, equal, importance; NaN or None is not drawn.

    >>> from types import SimpleNamespace as Row
    >>> row = Row(title="a", weight=0.25, low=0.0, high=0.5, equal=0.5, importance=1.0)
    >>> chart = weight_bars([row])
    >>> chart.rows[0].x, chart.rows[0].high_x, chart.ticks
    ('50.00%', '96.00%', [(0.0, 0, '4.00%'), (0.25, 2, '50.00%'), (0.5, 1, '96.00%')])
    """
    rows = list(rows)
    values = [v for row in rows for v in (row.weight, row.low, row.high, row.equal)]
    highest = _end_of_scale(max([v for v in values if v is not None and is_known(v)], default=1.0))
    ticks = [0.0, highest / 2, highest]
    return WeightBars(
        rows=[_weight_bar(row, highest) for row in rows],
        ticks=[(v, digits_of(v), across(v, 0.0, highest, MARGIN)) for v in ticks],
        highest=highest,
    )


def _weight_bar(row: WeightRow, highest: float) -> WeightBar:
    def place(value: float | None) -> str | None:
        if value is None or not is_known(value):
            return None
        return across(value, 0.0, highest, MARGIN)

    has_interval = is_known(row.low, row.high)
    return WeightBar(
        title=row.title,
        weight=row.weight,
        low=row.low,
        high=row.high,
        equal=row.equal,
        importance=row.importance,
        x=place(row.weight),
        low_x=place(row.low) if has_interval else None,
        high_x=place(row.high) if has_interval else None,
        equal_x=place(row.equal),
    )


def _end_of_scale(value: float) -> float:
    """The next round end of a scale from 0.

    >>> _end_of_scale(0.43), _end_of_scale(1.0), _end_of_scale(0.0)
    (0.5, 1.0, 1.0)
    """
    if value <= 1e-12:
        return 1.0
    power = math.floor(math.log10(value))
    return next(
        float(f"{end}e{power}") for end in ENDS if float(f"{end}e{power}") >= value * (1 - 1e-9)
    )


def digits_of(value: float) -> int:
    """Decimals that a number needs, three at most.

    >>> digits_of(0.25), digits_of(1.0), digits_of(0.1)
    (2, 0, 1)
    """
    return next((n for n in range(3) if abs(round(value, n) - value) < 1e-9), 3)


@dataclass(frozen=True)
class IntervalRow:
    """A value with its interval on a scale with a line at zero; None is not drawn.

    Args:
        is_clear: The interval does not hold zero.
        is_beyond_low, is_beyond_high: The interval goes on where the scale ends.
    """

    value: float
    low: float | None
    high: float | None
    x: str | None
    low_x: str | None
    high_x: str | None
    zero_x: str | None
    is_clear: bool
    is_beyond_low: bool
    is_beyond_high: bool


def interval_row(
    value: float, low: float | None, high: float | None, lo: float, hi: float
) -> IntervalRow:
    """Lay out one value and its interval on a scale from lo to hi.

    Raises:
        ValueError: lo and hi are no scale.

    >>> row = interval_row(0.1, -0.1, 0.3, -0.5, 0.5)
    >>> row.x, row.zero_x, row.is_clear
    ('59.20%', '50.00%', False)
    """
    if not is_known(lo, hi) or lo >= hi:
        raise ValueError(f"no scale from {lo} to {hi}")

    def place(at: float) -> str:
        return across(at, lo, hi, MARGIN)

    is_seen = is_known(value)
    if low is None or high is None or not is_known(low, high) or not is_seen:
        x = place(value) if is_seen else None
        zero_x = place(0.0) if lo <= 0 <= hi else None
        return IntervalRow(value, None, None, x, None, None, zero_x, False, False, False)
    return IntervalRow(
        value=value,
        low=low,
        high=high,
        x=place(value),
        low_x=place(low),
        high_x=place(high),
        zero_x=place(0.0) if lo <= 0 <= hi else None,
        is_clear=low > 0 or high < 0,
        is_beyond_low=low < lo,
        is_beyond_high=high > hi,
    )
