"""Which moment of one recording is which moment of another that says the same words.

Shape letters: T frames of 10 ms, C coefficients, M mel bands, N samples, J columns of the band, P
pairs of a path.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from learner.encoders.speaker_ge2e import mel_filters
from learner.media.clip import RATE_HZ

VERSION = "1"
HOP = 160
WINDOW, FFT, MELS, COEFFICIENTS = 400, 512, 40, 13
DEPTH_DB = 80.0  # below the loudest band nothing is told apart: silence is one thing
FRAMES_AT_ONCE = 4096
HALF_BAND = 500  # frames, 5 s, to either side of the straight line between the two ends
ROWS_AT_ONCE = 1024  # of the table of costs: the rest is computed a second time on the way back

Floats = NDArray[np.float64]
UP, SLANT, LEFT = 1, 0, 2  # where a cell of the table was reached from


def mfcc(speech_N: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is heard, but not how high: 13 cepstral coefficients, each of mean 0 and deviation 1.

    Source: Davis and Mermelstein (1980).

    Args:
        speech_N: Mono at 16 kHz.

    Returns:
        Shape (T, C), frame t around t * 10 ms; a coefficient that never changes is 0.

    >>> mfcc(np.sin(np.arange(16_000), dtype=np.float32)).shape
    (101, 13)
    """
    n_frames = len(speech_N) // HOP + 1
    padded = np.pad(speech_N, (WINDOW // 2, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:n_frames]
    bank_MF = mel_filters(RATE_HZ, FFT, MELS)
    power_TM = np.zeros((n_frames, MELS), dtype=np.float32)
    for first in range(0, n_frames, FRAMES_AT_ONCE):
        some = windows[first : first + FRAMES_AT_ONCE] * np.hanning(WINDOW)
        power_TM[first : first + len(some)] = np.abs(np.fft.rfft(some, FFT)) ** 2 @ bank_MF.T
    floor = max(float(power_TM.max()) * 10 ** (-DEPTH_DB / 10), 1e-20)
    basis_MC = dct(np.eye(MELS), norm="ortho")[:, :COEFFICIENTS].astype(np.float32)
    cepstrum_TC = np.log(np.maximum(power_TM, floor, out=power_TM), out=power_TM) @ basis_MC
    spread_C = cepstrum_TC.std(axis=0, dtype=np.float64)
    centred_TC = cepstrum_TC - cepstrum_TC.mean(axis=0, dtype=np.float64)
    return np.asarray(centred_TC / np.where(spread_C > 1e-6, spread_C, np.inf), dtype=np.float32)


def align(
    one_TC: NDArray[np.float32], other_TC: NDArray[np.float32], half_band: int = HALF_BAND
) -> tuple[NDArray[np.int64], float]:
    r"""The cheapest path through both, each in its order: dynamic time warping within a band.

    .. math:: D_{ij} = \|a_i - b_j\| + \min(D_{i-1,j-1}, D_{i-1,j}, D_{i,j-1})

    Only every 1024th row of the table is kept and the rest computed again on the way back: memory
    is that of 1024 rows of the band, some 20 MB for two hours against two hours.

    Source: Sakoe and Chiba (1978).

    Args:
        one_TC, other_TC: Frames of the two; their numbers may differ.
        half_band: How far from the straight line between both ends the path may go, in frames; up
            to twice as far near the ends.

    Returns:
        The path's pairs of frames, shape (P, 2), from (0, 0) to the last of both; and the mean
        distance of a pair on it.

    Raises:
        ValueError: one of the two has no frame.

    >>> quick = np.eye(3, dtype=np.float32)
    >>> path, distance = align(quick, np.repeat(quick, 2, axis=0))
    >>> path.tolist(), distance
    ([[0, 0], [0, 1], [1, 2], [1, 3], [2, 4], [2, 5]], 0.0)
    """
    if not (len(one_TC) and len(other_TC)):
        raise ValueError(f"{len(one_TC)} and {len(other_TC)} frames cannot be aligned")
    table = _Table(one_TC, other_TC, half_band)
    firsts = range(0, len(one_TC), ROWS_AT_ONCE)
    before = [table.before_first]
    for first in firsts[:-1]:
        before.append(table.rows(first, before[-1])[1])
    row, column = len(one_TC) - 1, len(other_TC) - 1
    pairs = []
    for first, before_J in zip(reversed(firsts), reversed(before), strict=True):
        steps_TJ, _ = table.rows(first, before_J)
        while row >= first:
            pairs.append((row, column))
            step = steps_TJ[row - first, column - table.low_T[row]]
            row, column = row - (step != LEFT), column - (step != UP)
    path_P2 = np.array(pairs[::-1])
    apart_PC = one_TC[path_P2[:, 0]] - other_TC[path_P2[:, 1]]
    return path_P2, float(np.sqrt((apart_PC**2).sum(axis=1)).mean())


class _Table:
    """Costs of the cheapest path to each cell of a band around the straight line."""

    def __init__(
        self, one_TC: NDArray[np.float32], other_TC: NDArray[np.float32], half_band: int
    ) -> None:
        self.one_TC, self.other_TC = one_TC, other_TC
        slope = (len(other_TC) - 1) / max(1, len(one_TC) - 1)
        half = max(half_band, int(np.ceil(slope)))  # or neighbouring rows would not meet
        self.width = min(len(other_TC), 2 * half + 1)
        middle_T = np.round(np.arange(len(one_TC)) * slope).astype(np.int64)
        self.low_T = np.clip(middle_T - half, 0, len(other_TC) - self.width)
        self._squares = (one_TC**2).sum(axis=1), (other_TC**2).sum(axis=1)

    @property
    def before_first(self) -> Floats:
        """A row above the first whose only way in leads to the cell (0, 0)."""
        return np.full(self.width, np.inf)

    def rows(self, first: int, before_J: Floats) -> tuple[NDArray[np.uint8], Floats]:
        """How each cell of up to 1024 rows was reached, and the costs of the last of them."""
        last = min(first + ROWS_AT_ONCE, len(self.one_TC))
        steps_TJ = np.empty((last - first, self.width), dtype=np.uint8)
        costs_J = before_J
        for row in range(first, last):
            steps_TJ[row - first], costs_J = self._row(row, costs_J)
        return steps_TJ, costs_J

    def _row(self, row: int, before_J: Floats) -> tuple[NDArray[np.uint8], Floats]:
        """One row from the one above: from there by a minimum, along the row by a running one."""
        shift = int(self.low_T[row] - self.low_T[row - 1]) if row else 0
        above = np.concatenate([[np.inf], before_J, np.full(shift, np.inf)])
        up_J = above[shift + 1 : shift + 1 + self.width]
        slant_J = above[shift : shift + self.width]
        if row == 0:
            slant_J[0] = 0.0
        entry_J = np.minimum(slant_J, up_J)
        own_J = self._distances(row)
        sums_J = np.cumsum(own_J)
        # Along a row costs only add up: less their running sum, the cheapest entry so far stays.
        entered_J = entry_J - (sums_J - own_J)
        best_J = np.minimum.accumulate(entered_J)
        steps_J = np.where(best_J < entered_J, LEFT, np.where(slant_J <= up_J, SLANT, UP))
        return steps_J.astype(np.uint8), best_J + sums_J

    def _distances(self, row: int) -> Floats:
        columns = slice(int(self.low_T[row]), int(self.low_T[row]) + self.width)
        products_J = self.other_TC[columns] @ self.one_TC[row]
        squares_J = self._squares[0][row] + self._squares[1][columns] - 2 * products_J
        return np.asarray(np.sqrt(np.maximum(squares_J, 0.0)), dtype=np.float64)
