"""A talking head: cached mouths and lids set into a gently moving picture, as YUV planes.

Everything costly is drawn once: the resting picture in every pose of a closed path of the head, the
mouth at a few openings and roundings. A frame is then one cached picture plus one small patch.

Shape letters: H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from learner.demo.motion import Curve
from learner.demo.mouth import Box, Portrait
from learner.demo.portrait import FRAME_HEIGHT, FRAME_WIDTH, Look, Picture, smoothstep

Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]

OPENING_LEVELS = 12
ROUNDING_LEVELS = 3
POSES = 100  # frames of one turn round the head's path: 4 s
_REACH = 8  # no pixel moves further, so a patch needs so much around it
_TO_YUV = (
    np.array(
        ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214)),
        dtype=np.float32,
    )
    / 255.0
)


def to_planes(picture_HW3: Picture) -> Planes:
    """RGB to BT.601 limited-range YUV 4:2:0; H and W even.

    >>> import numpy as np
    >>> [int(p[0, 0]) for p in to_planes(np.full((2, 2, 3), 255, dtype=np.float32))]
    [235, 128, 128]
    """
    yuv = picture_HW3 @ _TO_YUV.T + np.array((16.0, 128.0, 128.0), dtype=np.float32)
    height, width = yuv.shape[:2]
    halves = yuv[..., 1:].reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3))
    y, u, v = (np.clip(np.rint(p), 16, 240) for p in (yuv[..., 0], halves[..., 0], halves[..., 1]))
    return y.astype(np.uint8), u.astype(np.uint8), v.astype(np.uint8)


class Warp:
    """Where each pixel of a plane comes from in one pose: neighbours and weights, made once."""

    def __init__(self, dx: Picture, dy: Picture, box: Box) -> None:
        height, width = dx.shape
        rows, columns = np.mgrid[box].astype(np.float32)
        y = np.clip(rows + dy[box], 0, height - 1.001)
        x = np.clip(columns + dx[box], 0, width - 1.001)
        row, column = y.astype(np.int32), x.astype(np.int32)
        self._first = row * width + column
        self._width = width
        self._right = (x - column).astype(np.float32)
        self._down = (y - row).astype(np.float32)

    def apply(self, plane: Plane) -> Plane:
        """The plane's box after the move, bilinear."""
        flat = plane.ravel()
        at, width = self._first, self._width
        upper, lower = flat[at].astype(np.float32), flat[at + width].astype(np.float32)
        upper += self._right * (flat[at + 1] - upper)
        lower += self._right * (flat[at + width + 1] - lower)
        upper += self._down * (lower - upper)
        upper += np.float32(0.5)
        return np.asarray(upper, dtype=np.uint8)


def _even_box(x0: float, y0: float, x1: float, y1: float) -> Box:
    """The rows and columns of these corners, outward to even numbers and within the frame."""
    top, left = (max(0, 2 * int(np.floor(v / 2))) for v in (y0, x0))
    bottom = min(FRAME_HEIGHT, 2 * int(np.ceil(y1 / 2)))
    right = min(FRAME_WIDTH, 2 * int(np.ceil(x1 / 2)))
    return slice(top, bottom), slice(left, right)


_FRAME: Box = (slice(0, FRAME_HEIGHT), slice(0, FRAME_WIDTH))


def _halved(box: Box) -> Box:
    rows, columns = box
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)


def _grown(box: Box, by: int) -> Box:
    rows, columns = box
    return (
        slice(max(0, rows.start - by), min(FRAME_HEIGHT, rows.stop + by)),
        slice(max(0, columns.start - by), min(FRAME_WIDTH, columns.stop + by)),
    )


def mouth_box(look: Look) -> Box:
    """The part of the frame that an open mouth changes, down to the neck."""
    face = look.face
    reach = face.jaw_half_width
    corners = [
        look.frame_point(face.mouth_x + side * reach, y)
        for side in (-1.0, 1.0)
        for y in (face.mouth_y - 2.6 * face.mouth_half_width, face.neck_y + face.max_opening)
    ]
    xs, ys = zip(*corners, strict=True)
    return _even_box(min(xs), min(ys), max(xs), max(ys))


def eyes_box(look: Look) -> Box:
    """The part of the frame that a blink changes."""
    xs: list[float] = []
    ys: list[float] = []
    for eye in look.face.eyes:
        for side in (-1.0, 1.0):
            x, y = look.frame_point(
                eye.x + side * 1.1 * eye.half_width, eye.y + side * (2.0 * eye.half_height + 2.0)
            )
            xs.append(x)
            ys.append(y)
    return _even_box(min(xs), min(ys), max(xs), max(ys))


def pose_shift(look: Look, pose: int) -> tuple[Picture, Picture]:
    """Where each pixel of the frame looks for itself in one pose, as dx and dy, each (H, W).

    The head sways about the neck, nods and breathes; what lies far from it stays where it is.
    """
    rows, columns = np.mgrid[0:FRAME_HEIGHT, 0:FRAME_WIDTH].astype(np.float32)
    turn = 2.0 * np.pi * pose / POSES
    sway = 0.016 * np.sin(turn) + 0.006 * np.sin(3.0 * turn + 1.0)
    nod = 2.6 * np.sin(2.0 * turn + 0.7) + 0.9 * np.sin(5.0 * turn)
    neck_x, neck_y = look.frame_point(look.face.mouth_x, look.face.neck_y)
    head_y = look.frame_point(0.0, look.face.eyes[0].y)[1]
    across = np.abs(columns - neck_x) / (0.5 * FRAME_WIDTH)
    weight = (1.0 - smoothstep(0.55, 1.0, across)) * (
        1.0 - smoothstep(neck_y - 40.0, neck_y + 60.0, rows)
    )
    weight = weight * smoothstep(0.0, 30.0, rows)
    height = neck_y - rows
    dx = weight * sway * height
    dy = weight * (nod * np.clip(height / (neck_y - head_y), 0.0, 1.2) - sway * (columns - neck_x))
    breath = 0.8 * np.sin(turn + 2.0) * smoothstep(neck_y - 20.0, neck_y + 50.0, rows)
    limit = float(_REACH - 1)
    return (
        np.clip(dx, -limit, limit).astype(np.float32),
        np.clip(dy + breath, -limit, limit).astype(np.float32),
    )


class TalkingHead:
    """One demo speaker, ready to say any number of clips."""

    def __init__(self, portrait: Portrait) -> None:
        self._portrait = portrait
        self._still = to_planes(portrait.render())
        self._boxes = {"mouth": mouth_box(portrait.look), "eyes": eyes_box(portrait.look)}
        self._base = cache(self._draw_base)
        self._warps = cache(self._make_warps)
        self._mouth_still = cache(self._draw_mouth)
        self._eyes_still = cache(self._draw_eyes)

    def frames(
        self, opening_T: Curve, rounding_T: Curve, closed_T: Curve, start: int
    ) -> Iterator[Planes]:
        """Planes of each frame.

        Args:
            opening_T: Opening of the mouth, 0..1, shape (T,).
            rounding_T: Rounding of the lips, -1..1, shape (T,).
            closed_T: Closing of the eyes, 0..1, shape (T,).
            start: The pose of the first frame, so that clips of one speaker differ.
        """
        for i, (opening, rounding, closed) in enumerate(
            zip(opening_T, rounding_T, closed_T, strict=True)
        ):
            pose = (start + i) % POSES
            planes = [plane.copy() for plane in self._base(pose)]
            level = round(float(opening) * (OPENING_LEVELS - 1))
            if level > 0:
                side = round(float(rounding) * (ROUNDING_LEVELS - 1) / 2)
                self._set(planes, self._mouth_still(level, side), "mouth", pose)
            if closed > 0:
                self._set(planes, self._eyes_still(float(closed)), "eyes", pose)
            yield planes[0], planes[1], planes[2]

    def _set(self, planes: list[Plane], still: Planes, part: str, pose: int) -> None:
        luma, chroma = self._warps(pose, part)
        box = self._boxes[part]
        half = _halved(box)
        planes[0][box] = luma.apply(still[0])
        planes[1][half] = chroma.apply(still[1])
        planes[2][half] = chroma.apply(still[2])

    def _make_warps(self, pose: int, part: str) -> tuple[Warp, Warp]:
        return _warps(self._portrait.look, pose, self._boxes[part])

    def _draw_base(self, pose: int) -> Planes:
        luma, chroma = _warps(self._portrait.look, pose, _FRAME)
        y, u, v = self._still
        return luma.apply(y), chroma.apply(u), chroma.apply(v)

    def _draw_mouth(self, level: int, side: int) -> Planes:
        opening = level / (OPENING_LEVELS - 1)
        return self._with_patch("mouth", opening=opening, roundness=float(side))

    def _draw_eyes(self, closed: float) -> Planes:
        return self._with_patch("eyes", closed=closed)

    def _with_patch(
        self, part: str, opening: float = 0.0, roundness: float = 0.0, closed: float = 0.0
    ) -> Planes:
        box = _grown(self._boxes[part], _REACH)
        patch = to_planes(self._portrait.render(opening, roundness, closed, box))
        y, u, v = (plane.copy() for plane in self._still)
        y[box] = patch[0]
        u[_halved(box)] = patch[1]
        v[_halved(box)] = patch[2]
        return y, u, v


def _warps(look: Look, pose: int, box: Box) -> tuple[Warp, Warp]:
    """The moves of a box of brightness and of the same box of colour, half as large."""
    dx, dy = pose_shift(look, pose)
    return Warp(dx, dy, box), Warp(0.5 * dx[::2, ::2], 0.5 * dy[::2, ::2], _halved(box))
