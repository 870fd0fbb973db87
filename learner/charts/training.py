"""The two charts of a trained network: its scores beside MOS, and its loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SIZE, LEFT, BOTTOM, TOP, RIGHT = 360, 40, 34, 10, 10
LOWEST, HIGHEST = 1.0, 5.0


@dataclass(frozen=True)
class Scatter:
    """DubScore against MOS on a square of 1 to 5."""

    size: int
    ticks: list[tuple[int, float, float]]
    dots: list[tuple[float, float, str]]
    diagonal: tuple[float, float, float, float]


def scatter(points: Sequence[tuple[float, float, str]]) -> Scatter:
    """Lay out (MOS, DubScore, words) points.

    >>> scatter([(1.0, 1.0, "a")]).dots
    [(40.0, 326.0, 'a')]
    """
    return Scatter(
        size=SIZE,
        ticks=[(score, _x(score), _y(score)) for score in range(1, 6)],
        dots=[(_x(mos), _y(score), words) for mos, score, words in points],
        diagonal=(_x(LOWEST), _y(LOWEST), _x(HIGHEST), _y(HIGHEST)),
    )


def _x(value: float) -> float:
    return round(LEFT + (value - LOWEST) / (HIGHEST - LOWEST) * (SIZE - LEFT - RIGHT), 1)


def _y(value: float) -> float:
    return round(SIZE - BOTTOM - (value - LOWEST) / (HIGHEST - LOWEST) * (SIZE - BOTTOM - TOP), 1)


WIDE, HIGH = 560, 160


def curve(points: Sequence[dict[str, Any]]) -> str:
    """The loss of each epoch, in the order of training, as the `points` of an SVG polyline.

    >>> curve([{"loss": 1.0}, {"loss": 0.0}])
    '0.0,0.0 560.0,160.0'
    """
    losses = [float(point["loss"]) for point in points]
    if len(losses) < 2:
        return ""
    low, high = min(losses), max(losses)
    span = (high - low) or 1.0
    step = WIDE / (len(losses) - 1)
    return " ".join(
        f"{round(i * step, 1)},{round((high - loss) / span * HIGH, 1)}"
        for i, loss in enumerate(losses)
    )
