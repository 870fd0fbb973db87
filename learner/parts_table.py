"""The table of all parts, out of their own cards: for the command `parts` and docs/models.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from learner.registry import ROLES, Card, shelf
from learner.weights import WEIGHTS

HEADS = ("role", "part", "set up", "from", "licence", "gives", "looks at", "MB", "s a clip")
PAPER = "In the paper"


def parts_table(weights: Path, seconds: Mapping[str, float] | None = None) -> list[tuple[str, ...]]:
    """A row a part, the first of each role being the one that needs nothing from the user.

    Args:
        weights: The folder of weights, for their sizes.
        seconds: Kind and name of a part to what it was measured to take for a clip.

    Returns:
        Rows as wide as `HEADS`.
    """
    rows: list[tuple[str, ...]] = []
    order = list(ROLES)
    for kind in ("encoder", "metric"):
        parts = shelf(kind).parts
        cards = sorted(
            (part.card for part in parts.values()),
            key=lambda card: (_place(order, card.role), hasattr(parts[card.name], "is_ready")),
        )
        for card in cards:
            took = (seconds or {}).get(f"{kind} {card.name}")
            rows.append(
                (
                    _role(card),
                    f"`{card.name}`" + (" (exploratory)" if card.is_exploratory else ""),
                    _set_up(kind, card),
                    card.source,
                    card.licence,
                    f"{card.width} wide" if kind == "encoder" else _direction(card),
                    ", ".join((*card.needs, *(f"({use})" for use in card.uses))),
                    _size(card, weights),
                    "" if took is None else f"{took:.2f}",
                )
            )
    return rows


def as_markdown(rows: list[tuple[str, ...]]) -> str:
    """Rows under `HEADS`.

    >>> print(as_markdown([("text",) + ("",) * 8]).splitlines()[-1])
    | text |  |  |  |  |  |  |  |  |
    """
    lines = [HEADS, ("---",) * len(HEADS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _place(order: list[str], role: str) -> int:
    return order.index(role) if role in order else len(order)


def _role(card: Card) -> str:
    known = ROLES.get(card.role)
    return f"{card.role} ({PAPER.lower()}: {known})" if known else card.role


def _direction(card: Card) -> str:
    return "a number, more is better" if card.direction > 0 else "a number, less is better"


def _set_up(kind: str, card: Card) -> str:
    part = shelf(kind).get(card.name)
    if not hasattr(part, "is_ready"):
        return "always"
    if hasattr(part, "hub_id"):
        return f"`fetch_weights --hub {card.name}`"
    return f"a checkpoint in `hub/{card.name}`"


def _size(card: Card, weights: Path) -> str:
    if not card.weights:
        return ""
    files = [weights / WEIGHTS[role].path for role in card.weights]
    return f"{sum(file.stat().st_size for file in files if file.is_file()) / 1e6:.1f}"
