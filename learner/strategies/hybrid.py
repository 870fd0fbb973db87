"""Pick uncertain clips of all kinds that lie far apart: the paper's strategy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card
from learner.strategies.k_center import Nearest
from learner.strategies.lazy_greedy import lazy_greedy
from learner.strategies.protocol import Pick, Pool, Strategy
from learner.strategies.strata import Strata, leaders

CANDIDATES_A_PICK = 3  # the paper keeps the 3b most uncertain clips for b picks


class Hybrid(Strategy):
    """The 3b most uncertain clips, shared out over the kinds of clips, then farthest first.

    Source: the paper's section 2.3; Gonzalez (1985) for farthest-first.
    """

    card = Card(
        name="hybrid",
        version="2",
        title="Hybrid (uncertain, then diverse)",
        source="the paper's section 2.3; Gonzalez (1985)",
        licence="Apache-2.0",
    )
    is_stratified = True

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The most uncertain candidate first, then whichever lies farthest from those picked."""
        entropy_N = pool.entropy_N
        rows_B = self._candidates(entropy_N, pool.strata, n, random)
        code_B, left_G = pool.strata.code_N[rows_B], pool.strata.quota_G.copy()
        first = int((left_G[code_B] > 0).argmax())
        left_G[code_B[first]] -= 1
        others_B = np.sort(np.delete(rows_B, first))
        strata = replace(pool.strata, code_N=pool.strata.code_N[others_B], quota_G=left_G)
        near = Nearest(pool.z_NM[rows_B[[first]]])
        chosen, squares = lazy_greedy(near, pool.z_NM[others_B], strata) if n > 1 else ([], [])
        rows = [int(rows_B[first]), *others_B[chosen].tolist()]
        far = [None, *np.sqrt(squares)]
        return [
            Pick(row, float(entropy_N[row]), _words(pool, row, distance))
            for row, distance in zip(rows, far, strict=True)
        ]

    def _candidates(
        self, entropy_N: NDArray[np.float64], strata: Strata, n: int, random: np.random.Generator
    ) -> NDArray[np.int64]:
        """The 3b most uncertain, and enough of every kind to fill its quota; the highest first."""
        size = min(CANDIDATES_A_PICK * n, len(entropy_N))
        top = leaders(entropy_N, Strata.one(len(entropy_N), size), random)
        of_kinds = leaders(entropy_N, strata, random)
        return np.concatenate([top, of_kinds[~np.isin(of_kinds, top)]])


def _words(pool: Pool, row: int, distance: float | None) -> str:
    sd = float(np.sqrt(pool.epistemic_var_N[row]))
    kind = pool.strata.words(row)
    if distance is None:
        return f"The least certain clip{kind}: its proxy MOS spreads by {sd:.2f} points."
    return (
        f"Among the least certain clips{kind} (spread {sd:.2f} points), and farthest from those "
        f"already picked (distance {distance:.2f} in normal scores)."
    )
