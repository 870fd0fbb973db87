"""The losses of a training: a small chart a member and stage, all on one scale of a stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from learner.charts.frame import Tick, across, down, outline, reach, rounded_out, ticks_down

STAGES = {"ws": "on proxy MOS", "ft": "on human MOS"}
MOST_LINES = 5


@dataclass(frozen=True)
class LossLine:
    """One member: loss by epoch on what it trains on, and on clips set aside if there are any."""

    member: int
    line: str
    aside: str
    epochs: int
    loss: float
    best_aside: float | None


@dataclass(frozen=True)
class LossChart:
    """One stage: every member in a box of 100 by 100."""

    stage: str
    words: str
    lines: list[LossLine]
    y_ticks: list[Tick]
    most_epochs: int

    @property
    def x_ticks(self) -> list[Tick]:
        """None: epochs are told in words."""
        return []


def loss_charts(points: Sequence[dict[str, Any]]) -> list[LossChart]:
    """Lay out the curves of a training run, stage by stage.

    Args:
        points: Fold, stage, epoch, loss, and the loss on clips set aside or None.

    >>> points = [{"fold": 0, "stage": "ws", "epoch": e, "loss": 1.0 - e} for e in (0, 1)]
    >>> loss_charts(points)[0].lines[0].line
    '0.00,0.00 100.00,100.00'
    """
    return [_chart(stage, points) for stage in STAGES if any(p["stage"] == stage for p in points)]


def _chart(stage: str, points: Sequence[dict[str, Any]]) -> LossChart:
    own = [point for point in points if point["stage"] == stage]
    values = [p["loss"] for p in own] + [p["aside"] for p in own if p.get("aside") is not None]
    low, high = rounded_out(*reach(values))
    most = max(point["epoch"] for point in own)
    lines = []
    for member in sorted({point["fold"] for point in own}):
        mine = sorted((p for p in own if p["fold"] == member), key=lambda p: p["epoch"])
        aside = [p for p in mine if p.get("aside") is not None]
        lines.append(
            LossLine(
                member=member + 1,
                line=_outline(mine, "loss", most, low, high),
                aside=_outline(aside, "aside", most, low, high),
                epochs=len(mine),
                loss=float(mine[-1]["loss"]),
                best_aside=min((float(p["aside"]) for p in aside), default=None),
            )
        )
    return LossChart(stage, STAGES[stage], lines, ticks_down(low, high, MOST_LINES), most + 1)


def _outline(
    points: Sequence[dict[str, Any]], name: str, most: int, low: float, high: float
) -> str:
    return outline(
        (across(point["epoch"], 0, max(most, 1)), down(point[name], low, high)) for point in points
    )
