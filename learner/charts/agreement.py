"""Squares: predicted against human MOS, and promised against kept coverage of intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from learner.charts.frame import (
    Tick,
    across,
    down,
    is_known,
    outline,
    spread_evenly,
    ticks_across,
    ticks_down,
)

LOWEST, HIGHEST = 1.0, 5.0
MOST_DOTS = 1000
MOST_INTERVALS = 80  # more of them would be a grey cloud, so they show one at a time


@dataclass(frozen=True)
class MosDot:
    """A clip: its place, that of its interval's ends, its words and the clip to play, if any."""

    x: str
    y: str
    low_y: str | None
    high_y: str | None
    words: str
    clip: str


@dataclass(frozen=True)
class MosScatter:
    """Two scores of the same clips on a square of one scale.

    Args:
        has_many: Too many for all intervals to be shown at once.
        n_left_out: Clips that are not drawn, because there are too many.
        n_without: Clips that are not drawn, because a score is missing.
    """

    dots: list[MosDot]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_label: str
    y_label: str
    has_many: bool
    n_left_out: int
    n_without: int


def mos_scatter(
    points: Sequence[tuple[float, float, float | None, float | None, str, str]],
    x_label: str,
    y_label: str,
    lo: float = LOWEST,
    hi: float = HIGHEST,
) -> MosScatter:
    """Lay out (x, y, low of y, high of y, words, public id of the clip or "").

    Dots come from left to right, the order in which arrow keys walk through them.

    Raises:
        ValueError: lo and hi are no scale.

    >>> chart = mos_scatter([(3.0, 4.0, 3.5, 4.5, "a", "")], "MOS", "DubScore")
    >>> chart.dots[0].x, chart.dots[0].y, chart.dots[0].high_y
    ('50.00%', '25.00%', '12.50%')
    """
    if not is_known(lo, hi) or lo >= hi:
        raise ValueError(f"no scale from {lo} to {hi}")
    known = sorted((p for p in points if is_known(p[0], p[1])), key=lambda p: (p[0], p[1], p[4]))
    drawn = [known[i] for i in spread_evenly(len(known), MOST_DOTS)]
    return MosScatter(
        dots=[_mos_dot(*point, lo=lo, hi=hi) for point in drawn],
        x_ticks=ticks_across(lo, hi),
        y_ticks=ticks_down(lo, hi),
        x_label=x_label,
        y_label=y_label,
        has_many=len(drawn) > MOST_INTERVALS,
        n_left_out=len(known) - len(drawn),
        n_without=len(points) - len(known),
    )


def _mos_dot(
    x: float,
    y: float,
    low: float | None,
    high: float | None,
    words: str,
    clip: str,
    *,
    lo: float,
    hi: float,
) -> MosDot:
    ends: tuple[str | None, str | None] = (None, None)
    if low is not None and high is not None and is_known(low, high):
        ends = down(low, lo, hi), down(high, lo, hi)
    return MosDot(across(x, lo, hi), down(y, lo, hi), *ends, words, clip)


@dataclass(frozen=True)
class Coverage:
    """Intervals of one size: how many MOS they should hold, and how many they do, in percent."""

    x: str
    y: str
    expected_percent: float
    observed_percent: float


@dataclass(frozen=True)
class ReliabilityDiagram:
    """How many MOS lie within intervals that should hold a given share of them.

    Args:
        line: Outline in a box of 100 by 100, from nothing promised to all.
        gap: The area between it and the diagonal.
        mean_gap: Observed less expected, mean over the dots, in percent points; below 0 intervals
            are too narrow. None without dots.
    """

    dots: list[Coverage]
    line: str
    gap: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    mean_gap: float | None


def reliability_diagram(expected: Sequence[float], observed: Sequence[float]) -> ReliabilityDiagram:
    """Lay out the coverage of central intervals, both as shares from 0 to 1.

    Raises:
        ValueError: not as many observed as expected.

    >>> chart = reliability_diagram([0.5], [0.25])
    >>> chart.line, chart.mean_gap
    ('0.00,100.00 50.00,75.00 100.00,0.00', -25.0)
    """
    if len(expected) != len(observed):
        raise ValueError(f"{len(expected)} expected but {len(observed)} observed shares")
    pairs = sorted(
        (e, o) for e, o in zip(expected, observed, strict=True) if is_known(float(e), float(o))
    )
    # An interval of no width holds no score, one without end holds all.
    whole = [(0.0, 0.0), *(p for p in pairs if 0 < p[0] < 1), (1.0, 1.0)] if pairs else []
    line = outline((across(e, 0.0, 1.0), down(o, 0.0, 1.0)) for e, o in whole)
    return ReliabilityDiagram(
        dots=[
            Coverage(across(e, 0.0, 1.0), down(o, 0.0, 1.0), 100.0 * e, 100.0 * o) for e, o in pairs
        ],
        line=line,
        gap=line,  # closing it from the last corner to the first runs along the diagonal
        x_ticks=ticks_across(0.0, 1.0),
        y_ticks=ticks_down(0.0, 1.0),
        mean_gap=100.0 * sum(o - e for e, o in pairs) / len(pairs) if pairs else None,
    )
