"""MOS by clip and by system as rows of a page, sorted without making a row of every clip.

Shape letters: N rated clips, C all known clips by their places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mos.aggregate import MOSTable
from mos.charts import dot
from mos.from_sums import clip_mos
from mos.summaries import group_table
from mos.tally import Tally

Ints = NDArray[np.int64]

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


@dataclass(frozen=True)
class ClipTable:
    """The rated clips and their MOS.

    Shape letters: N rated clips, C all known clips by their places.

    Args:
        clips: All known ones, by place.
        places: Of the rated ones, shape (N,).
        mos: Of the rated ones.
        rank_C: Rank of each clip by name.
        labels: Label, such as `system`, to its values in order and which of them each clip has.
    """

    clips: Sequence[Any]
    places: Ints
    mos: MOSTable
    rank_C: Ints
    labels: Mapping[str, tuple[Sequence[str], Ints]]

    @classmethod
    def of(
        cls,
        tally: Tally,
        clips: Sequence[Any],
        rank_C: Ints,
        labels: Mapping[str, tuple[Sequence[str], Ints]],
    ) -> ClipTable:
        """From the sums of one aspect's scores.

        >>> tally, labels = Tally.of([4, 2, 5], [2, 0, 2], [0, 0, 1]), {}
        >>> table = ClipTable.of(tally, ["c", "b", "a"], np.array([2, 1, 0]), labels)
        >>> table.mos.mos_raw.tolist(), table.sorted("clip"), table.sorted("-mos")
        ([2.0, 4.5], [1, 0], [1, 0])
        """
        places, mos = clip_mos(tally)
        return cls(clips, places, mos, rank_C, labels)

    def __len__(self) -> int:
        return len(self.places)

    def sorted(self, order: str) -> list[int]:
        """Places of the clips in this order; `-` before it turns it round.

        A clip with one rating has no spread: ordered by that, it counts as below all others.
        """
        key, turn = order.removeprefix("-"), -1 if order.startswith("-") else 1
        rank_N = self.rank_C[self.places]
        if key == "clip":
            keys_N = rank_N
        elif key in self.labels:
            keys_N = self.labels[key][1][self.places]
        else:
            numbers = {"mos": self.mos.mos_raw, "sd": self.mos.sd, "n": self.mos.n}
            keys_N = np.nan_to_num(numbers[key], nan=-1.0)
        return [int(place) for place in np.lexsort((rank_N, turn * keys_N))]

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Clips at these places, with numbers for a table and places for a chart."""
        return [self._row(place) for place in places]

    def _row(self, place: int) -> dict[str, Any]:
        mos, has_spread = self.mos, self.mos.n[place] > 1
        low, high = (float(end[place]) if has_spread else None for end in (mos.low, mos.high))
        mos_raw = float(mos.mos_raw[place])
        return {
            "clip": self.clips[self.places[place]],
            "mos_raw": mos_raw,
            "low": low,
            "high": high,
            "is_bounded": bool(mos.is_bounded[place]),
            "sd": float(mos.sd[place]) if has_spread else None,
            "n": int(mos.n[place]),
            "dot": dot(mos_raw, low, high),
        }

    def groups(self, label: str) -> list[dict[str, Any]]:
        """MOS by the values of a label, best first."""
        names, code_C = self.labels[label]
        rows = group_table(self.mos, names, code_C[self.places])
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
