"""The photographs of the demo and the four looks made of them.

Shape letters: H rows, W columns. Coordinates of a face are pixels of its photograph, fixed by eye.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Picture = NDArray[np.float32]

FRAME_WIDTH, FRAME_HEIGHT = 360, 432
_LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)


@dataclass(frozen=True)
class Eye:
    """One eye: where its opening lies, how large it is, how far above it the lid begins.

    `skin_rise` leads from the middle of the opening to skin of the lid's colour; below 0 is up.
    """

    x: float
    y: float
    half_width: float
    half_height: float
    tilt: float
    lid_rise: float
    skin_rise: float


@dataclass(frozen=True)
class Face:
    """Where the parts of the one face in a photograph lie; `mouth_y` is where the lips part."""

    photo: str
    eyes: tuple[Eye, Eye]
    mouth_x: float
    mouth_y: float
    mouth_half_width: float
    corner_rise: float
    corner_tilt: float
    lip_above: float
    chin_y: float
    neck_y: float
    jaw_half_width: float
    max_opening: float
    has_teeth_shown: bool


@dataclass(frozen=True)
class Look:
    """How one demo speaker is framed and coloured.

    Args:
        face: The face behind it.
        centre_x: Column of the photograph in the middle of the frame.
        top_y: Row of the photograph at the top of the frame.
        crop_width: Columns of the photograph that fill the frame.
        squeeze: Height over width; above 1 makes the face longer.
        is_mirrored: Left and right changed.
        saturation: 0 black and white, 1 as photographed.
        skin_gain: Gain of red, green and blue in the middle of the frame.
        edge_gain: The same at its edges: the tint of the background.
        gamma: Below 1 lightens, above 1 darkens.
    """

    face: Face
    centre_x: float
    top_y: float
    crop_width: float
    squeeze: float = 1.0
    is_mirrored: bool = False
    saturation: float = 1.0
    skin_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    edge_gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0

    @property
    def scale(self) -> float:
        """Frame pixels a photograph pixel, across."""
        return FRAME_WIDTH / self.crop_width

    def photo_grid(self) -> tuple[Picture, Picture]:
        """Columns and rows of the photograph under each pixel of the frame, each (H, W)."""
        rows, columns = np.mgrid[0:FRAME_HEIGHT, 0:FRAME_WIDTH].astype(np.float32)
        if self.is_mirrored:
            columns = FRAME_WIDTH - 1 - columns
        x = self.centre_x + (columns - (FRAME_WIDTH - 1) / 2) / self.scale
        y = self.top_y + rows / (self.scale * self.squeeze)
        return x.astype(np.float32), y.astype(np.float32)

    def frame_point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the photograph comes to lie in the frame.

        >>> column, row = LOOKS["speaker-a"].frame_point(ASTRONAUT.mouth_x, ASTRONAUT.mouth_y)
        >>> 150 < column < 200, 200 < row < 300
        (True, True)
        """
        column = (x - self.centre_x) * self.scale + (FRAME_WIDTH - 1) / 2
        if self.is_mirrored:
            column = FRAME_WIDTH - 1 - column
        return column, (y - self.top_y) * self.scale * self.squeeze


# The official portrait of an astronaut, 512 x 512 (NASA, public domain).
ASTRONAUT = Face(
    photo="astronaut.png",
    eyes=(
        Eye(201.6, 101.0, 10.5, 4.4, 0.02, 2.6, -9.0),
        Eye(248.4, 103.0, 11.5, 4.4, 0.06, 2.6, -9.0),
    ),
    mouth_x=224.0,
    mouth_y=149.8,
    mouth_half_width=21.0,
    corner_rise=9.8,
    corner_tilt=0.02,
    lip_above=9.0,
    chin_y=178.5,
    neck_y=200.0,
    jaw_half_width=44.0,
    max_opening=7.8,
    has_teeth_shown=True,
)

# The official portrait of a naval officer, 512 x 600 (US Navy, public domain).
OFFICER = Face(
    photo="grace_hopper.jpg",
    eyes=(
        Eye(222.5, 189.2, 13.5, 5.4, 0.02, 0.6, 14.5),
        Eye(304.5, 187.0, 12.5, 5.2, -0.02, 0.6, 14.5),
    ),
    mouth_x=269.0,
    mouth_y=279.6,
    mouth_half_width=37.0,
    corner_rise=-0.5,
    corner_tilt=-0.01,
    lip_above=7.0,
    chin_y=329.0,
    neck_y=362.0,
    jaw_half_width=72.0,
    max_opening=16.0,
    has_teeth_shown=False,
)

_ASTRONAUT_LOOK = Look(face=ASTRONAUT, centre_x=226.0, top_y=2.0, crop_width=206.0)
_OFFICER_LOOK = Look(face=OFFICER, centre_x=264.0, top_y=14.0, crop_width=300.0)

LOOKS: dict[str, Look] = {
    "speaker-a": _ASTRONAUT_LOOK,
    "speaker-b": _OFFICER_LOOK,
    "speaker-c": replace(
        _ASTRONAUT_LOOK,
        is_mirrored=True,
        crop_width=188.0,
        top_y=10.0,
        squeeze=1.06,
        saturation=0.75,
        skin_gain=(0.97, 0.98, 1.02),
        edge_gain=(0.55, 0.72, 0.95),
        gamma=1.12,
    ),
    "speaker-d": replace(
        _OFFICER_LOOK,
        is_mirrored=True,
        crop_width=330.0,
        top_y=4.0,
        squeeze=0.97,
        saturation=0.12,
        skin_gain=(1.06, 1.0, 0.9),
        edge_gain=(0.78, 0.7, 0.58),
        gamma=0.94,
    ),
}


def read_photo(path: Path) -> Picture:
    """Decode a photograph to float RGB, shape (H, W, 3), 0..255.

    Raises:
        ValueError: the file cannot be decoded as a picture.
    """
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.float32)
    except (av.FFmpegError, StopIteration, IndexError) as error:
        raise ValueError(f"{path} is no picture ({error}); fetch the materials again") from error


def spline_of(photo_HW3: Picture) -> Picture:
    """Cubic spline coefficients of a photograph, made once so that every sampling is cheap."""
    channels = [ndimage.spline_filter(photo_HW3[..., c], order=3) for c in range(3)]
    return np.asarray(np.stack(channels), dtype=np.float32)


def sample(spline_3HW: Picture, x: Picture, y: Picture) -> Picture:
    """Read a photograph at fractional places, shape of `x` plus 3; its edge goes on outwards."""
    channels = [
        ndimage.map_coordinates(plane, [y, x], order=3, mode="nearest", prefilter=False)
        for plane in spline_3HW
    ]
    return np.asarray(np.stack(channels, axis=-1), dtype=np.float32)


def smoothstep(low: float, high: float, value: Picture) -> Picture:
    """0 at and below `low`, 1 at and above `high`, smooth between.

    >>> import numpy as np
    >>> smoothstep(0.0, 2.0, np.array([-1.0, 1.0, 3.0], dtype=np.float32)).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), dtype=np.float32)


def gain_map(look: Look) -> Picture:
    """Gain of each colour at each pixel of the frame, shape (H, W, 3): a soft tinted surround."""
    rows, columns = np.mgrid[0:FRAME_HEIGHT, 0:FRAME_WIDTH].astype(np.float32)
    eyes = [look.frame_point(eye.x, eye.y) for eye in look.face.eyes]
    middle_x = sum(x for x, _ in eyes) / 2
    middle_y = sum(y for _, y in eyes) / 2 + 0.08 * FRAME_HEIGHT
    distance = np.hypot(
        (columns - middle_x) / (0.42 * FRAME_WIDTH), (rows - middle_y) / (0.46 * FRAME_HEIGHT)
    )
    edge = smoothstep(0.75, 1.35, distance.astype(np.float32))[..., None]
    middle, surround = np.array((look.skin_gain, look.edge_gain), dtype=np.float32)
    gains = (1 - edge) * middle + edge * surround
    return np.asarray(gains, dtype=np.float32)


def grade(picture_HW3: Picture, gains_HW3: Picture, look: Look) -> Picture:
    """Colour a frame, or a part of one with its part of the gains, as the look asks."""
    grey = (picture_HW3 @ _LUMA)[..., None]
    coloured = (grey + look.saturation * (picture_HW3 - grey)) * gains_HW3
    lightness = np.clip(coloured / 255.0, 0.0, 1.0) ** look.gamma
    return np.asarray(255.0 * lightness, dtype=np.float32)
