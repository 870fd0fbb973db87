"""Pick where the proxy MOS is least sure."""

from __future__ import annotations

import numpy as np

from learner.registry import Card
from learner.strategies.protocol import Pick, Pool, Strategy
from learner.strategies.strata import leaders


class Uncertainty(Strategy):
    """The clips with the highest entropy of the proxy MOS.

    Source: the paper's section 2.3; Seung et al. (1992), query by committee.
    """

    card = Card(
        name="uncertainty",
        version="2",
        title="Uncertainty (entropy of the proxy MOS)",
        source="the paper's section 2.3; Seung et al. (1992)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """Highest entropy first; chance decides between equals."""
        entropy_N = pool.entropy_N
        rows = leaders(entropy_N, pool.strata, random)
        variance_N = pool.epistemic_var_N
        # Sorted once: counting anew for every pick would read the whole pool each time.
        below = np.searchsorted(np.sort(variance_N), variance_N[rows]) / len(variance_N)
        return [
            Pick(int(row), float(entropy_N[row]), _words(pool, int(row), share))
            for row, share in zip(rows, below, strict=True)
        ]


def _words(pool: Pool, row: int, below: float) -> str:
    sd = float(np.sqrt(pool.epistemic_var_N[row]))
    return (
        f"The committee's proxy MOS of this clip{pool.strata.words(row)} spreads by {sd:.2f} "
        f"points, more than that of {below:.0%} of the pool."
    )
