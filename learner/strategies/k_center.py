"""Pick the clips that are farthest from all that is labelled or picked."""

from __future__ import annotations

import numpy as np

from learner.registry import Card
from learner.strategies._greedy import farthest_first
from learner.strategies.protocol import Pick, Pool, Strategy


class KCenter(Strategy):
    r"""Farthest first: each pick has the largest :math:`\min_c |z_i - z_c|`.

    c runs over labelled clips and earlier picks; without labels the corpus's centre stands for one.

    Source: Gonzalez (1985); Sener and Savarese (2018), core-set.
    """

    card = Card(
        name="k_center",
        version="1",
        title="k-center (covers the pool)",
        source="Gonzalez (1985); Sener and Savarese (2018)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The clip that is least like any labelled one, then others in the light of that."""
        known = pool.labelled_LM if len(pool.labelled_LM) else np.zeros((1, pool.z_NM.shape[1]))
        found = farthest_first(pool.z_NM, known, n, pool.places(n))
        return [Pick(index, distance, _words(pool, index, distance)) for index, distance in found]


def _words(pool: Pool, index: int, distance: float) -> str:
    return (
        f"No clip that is labelled or picked is like this one{pool.kind(index)}: the nearest is "
        f"{distance:.2f} away in normal scores."
    )
