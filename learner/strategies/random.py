"""Pick at random: the baseline that every other strategy must beat."""

from __future__ import annotations

import numpy as np

from learner.registry import Card
from learner.strategies.protocol import Pick, Pool, Strategy


class Random(Strategy):
    """Every clip of the pool is as likely as any other; by kind, every one of its kind."""

    card = Card(
        name="random",
        version="2",
        title="Random",
        source="the baseline of the paper's table 4",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """Draw without replacement, and mix the kinds."""
        strata = pool.strata
        drawn = [
            random.choice(rows, size=int(quota), replace=False)
            for rows, quota in zip(strata.rows, strata.quota_G, strict=True)
        ]
        return [
            Pick(int(row), None, f"Drawn at random from the {_size(pool, row)}.")
            for row in random.permutation(np.concatenate(drawn))
        ]


def _size(pool: Pool, row: int) -> str:
    clips = len(pool.strata.rows[pool.strata.code_N[row]])
    return f"{clips} clips{pool.strata.words(row)} in the pool"
