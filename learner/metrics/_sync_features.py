"""What lips do, as numbers over time.

Shape letters: T frames of 40 ms, P points of the mesh, M measures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FACE_HZ = 25.0
REACH = 1  # frames to either side that are told with each
AROUND = 15  # frames, .6 s: what is slower is how a face is held and turned, not how it speaks

# Points of the mesh.
EYES = (33, 263)
CORNERS = (61, 291)
LIP_ABOVE, LIP_BELOW, NOSE, CHIN = 0, 17, 1, 152
MIDDLE_ABOVE, MIDDLE_BELOW = (13, 312, 82), (14, 317, 87)
INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
POINTS = tuple(sorted({*EYES, *CORNERS, LIP_ABOVE, LIP_BELOW, NOSE, CHIN, *INNER}))


def mouth_features(landmarks_TP3: NDArray[np.float32]) -> Floats:
    """How the mouth moves.

    Args:
        landmarks_TP3: All 468 landmarks at 25 Hz, in pixels; NaN where no face is seen.

    Returns:
        Shape (T, 24), each of deviation 1; NaN where no face is seen, or none just before or after.
    """
    return with_neighbours(movement(lips(landmarks_TP3)), REACH)


def lips(landmarks_TP3: NDArray[np.float32]) -> Floats:
    """How a mouth is shaped, whatever the face's size and turn in the picture.

    Distances are taken in space, so that a face that turns aside keeps its mouth's width.

    Returns:
        Shape (T, 8), in distances between the eyes: opening, root of the inner lips' area, height
        over both lips, lip to chin, width, opening by width, nose to lower and to upper lip.
        NaN where no face is seen.
    """
    kept_TP3 = np.asarray(landmarks_TP3[:, POINTS], dtype=np.float64)
    at = {point: kept_TP3[:, place] for place, point in enumerate(POINTS)}

    def apart(one: int, other: int) -> Floats:
        return np.asarray(np.linalg.norm(at[one] - at[other], axis=1))

    eyes_T = np.maximum(apart(*EYES), 1e-6)
    pairs = zip(MIDDLE_ABOVE, MIDDLE_BELOW, strict=True)
    opening_T = np.mean([apart(one, other) for one, other in pairs], axis=0)
    width_T = apart(*CORNERS)
    inside_T = _area(np.stack([at[point] for point in INNER], axis=1))
    measures = [
        opening_T,
        np.sqrt(inside_T),
        apart(LIP_ABOVE, LIP_BELOW),
        apart(LIP_ABOVE, CHIN),
        width_T,
        opening_T / np.maximum(width_T, 1e-6) * eyes_T,
        apart(NOSE, LIP_BELOW),
        apart(NOSE, LIP_ABOVE),
    ]
    return np.stack(measures, axis=1) / eyes_T[:, None]


def _area(outline_TP3: Floats) -> Floats:
    """Of polygons as they are seen, by the shoelace formula."""
    x, y = outline_TP3[..., 0], outline_TP3[..., 1]
    cross = x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y
    return np.asarray(np.abs(cross.sum(axis=1)) / 2)


def movement(values_TM: Floats, around: int = AROUND) -> Floats:
    """What moves: values less their mean over the second around, at a standard deviation of 1.

    Args:
        values_TM: NaN rows where nothing is known; they are left out of all means.
        around: Frames of the running mean.

    Returns:
        The same shape, NaN in the same rows; what never moves is 0.

    >>> movement(np.array([[0.0], [2.0], [0.0], [2.0]]), around=99).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    is_known_T = known(values_TM)
    filled_TM = np.where(is_known_T[:, None], values_TM, 0.0)
    sums_TM, counts_T = _running_sum(filled_TM, around), _running_sum(is_known_T[:, None], around)
    moving_TM = filled_TM - sums_TM / np.maximum(counts_T, 1)
    return scaled(np.where(is_known_T[:, None], moving_TM, np.nan))


def known(values_TM: Floats) -> NDArray[np.bool_]:
    """Which rows have no NaN, shape (T,)."""
    return np.asarray(np.isfinite(values_TM).all(axis=1), dtype=np.bool_)


def _running_sum(values_TM: NDArray[np.generic], around: int) -> Floats:
    """Over `around` frames centred on each, as many of them as there are."""
    before, n = around // 2, len(values_TM)
    total = np.concatenate([np.zeros((1, values_TM.shape[1])), np.cumsum(values_TM, axis=0)])
    first = np.clip(np.arange(n) - before, 0, n)
    last = np.clip(np.arange(n) - before + around, 0, n)
    return np.asarray(total[last] - total[first])


def scaled(values_TM: Floats) -> Floats:
    """Mean 0 and deviation 1 over the frames that are known; what does not vary becomes 0."""
    is_known_T = known(values_TM)
    rows = values_TM[is_known_T]
    if not len(rows):
        return values_TM
    centred = values_TM - rows.mean(axis=0)
    spread_M = rows.std(axis=0)
    return np.asarray(centred / np.where(spread_M > 1e-9, spread_M, np.inf))


def with_neighbours(values_TM: Floats, reach: int, step: int = 1) -> Floats:
    """Each frame with those before and behind it, the first and last repeated past the ends.

    Returns:
        Shape (T, (2 * reach + 1) * M).

    >>> with_neighbours(np.array([[1.0], [2.0], [3.0]]), 1).tolist()
    [[1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 3.0]]
    """
    rows = np.arange(len(values_TM))[:, None] + step * np.arange(-reach, reach + 1)
    beside = values_TM[rows.clip(0, len(values_TM) - 1)]
    return np.asarray(beside.reshape(len(values_TM), -1))
