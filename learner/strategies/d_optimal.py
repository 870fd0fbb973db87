"""Pick the clips that pin the weights down most: the default."""

from __future__ import annotations

import numpy as np

from learner.registry import Card
from learner.strategies._greedy import Ints, greedy
from learner.strategies.protocol import Floats, Pick, Pool, Strategy

RIDGE = 1.0  # as if each weight had been seen once: without labels the design is still defined


class DOptimal(Strategy):
    r"""Greedy D-optimal design on the normalised metrics.

    .. math:: A = (Z_L^\top Z_L + I)^{-1}, \quad q_i = z_i^\top A z_i, \quad
       A \leftarrow A - \frac{A z z^\top A}{1 + q}

    Each pick has the largest q: it raises :math:`\ln\det A^{-1}` by :math:`\ln(1+q)`, the most any
    clip can. No intercept, because normal scores are centred on the corpus.

    Source: Fedorov (1972); Nemhauser et al. (1978) for greedy picks.
    """

    card = Card(
        name="d_optimal",
        version="1",
        title="D-optimal (pins the weights down)",
        source="Fedorov (1972)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The clip labels so far say least about, then what is left in the light of that."""
        z_NM, known = pool.z_NM, pool.labelled_LM
        spread = np.linalg.inv(known.T @ known + RIDGE * np.eye(z_NM.shape[1]))

        def leverage(rows: Ints) -> Floats:
            wanted = z_NM if len(rows) == len(z_NM) else z_NM[rows]
            return np.asarray(np.einsum("nm,nm->n", wanted @ spread, wanted))

        picks = []
        for index, score in greedy(leverage(np.arange(len(z_NM))), n, pool.places(n), leverage):
            along = spread @ z_NM[index]
            spread = spread - np.outer(along, along) / (1 + score)
            picks.append(Pick(index, score, _words(pool, index, score)))
        return picks


def _words(pool: Pool, index: int, leverage: float) -> str:
    return (
        f"Labels and picks so far say little about a clip{pool.kind(index)} with such metrics "
        f"(leverage {leverage:.2f}): its label narrows what the weights can be by "
        f"{1 - 1 / np.sqrt(1 + leverage):.0%}."
    )
