"""The ratings of one campaign as arrays that grow at their end, and sums over chosen parts of them.

Nothing is ever taken out: a revision makes the former one count no longer, and raters who are left
out stay in the arrays. Shape letters: T ratings, A aspects, C clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mos.tally import Tally

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NO_SCORE = 0
MOST_VIEWS = 64  # kept up to date with each rating


@dataclass(frozen=True)
class Block:
    """Ratings to be added, one entry each.

    Args:
        rating: Key of the row.
        clip, rater: Places, from 0 on.
        revision: Of one rater's ratings of one clip, the highest counts.
        lead_time_s: From seeing the page to sending; NaN where that is not known.
        watched_frac: Share of the clip that was played, 0 to 1; NaN likewise.
        scores: Shape (T, A), 0 where an aspect was not scored.
    """

    rating: Ints
    clip: NDArray[np.int32]
    rater: NDArray[np.int32]
    revision: NDArray[np.int16]
    lead_time_s: NDArray[np.float32]
    watched_frac: NDArray[np.float32]
    scores: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rating)


@dataclass(frozen=True)
class View:
    """What part of the ratings is meant.

    Args:
        aspect: Place of the aspect.
        group: A label of clips and the value it has for all that are meant, such as
            `("system", "acme")`; None for every clip.
        without: Places of raters who are left out.
    """

    aspect: int
    group: tuple[str, str] | None = None
    without: frozenset[int] = frozenset()


class Ledger:
    """Ratings of a campaign.

    Args:
        n_aspects: Of the rubric.
    """

    def __init__(self, n_aspects: int) -> None:
        self.n_aspects = n_aspects
        self._n = 0
        self._columns: dict[str, NDArray[Any]] = {}
        self._is_current = np.zeros(0, dtype=np.bool_)
        self._labels: dict[str, tuple[list[str], Ints]] = {}
        self._tallies: dict[View, Tally] = {}

    def __len__(self) -> int:
        """Ratings, revised ones included."""
        return self._n

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return sum(column.nbytes for column in self._columns.values()) + self._is_current.nbytes

    def label(self, labels: Mapping[str, Sequence[str]]) -> None:
        """Say what each clip is labelled, by label; sums that hang on a changed one are dropped.

        Args:
            labels: Label to its values, one for each place of a clip.
        """
        for name, values in labels.items():
            distinct = sorted(set(values))
            code = {value: number for number, value in enumerate(distinct)}
            new = distinct, np.array([code[value] for value in values], dtype=np.int64)
            if not self._agrees(name, new):
                self._tallies = {
                    view: tally
                    for view, tally in self._tallies.items()
                    if view.group is None or view.group[0] != name
                }
            self._labels[name] = new

    def _agrees(self, name: str, new: tuple[list[str], Ints]) -> bool:
        """Whether clips that were labelled before have the same labels now."""
        values, code_C = self._labels.get(name, ([], np.zeros(0, dtype=np.int64)))
        before = np.array(values, dtype=object)[code_C]
        return np.array_equal(before, np.array(new[0], dtype=object)[new[1][: len(before)]])

    def labels(self, name: str) -> tuple[list[str], Ints]:
        """Values of a label in order, and for each clip which of them it has.

        Raises:
            ValueError: clips have no such label.
        """
        if name not in self._labels:
            known = ", ".join(self._labels)
            raise ValueError(f"No clip is labelled by {name!r}: known are {known}.")
        return self._labels[name]

    def append(self, block: Block) -> None:
        """Add ratings, in the arrays and in all sums."""
        if not len(block):
            return
        if block.scores.shape != (len(block), self.n_aspects):
            raise ValueError(
                f"{len(block)} ratings on {self.n_aspects} aspects have scores of shape "
                f"{(len(block), self.n_aspects)}, not {block.scores.shape}."
            )
        start, self._n = self._n, self._n + len(block)
        self._write(block, start)
        gone, come = self._turn(start)
        for view, tally in self._tallies.items():
            self._retell(view, tally, gone, come)

    def tally(self, view: View) -> Tally:
        """Sums over what is meant, from now on kept with each rating that is added."""
        tally = self._tallies.pop(view, None)
        if tally is None:
            while len(self._tallies) >= MOST_VIEWS:
                self._tallies.pop(next(iter(self._tallies)))  # asked for longest ago
            tally = Tally.of(*self.select(view))
        self._tallies[view] = tally
        return tally

    def select(self, view: View) -> tuple[Ints, Ints, Ints]:
        """Scores that count, with places of their clips and raters."""
        return self._of(view, np.flatnonzero(self._is_current[: self._n]))

    def islands(self, view: View) -> int:
        """Groups of clips and raters that share no rating."""
        tally = self.tally(view)
        if tally.knows_islands:
            return tally.islands([], [])
        return tally.islands(*self.select(view)[1:])

    def rows(self, without: frozenset[int] = frozenset()) -> Block:
        """Each rating that counts, in the order of their coming.

        Args:
            without: Places of raters who are left out.
        """
        counts = self._is_current[: self._n].copy()
        if self._n and without:
            counts &= ~np.isin(self._columns["rater"][: self._n], list(without))
        if not self._n:
            return _no_ratings(self.n_aspects)
        names = (field.name for field in fields(Block))
        return Block(**{name: self._columns[name][: self._n][counts] for name in names})

    def has(self, ratings: Ints) -> Bools:
        """Which of these keys are here already."""
        return np.isin(ratings, self._columns["rating"][: self._n]) if self._n else ratings < 0

    def _write(self, block: Block, start: int) -> None:
        """At the end, where there is room for half as much again."""
        if self._n > len(self._is_current):
            room = self._n + self._n // 2
            self._is_current = _longer(self._is_current, room)
            for field in fields(block):
                given = getattr(block, field.name)
                old = self._columns.get(field.name, given[:0])
                self._columns[field.name] = _longer(old, room)
        for field in fields(block):
            self._columns[field.name][start : self._n] = getattr(block, field.name)

    def _turn(self, start: int) -> tuple[Ints, Ints]:
        """Let the last revisions count; which rows do so no longer, and which do now."""
        new = self._keys(np.arange(start, self._n))
        touched = np.arange(self._n)
        if start:
            touched = np.flatnonzero(np.isin(self._keys(touched), new))
        keys, revision = self._keys(touched), self._columns["revision"][touched]
        order = np.lexsort((revision, keys))
        is_last = np.append(keys[order][1:] != keys[order][:-1], True)
        last = np.zeros(len(touched), dtype=np.bool_)
        last[order[is_last]] = True
        before = self._is_current[touched]
        self._is_current[touched] = last
        return touched[before & ~last], touched[~before & last]

    def _keys(self, rows: Ints) -> Ints:
        """One number for each pair of clip and rater."""
        clip = self._columns["clip"][rows].astype(np.int64)
        return np.asarray(clip << 32 | self._columns["rater"][rows])

    def _retell(self, view: View, tally: Tally, gone: Ints, come: Ints) -> None:
        """Bring sums up to date; a revised score is replaced, so that who rated what stays."""
        scores = self._columns["scores"][:, view.aspect]
        old, new = _pairs(self._keys(gone), self._keys(come))
        both = (scores[gone[old]] != NO_SCORE) & (scores[come[new]] != NO_SCORE)
        old, new = old[both], new[both]
        meant = self._meant(view, come[new])
        revised, former = come[new][meant], gone[old][meant]
        clips, raters = (self._columns[name][revised] for name in ("clip", "rater"))
        if len(revised):
            tally.replace(scores[former], scores[revised], clips, raters)
        for change, rows, paired in ((tally.take_away, gone, old), (tally.add, come, new)):
            rest = self._of(view, np.delete(rows, paired))
            if len(rest[0]):
                change(*rest)

    def _of(self, view: View, rows: Ints) -> tuple[Ints, Ints, Ints]:
        rows = rows[self._columns["scores"][rows, view.aspect] != NO_SCORE] if self._n else rows
        rows = rows[self._meant(view, rows)]
        if not len(rows):
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, nothing
        scores_T = self._columns["scores"][rows, view.aspect].astype(np.int64)
        clip_T, rater_T = (self._columns[name][rows].astype(np.int64) for name in ("clip", "rater"))
        return scores_T, clip_T, rater_T

    def _meant(self, view: View, rows: Ints) -> Bools:
        """Which of these rows a view is of, whatever their scores."""
        meant = np.ones(len(rows), dtype=np.bool_)
        if view.group is not None and len(rows):
            values, code_C = self.labels(view.group[0])
            code = values.index(view.group[1]) if view.group[1] in values else -1
            meant &= code_C[self._columns["clip"][rows]] == code
        if view.without and len(rows):
            meant &= ~np.isin(self._columns["rater"][rows], list(view.without))
        return meant


def _no_ratings(n_aspects: int) -> Block:
    nothing = np.zeros(0, dtype=np.int64)
    return Block(
        nothing,
        nothing.astype(np.int32),
        nothing.astype(np.int32),
        nothing.astype(np.int16),
        nothing.astype(np.float32),
        nothing.astype(np.float32),
        np.zeros((0, n_aspects), dtype=np.uint8),
    )


def _longer(column: NDArray[Any], room: int) -> NDArray[Any]:
    longer = np.zeros((room, *column.shape[1:]), dtype=column.dtype)
    longer[: len(column)] = column
    return longer


def _pairs(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Where keys of one stand that are also in the other, each once in each."""
    _, of_left, of_right = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    return of_left, of_right
