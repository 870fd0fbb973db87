"""Turned rectangles cut out of pictures.

Shape letters: H and W height and width, S side of what is cut out, P points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)


@dataclass(frozen=True)
class Square:
    """A square in a picture, in its pixels.

    Args:
        x, y: Its centre.
        side: Its length.
        angle: How far it is turned, clockwise as seen, in radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_picture(self, inside_P2: NDArray[Float]) -> NDArray[Float]:
        """Points of the square, 0 to 1 from its upper left, in the picture; shape (P, 2).

        >>> Square(10.0, 20.0, 4.0).to_picture(np.array([[0.0, 0.0], [1.0, 0.5]])).tolist()
        [[8.0, 18.0], [12.0, 20.0]]
        """
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = self.side * np.array([[cos, sin], [-sin, cos]])
        corner = (self.x, self.y) - turn.sum(axis=0) / 2
        return np.asarray(inside_P2 @ turn.astype(inside_P2.dtype) + corner, inside_P2.dtype)

    def scaled(self, by: float) -> Square:
        """The same in a picture whose sides are `by` times as long."""
        return Square(self.x * by, self.y * by, self.side * by, self.angle)


def cut_out(
    picture_HW3: NDArray[np.uint8], square: Square, size: tuple[int, int]
) -> NDArray[np.float32]:
    """What lies in the square, at `size`; black where it leaves the picture.

    Args:
        picture_HW3: uint8.
        square: Where; a size that is no square shows more of the picture along its longer side.
        size: Height and width of the result.

    Returns:
        Shape (H, W, 3), 0 to 255: bilinear, of means over blocks of pixels where the picture is at
        least twice as fine as the result.

    >>> cut_out(np.full((9, 9, 3), 7, np.uint8), Square(4.5, 4.5, 4.0), (2, 2))[..., 0].tolist()
    [[7.0, 7.0], [7.0, 7.0]]
    """
    side = min(size)
    step = max(1, int(square.side / side))
    at_P2 = square.to_picture(_grid(size, side))
    corners_P2 = at_P2[[0, size[1] - 1, -size[1], -1]]
    blocks, corner = _blocks(picture_HW3, corners_P2, step)
    if not blocks.size:
        return np.zeros((*size, 3), dtype=np.float32)
    at_P2 -= corner
    at_P2 /= np.float32(step)
    at_P2 -= np.float32(0.5)
    return _bilinear(blocks, at_P2).reshape(*size, 3)


@lru_cache(maxsize=16)
def _grid(size: tuple[int, int], side: int) -> NDArray[np.float32]:
    """Middles of the pixels of a result, in its square; shape (P, 2)."""
    across, down = ((np.arange(n) + 0.5 - n / 2) / side + 0.5 for n in size[::-1])
    grid_P2 = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2).astype(np.float32)
    grid_P2.setflags(write=False)
    return grid_P2


def _blocks(
    picture_HW3: NDArray[np.uint8], corners_P2: NDArray[np.float32], step: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The part of the picture between corners, as means over blocks, and where it begins."""
    limits = np.array(picture_HW3.shape[1::-1])
    lowest, highest = corners_P2.min(axis=0), corners_P2.max(axis=0)
    first = (np.floor(lowest).astype(int) - step).clip(0, limits)
    last = (np.ceil(highest).astype(int) + step).clip(0, limits)
    part = picture_HW3[first[1] : last[1], first[0] : last[0]]
    if step == 1:
        return part.astype(np.float32), first.astype(np.float32)
    rows, columns = (length // step * step for length in part.shape[:2])
    total = np.zeros(
        (rows // step, columns // step, 3), dtype=np.uint16 if step <= 16 else np.uint32
    )
    for down in range(step):
        for across in range(step):
            total += part[down:rows:step, across:columns:step]
    return (total / np.float32(step**2)).astype(np.float32), first.astype(np.float32)


def _bilinear(picture_HW3: NDArray[np.float32], at_P2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours at points (x, y), counted from the middle of the first pixel; shape (P, 3)."""
    height, width = picture_HW3.shape[:2]
    x_P, y_P = np.ascontiguousarray(at_P2.T)
    is_in_P = (x_P > -0.5) & (x_P < width - 0.5) & (y_P > -0.5) & (y_P < height - 0.5)
    (column_P, right_P, next_x), (row_P, below_P, next_y) = _split(x_P, width), _split(y_P, height)
    place_P, next_y = row_P * width + column_P, next_y * width
    flat_3 = picture_HW3.reshape(-1, 3)
    found_P3 = np.zeros((len(at_P2), 3), dtype=np.float32)
    below_P *= is_in_P
    above_P = is_in_P - below_P
    for share_P, further in (
        (above_P * (1 - right_P), 0),
        (above_P * right_P, next_x),
        (below_P * (1 - right_P), next_y),
        (below_P * right_P, next_x + next_y),
    ):
        found_P3 += flat_3.take(place_P + further, axis=0) * share_P[:, None]
    return found_P3


def _split(
    at_P: NDArray[np.float32], length: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """The pixel at or before each place, how far it lies behind it, and how far the next is."""
    at_P = at_P.clip(0, length - 1)
    first_P = np.minimum(at_P.astype(np.int64), max(0, length - 2))
    return first_P, at_P - first_P.astype(np.float32), int(length > 1)
