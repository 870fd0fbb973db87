"""Two small networks that find faces: where they are, and how their surface lies.

Both are MediaPipe's, as tflite files; what surrounds them there is written anew here.

Shape letters: A anchors, L landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.media._sampling import Square, cut_out
from learner.media._tflite import Network

DETECTOR_SIDE, MESH_SIDE = 128, 192
LANDMARKS = 468
SURE = 0.5  # both networks' own threshold
SAME_FACE = 0.3  # of the union of two boxes
CLOSER = 0.6  # of the picture's shorter side: what is looked at closely at once
MOST_PLACES = 6  # along one side, or a picture of a thousand pixels by one would have hundreds
ROOM = 1.5  # the mesh sees so much more than the box
EYE_CORNERS = (33, 263)  # of the mesh: the outer corners


@dataclass(frozen=True)
class Detection:
    """A face as the detector sees it.

    Args:
        box: x0, y0, x1, y1 in pixels.
        angle: How far its eyes are turned, clockwise as seen, in radians.
        score: .5 to 1.
    """

    box: tuple[float, float, float, float]
    angle: float
    score: float

    @property
    def area(self) -> float:
        """Of the box, in square pixels.

        >>> Detection((0.0, 10.0, 20.0, 30.0), 0.0, 1.0).area
        400.0
        """
        x0, y0, x1, y1 = self.box
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)

    def overlap(self, other: Detection) -> float:
        """What the boxes of both share, of what they cover together.

        >>> one, other = (Detection((x, 0.0, x + 2.0, 2.0), 0.0, 1.0) for x in (0.0, 1.0))
        >>> round(one.overlap(other), 3)
        0.333
        """
        width = min(self.box[2], other.box[2]) - max(self.box[0], other.box[0])
        height = min(self.box[3], other.box[3]) - max(self.box[1], other.box[1])
        shared = max(0.0, width) * max(0.0, height)
        return shared / max(1e-9, self.area + other.area - shared)


def around(box: tuple[float, float, float, float], angle: float, room: float = ROOM) -> Square:
    """A turned square about a box, `room` times as long as its longer side.

    >>> around((10.0, 10.0, 30.0, 20.0), 0.0)
    Square(x=20.0, y=15.0, side=30.0, angle=0.0)
    """
    x0, y0, x1, y1 = box
    return Square((x0 + x1) / 2, (y0 + y1) / 2, room * max(x1 - x0, y1 - y0), angle)


def box_of(landmarks_L3: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """The box around a mesh."""
    (x0, y0), (x1, y1) = landmarks_L3[:, :2].min(axis=0), landmarks_L3[:, :2].max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def turn_of(landmarks_L3: NDArray[np.float32]) -> float:
    """How far a mesh's eyes are turned, clockwise as seen, in radians."""
    across, down = np.subtract(*landmarks_L3[list(EYE_CORNERS)[::-1], :2])
    return float(np.arctan2(down, across))


class FaceDetector:
    """Boxes of all faces in a picture.

    Source: Bazarevsky et al. (2019), BlazeFace; short range: faces that fill at least about a
    tenth of what it looks at.
    """

    def __init__(self, path: Path) -> None:
        self._network = Network(path)
        self._anchors_A2 = _anchors()

    def find(self, picture_HW3: NDArray[np.uint8]) -> list[Detection]:
        """Faces in the picture as a whole, the surest first."""
        height, width = picture_HW3.shape[:2]
        return self._look(picture_HW3, Square(width / 2, height / 2, max(height, width)))

    def find_small(self, picture_HW3: NDArray[np.uint8]) -> list[Detection]:
        """Faces in overlapping parts of the picture, which takes ten times as long."""
        height, width = picture_HW3.shape[:2]
        side = CLOSER * min(height, width)
        found = []
        for x in _centres(width, side):
            for y in _centres(height, side):
                found += self._look(picture_HW3, Square(x, y, side))
        return _without_doubles(found)

    def _look(self, picture_HW3: NDArray[np.uint8], square: Square) -> list[Detection]:
        seen = cut_out(picture_HW3, square, (DETECTOR_SIDE, DETECTOR_SIDE))
        places, logits = self._network(seen / np.float32(127.5) - np.float32(1))
        score_A = 1 / (1 + np.exp(-logits.reshape(-1).clip(-50, 50)))
        is_face_A = score_A >= SURE
        places = places.reshape(len(score_A), 8, 2)[is_face_A] / DETECTOR_SIDE
        points = places + self._anchors_A2[is_face_A, None]
        faces = [
            _detection(square, here[0], size[1], here[2:4], float(score))
            for here, size, score in zip(points, places, score_A[is_face_A], strict=True)
        ]
        return _without_doubles(faces)


def _detection(
    square: Square,
    centre_2: NDArray[np.float32],
    size_2: NDArray[np.float32],
    eyes_22: NDArray[np.float32],
    score: float,
) -> Detection:
    corners = square.to_picture(np.stack([centre_2 - size_2 / 2, centre_2 + size_2 / 2]))
    across, down = eyes_22[1] - eyes_22[0]
    x0, y0, x1, y1 = (float(value) for value in corners.ravel())
    return Detection((x0, y0, x1, y1), float(np.arctan2(down, across)), score)


def _anchors() -> NDArray[np.float32]:
    """Where the detector's answers belong, 0 to 1: two at each of 16 x 16 places, six of 8 x 8.

    >>> _anchors().shape
    (896, 2)
    """
    grids = []
    for places, answers in ((16, 2), (8, 6)):
        middles = (np.arange(places) + 0.5) / places
        grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        grids.append(grid.repeat(answers, axis=0))
    return np.concatenate(grids).astype(np.float32)


def _centres(length: float, side: float) -> NDArray[np.float64]:
    """Centres of squares that cover a length, overlapping by a third; six at most.

    >>> _centres(180, 60).round().tolist()
    [30.0, 70.0, 110.0, 150.0]
    """
    count = min(MOST_PLACES, int(np.ceil((length - side) / (side * 2 / 3) - 1e-6)) + 1)
    return np.linspace(side / 2, length - side / 2, count)


def _without_doubles(faces: list[Detection]) -> list[Detection]:
    """Of answers about one face, the surest, its box the mean of all, weighted by score."""
    left = sorted(faces, key=lambda face: -face.score)
    kept = []
    while left:
        best = left[0]
        same = [face for face in left if face is best or best.overlap(face) > SAME_FACE]
        left = [face for face in left if face not in same]
        weights = [face.score for face in same]
        x0, y0, x1, y1 = np.average([face.box for face in same], axis=0, weights=weights)
        box = (float(x0), float(y0), float(x1), float(y1))
        kept.append(Detection(box, best.angle, best.score))
    return kept


class FaceMesh:
    """468 landmarks on one face.

    Source: Kartynnik et al. (2019), Real-time facial surface geometry from monocular video.
    """

    def __init__(self, path: Path) -> None:
        self._network = Network(path)

    def fit(
        self, picture_HW3: NDArray[np.uint8], square: Square
    ) -> tuple[NDArray[np.float32], float]:
        """Landmarks in pixels of the picture, shape (L, 3), and how sure it is of a face, 0 to 1.

        Args:
            picture_HW3: uint8.
            square: Where the face is, with room around it, its eyes level.
        """
        seen = cut_out(picture_HW3, square, (MESH_SIDE, MESH_SIDE))
        raw, logit = self._network(seen / np.float32(255))
        inside_L3 = raw.reshape(LANDMARKS, 3).astype(np.float64) / MESH_SIDE
        landmarks_L3 = np.empty((LANDMARKS, 3), dtype=np.float32)
        landmarks_L3[:, :2] = square.to_picture(inside_L3[:, :2])
        landmarks_L3[:, 2] = inside_L3[:, 2] * square.side
        return landmarks_L3, float(1 / (1 + np.exp(-np.clip(logit.ravel()[0], -50, 50))))
