"""Labelled clips as sums over units, from which weights of any draw follow without the clips.

A unit is what is drawn or left out as a whole: a source with all its dubs, or a block of them where
there are many. Shape letters: N clips, M metrics, U units, D draws, K = M + 2 columns (1, z, y).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_UNITS = 1000  # more make no interval better, only slower
FEWEST_SOURCES = 8  # of fewer, clips are drawn: leaving one source out would leave nothing to learn


def units_of(sources: ArrayLike | None, n: int) -> Ints:
    """Which unit each clip belongs to, shape (N,): its source, or itself where none is known.

    Beyond 1000 units they are joined to blocks, in turn, so that blocks are alike.

    Args:
        sources: Any labels, shape (N,); None where every clip stands alone.
        n: Number of clips.

    Raises:
        ValueError: not one source a clip.

    >>> units_of(["b", "a", "b"], 3).tolist()  # fewer than 8 sources
    [0, 1, 2]
    """
    codes_N = np.arange(n)
    if sources is not None:
        given = np.asarray(sources)
        if given.shape != (n,):
            raise ValueError(f"Sources of shape {given.shape} do not fit {n} clips.")
        names, found_N = np.unique(given, return_inverse=True)
        if len(names) >= FEWEST_SOURCES:
            codes_N = found_N
    return np.asarray(codes_N % MOST_UNITS, dtype=np.int64)


@dataclass(frozen=True)
class Centred:
    """What every rule for weights needs to know of clips, their metrics and MOS centred.

    Args:
        gram: :math:`Z_c^\\top C Z_c`, shape (M, M).
        against: :math:`Z_c^\\top C y_c`, shape (M,).
        total: :math:`y_c^\\top C y_c`.
        n: Clips, or the sum of their counts.
    """

    gram: Floats
    against: Floats
    total: float
    n: float

    @property
    def correlations(self) -> Floats:
        """Of each metric with MOS, shape (M,); NaN where one of them does not vary."""
        spread_M = np.diag(self.gram) * self.total
        is_there = spread_M > 1e-24
        return np.where(is_there, self.against / np.sqrt(np.where(is_there, spread_M, 1.0)), np.nan)


def centred(sums: Floats) -> Centred:
    """Of sums of shape (K, K)."""
    n = float(sums[0, 0])
    moved = sums[1:, 1:] - np.outer(sums[0, 1:], sums[0, 1:]) / n
    return Centred(moved[:-1, :-1], moved[:-1, -1], float(moved[-1, -1]), n)


def unit_sums(columns: Sequence[ArrayLike], unit_N: Ints, count_N: Floats) -> Floats:
    """Sums of all products of 1 and the columns over each unit, shape (U, K, K).

    Args:
        columns: Each of shape (N,) or (N, M).
        unit_N: Unit of each clip.
        count_N: How much each clip counts.
    """
    full_NK = np.column_stack([np.ones(len(unit_N)), *columns])
    n_units = int(unit_N.max()) + 1
    if n_units == len(unit_N):
        order = np.argsort(unit_N)
        ordered = full_NK[order]
        return np.asarray(np.einsum("nj,nk,n->njk", ordered, ordered, count_N[order]))
    order = np.argsort(unit_N, kind="stable")
    ends = np.cumsum(np.bincount(unit_N, minlength=n_units))
    ordered, counts = full_NK[order], count_N[order, None]
    parts = np.split(np.arange(len(order)), ends[:-1])
    return np.array([ordered[rows].T @ (counts[rows] * ordered[rows]) for rows in parts])


def drawn_sums(sums_UKK: Floats, chance_DU: Floats) -> Floats:
    """Sums of draws that count each unit so many times, shape (D, K, K)."""
    n_units, width, _ = sums_UKK.shape
    flat = chance_DU @ sums_UKK.reshape(n_units, width * width)
    return np.asarray(flat.reshape(len(chance_DU), width, width))


def drawn_correlations(sums_DKK: Floats) -> Floats:
    """Of each column with the last, for each draw, shape (D, K - 2); NaN where one is constant."""
    mean_DK = sums_DKK[:, 0, 1:] / sums_DKK[:, :1, 0]
    scaled = sums_DKK[:, 1:, 1:] / sums_DKK[:, :1, :1]
    moved = scaled - mean_DK[:, :, None] * mean_DK[:, None, :]
    variance_DK = np.einsum("dkk->dk", moved)
    spread = variance_DK[:, :-1] * variance_DK[:, -1:]
    is_there = spread > 1e-24
    return np.where(is_there, moved[:, :-1, -1] / np.sqrt(np.where(is_there, spread, 1)), np.nan)


def widened_tails(n_units: int, level: float) -> tuple[float, float]:
    r"""Shares of draws below and above an interval, wider for few units as Student's are.

    :math:`\Phi(\mp\sqrt{U/(U-1)}\,t_{U-1})`. Source: Hesterberg (2015).

    >>> [round(share, 3) for share in widened_tails(10, 0.9)]
    [0.027, 0.973]
    """
    reach = np.sqrt(n_units / (n_units - 1)) * scipy.stats.t.ppf((1 + level) / 2, n_units - 1)
    outside = float(scipy.stats.norm.sf(reach))
    return outside, 1 - outside
