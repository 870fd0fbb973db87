"""Pick uncertain clips of all kinds that lie far apart: the paper's strategy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card
from learner.strategies.protocol import Pick, Pool, Strategy
from learner.strategies.uncertainty import by_entropy

CANDIDATES_A_PICK = 3  # the paper keeps the 3b most uncertain clips for b picks


class Hybrid(Strategy):
    """The 3b most uncertain clips, shared out over the kinds of clips, then farthest first.

    Source: the paper's section 2.3; Gonzalez (1985) for farthest-first.
    """

    card = Card(
        name="hybrid",
        version="1",
        title="Hybrid (uncertain, then diverse)",
        source="the paper's section 2.3; Gonzalez (1985)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The most uncertain candidate first, then whichever lies farthest from those picked."""
        entropy_N = pool.entropy_N
        candidates = self._candidates(pool, n, by_entropy(entropy_N, random))
        left = Counter(quotas([pool.strata[i] for i in candidates], pool.strata, n))
        picks: list[Pick] = []
        while len(picks) < n:
            open_rows = [
                i
                for i in candidates
                if left[pool.strata[i]] > 0 and i not in {pick.index for pick in picks}
            ]
            index, distance = _farthest(pool, open_rows, [pick.index for pick in picks])
            left[pool.strata[index]] -= 1
            picks.append(Pick(index, float(entropy_N[index]), _words(pool, index, distance)))
        return picks

    def _candidates(self, pool: Pool, n: int, order: NDArray[np.int64]) -> list[int]:
        """The 3b most uncertain, and enough of every kind to fill its share."""
        chosen = [int(index) for index in order[: CANDIDATES_A_PICK * n]]
        wanted = quotas(pool.strata, pool.strata, n)
        held = Counter(pool.strata[index] for index in chosen)
        for index in order[len(chosen) :]:
            kind = pool.strata[int(index)]
            if held[kind] < wanted.get(kind, 0):
                chosen.append(int(index))
                held[kind] += 1
        return chosen


def quotas(available: Sequence[str], pool: Sequence[str], n: int) -> dict[str, int]:
    """How many picks each kind gets: its share of the pool by largest remainder, as far as it has.

    Args:
        available: Kinds of the clips that can be picked.
        pool: Kinds of all clips.
        n: Picks in all, at most as many as are available.

    >>> quotas(["a", "a", "b"], ["a", "a", "a", "b"], 2)
    {'a': 2, 'b': 0}
    """
    have, share = Counter(available), Counter(pool)
    exact = {kind: n * share[kind] / len(pool) for kind in sorted(share)}
    given = {kind: min(int(exact[kind]), have[kind]) for kind in exact}
    while sum(given.values()) < n:
        open_kinds = [kind for kind in given if given[kind] < have[kind]]
        best = max(open_kinds, key=lambda kind: (exact[kind] - given[kind], share[kind], kind))
        given[best] += 1
    return given


def _farthest(pool: Pool, rows: list[int], picked: list[int]) -> tuple[int, float | None]:
    """The row farthest from all picked ones, with its distance; the first row when none is."""
    if not picked:
        return rows[0], None
    gaps = pool.z_NM[rows][:, None, :] - pool.z_NM[picked][None, :, :]
    nearest = np.sqrt((gaps**2).sum(axis=2)).min(axis=1)
    best = int(nearest.argmax())
    return rows[best], float(nearest[best])


def _words(pool: Pool, index: int, distance: float | None) -> str:
    sd = float(np.sqrt(pool.epistemic_var_N[index]))
    kind = f" of the kind “{pool.strata[index]}”" if pool.strata[index] else ""
    if distance is None:
        return f"The least certain clip{kind}: its proxy MOS spreads by {sd:.2f} points."
    return (
        f"Among the least certain clips{kind} (spread {sd:.2f} points), and farthest from those "
        f"already picked (distance {distance:.2f} in normal scores)."
    )
