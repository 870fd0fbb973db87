"""What one replay found, in a form that a job can keep.

Shape letters: L numbers of labels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SeedResult:
    """One paired replay.

    Args:
        key: Of its clips and plan, see `replay_key`.
        seed: Of its split and of all its chances.
        strategy: That played against random.
        n_test: Clips on which both arms were judged.
        n_pool: Clips from which both arms drew.
        start: Random labels with which both began.
        budgets: Numbers of labels at which they are compared.
        labels: Numbers of labels at which random was judged, ascending; the strategy at the first
            of them, as far as its figures go.
        asked: Each figure of the strategy, shape (L,) or shorter.
        random: Each figure of random, shape (L,).
    """

    key: str
    seed: int
    strategy: str
    n_test: int
    n_pool: int
    start: int
    budgets: tuple[int, ...]
    labels: tuple[int, ...]
    asked: dict[str, tuple[float, ...]]
    random: dict[str, tuple[float, ...]]

    def to_json(self) -> dict[str, Any]:
        """As stored: lists, and None for NaN."""
        return {name: to_plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> SeedResult:
        """As it was stored, to the last bit."""
        values = dict(kept)
        for name in ("budgets", "labels"):
            values[name] = tuple(kept[name])
        for name in ("asked", "random"):
            values[name] = {key: from_plain(row) for key, row in kept[name].items()}
        return cls(**values)


def to_plain(value: Any) -> Any:
    """Lists for tuples and None for NaN, however deep.

    >>> to_plain({"pcc": (0.5, float("nan"))})
    {'pcc': [0.5, None]}
    """
    if isinstance(value, dict):
        return {key: to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(one) for one in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def from_plain(row: list[float | None]) -> tuple[float, ...]:
    """NaN for None.

    >>> from_plain([0.5, None])
    (0.5, nan)
    """
    return tuple(float("nan") if value is None else value for value in row)
