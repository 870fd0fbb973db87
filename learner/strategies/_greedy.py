"""Greedy picking where a pick can only lower the scores of others.

Shape letters: N clips of the pool, M metrics, C centres.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from learner.strategies._shares import Places

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BLOCK = 32_768  # scores that are kept exact: a fraction of a millisecond a pick
TAKEN = -np.inf


def greedy(
    first_N: Floats, n: int, places: Places, exact: Callable[[Ints], Floats], block: int = BLOCK
) -> Iterator[tuple[int, float]]:
    """Rows and scores, best first, without looking at all clips for each pick.

    Old scores are upper bounds: while the best of a block lies above the bounds of all others it is
    the best of all. The picks are those of plain greedy picking.

    Source: Minoux (1978).

    The caller takes note of each pick before asking for the next one.

    Args:
        first_N: Scores before any pick, shape (N,); changed in place.
        n: Picks.
        places: How many each kind may have.
        exact: Scores of these rows after all picks so far; none may be higher than before.
        block: Rows whose scores are kept exact.
    """
    bound_N = first_N
    bound_N[~places.open_rows()] = TAKEN
    rows, rest = _block(bound_N, np.arange(len(bound_N)), block)
    for _ in range(n):
        scores = np.where(bound_N[rows] == TAKEN, TAKEN, exact(rows))
        bound_N[rows] = scores
        while scores.max() < rest:
            # Only those whose bound reaches the best known score can be better than it.
            wanted = np.flatnonzero(bound_N >= scores.max())
            bound_N[wanted] = np.where(bound_N[wanted] == TAKEN, TAKEN, exact(wanted))
            rows, rest = _block(bound_N, wanted, block)
            scores = bound_N[rows]
        best = int(np.argmax(scores))
        index = int(rows[best])
        bound_N[index] = TAKEN
        if places.take(index):
            bound_N[places.of_kind(index)] = TAKEN
        yield index, float(scores[best])


def _block(bound_N: Floats, wanted: Ints, size: int) -> tuple[Ints, float]:
    """The rows of the highest bounds, in order of row, and the highest bound of all others."""
    if len(wanted) > size:
        wanted = np.sort(wanted[np.argpartition(-bound_N[wanted], size)[:size]])
    outside = np.ones(len(bound_N), dtype=bool)
    outside[wanted] = False
    return wanted, float(bound_N[outside].max(initial=TAKEN))


def farthest_first(
    z_NM: Floats, centres_CM: Floats, n: int, places: Places, first: int | None = None
) -> Iterator[tuple[int, float]]:
    """Rows and distances, each pick the farthest from all centres and earlier picks.

    Source: Gonzalez (1985).

    Args:
        z_NM: Where clips lie.
        centres_CM: What they are to be far from.
        n: Picks.
        places: How many each kind may have.
        first: The row to begin with, whatever its distance.
    """
    nearest_N = np.full(len(z_NM), np.inf)
    for centre in centres_CM:
        np.minimum(nearest_N, _squares_from(z_NM, centre), out=nearest_N)
    nearest_N[~places.open_rows()] = TAKEN
    for turn in range(n):
        index = first if turn == 0 and first is not None else int(nearest_N.argmax())
        yield index, float(np.sqrt(nearest_N[index]))
        np.minimum(nearest_N, _squares_from(z_NM, z_NM[index]), out=nearest_N)
        nearest_N[index] = TAKEN
        if places.take(index):
            nearest_N[places.of_kind(index)] = TAKEN


def _squares_from(z_NM: Floats, centre: Floats) -> Floats:
    """Squared distances, column after column: a million rows need no second table."""
    total_N = np.zeros(len(z_NM))
    for column, value in zip(z_NM.T, centre, strict=True):
        total_N += (column - value) ** 2
    return total_N
