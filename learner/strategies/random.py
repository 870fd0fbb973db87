"""Pick at random: the baseline that every other strategy must beat."""

from __future__ import annotations

import numpy as np

from learner.registry import Card
from learner.strategies.protocol import Pick, Pool, Strategy


class Random(Strategy):
    """Every clip of the pool is as likely as any other; of its kind, where kinds have shares."""

    card = Card(
        name="random",
        version="1",
        title="Random",
        source="the baseline of the paper's table 4",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """Draw without replacement."""
        drawn = pool.places(n).first_of_each(random.permutation(len(pool.z_NM)))
        return [
            Pick(int(index), None, f"Drawn at random{pool.kind(int(index))}.") for index in drawn
        ]
