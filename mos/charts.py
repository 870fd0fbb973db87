"""Geometry of the charts that templates draw as SVG: numbers in, places in percent out.

Across in percent, down in pixels, no viewBox: charts stretch with the page while dots stay round
and words keep their size. Places come as text, because a number would be written in the reader's
language, with a comma in some, and SVG knows only the point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LOWEST, HIGHEST = 1.0, 5.0
MARGIN = 4.0  # percent kept free left of 1 and right of 5, so that no dot is cut


@dataclass(frozen=True)
class Dot:
    """A mean on the scale of 1 to 5 with its interval; no interval where it is not known."""

    x: str
    low: str | None
    high: str | None
    recovered: str | None = None


@dataclass(frozen=True)
class Segment:
    """One part of a bar: where it begins and how wide it is, and what it stands for."""

    name: str
    x: str
    width: str
    share_words: str
    variance: float


def place(score: float) -> str:
    """Where a score lies across a chart.

    >>> place(1), place(3), place(5)
    ('4.00%', '50.00%', '96.00%')
    """
    share = (score - LOWEST) / (HIGHEST - LOWEST)
    return f"{MARGIN + share * (100 - 2 * MARGIN):.2f}%"


TICKS = [(score, place(score)) for score in range(1, 6)]


def dot(
    mos_raw: float, low: float | None, high: float | None, recovered: float | None = None
) -> Dot:
    """Lay out one mean, its interval, and what is recovered of it.

    >>> dot(3.0, 2.0, None)
    Dot(x='50.00%', low='27.00%', high=None, recovered=None)
    """
    ends = (None if end is None else place(end) for end in (low, high, recovered))
    return Dot(place(mos_raw), *ends)


def split_bar(parts: Sequence[tuple[str, float, float]]) -> list[Segment]:
    """Lay (name, share, variance) side by side.

    >>> [(part.x, part.width) for part in split_bar([("a", 0.25, 1.0), ("b", 0.75, 3.0)])]
    [('0.00%', '25.00%'), ('25.00%', '75.00%')]
    """
    segments, x = [], 0.0
    for name, share_frac, variance in parts:
        at, width = f"{100 * x:.2f}%", f"{100 * share_frac:.2f}%"
        segments.append(Segment(name, at, width, f"{100 * share_frac:.0f} %", variance))
        x += share_frac
    return segments


@dataclass(frozen=True)
class Point:
    """One value of a curve: its place, and what it says."""

    x: str
    y: float
    to_x: str | None
    to_y: float | None
    words: str


def curve(
    values: Sequence[tuple[float, str]], lowest: float, highest: float, height: float
) -> list[Point]:
    """Lay out values side by side, each with where the line to the next one ends.

    Args:
        values: Value and words.
        lowest, highest: Of the chart.
        height: Of the chart in pixels.

    >>> [(p.x, p.y, p.to_x) for p in curve([(0.0, "a"), (1.0, "b")], 0.0, 1.0, 100.0)]
    [('4.00%', 96.0, '96.00%'), ('96.00%', 4.0, None)]
    """
    rim = MARGIN * height / 100
    span = (highest - lowest) or 1.0
    places = [
        (
            f"{MARGIN + (100 - 2 * MARGIN) * i / max(len(values) - 1, 1):.2f}%",
            round(height - rim - (value - lowest) / span * (height - 2 * rim), 2),
            words,
        )
        for i, (value, words) in enumerate(values)
    ]
    ends: list[tuple[str | None, float | None]] = [(x, y) for x, y, _ in places[1:]]
    return [
        Point(x, y, to_x, to_y, words)
        for (x, y, words), (to_x, to_y) in zip(places, [*ends, (None, None)], strict=True)
    ]


def share_ticks(height: float) -> list[tuple[float, float]]:
    """Lines of the grid of a curve from 0 to 1: value and place down.

    >>> share_ticks(100.0)[:2]
    [(0.0, 96.0), (0.25, 73.0)]
    """
    return [(step / 4, curve([(step / 4, "")], 0.0, 1.0, height)[0].y) for step in range(5)]


@dataclass(frozen=True)
class Scatter:
    """Clips by MOS (across) and spread (up), with a curve.

    Args:
        height: In pixels.
        dots: Place across, place down, radius and words; clips at the same place are one dot.
        curve: Segments: from x, y to x, y.
        ticks: Spread and place down of each line of the grid.
        n_left_out: Clips that are not drawn, because nobody could tell so many dots apart.
    """

    height: float
    dots: list[tuple[str, float, float, str]]
    curve: list[tuple[str, float, str, float]]
    ticks: list[tuple[float, float]]
    n_left_out: int


MOST_DOTS = 400
MOST_NAMES = 5  # of the clips that a dot stands for
CURVE_STEPS = 40
SPREAD_STEP = 0.5
DOT_RADIUS, MOST_RADIUS = 5.0, 14.0


def spread_scatter(
    clips: Sequence[tuple[float, float, str]], a: float, height: float = 260.0
) -> Scatter:
    r"""Spread between raters by MOS, with the curve :math:`s = \sqrt{a (x-1)(5-x)}`.

    Args:
        clips: MOS, standard deviation and name of each; of many, dots spread evenly over the scale.
        a: SOS parameter.
        height: In pixels.

    >>> chart = spread_scatter([(3.0, 1.0, "a"), (3.0, 1.0, "b"), (2.0, 0.0, "c")], 0.25)
    >>> chart.dots[1]
    ('50.00%', 130.0, 7.07, '2 clips of MOS 3.00, SD 1.00: a, b')
    >>> chart.dots[0][-1], len(chart.curve), chart.ticks[0]
    ('c: MOS 2.00, SD 0.00', 40, (0.0, 249.6))
    """
    most = max([2.0, *(sd for _, sd, _ in clips)])
    rim = MARGIN * height / 100

    def down(sd: float) -> float:
        return round(height - rim - sd / most * (height - 2 * rim), 2)

    together: dict[tuple[float, float], list[str]] = {}
    for mos_raw, sd, name in sorted(clips):
        together.setdefault((round(mos_raw, 2), round(sd, 2)), []).append(name)
    drawn = list(together.items())[:: max(1, -(-len(together) // MOST_DOTS))]
    # Closer together at the ends, where the curve is steep.
    scores = [3 - 2 * math.cos(math.pi * i / CURVE_STEPS) for i in range(CURVE_STEPS + 1)]
    spreads = [math.sqrt(max(a * (x - LOWEST) * (HIGHEST - x), 0.0)) for x in scores]
    points = [(place(x), down(sd)) for x, sd in zip(scores, spreads, strict=True)]
    ticks = [i * SPREAD_STEP for i in range(int(most / SPREAD_STEP) + 1)]
    return Scatter(
        height=height,
        dots=[
            (place(x), down(sd), _radius(names), _dot_words(x, sd, names))
            for (x, sd), names in drawn
        ],
        curve=[(*start, *end) for start, end in pairwise(points)],
        ticks=[(sd, down(sd)) for sd in ticks],
        n_left_out=len(clips) - sum(len(names) for _, names in drawn),
    )


def _radius(names: Sequence[str]) -> float:
    """As large an area for each clip, up to what would hide the others."""
    return round(min(DOT_RADIUS * math.sqrt(len(names)), MOST_RADIUS), 2)


def _dot_words(mos_raw: float, sd: float, names: Sequence[str]) -> str:
    where = f"MOS {mos_raw:.2f}, SD {sd:.2f}"
    if len(names) == 1:
        return f"{names[0]}: {where}"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{len(names)} clips of {where}: {', '.join(names[:MOST_NAMES])}{more}"
