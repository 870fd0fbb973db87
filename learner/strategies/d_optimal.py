"""Pick the clips that say most about the weights: greedy D-optimal design.

Shape letters: N clips of the pool, L labelled clips, M metrics, P = M + 1 parameters, B a block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card
from learner.strategies.lazy_greedy import lazy_greedy
from learner.strategies.protocol import Pick, Pool, Strategy

Floats = NDArray[np.float64]


class DOptimal(Strategy):
    r"""Each pick is the clip that adds most to the determinant of the information on the weights.

    .. math:: q_i = x_i^\top A\,x_i,\quad A = (X_L^\top X_L + I)^{-1},\quad
       \ln\det(A^{-1} + x_i x_i^\top) - \ln\det A^{-1} = \ln(1 + q_i)

    with :math:`x_i = (1, z_i)`. After a pick :math:`A^{-1}` gains :math:`x_i x_i^\top`, and the
    next pick is the best given all before. The one is for the offset of MOS: the weights are fitted
    to metrics less their mean, so what counts is their spread about the mean of the labelled clips,
    which is the information with the offset taken out. Without the one a clip and its mirror image
    would be worth the same, and all picks could lie on one side.

    Source: Fedorov (1972) for the exchange criterion; Wynn (1970) for adding clip by clip.
    """

    card = Card(
        name="d_optimal",
        version="1",
        title="D-optimal (most information on the weights)",
        source="Wynn (1970); Fedorov (1972)",
        licence="Apache-2.0",
    )

    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """The clip of the highest gain first; of equals the first in the pool."""
        rows, gains = lazy_greedy(Information(pool.labelled_LM), pool.z_NM, pool.strata)
        return [
            Pick(row, float(np.log1p(gain)), _words(pool, row, gain))
            for row, gain in zip(rows, gains, strict=True)
        ]


class Information:
    """What labelled and taken clips say of offset and weights, with a unit ridge.

    Args:
        labelled_LM: Normalised metrics of labelled clips; L may be 0.

    >>> said = Information(np.zeros((0, 1)))
    >>> said.gains(np.array([[2.0]]), np.array([np.inf]), 0).tolist()  # 1 + 2 * 2
    [5.0]
    >>> said.take(np.array([2.0]))
    >>> round(float(said.gains(np.array([[2.0]]), np.array([5.0]), 0)[0]), 3)  # 5 / (1 + 5)
    0.833
    """

    def __init__(self, labelled_LM: Floats) -> None:
        x_LP = np.column_stack([np.ones(len(labelled_LM)), labelled_LM])
        self.information_PP = x_LP.T @ x_LP + np.eye(x_LP.shape[1])
        self.taken = 0
        self._last: tuple[Floats, float, float] | None = None
        self._factor()

    def bounds(self, z_BM: Floats) -> tuple[Floats, int]:
        """The gains themselves: they cost no more than a bound."""
        return self.gains(z_BM, np.empty(0), 0), self.taken

    def gains(self, z_BM: Floats, bounds_B: Floats, since: int) -> Floats:
        """q of each clip, shape (B,): a rank-1 step on from before the last pick, or all anew."""
        if self._last is not None and since == self.taken - 1:
            fell_M, fell_offset, grew = self._last
            along_B = z_BM @ fell_M
            along_B += fell_offset
            along_B *= along_B
            along_B /= grew
            return np.subtract(bounds_B, along_B, out=along_B)
        y_BP = z_BM @ self._root_PP[1:]
        y_BP += self._root_PP[0]
        return np.asarray(np.einsum("bp,bp->b", y_BP, y_BP))

    def take(self, z_M: Floats) -> None:
        """Add one clip."""
        x_P = np.concatenate([[1.0], z_M])
        fell_P = self._root_PP @ (self._root_PP.T @ x_P)
        self._last = (fell_P[1:], fell_P[0], 1 + x_P @ fell_P)
        self.information_PP += np.outer(x_P, x_P)
        self.taken += 1
        self._factor()

    def _factor(self) -> None:
        # A sum of squares and its root never lose their sign to rounding, as an inverse that is
        # updated a thousand times may; P cubed is nothing beside one look at a block.
        self._root_PP = np.linalg.inv(np.linalg.cholesky(self.information_PP)).T


def _words(pool: Pool, row: int, gain: float) -> str:
    shrinks = 1 - 1 / np.sqrt(1 + gain)
    return (
        f"Of the clips left{pool.strata.words(row)} its metrics say most about the weights: rating "
        f"it shrinks the region they may lie in by {shrinks:.0%} ({np.log1p(gain):.2f} nats)."
    )
