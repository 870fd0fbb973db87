"""Sums over the clips and raters of one aspect, kept up to date a rating at a time.

MOS, mean squares and variance components all follow from them, so that none needs the ratings
themselves. Scores are whole numbers and sums of them exact: taking away undoes adding to the last
digit, however often. Shape letters: T ratings, C clips, R raters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def _none() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass
class Tally:
    """How many scores each clip and each rater has, their sums and their sums of squares.

    Clips and raters are places from 0 on; those without a score count in nothing. A rater has one
    score a clip at most, which is for the caller to see to.
    """

    n_C: Ints = field(default_factory=_none)
    sum_C: Ints = field(default_factory=_none)
    squares_C: Ints = field(default_factory=_none)
    n_R: Ints = field(default_factory=_none)
    sum_R: Ints = field(default_factory=_none)
    squares_R: Ints = field(default_factory=_none)
    _n_islands: int | None = field(default=None, repr=False)

    @classmethod
    def of(cls, scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> Tally:
        """Of these ratings.

        >>> tally = Tally.of([5, 4, 2], [0, 0, 1], [0, 1, 1])
        >>> tally.n_ratings, tally.n_clips, tally.n_raters, tally.sum_C.tolist()
        (3, 2, 2, [9, 2])
        """
        tally = cls()
        tally.add(scores, clips, raters)
        return tally

    @property
    def n_ratings(self) -> int:
        """All of them."""
        return int(self.n_C.sum())

    @property
    def n_clips(self) -> int:
        """Clips with a score."""
        return int((self.n_C > 0).sum())

    @property
    def n_raters(self) -> int:
        """Raters with a score."""
        return int((self.n_R > 0).sum())

    @property
    def is_complete(self) -> bool:
        """Whether each of these raters has rated each of these clips."""
        return self.n_ratings == self.n_clips * self.n_raters

    @property
    def missing_frac(self) -> float:
        """Share of empty cells in the table of clips by raters; 0 where there is no table."""
        cells = self.n_clips * self.n_raters
        return 1 - self.n_ratings / cells if cells else 0.0

    def add(self, scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> None:
        """Count these too.

        Args:
            scores: Whole numbers, shape (T,).
            clips, raters: Places, shape (T,).

        Raises:
            ValueError: lengths differ, a score is no whole number, or a place is below 0.
        """
        scores_T, clip_T, rater_T = _checked(scores, clips, raters)
        self._reach(clip_T, rater_T)
        if not self._stays_joined(clip_T, rater_T):
            self._n_islands = None
        self._count(scores_T, clip_T, rater_T, 1)

    def take_away(self, scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> None:
        """Count these no longer.

        Raises:
            ValueError: as `add`, or more is taken from a clip or rater than was counted.
        """
        scores_T, clip_T, rater_T = _checked(scores, clips, raters)
        self._reach(clip_T, rater_T)
        self._count(scores_T, clip_T, rater_T, -1)
        if (self.n_C < 0).any() or (self.n_R < 0).any():
            self._count(scores_T, clip_T, rater_T, 1)
            raise ValueError("More ratings are taken away than were counted: add them first.")
        self._n_islands = None

    def replace(self, old: ArrayLike, new: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> None:
        """Count revised scores in place of the former ones; who rated what stays.

        >>> tally = Tally.of([5, 4], [0, 1], [0, 0])
        >>> tally.replace([5], [3], [0], [0])
        >>> tally.sum_R.tolist(), tally.squares_C.tolist()
        ([7], [9, 16])
        """
        joined = self._n_islands
        self.take_away(old, clips, raters)
        self._count(*_checked(new, clips, raters), 1)
        self._n_islands = joined

    @property
    def knows_islands(self) -> bool:
        """Whether `islands` can tell without being told who rated what."""
        return self._n_islands is not None

    def islands(self, clips: ArrayLike, raters: ArrayLike) -> int:
        """Groups of clips and raters that no rating joins, counted only where it is not known.

        Args:
            clips, raters: Places of all that is counted here, shape (T,).
        """
        if self._n_islands is None:
            self._n_islands = n_islands(clips, raters)
        return self._n_islands

    def _count(self, scores_T: Ints, clip_T: Ints, rater_T: Ints, sign: int) -> None:
        for place_T, n, sums, squares in (
            (clip_T, self.n_C, self.sum_C, self.squares_C),
            (rater_T, self.n_R, self.sum_R, self.squares_R),
        ):
            if len(place_T) < len(n) // 8:  # a few: only where they stand
                np.add.at(n, place_T, sign)
                np.add.at(sums, place_T, sign * scores_T)
                np.add.at(squares, place_T, sign * scores_T**2)
            else:
                n += sign * np.bincount(place_T, minlength=len(n))
                # Weighted counts are floats, exact up to 2**53.
                sums += sign * np.bincount(place_T, scores_T, len(n)).astype(np.int64)
                squares += sign * np.bincount(place_T, scores_T**2, len(n)).astype(np.int64)

    def _reach(self, clip_T: Ints, rater_T: Ints) -> None:
        """Make room for the highest places."""
        more_C = int(clip_T.max(initial=-1)) + 1 - len(self.n_C)
        more_R = int(rater_T.max(initial=-1)) + 1 - len(self.n_R)
        if more_C > 0 or more_R > 0:
            self._lengthen(max(more_C, 0), max(more_R, 0))

    def _lengthen(self, more_C: int, more_R: int) -> None:
        for name in ("n_C", "sum_C", "squares_C"):
            setattr(self, name, np.pad(getattr(self, name), (0, more_C)))
        for name in ("n_R", "sum_R", "squares_R"):
            setattr(self, name, np.pad(getattr(self, name), (0, more_R)))

    def _stays_joined(self, clip_T: Ints, rater_T: Ints) -> bool:
        """Whether all was joined and each of these has a clip or a rater of what was."""
        return self._n_islands == 1 and bool(
            ((self.n_C[clip_T] > 0) | (self.n_R[rater_T] > 0)).all()
        )


def n_islands(clips: ArrayLike, raters: ArrayLike) -> int:
    """Groups of clips and raters that no rating joins: differences between them tell nothing.

    Args:
        clips, raters: Places or labels, shape (T,).

    >>> n_islands([0, 0, 1, 2], [0, 1, 1, 2])
    2
    """
    clip_names, clip_T = np.unique(np.asarray(clips), return_inverse=True)
    rater_names, rater_T = np.unique(np.asarray(raters), return_inverse=True)
    size = len(clip_names) + len(rater_names)
    if not size:
        return 0
    ones_T = np.ones(len(clip_T), dtype=np.int8)
    graph = scipy.sparse.coo_array(
        (ones_T, (clip_T, rater_T + len(clip_names))), shape=(size, size)
    )
    return int(scipy.sparse.csgraph.connected_components(graph, directed=False)[0])


def _checked(scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> tuple[Ints, Ints, Ints]:
    given = np.asarray(scores)
    scores_T = given.astype(np.int64)
    if (scores_T != given).any():
        raise ValueError(f"Scores are whole numbers, not {given[scores_T != given][0]}.")
    clip_T, rater_T = (np.asarray(places, dtype=np.int64) for places in (clips, raters))
    if not scores_T.shape == clip_T.shape == rater_T.shape == (scores_T.size,):
        raise ValueError("scores, clips and raters must have one entry a rating.")
    lowest = min(clip_T.min(initial=0), rater_T.min(initial=0))
    if lowest < 0:
        raise ValueError(f"Places of clips and raters count from 0, not {lowest}.")
    return scores_T, clip_T, rater_T
