"""Geometry of the charts that templates draw as SVG: numbers in, coordinates out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ROW_HEIGHT = 26
LEFT, RIGHT, TOP, BOTTOM = 190, 24, 10, 26
WIDTH = 640
LOWEST, HIGHEST = 1.0, 5.0


@dataclass(frozen=True)
class DotRow:
    """One labelled dot with its interval, in pixels; no interval where it is not known."""

    label: str
    y: int
    x: float
    low: float | None
    high: float | None
    words: str


@dataclass(frozen=True)
class DotChart:
    """Means with intervals on the scale of 1 to 5, a row each."""

    width: int
    height: int
    rows: list[DotRow]
    ticks: list[tuple[int, float]]
    top: float
    bottom: float


def dot_chart(rows: Sequence[tuple[str, float, float | None, float | None, str]]) -> DotChart:
    """Lay out (label, mean, low, high, words) rows from top to bottom.

    >>> dot_chart([("acme", 3.0, 2.5, 3.5, "3.0")]).rows[0].x
    403.0
    """
    height = TOP + ROW_HEIGHT * len(rows) + BOTTOM
    placed = [
        DotRow(
            label=_shorten(label),
            y=TOP + ROW_HEIGHT * index + ROW_HEIGHT // 2,
            x=_x(mean),
            low=None if low is None else _x(low),
            high=None if high is None else _x(high),
            words=words,
        )
        for index, (label, mean, low, high, words) in enumerate(rows)
    ]
    ticks = [(score, _x(score)) for score in range(1, 6)]
    return DotChart(WIDTH, height, placed, ticks, TOP, height - BOTTOM)


def _x(score: float) -> float:
    share = (score - LOWEST) / (HIGHEST - LOWEST)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _shorten(label: str, most: int = 26) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


@dataclass(frozen=True)
class Segment:
    """One part of a bar, in percent of its width."""

    name: str
    x: float
    width: float
    variance: float


def split_bar(parts: Sequence[tuple[str, float, float]]) -> list[Segment]:
    """Lay (name, share, variance) side by side.

    >>> [(part.x, part.width) for part in split_bar([("a", 0.25, 1.0), ("b", 0.75, 3.0)])]
    [(0.0, 25.0), (25.0, 75.0)]
    """
    segments, x = [], 0.0
    for name, share, variance in parts:
        segments.append(Segment(name, round(x, 2), round(100 * share, 2), variance))
        x += 100 * share
    return segments
