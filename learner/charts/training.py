"""DubScore beside MOS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
