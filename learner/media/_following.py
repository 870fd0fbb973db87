"""One face, followed from picture to picture.

Shape letters: L = 468 landmarks of the mesh, H and W height and width, S = 64 side of a crop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from learner.media._blaze import SURE, Detection, FaceDetector, FaceMesh, around, box_of, turn_of
from learner.media._sampling import Square, cut_out

LARGER = 2.0  # times the area of the face that is followed, to be followed instead
PATIENT, EVERY = 5, 5  # after so many pictures without a face, every fifth is searched
SMALLEST = 12.0  # pixels of the picture that is searched
ROOM = 1.2  # of a crop, around the mesh
SMALL_SIDE = 64  # pixels of the crops that are kept
_LUMA = np.array((0.299, 0.587, 0.114), dtype=np.float32)


def upright(landmarks_L3: NDArray[np.float32], room: float = ROOM) -> Square:
    """The square around a mesh, turned as the face is, `room` times as long as the mesh."""
    angle = turn_of(landmarks_L3)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    level_L2 = landmarks_L3[:, :2].astype(np.float64) @ turn
    low, high = level_L2.min(axis=0), level_L2.max(axis=0)
    x, y = turn @ (low + high) / 2
    return Square(float(x), float(y), room * float(max(high - low)), angle)


@dataclass(frozen=True)
class Seen:
    """A face in the picture that was just searched; `crop` is it alone, S by S bytes of grey."""

    landmarks_L3: NDArray[np.float32]
    score: float
    crop: bytes = b""

    @property
    def face(self) -> Detection:
        """Its box and tilt."""
        return Detection(box_of(self.landmarks_L3), turn_of(self.landmarks_L3), self.score)


def with_crop(seen: Seen | None, picture_HW3: NDArray[np.uint8]) -> Seen | None:
    """The same with the face cut out."""
    if seen is None:
        return None
    crop_SS3 = cut_out(picture_HW3, upright(seen.landmarks_L3), (SMALL_SIDE, SMALL_SIDE))
    return replace(seen, crop=np.rint(crop_SS3 @ _LUMA).astype(np.uint8).tobytes())


class Follower:
    """Sees one picture after the other, and keeps to the face it saw.

    Args:
        detector, mesh: What finds faces, and what follows them.
        look_every: After so many pictures the detector looks for a larger face.
    """

    def __init__(self, detector: FaceDetector, mesh: FaceMesh, look_every: int) -> None:
        self._detector, self._mesh, self._look_every = detector, mesh, look_every
        self._picture: NDArray[np.uint8] | None = None
        self._seen: Seen | None = None
        self._last: Detection | None = None  # where it was seen last
        self._unsearched = 0  # pictures since the detector looked
        self._missed = 0  # pictures since a face was seen

    def see(self, picture_HW3: NDArray[np.uint8]) -> Seen | None:
        """The face in the next picture; one that stays on show is looked at once."""
        if picture_HW3 is not self._picture:
            self._picture = picture_HW3
            self._seen = self._followed(picture_HW3)
            if self._is_due():
                self._unsearched = 0
                self._seen = self._found(picture_HW3)
            self._seen = with_crop(self._seen, picture_HW3)
            self._last = self._seen.face if self._seen else self._last
        self._unsearched += 1
        self._missed = 0 if self._seen else self._missed + 1
        if self._missed > self._look_every:  # by then it may be anybody
            self._last = None
        return self._seen

    def _is_due(self) -> bool:
        """Whether the detector is to look, too."""
        if self._seen:
            return self._unsearched >= self._look_every
        return self._missed < PATIENT or self._missed % EVERY == 0

    def _followed(self, picture_HW3: NDArray[np.uint8]) -> Seen | None:
        if self._seen is None:
            return None
        before = self._seen.face
        return self._fit(picture_HW3, around(before.box, before.angle))

    def _found(self, picture_HW3: NDArray[np.uint8]) -> Seen | None:
        """The face that is to be followed from here, if need be another one."""
        found = self._best(self._detector.find(picture_HW3), picture_HW3)
        if found or self._seen:
            return found or self._seen
        return self._best(self._detector.find_small(picture_HW3), picture_HW3)

    def _best(self, faces: list[Detection], picture_HW3: NDArray[np.uint8]) -> Seen | None:
        """Of faces, the weightiest that the mesh agrees with."""
        for face in sorted(faces, key=lambda face: -self._weight(face, picture_HW3)):
            if self._seen and face.area < LARGER * self._seen.face.area:
                continue
            first = self._fit(picture_HW3, around(face.box, face.angle))
            if first:  # again from where the mesh lies, as it will be in the next picture
                again = around(first.face.box, first.face.angle)
                return self._fit(picture_HW3, again) or first
        return None

    def _weight(self, face: Detection, picture_HW3: NDArray[np.uint8]) -> float:
        """Area and nearness to the middle; above all, whether it is the one that was just lost."""
        height, width = picture_HW3.shape[:2]
        x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
        off = np.hypot(x - width / 2, y - height / 2) / np.hypot(width / 2, height / 2)
        is_same = self._last is not None and self._last.overlap(face) > 0
        return face.area * max(0.0, 1 - float(off)) + (height * width if is_same else 0)

    def _fit(self, picture_HW3: NDArray[np.uint8], square: Square) -> Seen | None:
        landmarks_L3, score = self._mesh.fit(picture_HW3, square)
        seen = Seen(landmarks_L3, score)
        if score < SURE or not np.isfinite(landmarks_L3).all():
            return None
        x0, y0, x1, y1 = seen.face.box
        height, width = picture_HW3.shape[:2]
        is_inside = 0 <= x0 + x1 <= 2 * width and 0 <= y0 + y1 <= 2 * height
        return seen if is_inside and min(x1 - x0, y1 - y0) >= SMALLEST else None
