"""Turned rectangles cut out of pictures.

Shape letters: H and W height and width, S side of what is cut out, P points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    def to_picture(self, inside_P2: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of the square, 0 to 1 from its upper left, in the picture; shape (P, 2).

        >>> Square(10.0, 20.0, 4.0).to_picture(np.array([[0.0, 0.0], [1.0, 0.5]])).tolist()
        [[8.0, 18.0], [12.0, 20.0]]
        """
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turn = self.side * np.array([[cos, sin], [-sin, cos]])
        return np.asarray((inside_P2 - 0.5) @ turn + (self.x, self.y))

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
    height, width = size
    side = min(size)
    across = (np.arange(width) + 0.5 - width / 2) / side + 0.5
    down = (np.arange(height) + 0.5 - height / 2) / side + 0.5
    inside_P2 = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    at_P2 = square.to_picture(inside_P2)
    blocks, corner = _blocks(picture_HW3, at_P2, max(1, int(square.side / side)))
    if not blocks.size:
        return np.zeros((height, width, 3), dtype=np.float32)
    step = max(1, int(square.side / side))
    found_P3 = _bilinear(blocks, ((at_P2 - corner) / step - 0.5).astype(np.float32))
    return found_P3.reshape(height, width, 3)


def _blocks(
    picture_HW3: NDArray[np.uint8], at_P2: NDArray[np.float64], step: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The part of the picture around the points, as means over blocks, and where it begins."""
    limits = np.array(picture_HW3.shape[1::-1])
    first = (np.floor(at_P2.min(axis=0)).astype(int) - step).clip(0, limits)
    last = (np.ceil(at_P2.max(axis=0)).astype(int) + step).clip(0, limits)
    part = picture_HW3[first[1] : last[1], first[0] : last[0]]
    if step == 1:
        return part.astype(np.float32), first.astype(float)
    rows, columns = (length // step * step for length in part.shape[:2])
    total = np.zeros((rows // step, columns // step, 3), dtype=np.uint32)
    for down in range(step):
        for across in range(step):
            total += part[down:rows:step, across:columns:step]
    return (total / np.float32(step**2)).astype(np.float32), first.astype(float)


def _bilinear(picture_HW3: NDArray[np.float32], at_P2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours at points (x, y), counted from the middle of the first pixel; shape (P, 3)."""
    height, width = picture_HW3.shape[:2]
    is_in_P = ((at_P2 > -0.5) & (at_P2 < (width - 0.5, height - 0.5))).all(axis=1)
    at_P2 = at_P2.clip(0, (width - 1, height - 1))
    corner_P2 = np.minimum(at_P2.astype(np.int64), (max(0, width - 2), max(0, height - 2)))
    right_P, below_P = (at_P2 - corner_P2).astype(np.float32).T[..., None]
    place_P = corner_P2[:, 1] * width + corner_P2[:, 0]
    next_x, next_y = int(width > 1), width * int(height > 1)
    flat = picture_HW3.reshape(-1, 3)
    above_P3 = flat.take(place_P, axis=0) * (1 - right_P)
    above_P3 += flat.take(place_P + next_x, axis=0) * right_P
    under_P3 = flat.take(place_P + next_y, axis=0) * (1 - right_P)
    under_P3 += flat.take(place_P + next_x + next_y, axis=0) * right_P
    found_P3 = above_P3 + (under_P3 - above_P3) * below_P
    return np.asarray(found_P3 * is_in_P[:, None], dtype=np.float32)
