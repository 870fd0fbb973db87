"""Pooling over time, piece by piece, so that a long clip needs no more memory.

Shape letters: T frames, D width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Pool:
    """Mean and standard deviation of frames that come in pieces.

    Args:
        width: Of a frame.

    >>> pool = Pool(1)
    >>> pool.add(np.array([[1.0], [3.0]])), pool.add(np.array([[5.0]]))
    (None, None)
    >>> [round(one, 3) for one in pool.mean_and_sd().tolist()]
    [3.0, 1.633]
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean_D = np.zeros(width)
        self.squares_D = np.zeros(width)  # of distances from the mean so far

    def add(self, frames_TD: NDArray[np.floating]) -> None:
        """One more piece.

        Source: Chan, Golub and LeVeque (1979), the update of a variance by pieces.
        """
        if not len(frames_TD):
            return
        piece_TD = frames_TD.astype(np.float64)
        mean_D, n = piece_TD.mean(axis=0), len(piece_TD)
        apart_D, total = mean_D - self.mean_D, self.count + n
        self.squares_D += ((piece_TD - mean_D) ** 2).sum(axis=0)
        self.squares_D += apart_D**2 * self.count * n / total
        self.mean_D += apart_D * n / total
        self.count = total

    def mean_and_sd(self) -> NDArray[np.float32]:
        """Shape (2 D,): the mean, then the standard deviation over time.

        Raises:
            ValueError: no frame came.
        """
        if not self.count:
            raise ValueError("no frames to pool")
        sd_D = np.sqrt(self.squares_D / self.count)
        return np.concatenate([self.mean_D, sd_D]).astype(np.float32)
