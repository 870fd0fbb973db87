"""Pick where the proxy MOS is least sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card
from learner.strategies.protocol import Floats, Pick, Pool, Strategy


class Uncertainty(Strategy):
    """The clips with the highest entropy of the proxy MOS.

    Source: the paper's section 2.3; Seung et al. (1992), query by committee.
    """

    card = Card(
        name="uncertainty",
        version="1",
        title="Uncertainty (entropy of the proxy MOS)",
        source="the paper's section 2.3; Seung et al. (1992)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """Highest entropy first; chance decides between equals."""
        entropy_N = pool.entropy_N
        order = pool.places(n).first_of_each(by_entropy(entropy_N, random))
        ranked = np.sort(pool.epistemic_var_N)
        return [
            Pick(int(index), float(entropy_N[index]), _words(pool, int(index), ranked))
            for index in order
        ]


def by_entropy(entropy_N: Floats, random: np.random.Generator) -> NDArray[np.int64]:
    """Rows from the highest entropy down, equals in random order."""
    shuffled = random.permutation(len(entropy_N))
    return np.asarray(shuffled[np.argsort(-entropy_N[shuffled], kind="stable")])


def _words(pool: Pool, index: int, ranked: Floats) -> str:
    variance = pool.epistemic_var_N[index]
    below = np.searchsorted(ranked, variance) / len(ranked)
    return (
        f"The committee's proxy MOS of this clip{pool.kind(index)} spreads by "
        f"{float(np.sqrt(variance)):.2f} points, more than that of {below:.0%} of the pool."
    )
