"""How each metric agrees with human MOS, as the spokes of a wheel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from learner.charts.frame import is_known, outline, share

FEWEST = 3  # spokes that enclose an area
RINGS = (0.0, 0.25, 0.5, 0.75, 1.0)
HUB, RIM, OUTSIDE = 6.0, 44.0, 48.5  # percent of the width: radius of 0, of 1, of the numbers


@dataclass(frozen=True)
class Spoke:
    """One metric: its number, its coefficients, and where its spoke, its name and its dots are.

    A coefficient that is not known has no dot; one below 0 lies on the ring of 0, and is said to.
    The bars are widths, for the list that takes the place of a wheel with too few spokes.
    """

    number: int
    title: str
    pcc: float | None
    srcc: float | None
    rim: tuple[str, str]
    label: tuple[str, str]
    pcc_at: tuple[str, str] | None
    srcc_at: tuple[str, str] | None
    pcc_bar: str
    srcc_bar: str
    is_negative: bool


@dataclass(frozen=True)
class MetricRadar:
    """The wheel: rings as (value, radius, place of its number), outlines in a box of 100 by 100."""

    spokes: list[Spoke]
    rings: list[tuple[float, str, tuple[str, str]]]
    pcc_outline: str
    srcc_outline: str
    is_wheel: bool
    has_negative: bool


def metric_radar(rows: Sequence[tuple[str, float | None, float | None]]) -> MetricRadar:
    """Lay out (title, PCC, SRCC) of each metric with MOS, clockwise from the top.

    Source: the paper's figure 2.

    >>> chart = metric_radar([("a", 1.0, 0.5), ("b", 0.0, -0.2), ("c", 0.5, 0.5)])
    >>> chart.spokes[0].pcc_at, chart.spokes[0].srcc_at, chart.spokes[1].is_negative
    (('50.00%', '6.00%'), ('50.00%', '25.00%'), True)
    >>> metric_radar([("a", 1.0, 0.5)]).is_wheel
    False
    """
    spokes = [
        _spoke(i, title, pcc, srcc, 2 * math.pi * i / len(rows))
        for i, (title, pcc, srcc) in enumerate(rows)
    ]
    turns = [2 * math.pi * i / len(rows) for i in range(len(rows))]
    # Between the last spoke and the first, where no dot can hide the numbers.
    aside = -math.pi / max(len(rows), FEWEST)
    return MetricRadar(
        spokes=spokes,
        rings=[(v, f"{_radius(v):.2f}%", _at(_radius(v), aside)) for v in RINGS],
        pcc_outline=_outline([pcc for _, pcc, _ in rows], turns),
        srcc_outline=_outline([srcc for _, _, srcc in rows], turns),
        is_wheel=len(rows) >= FEWEST,
        has_negative=any(spoke.is_negative for spoke in spokes),
    )


def _spoke(i: int, title: str, pcc: float | None, srcc: float | None, turn: float) -> Spoke:
    known = [value if value is not None and is_known(value) else None for value in (pcc, srcc)]
    return Spoke(
        number=i + 1,
        title=title,
        pcc=known[0],
        srcc=known[1],
        rim=_at(RIM, turn),
        label=_at(OUTSIDE, turn),
        pcc_at=None if known[0] is None else _at(_radius(known[0]), turn),
        srcc_at=None if known[1] is None else _at(_radius(known[1]), turn),
        pcc_bar=f"{100 * share(known[0] or 0.0, 0.0, 1.0):.2f}%",
        srcc_bar=f"{100 * share(known[1] or 0.0, 0.0, 1.0):.2f}%",
        is_negative=any(value is not None and value < 0 for value in known),
    )


def _outline(values: Sequence[float | None], turns: Sequence[float]) -> str:
    return outline(
        _at(_radius(value if value is not None and is_known(value) else 0.0), turn)
        for value, turn in zip(values, turns, strict=True)
    )


def _radius(value: float) -> float:
    """Of a coefficient; of all below 0, that of 0.

    >>> _radius(1.0), _radius(-0.4)
    (44.0, 6.0)
    """
    return HUB + share(value, 0.0, 1.0) * (RIM - HUB)


def _at(radius: float, turn: float) -> tuple[str, str]:
    """Place at so far from the middle, a turn in radians clockwise from the top.

    >>> _at(10.0, math.pi / 2)
    ('60.00%', '50.00%')
    """
    return f"{50 + radius * math.sin(turn):.2f}%", f"{50 - radius * math.cos(turn):.2f}%"
