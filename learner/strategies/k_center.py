"""Pick the clips farthest from all that are labelled: every clip gets a labelled one nearby.

Shape letters: N clips of the pool, L labelled clips, C centres, M metrics, B a block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from learner.registry import Card
from learner.strategies.lazy_greedy import lazy_greedy
from learner.strategies.protocol import Pick, Pool, Strategy

Floats = NDArray[np.float64]
FIRST_LOOK = 16  # centres in the first bounds: with more most clips would be measured in vain
CENTRES = 64  # measured at once, so that distances of a chunk stay in the cache


class KCenter(Strategy):
    r"""Each pick is the clip whose nearest labelled or picked clip is farthest away.

    .. math:: i = \arg\max_i \min_{c \in L \cup \text{picks}} |z_i - z_c|

    Source: Gonzalez (1985), at most twice the radius of the best choice; Sener & Savarese (2018),
    core-sets for active learning.
    """

    card = Card(
        name="k_center",
        version="1",
        title="k-center (farthest from what is labelled)",
        source="Gonzalez (1985); Sener & Savarese (2018)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The farthest first; while nothing is labelled the mean of the pool stands in for it."""
        centres_LM = pool.labelled_LM
        is_first = len(centres_LM) == 0
        if is_first:
            centres_LM = pool.z_NM.mean(axis=0, keepdims=True)
        rows, squares = lazy_greedy(Nearest(centres_LM), pool.z_NM, pool.strata)
        far = np.sqrt(squares)
        return [
            Pick(row, float(far[at]), _words(pool, row, far[at], is_first and at == 0))
            for at, row in enumerate(rows)
        ]


class Nearest:
    """Squared distances to the nearest of some centres.

    Args:
        centres_CM: At least one.

    >>> near = Nearest(np.array([[0.0, 0.0]]))
    >>> near.take(np.array([4.0, 0.0]))
    >>> near.gains(np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([np.inf, np.inf]), 0).tolist()
    [1.0, 9.0]
    """

    def __init__(self, centres_CM: Floats) -> None:
        self._centres = list(centres_CM)

    @property
    def taken(self) -> int:
        """How many centres there are."""
        return len(self._centres)

    def bounds(self, z_BM: Floats) -> tuple[Floats, int]:
        """Distances to the first few centres."""
        looked = min(FIRST_LOOK, self.taken)
        return cdist(z_BM, np.array(self._centres[:looked]), "sqeuclidean").min(axis=1), looked

    def gains(self, z_BM: Floats, bounds_B: Floats, since: int) -> Floats:
        """Squared distance to the nearest centre, given that to the nearest of the first ones."""
        nearest_B = bounds_B
        for at in range(since, self.taken, CENTRES):
            new_CM = np.array(self._centres[at : at + CENTRES])
            nearest_B = np.minimum(nearest_B, cdist(z_BM, new_CM, "sqeuclidean").min(axis=1))
        return nearest_B

    def take(self, z_M: Floats) -> None:
        """One centre more."""
        self._centres.append(z_M)


def _words(pool: Pool, row: int, far: float, is_first: bool) -> str:
    kind = pool.strata.words(row)
    if is_first:
        return (
            f"Nothing is labelled yet: of all clips{kind} it lies farthest from the middle of the "
            f"pool (distance {far:.2f} in normal scores)."
        )
    return (
        f"Of the clips left{kind} it is the least like any labelled or picked one: the nearest "
        f"lies {far:.2f} away in normal scores."
    )
