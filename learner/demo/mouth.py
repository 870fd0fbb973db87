"""The moving mouth: the lower face pushed down, the inside of the mouth drawn behind it.

Shape letters: H rows, W columns of the frame or of the part of it that is asked for.
"""

from __future__ import annotations

import numpy as np

from learner.demo.portrait import (
    Eye,
    Face,
    Look,
    Picture,
    gain_map,
    grade,
    sample,
    smoothstep,
    spline_of,
)

UPPER_LIP_SHARE = 0.16  # of an opening; the lower lip and the jaw give the rest
_SOFT = 0.75  # half width of every soft edge, photograph pixels
_DARK = np.array((38.0, 12.0, 14.0), dtype=np.float32)
_TONGUE = np.array((142.0, 66.0, 64.0), dtype=np.float32)
_TEETH = np.array((206.0, 190.0, 166.0), dtype=np.float32)
_LASH = np.array((0.34, 0.25, 0.22), dtype=np.float32)
_LID = np.array((1.03, 0.99, 0.96), dtype=np.float32)

Box = tuple[slice, slice]
WHOLE: Box = (slice(None), slice(None))


class Portrait:
    """A photograph in its look, ready to be drawn with any mouth and any lids."""

    def __init__(self, photo_HW3: Picture, look: Look) -> None:
        self.look = look
        self._spline = spline_of(photo_HW3)
        self._x, self._y = look.photo_grid()
        self._gains = gain_map(look)

    def render(
        self,
        opening: float = 0.0,
        roundness: float = 0.0,
        closed: float = 0.0,
        box: Box = WHOLE,
    ) -> Picture:
        """The frame, or the part in `box`, graded, shape (H, W, 3), 0..255.

        Args:
            opening: 0 (the mouth as photographed) to 1 (the face's widest).
            roundness: -1 (lips spread) to 1 (lips rounded).
            closed: 0 (eyes open) to 1 (shut).
            box: Rows and columns of the frame to draw.
        """
        x, y = self._x[box], self._y[box]
        picture = self._speak(x, y, opening, roundness)
        for eye in self.look.face.eyes if closed > 0 else ():
            picture = self._close(picture, eye, x, y, closed)
        return grade(picture, self._gains[box], self.look)

    def _speak(self, x: Picture, y: Picture, opening: float, roundness: float) -> Picture:
        face = self.look.face
        height = opening * face.max_opening
        x = _narrowed(face, x, y, roundness + 0.45 * opening)  # a wide jaw draws the corners in
        line, share = _lip_line(face, x), _lip_share(face, x)
        low = line + height * share
        high = line - UPPER_LIP_SHARE * height * share
        lower, upper = _pulls(face, x, y, height)
        is_below = y > 0.5 * (low + high)
        source_y = np.where(is_below, np.maximum(y - lower, line), np.minimum(y + upper, line))
        picture = sample(self._spline, x, source_y.astype(np.float32))
        cover = smoothstep(-_SOFT, _SOFT, y - high) * smoothstep(-_SOFT, _SOFT, low - y)
        cover = cover * smoothstep(0.0, 2.0 * _SOFT, low - high)
        inside = _inside(face, x, y - high, low - high)
        return np.asarray(picture + cover[..., None] * (inside - picture), dtype=np.float32)

    def _close(self, picture: Picture, eye: Eye, x: Picture, y: Picture, closed: float) -> Picture:
        """Draw the upper lid down over one eye: skin from beside it, and a line of lashes."""
        arch = np.clip(1.0 - ((x - eye.x) / eye.half_width) ** 2, 0.0, 1.0)
        centre = eye.y + eye.tilt * (x - eye.x)
        top = centre - (eye.half_height + eye.lid_rise) * arch
        edge = centre + (2.0 * closed - 1.0) * eye.half_height * arch
        cover = smoothstep(-1.5, 2.5, y - top) * smoothstep(-0.8, 0.8, edge - y)
        cover = cover * smoothstep(0.02, 0.6, arch)
        depth = np.clip((y - top) / (2.0 * eye.half_height + eye.lid_rise), 0.0, 1.0)
        shade = 0.83 + 0.10 * np.sin(np.pi * depth)
        lid = self._lid_skin(eye, x, centre, arch) * shade[..., None] * _LID
        picture = picture + cover[..., None] * (lid - picture)
        lashes = 0.75 * np.exp(-(((y - edge) / 0.9) ** 2)) * smoothstep(0.05, 0.5, arch)
        return np.asarray(picture * (1.0 - lashes[..., None] * (1.0 - _LASH)), dtype=np.float32)

    def _lid_skin(self, eye: Eye, x: Picture, centre: Picture, arch: Picture) -> Picture:
        """Skin for the lid, column by column: a mean over the skin by the eye, so without lines."""
        row = centre + eye.skin_rise * (0.45 + 0.55 * arch)
        around = [
            sample(self._spline, (x + dx).astype(np.float32), (row + dy).astype(np.float32))
            for dx, dy in (
                (0.0, 0.0),
                (-3.0, 0.5),
                (3.0, 0.5),
                (0.0, -1.0),
                (-1.5, 1.0),
                (1.5, 1.0),
            )
        ]
        return np.asarray(np.mean(around, axis=0), dtype=np.float32)


def _lip_line(face: Face, x: Picture) -> Picture:
    """Row where the lips part, at each column."""
    across = (x - face.mouth_x) / face.mouth_half_width
    rise = face.corner_rise * np.clip(across, -1.3, 1.3) ** 2
    return np.asarray(face.mouth_y - rise + face.corner_tilt * (x - face.mouth_x), dtype=np.float32)


def _lip_share(face: Face, x: Picture) -> Picture:
    """How much of the opening the lips show at each column: 1 in the middle, 0 at the corners."""
    across = np.abs(x - face.mouth_x) / face.mouth_half_width
    return np.asarray(np.clip(1.0 - across**2.2, 0.0, 1.0) ** 0.8, dtype=np.float32)


def _pulls(face: Face, x: Picture, y: Picture, height: float) -> tuple[Picture, Picture]:
    """Rows by which the skin below and above the lips has moved, seen from where it now is."""
    line, share = _lip_line(face, x), _lip_share(face, x)
    across = np.clip(np.abs(x - face.mouth_x) / face.jaw_half_width, 0.0, 1.0)
    jaw = np.cos(0.5 * np.pi * across) ** 2
    to_chin = smoothstep(0.0, 1.0, (y - line) / (face.chin_y - face.mouth_y))
    fade = 1.0 - smoothstep(face.chin_y + height, face.neck_y + height, y)
    lower = height * (share * (1.0 - to_chin) + 0.85 * jaw * to_chin) * fade
    to_nose = smoothstep(0.0, 1.0, (line - y) / (2.4 * face.lip_above))
    upper = UPPER_LIP_SHARE * height * share * (1.0 - to_nose)
    return lower.astype(np.float32), upper.astype(np.float32)


def _narrowed(face: Face, x: Picture, y: Picture, roundness: float) -> Picture:
    """Columns of the photograph after the mouth was narrowed (above 0) or widened (below 0)."""
    across = (x - face.mouth_x) / (1.9 * face.mouth_half_width)
    along = (y - face.mouth_y) / (1.6 * face.mouth_half_width)
    weight = np.clip(1.0 - across**2, 0.0, 1.0) ** 2 * np.exp(-2.0 * along**2)
    strength = 0.22 * max(roundness, 0.0) + 0.07 * min(roundness, 0.0)
    return np.asarray(
        face.mouth_x + (x - face.mouth_x) * (1.0 + strength * weight), dtype=np.float32
    )


def _inside(face: Face, x: Picture, below: Picture, gap: Picture) -> Picture:
    """Colour of the inside of the mouth, `below` the upper lip where the lips stand `gap` apart."""
    across = np.clip(np.abs(x - face.mouth_x) / face.mouth_half_width, 0.0, 1.0)
    depth = np.clip(below / np.maximum(gap, 1e-3), 0.0, 1.0).astype(np.float32)
    tongue = 0.75 * smoothstep(0.55, 1.0, depth) * (1.0 - across**2)
    colour = _DARK + tongue[..., None] * (_TONGUE - _DARK)
    if not face.has_teeth_shown:
        length = 0.27 * face.max_opening * (1.0 - 0.5 * across**2)
        row = 1.0 - smoothstep(-0.8, 0.8, below - length)
        row = row * smoothstep(0.15, 0.55, np.asarray(gap / face.max_opening, dtype=np.float32))
        row = row * (1.0 - smoothstep(0.30, 0.78, across))
        shade = 0.62 + 0.38 * smoothstep(0.0, 1.0, below / length)
        between = 1.0 - 0.10 * np.cos(np.pi * (x - face.mouth_x) / 4.4) ** 16
        teeth = _TEETH * (shade * between)[..., None]
        colour = colour + 0.85 * row[..., None] * (teeth - colour)
    return np.asarray(colour, dtype=np.float32)
