"""Greedy choice by gains that only ever fall, without looking at every clip for every pick.

Shape letters: N clips of the pool, B a block of them, M metrics.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from learner.strategies.strata import Strata

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BLOCK = 16_384  # rows whose gains are kept exact
CHUNK = 4096  # rows looked at together: their metrics and gains stay in the cache
# Gains this close, relative to the larger, count as equal, and the lower row wins: what a row is
# worth may differ in its last digits with the block that it is computed in.
TOLERANCE = 1e-10
# Looking also at clips that are worth half the best as far as known: else the block would soon be
# cut by bounds that nobody has looked at for long, and be formed anew for every other pick.
WIDER = 0.7
LOWEST = np.finfo(np.float64).min  # above what closed rows bear


class Objective(Protocol):
    """What a greedy choice maximises: gains of at least 0 that fall as clips are taken."""

    @property
    def taken(self) -> int:
        """How many clips gains account for now."""

    def bounds(self, z_BM: Floats) -> tuple[Floats, int]:
        """Gains, or bounds above them, and how many clips these account for."""

    def gains(self, z_BM: Floats, bounds_B: Floats, since: int) -> Floats:
        """Gains now, of bounds that account for the first `since` clips."""

    def take(self, z_M: Floats) -> None:
        """Account for one clip more."""


def lazy_greedy(
    objective: Objective, z_NM: Floats, strata: Strata, block: int = BLOCK
) -> tuple[list[int], list[float]]:
    """Take the clip of the highest gain, again and again, until all quotas are filled.

    The same clips as by looking at all of them for every pick: a gain that was once computed bounds
    what the clip can be worth later, so a clip whose bound lies below the best is left alone.

    Source: Minoux (1978), accelerated greedy algorithms, in blocks in place of a queue.

    Args:
        objective: Gains; accounts for the picks afterwards.
        z_NM: Metrics.
        strata: Kinds and quotas, which are met exactly.
        block: Rows whose gains are kept exact.

    Returns:
        Rows in the order of picking, and what each gained when it was picked. Equals: the lower
        row first.
    """
    left_G = strata.quota_G.copy()
    front = _Front(objective, z_NM, block)
    for kind in np.flatnonzero(left_G == 0):
        front.close(strata.rows[kind])
    front.gather()
    rows: list[int] = []
    gains: list[float] = []
    for _ in range(int(left_G.sum())):
        row, gain = front.best()
        rows.append(row)
        gains.append(gain)
        front.take(row)
        kind = strata.code_N[row]
        left_G[kind] -= 1
        if left_G[kind] == 0 and left_G.any():
            front.close(strata.rows[kind])
    return rows, gains


class _Front:
    """A block of rows with exact gains before the rest, whose bounds all lie below `cut`."""

    def __init__(self, objective: Objective, z_NM: Floats, block: int) -> None:
        self.objective, self.z_NM, self.block = objective, z_NM, block
        self.bound_N = np.empty(len(z_NM))
        self.since_N = np.empty(len(z_NM), dtype=np.int32)
        for at in range(0, len(z_NM), CHUNK):
            here = slice(at, at + CHUNK)
            self.bound_N[here], self.since_N[here] = objective.bounds(z_NM[here])
        self.rows_B, self.gain_B = np.empty(0, dtype=np.int64), np.empty(0)
        self.since, self.cut = 0, np.inf
        # Where the block is cut is told by a sample: to partition a million bounds takes far
        # longer. Drawn, since every so many-th clip may fall in step with the order of kinds.
        drawn = np.random.default_rng(0).integers(len(z_NM), size=block)
        self.sample = drawn if len(z_NM) > block else np.arange(len(z_NM))

    def best(self) -> tuple[int, float]:
        """The row of the highest gain, the lowest of equals, and the gain."""
        top = float(self.gain_B.max(initial=-np.inf))
        if top == -np.inf:  # the kinds of all of the block are full
            self._keep()
            self.gather()
            top = float(self.gain_B.max())
        if _nearly(top) < self.cut:
            self._look_wider(top)
            top = float(self.gain_B.max())
        at = int((self.gain_B >= _nearly(top)).argmax())
        return int(self.rows_B[at]), float(self.gain_B[at])

    def take(self, row: int) -> None:
        """Account for this row everywhere, and never offer it again."""
        self.objective.take(self.z_NM[row])
        self.close(np.array([row]))
        self.gain_B = self.objective.gains(self.z_BM, self.gain_B, self.since)
        self.since = self.objective.taken

    def close(self, rows: Ints) -> None:
        """Never offer these rows again."""
        self.bound_N[rows] = -np.inf
        if len(self.rows_B):
            at = np.minimum(np.searchsorted(self.rows_B, rows), len(self.rows_B) - 1)
            self.gain_B[at[self.rows_B[at] == rows]] = -np.inf

    def gather(self) -> None:
        """Form the block anew of about as many rows as it may have, the highest bounds first."""
        bounds = self.bound_N[self.sample]
        wanted = max(1, self.block * len(bounds) // len(self.bound_N))
        is_all = wanted >= len(bounds)
        # Just below: all that equal the bound at the cut must be in the block.
        at_cut = -np.inf if is_all else float(np.partition(bounds, -wanted)[-wanted])
        self.cut = _nearly(_nearly(at_cut))
        self.rows_B = np.flatnonzero(self.bound_N >= max(self.cut, LOWEST))
        self._refresh(self.rows_B)
        self.z_BM, self.gain_B = self.z_NM.take(self.rows_B, axis=0), self.bound_N[self.rows_B]
        self.since = self.objective.taken

    def _look_wider(self, top: float) -> None:
        """Some row of the rest may be worth more than the block's best: look at all that may."""
        self._keep()
        may_N = self.bound_N >= max(WIDER * _nearly(top), LOWEST)
        may_N &= self.since_N < self.objective.taken
        self._refresh(np.flatnonzero(may_N))
        self.gather()

    def _keep(self) -> None:
        """Write down what the block knows."""
        self.bound_N[self.rows_B], self.since_N[self.rows_B] = self.gain_B, self.since

    def _refresh(self, rows: Ints) -> None:
        """Make the gains of these rows exact, those last looked at together by chunks."""
        for at in range(0, len(rows), CHUNK):
            part = rows[at : at + CHUNK]
            since_B = self.since_N[part]
            for since in np.unique(since_B[since_B < self.objective.taken]):
                same = part[since_B == since]
                z_BM, bounds_B = self.z_NM.take(same, axis=0), self.bound_N.take(same)
                self.bound_N[same] = self.objective.gains(z_BM, bounds_B, int(since))
            self.since_N[part] = self.objective.taken


def _nearly(top: float) -> float:
    """The least that counts as equal."""
    return top * (1 - TOLERANCE) if top > 0 else top
