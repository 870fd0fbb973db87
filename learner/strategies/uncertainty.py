"""Pick where the proxy MOS is least sure."""

from __future__ import annotations

import numpy as np

from learner.registry import Card
from learner.strategies.protocol import Pick, Pool, Strategy


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
        order = by_entropy(entropy_N, random)[:n]
        return [
            Pick(int(index), float(entropy_N[index]), _words(pool, int(index))) for index in order
        ]


def by_entropy(entropy_N: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rows from the highest entropy down, equals in random order."""
    return np.lexsort((random.permutation(len(entropy_N)), -entropy_N))


def _words(pool: Pool, index: int) -> str:
    sd = float(np.sqrt(pool.epistemic_var_N[index]))
    above = float((pool.epistemic_var_N < pool.epistemic_var_N[index]).mean())
    return (
        f"The committee's proxy MOS of this clip spreads by {sd:.2f} points, more than that of "
        f"{above:.0%} of the pool."
    )
