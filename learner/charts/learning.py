"""Agreement by labels bought: a line with its band for each way of asking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from learner.charts.frame import (
    THINNEST,
    Tick,
    across,
    down,
    is_known,
    outline,
    reach,
    rounded_out,
    ticks_across,
    ticks_down,
)

MOST_SERIES = 4  # as many as learner.css has dashes and colours for
LABEL_GAP = 7.0  # percent of the height that a line of words at a line's end needs
LONGEST_NAME = 24
MOST_LINES = 7  # what 5 steps are at most when rounded out

RawPoint = tuple[float, float, float | None, float | None]


@dataclass(frozen=True)
class LearningPoint:
    """A mean after so many labels: its place and its numbers; no interval where none is known."""

    x: str
    y: str
    low_y: str | None
    high_y: str | None
    labels: float
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Series:
    """One line: outlines in a box of 100 by 100, and where its name stands."""

    number: int
    name: str
    short_name: str
    line: str
    band: str
    points: list[LearningPoint]
    end: LearningPoint
    label_y: str


@dataclass(frozen=True)
class LearningCurve:
    """Lines on one grid; those without a single known point are named in `without`."""

    series: list[Series]
    without: list[str]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_label: str
    y_label: str
    digits: int


def learning_curve(
    series: Sequence[tuple[str, Sequence[RawPoint]]], x_label: str, y_label: str
) -> LearningCurve:
    """Lay out (name, points), a point being (labels, value, low, high); NaN points are skipped.

    Raises:
        ValueError: more series than can be told apart.

    >>> points = [(0, 0.0, None, None), (10, 1.0, 0.8, 1.2)]
    >>> chart = learning_curve([("random", points)], "labels", "PCC")
    >>> chart.series[0].line, [tick.value for tick in chart.x_ticks]
    ('0.00,100.00 100.00,33.33', [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    """
    if len(series) > MOST_SERIES:
        raise ValueError(f"{len(series)} series; more than {MOST_SERIES} cannot be told apart")
    known = [(name, sorted(filter(_is_point, points), key=_labels)) for name, points in series]
    every = [point for _, points in known for point in points]
    x_lo, x_hi = reach(point[0] for point in every)
    y_lo, y_hi = rounded_out(*reach(v for _, y, low, high in every for v in _ends(y, low, high)))
    drawn = [
        (number, name, _laid_out(points, x_lo, x_hi, y_lo, y_hi))
        for number, (name, points) in enumerate(known, start=1)
        if points
    ]
    label_ys = _apart([float(points[-1].y[:-1]) for _, _, points in drawn])
    return LearningCurve(
        series=[
            _series(number, name, points, label_y, y_lo, y_hi)
            for (number, name, points), label_y in zip(drawn, label_ys, strict=True)
        ],
        without=[name for name, points in known if not points],
        x_ticks=_x_ticks({point[0] for point in every}, x_lo, x_hi),
        y_ticks=ticks_down(y_lo, y_hi, MOST_LINES) if every else [],
        x_label=x_label,
        y_label=y_label,
        digits=3 if y_hi - y_lo < 10 else 1,
    )


def _x_ticks(labels: set[float], lo: float, hi: float) -> list[Tick]:
    """Lines at round numbers; at whole ones where labels are counted, and at the only one.

    >>> [tick.value for tick in _x_ticks({1.0, 3.0}, 1.0, 3.0)]
    [1.0, 2.0, 3.0]
    """
    if len(labels) < 2:
        return [Tick(v, 0 if _is_whole(v) else 2, across(v, lo, hi)) for v in labels]
    ticks = ticks_across(lo, hi)
    are_whole = all(float(value).is_integer() for value in labels)
    whole = [Tick(tick.value, 0, tick.place) for tick in ticks if _is_whole(tick.value)]
    return whole if are_whole else ticks


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < THINNEST * max(abs(value), 1.0)


def _is_point(point: RawPoint) -> bool:
    return is_known(point[0], point[1])


def _labels(point: RawPoint) -> float:
    return point[0]


def _ends(value: float, low: float | None, high: float | None) -> tuple[float, float]:
    """The interval, or the value itself where there is none."""
    if low is None or high is None or not is_known(low, high):
        return value, value
    return low, high


def _laid_out(
    points: Iterable[RawPoint], x_lo: float, x_hi: float, y_lo: float, y_hi: float
) -> list[LearningPoint]:
    laid_out = []
    for labels, value, low, high in points:
        at = across(labels, x_lo, x_hi), down(value, y_lo, y_hi)
        if low is None or high is None or not is_known(low, high):
            laid_out.append(LearningPoint(*at, None, None, labels, value, None, None))
        else:
            ends = down(low, y_lo, y_hi), down(high, y_lo, y_hi)
            laid_out.append(LearningPoint(*at, *ends, labels, value, low, high))
    return laid_out


def _series(
    number: int, name: str, points: list[LearningPoint], label_y: float, y_lo: float, y_hi: float
) -> Series:
    ends = [(point.x, *_ends(point.value, point.low, point.high)) for point in points]
    above = [(x, down(high, y_lo, y_hi)) for x, _, high in ends]
    below = [(x, down(low, y_lo, y_hi)) for x, low, _ in reversed(ends)]
    has_band = any(low != high for _, low, high in ends)
    return Series(
        number=number,
        name=name,
        short_name=name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…",
        line=outline((point.x, point.y) for point in points),
        band=outline([*above, *below]) if has_band and len(points) > 1 else "",
        points=points,
        end=points[-1],
        label_y=f"{label_y:.2f}%",
    )


def _apart(wanted: Sequence[float], gap: float = LABEL_GAP) -> list[float]:
    """Places at least a gap apart within 0 to 100, each as near to the wanted one as that allows.

    >>> _apart([50.0, 51.0]), _apart([99.0, 100.0]), _apart([10.0, 90.0])
    ([47.0, 54.0], [93.0, 100.0], [10.0, 90.0])
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places: list[list[float]] = []  # of groups that stand close together
    for i in order:
        places.append([wanted[i]])
        while len(places) > 1 and _first(places[-1], gap) - _first(places[-2], gap) < gap * len(
            places[-2]
        ):
            places[-2:] = [places[-2] + places[-1]]
    spread = [_first(group, gap) + gap * n for group in places for n in range(len(group))]
    return [place for _, place in sorted(zip(order, spread, strict=True))]


def _first(group: Sequence[float], gap: float) -> float:
    """Where a group begins that stands around the mean of what is wanted."""
    length = gap * (len(group) - 1)
    return min(max(sum(group) / len(group) - length / 2, 0.0), 100.0 - length)
