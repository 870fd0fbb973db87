"""MOS by clip and by system as rows of a page, sorted without making a row of every clip.

Shape letters: N rated clips, C all known clips by their places.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mos.aggregate import MOSTable, mos_table
from mos.charts import dot
from mos.from_sums import clip_mos
from mos.rater_model import recover_mos
from mos.tally import Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Column by which clips can be ordered, and the words at its head.
ORDERS = {
    "clip": "Clip",
    "mos": "MOS",
    "recovered": "Recovered",
    "sd": "SD",
    "n": "Ratings",
    "system": "System",
    "condition": "Condition",
}
HIGHEST_FIRST = ("mos", "recovered", "sd", "n")  # what a first click on these columns gives


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
        recovered: MOS of the rated ones with raters' levels and care taken into account; None where
            scores are not known one by one.
    """

    clips: Sequence[Any]
    places: Ints
    mos: MOSTable
    rank_C: Ints
    labels: Mapping[str, tuple[Sequence[str], Ints]]
    recovered: Floats | None = None

    @classmethod
    def of(
        cls,
        tally: Tally,
        clips: Sequence[Any],
        rank_C: Ints,
        labels: Mapping[str, tuple[Sequence[str], Ints]],
        ratings: tuple[Ints, Ints, Ints] | None = None,
    ) -> ClipTable:
        """From the sums of one aspect's scores, and these one by one: score, clip and rater.

        >>> tally, labels = Tally.of([4, 2, 5], [2, 0, 2], [0, 0, 1]), {}
        >>> table = ClipTable.of(tally, ["c", "b", "a"], np.array([2, 1, 0]), labels)
        >>> table.mos.mos_raw.tolist(), table.sorted("clip"), table.sorted("-mos")
        ([2.0, 4.5], [1, 0], [1, 0])
        """
        places, mos = clip_mos(tally)
        recovered = None if ratings is None else recover_mos(*ratings).mos
        return cls(clips, places, mos, rank_C, labels, recovered)

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
            mos = self.mos
            numbers = {"mos": mos.mos_raw, "recovered": self.recovered, "sd": mos.sd, "n": mos.n}
            known_N = numbers[key]
            keys_N = rank_N if known_N is None else np.nan_to_num(known_N, nan=-1.0)
        places: list[int] = np.lexsort((rank_N, turn * keys_N)).tolist()
        return places

    def rows(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Clips at these places, with numbers for a table and places for a chart."""
        return [self._row(place) for place in places]

    def _row(self, place: int) -> dict[str, Any]:
        mos, has_spread = self.mos, self.mos.n[place] > 1
        low, high = (float(end[place]) if has_spread else None for end in (mos.low, mos.high))
        mos_raw = float(mos.mos_raw[place])
        recovered = None if self.recovered is None else float(self.recovered[place])
        return {
            "clip": self.clips[self.places[place]],
            "mos_raw": mos_raw,
            "recovered": recovered,
            "low": low,
            "high": high,
            "is_bounded": bool(mos.is_bounded[place]),
            "sd": float(mos.sd[place]) if has_spread else None,
            "n": int(mos.n[place]),
            "dot": dot(mos_raw, low, high, recovered),
        }

    def groups(self, label: str) -> list[dict[str, Any]]:
        """MOS by the values of a label, best first."""
        names, code_C = self.labels[label]
        rows = group_table(self.mos, names, code_C[self.places])
        return [{**row, "dot": dot(row["mos_raw"], row["low"], row["high"])} for row in rows]


def group_table(table: MOSTable, names: Sequence[str], code_C: Ints) -> list[dict[str, Any]]:
    """MOS by group, best first: the mean of its clips' MOS, with an interval over clips.

    Args:
        table: MOS by clip.
        names: Of the groups.
        code_C: Which of the groups each clip is in, in the order of the table.

    Returns:
        A row a group that has clips: name (empty where none is given), mos_raw, low, high (None
        with one clip), is_bounded, n_clips, n_ratings.

    >>> clips = mos_table([4, 5, 2, 3], [0, 0, 1, 1])
    >>> rows = group_table(clips, ["acme", "basic"], np.array([0, 1]))
    >>> [(row["name"], row["mos_raw"]) for row in rows]
    [('acme', 4.5), ('basic', 2.5)]
    """
    if not len(code_C):
        return []
    means = mos_table(table.mos_raw, code_C)
    n_ratings = np.bincount(code_C, table.n)
    rows: list[dict[str, Any]] = [
        {
            "name": names[code],
            "mos_raw": float(means.mos_raw[i]),
            "low": _known(means.low[i]),
            "high": _known(means.high[i]),
            "is_bounded": bool(means.is_bounded[i]),
            "n_clips": int(means.n[i]),
            "n_ratings": int(n_ratings[code]),
        }
        for i, code in enumerate(np.flatnonzero(np.bincount(code_C)).tolist())
    ]
    return sorted(rows, key=lambda row: -row["mos_raw"])


def _known(value: float) -> float | None:
    """The value, or None where it is not defined: pages and JSON know no NaN."""
    return float(value) if math.isfinite(value) else None


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
