"""MOS by clip and by system as rows of a page, sorted without making a row of every clip.

Shape letters: T scores on one aspect, C rated clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mos.aggregate import MOSTable, mos_table
from mos.charts import dot
from mos.summaries import system_table

# Column by which clips can be ordered, and the words at its head.
ORDERS = {
    "clip": "Clip",
    "mos": "MOS",
    "sd": "SD",
    "n": "Ratings",
    "system": "System",
    "condition": "Condition",
}
HIGHEST_FIRST = ("mos", "sd", "n")  # what a first click on these columns gives


class Clip(Protocol):
    """What is told of a clip here."""

    @property
    def system(self) -> str:
        """What made it."""

    @property
    def condition(self) -> str:
        """What it was made to show."""


@dataclass(frozen=True)
class ClipTable:
    """The rated clips and their MOS, both in the same order."""

    clips: Sequence[Any]
    mos: MOSTable

    @classmethod
    def of(
        cls, clips: Sequence[Clip], scores_T: NDArray[np.float64], clip_T: NDArray[np.int64]
    ) -> ClipTable:
        """From scores on one aspect, `clip_T` telling which of the clips each belongs to.

        >>> table = ClipTable.of(["a", "b", "c"], np.array([4.0, 2.0, 5.0]), np.array([2, 0, 2]))
        >>> table.clips, table.mos.mos_raw.tolist(), table.sorted("-mos")
        (['a', 'c'], [2.0, 4.5], [1, 0])
        """
        rated = np.unique(clip_T).tolist()
        return cls([clips[index] for index in rated], mos_table(scores_T, clip_T))

    def __len__(self) -> int:
        return len(self.clips)

    def sorted(self, order: str) -> list[int]:
        """Places of the clips in this order; `-` before it turns it round.

        A clip with one rating has no spread: ordered by that, it counts as below all others.
        """
        key = order.removeprefix("-")
        keys_C: Sequence[Any] | NDArray[Any] = range(len(self))
        if key in ("system", "condition"):
            keys_C = [getattr(clip, key) for clip in self.clips]
        elif key in ("mos", "sd", "n"):
            numbers = {"mos": self.mos.mos_raw, "sd": self.mos.sd, "n": self.mos.n}
            keys_C = np.nan_to_num(numbers[key], nan=-1.0)
        return sorted(range(len(self)), key=keys_C.__getitem__, reverse=order.startswith("-"))

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Clips at these places, with numbers for a table and places for a chart."""
        return [self._row(place) for place in places]

    def _row(self, place: int) -> dict[str, Any]:
        mos, has_spread = self.mos, self.mos.n[place] > 1
        low, high = (float(end[place]) if has_spread else None for end in (mos.low, mos.high))
        mos_raw = float(mos.mos_raw[place])
        return {
            "clip": self.clips[place],
            "mos_raw": mos_raw,
            "low": low,
            "high": high,
            "is_bounded": bool(mos.is_bounded[place]),
            "sd": float(mos.sd[place]) if has_spread else None,
            "n": int(mos.n[place]),
            "dot": dot(mos_raw, low, high),
        }

    def systems(self) -> list[dict[str, Any]]:
        """MOS by system, best first."""
        rows = system_table(self.mos, [clip.system for clip in self.clips])
        return [{**row, "dot": dot(row["mos_raw"], row["low"], row["high"])} for row in rows]


def known_order(asked: str) -> str:
    """The order asked for, or by name where there is no such order.

    >>> known_order("-mos"), known_order("price")
    ('-mos', 'clip')
    """
    return asked if asked.removeprefix("-") in ORDERS else "clip"


def columns(order: str) -> dict[str, dict[str, str]]:
    """What the head of each column says, which order it leads to, and how it is sorted now.

    >>> columns("-mos")["mos"]
    {'words': 'MOS', 'leads_to': 'mos', 'sorted': 'descending'}
    >>> columns("clip")["mos"]
    {'words': 'MOS', 'leads_to': '-mos', 'sorted': ''}
    """
    heads = {}
    for key, words in ORDERS.items():
        first, second = (f"-{key}", key) if key in HIGHEST_FIRST else (key, f"-{key}")
        sorted_as = {key: "ascending", f"-{key}": "descending"}.get(order, "")
        leads_to = second if order == first else first
        heads[key] = {"words": words, "leads_to": leads_to, "sorted": sorted_as}
    return heads
