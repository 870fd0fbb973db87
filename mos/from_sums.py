"""Mean squares, variance components and MOS by clip from sums alone: no rating is looked at again.

What each means and where it comes from stands at its twin that takes ratings. Shape letters: C
clips, R raters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mos.aggregate import MOSTable, mos_from_sums
from mos.components import VarianceComponents, solved
from mos.reliability import MeanSquares
from mos.tally import Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def components(tally: Tally, n_islands: int) -> VarianceComponents:
    """As `mos.components.variance_components`, for raters who rate no clip twice.

    Args:
        tally: Of one aspect.
        n_islands: As `Tally.islands` tells.

    Raises:
        ValueError: fewer than 2 clips or raters, or clips and noise cannot be told apart.

    >>> found = components(Tally.of([1, 2, 3, 5], [0, 0, 1, 1], [0, 1, 0, 1]), 1)
    >>> round(found.clip, 6), round(found.rater, 6), round(found.residual, 6)
    (3.0, 1.0, 0.25)
    """
    n_clips, n_raters, n = tally.n_clips, tally.n_raters, tally.n_ratings
    if min(n_clips, n_raters) < 2:
        raise ValueError(
            f"Variance components need 2 clips and 2 raters, not {n_clips} and {n_raters}."
        )
    per_clip, clip_square = _rated(tally.n_C, tally.sum_C)
    per_rater, rater_square = _rated(tally.n_R, tally.sum_R)
    t_mean = float(tally.sum_C.sum()) ** 2 / n
    q_clip, q_rater = (float((size**2).sum()) / n for size in (per_clip, per_rater))
    system_33 = np.array(
        [
            [n - q_clip, n_clips - q_rater, n_clips - 1],
            [n_raters - q_clip, n - q_rater, n_raters - 1],
            [n - q_clip, n - q_rater, n - 1],
        ]
    )
    right_3 = np.array([clip_square, rater_square, float(tally.squares_C.sum())]) - t_mean
    clip, rater, residual = solved(system_33[None], right_3[None])[0]
    return VarianceComponents.of(
        (clip, rater, residual), per_clip, n_raters, tally.missing_frac, n_islands
    )


def mean_squares(tally: Tally) -> MeanSquares:
    """As `mos.reliability.mean_squares`, where each rater has rated each clip.

    Raises:
        ValueError: a cell is missing, there are fewer than 2 clips or raters, or the same score
            everywhere.

    >>> round(mean_squares(Tally.of([9, 6, 8, 2, 1, 4], [0, 1, 2] * 2, [0] * 3 + [1] * 3)).clips, 3)
    3.5
    """
    n, k = tally.n_clips, tally.n_raters
    if not tally.is_complete:
        raise ValueError(
            f"{n * k - tally.n_ratings} of {n * k} cells are missing: use components instead."
        )
    if min(n, k) < 2:
        raise ValueError(f"Agreement needs a table of at least 2 clips by 2 raters, not {(n, k)}.")
    total, squares = int(tally.sum_C.sum()), int(tally.squares_C.sum())
    # All in whole numbers up to the last division, so that perfect agreement leaves exactly 0.
    whole = n * k * squares - total**2
    if whole == 0:
        raise ValueError("Every score is the same: there is no variance to share out.")
    clips = n * int((tally.sum_C.astype(object) ** 2).sum()) - total**2
    raters = k * int((tally.sum_R.astype(object) ** 2).sum()) - total**2
    rest = whole - clips - raters
    cells = n * k
    return MeanSquares(
        clips=clips / cells / (n - 1),
        raters=raters / cells / (k - 1),
        error=rest / cells / ((n - 1) * (k - 1)),
        within=(raters + rest) / cells / (n * (k - 1)),
        n=n,
        k=k,
    )


def clip_mos(tally: Tally, level: float = 0.95) -> tuple[Ints, MOSTable]:
    """Places of the rated clips, and their MOS as by `mos.aggregate.mos_table`.

    >>> places, table = clip_mos(Tally.of([4, 5, 3], [2, 2, 0], [0, 1, 0]))
    >>> places.tolist(), table.mos_raw.tolist()
    ([0, 2], [3.0, 4.5])
    """
    rated = np.flatnonzero(tally.n_C)
    n_C, sum_C, squares_C = (each[rated] for each in (tally.n_C, tally.sum_C, tally.squares_C))
    return rated, mos_from_sums(rated.tolist(), n_C, sum_C, squares_C, level)


def _rated(n: Ints, sums: Ints) -> tuple[Floats, float]:
    """Sizes of those with ratings, and the sum of their squared sums over their sizes."""
    has = n > 0
    sizes = n[has].astype(np.float64)
    return sizes, float((sums[has] ** 2 / sizes).sum())
