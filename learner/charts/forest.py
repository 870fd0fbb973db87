"""Means with intervals by several ways, a row each, on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from learner.charts.frame import across, is_known, reach, rounded_out
from learner.charts.intervals import MARGIN, digits_of

Ends = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class ForestMark:
    """A mean and its interval at their places; None is not drawn."""

    mean: float | None
    low: float | None
    high: float | None
    x: str | None
    low_x: str | None
    high_x: str | None
    y: str


@dataclass(frozen=True)
class ForestRow:
    """The same mean by each way, from above down."""

    title: str
    marks: list[ForestMark]


@dataclass(frozen=True)
class Forest:
    """All rows on one scale, with the numbers at its start, middle and end."""

    rows: list[ForestRow]
    ticks: list[tuple[float, int, str]]


def forest(rows: Iterable[tuple[str, Sequence[Ends]]]) -> Forest:
    """Lay out means below one another.

    Args:
        rows: Title, and (mean, low, high) by each way; NaN or None is not drawn.

    >>> chart = forest([("acme", [(3.0, 2.0, 4.0), (2.5, None, None)])])
    >>> chart.ticks
    [(2.0, 0, '4.00%'), (3.0, 0, '50.00%'), (4.0, 0, '96.00%')]
    >>> [(mark.x, mark.low_x, mark.y) for mark in chart.rows[0].marks]
    [('50.00%', '4.00%', '25.00%'), ('27.00%', None, '75.00%')]
    """
    rows = list(rows)
    known = [value for _, ways in rows for ends in ways for value in ends if value is not None]
    lo, hi = rounded_out(*reach(known), most=4)

    def place(value: float | None) -> str | None:
        return across(value, lo, hi, MARGIN) if value is not None and is_known(value) else None

    def mark(ends: Ends, y: float) -> ForestMark:
        mean, low, high = ends
        has_interval = is_known(low, high)
        return ForestMark(
            mean=mean,
            low=low,
            high=high,
            x=place(mean),
            low_x=place(low) if has_interval else None,
            high_x=place(high) if has_interval else None,
            y=f"{100 * y:.2f}%",
        )

    return Forest(
        rows=[
            ForestRow(title, [mark(ends, (k + 0.5) / len(ways)) for k, ends in enumerate(ways)])
            for title, ways in rows
        ],
        ticks=[(v, digits_of(v), across(v, lo, hi, MARGIN)) for v in (lo, (lo + hi) / 2, hi)],
    )
