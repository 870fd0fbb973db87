"""Pick uncertain clips of all kinds that lie far apart: the paper's strategy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card
from learner.strategies._greedy import farthest_first
from learner.strategies._shares import Places
from learner.strategies.protocol import Pick, Pool, Strategy
from learner.strategies.uncertainty import by_entropy

CANDIDATES_A_PICK = 3  # the paper keeps the 3b most uncertain clips for b picks


class Hybrid(Strategy):
    """The 3b most uncertain clips, shared out over the kinds of clips, then farthest first.

    Kinds always get their shares, as the paper has it: where the 3b hold too few of a kind, its
    next uncertain ones come in.

    Source: the paper's section 2.3; Gonzalez (1985) for farthest-first.
    """

    card = Card(
        name="hybrid",
        version="1",
        title="Hybrid (uncertain, then diverse; the paper's)",
        source="the paper's section 2.3; Gonzalez (1985)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The most uncertain candidate first, then whichever lies farthest from those picked."""
        places = pool.places(n, is_stratified=True)
        rows = _candidates(places, n, by_entropy(pool.entropy_N, random))
        own = Places(places.code_N[rows], places.left_S)
        first = int(np.flatnonzero(own.open_rows())[0])
        none = np.zeros((0, pool.z_NM.shape[1]))
        found = farthest_first(pool.z_NM[rows], none, n, own, first)
        return [
            Pick(int(rows[i]), float(pool.entropy_N[rows[i]]), _words(pool, int(rows[i]), distance))
            for i, distance in found
        ]


def _candidates(places: Places, n: int, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The 3b most uncertain, and of every kind at least what it is to get, most uncertain first."""
    needed = places.first_of_each(order)
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[: CANDIDATES_A_PICK * n]] = True
    chosen[needed] = True
    return order[chosen[order]]


def _words(pool: Pool, index: int, distance: float) -> str:
    sd = float(np.sqrt(pool.epistemic_var_N[index]))
    if np.isinf(distance):
        return (
            f"The least certain clip{pool.kind(index)}: its proxy MOS spreads by {sd:.2f} points."
        )
    return (
        f"Among the least certain clips{pool.kind(index)} (spread {sd:.2f} points), and farthest "
        f"from those already picked (distance {distance:.2f} in normal scores)."
    )
