"""The pool on a map: what is labelled, what was picked, and what else there was to pick.

N clips, M columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.charts.frame import across, down, is_known, reach, spread_evenly

KINDS = ("pool", "labelled", "picked")
MOST_POOL = 2000
MOST_NUMBERS = 30
SHAPES = {"widest": 2.4, "wide": 1.5, "square": 1.0}  # of the drawing: width by height
RIM = 0.04  # of the spread, kept free around it


@dataclass(frozen=True)
class Projection:
    """Points on a plane, and what share of the variance each of its two directions has."""

    xy_N2: NDArray[np.float64]
    explained_2: tuple[float, float]


def project_2d(z_NM: ArrayLike) -> Projection:
    r"""Principal components, the first two.

    .. math:: Z - \bar Z = U S V^\top, \quad XY = U_2 S_2

    Signs are fixed: of each direction the largest loading is positive, so that the same clips make
    the same map.

    Source: Pearson (1901), by singular values.

    Args:
        z_NM: Standardised features, shape (N, M). A cell that is not finite takes the mean of its
            column; a row without any finite cell has no place.

    Returns:
        Places in the units of `z_NM`, NaN for rows without a place, and the shares of variance,
        each 0 to 1. A direction without variance is 0 everywhere and has a share of 0.

    Raises:
        ValueError: not two dimensions.

    >>> found = project_2d([[0.0, 0.0], [3.0, 4.0]])
    >>> found.xy_N2.round(6).tolist(), [round(share, 6) for share in found.explained_2]
    ([[-2.5, 0.0], [2.5, 0.0]], [1.0, 0.0])
    """
    z = np.array(z_NM, dtype=np.float64)
    if z.ndim != 2:
        raise ValueError(f"a table of clips by columns is needed, not shape {z.shape}")
    is_cell = np.isfinite(z)
    rows = is_cell.any(axis=1)
    xy = np.full((len(z), 2), np.nan)
    kept, is_kept = z[rows], is_cell[rows]
    xy[rows] = 0.0
    # Of the largest numbers even a sum is infinite, so all are made small for the while.
    size = float(np.abs(np.where(is_kept, kept, 0.0)).max(initial=0.0))
    if size <= 0:
        return Projection(xy, (0.0, 0.0))
    small = np.where(is_kept, kept, 0.0) / size
    mean_M = small.sum(axis=0) / np.maximum(is_kept.sum(axis=0), 1)
    centred = np.where(is_kept, small - mean_M, 0.0)
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    is_flat = s <= 1e-12 * np.sqrt(centred.size)
    variance = np.where(is_flat, 0.0, s**2)
    total = float(variance.sum())
    explained = [0.0, 0.0]
    for i in range(min(2, len(s))):
        if not is_flat[i]:
            # Rounded, so that the last bit does not choose between two equal loadings.
            sign = np.sign(vt[i][np.argmax(np.abs(vt[i]).round(9))])
            xy[rows, i] = u[:, i] * s[i] * sign * size
            explained[i] = float(variance[i]) / total
    return Projection(xy, (explained[0], explained[1]))


@dataclass(frozen=True)
class PoolDot:
    """A clip: its place, its words, the clip to play, and of a picked one its rank.

    Args:
        is_numbered: Its rank is written on it; all ranks would hide the map.
    """

    x: str
    y: str
    words: str
    clip: str
    rank: int | None
    is_reserve: bool
    is_numbered: bool


@dataclass(frozen=True)
class PoolMap:
    """The map; both its axes have the same unit, so that near is near in all directions.

    Args:
        shape: One of SHAPES, the widest that the points need no more height than.
        n_left_out: Clips of the pool that are not drawn, because nobody could tell so many apart.
        n_without: Clips that have no place.
    """

    pool: list[PoolDot]
    labelled: list[PoolDot]
    picked: list[PoolDot]
    shape: str
    n_left_out: int
    n_without: int
    has_reserve: bool


RawPoint = tuple[float, float, str, str, str, int | None, bool]


def pool_map(points: Sequence[RawPoint]) -> PoolMap:
    """Lay out (x, y, kind, words, public id, rank or None, whether it is in reserve).

    Raises:
        ValueError: a kind that is not one of KINDS.

    >>> clips = [(0, 0, "pool", "a", "", None, False), (2, 2, "picked", "b", "", 1, False)]
    >>> chart = pool_map(clips)
    >>> chart.picked[0].rank, len(chart.pool), chart.n_left_out
    (1, 1, 0)
    """
    odd = {point[2] for point in points} - set(KINDS)
    if odd:
        raise ValueError(f"{sorted(odd)} are none of {KINDS}")
    known = [point for point in points if is_known(point[0], point[1])]
    x_lo, x_hi = reach(point[0] for point in known)
    y_lo, y_hi = reach(point[1] for point in known)
    shape = next((s for s, w in SHAPES.items() if (y_hi - y_lo) * w <= x_hi - x_lo), "square")
    (x_lo, x_hi), (y_lo, y_hi) = _of_one_unit((x_lo, x_hi), (y_lo, y_hi), SHAPES[shape])

    def laid_out(some: Sequence[RawPoint]) -> list[PoolDot]:
        return [
            PoolDot(
                x=across(x, x_lo, x_hi),
                y=down(y, y_lo, y_hi),
                words=words,
                clip=clip,
                rank=rank,
                is_reserve=is_reserve,
                is_numbered=rank is not None and rank <= MOST_NUMBERS,
            )
            for x, y, _, words, clip, rank, is_reserve in some
        ]

    pool, labelled, picked = ([point for point in known if point[2] == kind] for kind in KINDS)
    drawn = [pool[i] for i in spread_evenly(len(pool), MOST_POOL)]
    picked.sort(key=lambda point: (point[5] is None, point[5] or 0))
    return PoolMap(
        pool=laid_out(drawn),
        labelled=laid_out(labelled),
        picked=laid_out(picked),
        shape=shape,
        n_left_out=len(pool) - len(drawn),
        n_without=len(points) - len(known),
        has_reserve=any(point[6] for point in picked),
    )


def _of_one_unit(
    x: tuple[float, float], y: tuple[float, float], width: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Widen the shorter of two reaches until both have one unit in a drawing of that width by 1.

    >>> (x_lo, x_hi), (y_lo, y_hi) = _of_one_unit((0.0, 2.0), (0.0, 1.0), 1.0)
    >>> round(x_hi - x_lo, 6), round(y_hi - y_lo, 6)
    (2.16, 2.16)
    """
    half = max((x[1] - x[0]) / width, y[1] - y[0]) * (1 / 2 + RIM)
    middle_x, middle_y = (x[0] + x[1]) / 2, (y[0] + y[1]) / 2
    return (
        (middle_x - half * width, middle_x + half * width),
        (middle_y - half, middle_y + half),
    )
