"""The face that a clip shows: found, then followed over time.

Shape letters: T pictures, L = 468 landmarks of the mesh, H and W height and width.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learner.media._blaze import LANDMARKS, SURE, Detection, around, box_of, turn_of
from learner.media._sampling import Square, cut_out
from learner.media.clip import ClipMedia, Unavailable, together
from learner.weights import path_of

VERSION = "1"
RATE_HZ = 25.0
MOST_SIDES = (540, 1600)  # shorter, longer side of the pictures that are searched
LEAST_SHARE = 0.2  # of the pictures must show a face
LOOK_AGAIN_S = 1.0  # the detector asks so often whether a larger face has come
LARGER = 2.0  # times the area of the face that is followed, to be followed instead
PATIENT, EVERY = 5, 5  # after so many pictures without a face, every fifth is searched
SMALLEST = 12.0  # pixels of the picture that is searched
ROOM = 1.2  # of a crop, around the mesh
_NO_LANDMARKS = np.full((LANDMARKS, 3), np.nan, dtype=np.float32)


@dataclass(frozen=True)
class Faces:
    """The face of one clip over time; all arrays are read-only.

    Args:
        rate_hz: Row t is what is on show at t / rate_hz s.
        landmarks_TL3: x, y in pixels of the picture as it is shown, z on their scale, smaller where
            nearer; NaN where no face is seen; float32.
        score_T: How sure the mesh is, .5 to 1; 0 where no face is seen.
        box_T4: x0, y0, x1, y1 around the mesh, NaN where no face is seen.
    """

    rate_hz: float
    landmarks_TL3: NDArray[np.float32]
    score_T: NDArray[np.float32]
    box_T4: NDArray[np.float32]

    @property
    def is_seen_T(self) -> NDArray[np.bool_]:
        """Where there is a face."""
        return self.score_T > 0

    def square_at(self, row: int, room: float = ROOM) -> Square:
        """The square around the face, turned as it is, in pixels of the picture as it is shown."""
        angle = turn_of(self.landmarks_TL3[row])
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        upright_L2 = self.landmarks_TL3[row, :, :2].astype(np.float64) @ turn
        low, high = upright_L2.min(axis=0), upright_L2.max(axis=0)
        x, y = turn @ (low + high) / 2
        return Square(float(x), float(y), room * float(max(high - low)), angle)


class FaceFinder:
    """One face a clip, the one a viewer would look at.

    Found by BlazeFace, then followed by the mesh's own landmarks from picture to picture, and
    looked for again when the mesh loses it. Of several faces that one is taken whose box is
    largest, weighed by how near its middle is to the picture's; it is followed while it can be
    seen, also through short losses, unless a face of twice its area has come. At a cut to another
    person it is that person. Who speaks is not asked: of two people in one shot it may be the
    listener.

    Source: Bazarevsky et al. (2019) and Kartynnik et al. (2019); the files of mediapipe 0.10.21.
    """

    _networks: ClassVar[dict[Path, tuple[Any, Any]]] = {}

    def __init__(self) -> None:
        self._detector: Any = None
        self._mesh: Any = None

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into, once a process.

        Raises:
            WeightsError: they are missing or altered.
        """
        if weights not in self._networks:
            from learner.media._blaze import FaceDetector, FaceMesh

            detector = FaceDetector(path_of(weights, "face_detection"))
            self._networks[weights] = detector, FaceMesh(path_of(weights, "face_mesh"))
        self._detector, self._mesh = self._networks[weights]

    @classmethod
    def expect(cls, media: ClipMedia, rate_hz: float = RATE_HZ) -> None:
        """Say that the pictures in which faces are found will be asked for once more.

        Raises:
            Unavailable, FileNotFoundError: there are no pictures.
        """
        media.expect(rate_hz, _searched_size(media.picture_size)[0])

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find the face now; `find` then has it.

        Raises:
            WeightsError: the weights are missing or altered.
            Unavailable: as `find`.
        """
        finder = cls()
        finder.load(weights)
        finder.find(media)

    def find(self, media: ClipMedia, rate_hz: float = RATE_HZ) -> Faces:
        """The clip's face, found once a clip and rate.

        Memory does not grow with the clip: landmarks lie in an unnamed temporary file of 5.6 kB a
        picture (1 GB for two hours), of which only what is looked at is read.

        Raises:
            Unavailable: there are no pictures, or fewer than a fifth of them show a face.
        """
        return media.once(f"faces@{VERSION} {rate_hz}", lambda: self._found(media, rate_hz))

    def crops(
        self, media: ClipMedia, rate_hz: float, size: tuple[int, int], room: float = ROOM
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        """The face alone, upright, wherever it is seen.

        Args:
            media: The clip.
            rate_hz: Pictures a second, above 0.
            size: Height and width.
            room: Side of the crop, in longer sides of the box around the mesh.

        Returns:
            RGB, shape (T, H, W, 3), and the time of each in seconds.

        Raises:
            Unavailable: as for `find`; or the crops take more than 1 GiB together.
        """
        times: list[float] = []

        def noted() -> Iterator[NDArray[np.uint8]]:
            for picture_HW3, time_s in self.each_crop(media, rate_hz, size, room):
                times.append(time_s)
                yield picture_HW3

        return together(noted(), size), np.array(times)

    def each_crop(
        self, media: ClipMedia, rate_hz: float, size: tuple[int, int], room: float = ROOM
    ) -> Iterator[tuple[NDArray[np.uint8], float]]:
        """What `crops` gives, one by one and kept by nobody."""
        faces = self.find(media)
        searched, scale = _searched_size(media.picture_size)
        is_seen_T = faces.is_seen_T
        for number, picture_HW3 in enumerate(media.pictures(rate_hz, searched)):
            row = min(int(number / rate_hz * faces.rate_hz + 1e-6), len(is_seen_T) - 1)
            if is_seen_T[row]:
                square = faces.square_at(row, room).scaled(1 / scale)
                crop = cut_out(picture_HW3, square, size)
                yield np.rint(crop).astype(np.uint8), number / rate_hz

    def _found(self, media: ClipMedia, rate_hz: float) -> Faces:
        searched, scale = _searched_size(media.picture_size)
        media.expect(rate_hz, searched)
        follower = _Follower(self._detector, self._mesh, round(LOOK_AGAIN_S * rate_hz))
        brief = bytearray()
        with tempfile.TemporaryFile(prefix="dubscore-faces-") as file:
            for picture_HW3 in media.pictures(rate_hz, searched):
                landmarks_L3, summary_5 = _row(follower.see(picture_HW3), scale)
                file.write(landmarks_L3.tobytes())
                brief += summary_5.tobytes()
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        landmarks_TL3 = np.frombuffer(mapped, dtype=np.float32).reshape(-1, LANDMARKS, 3)
        return _faces(rate_hz, landmarks_TL3, np.frombuffer(bytes(brief), np.float32))


def _searched_size(shown: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Height and width at which pictures are searched, and pixels as shown to one of them.

    >>> _searched_size((1080, 1920)), _searched_size((100, 64))
    (((540, 960), 2.0), ((100, 64), 1.0))
    """
    most_short, most_long = MOST_SIDES
    scale = max(1.0, min(shown) / most_short, max(shown) / most_long)
    return (max(1, round(shown[0] / scale)), max(1, round(shown[1] / scale))), scale


def _row(seen: _Seen | None, scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Landmarks in pixels as shown; their box, and how sure the mesh is."""
    if seen is None:
        return _NO_LANDMARKS, np.array([np.nan] * 4 + [0], dtype=np.float32)
    landmarks_L3 = seen.landmarks_L3 * np.float32(scale)
    return landmarks_L3, np.array([*box_of(landmarks_L3), seen.score], dtype=np.float32)


def _faces(rate_hz: float, landmarks_TL3: NDArray[np.float32], brief: NDArray[np.float32]) -> Faces:
    box_T4, score_T = brief.reshape(-1, 5)[:, :4], brief.reshape(-1, 5)[:, 4]
    share = float((score_T > 0).mean())
    if share < LEAST_SHARE:
        raise Unavailable(
            f"a face is seen on {share:.0%} of the clip's pictures; {LEAST_SHARE:.0%} are needed"
        )
    return Faces(rate_hz, landmarks_TL3, score_T, box_T4)


# Following


@dataclass(frozen=True)
class _Seen:
    """A face in the picture that was just searched."""

    landmarks_L3: NDArray[np.float32]
    score: float

    @property
    def face(self) -> Detection:
        return Detection(box_of(self.landmarks_L3), turn_of(self.landmarks_L3), self.score)


class _Follower:
    """Sees one picture after the other, and keeps to the face it saw."""

    def __init__(self, detector: Any, mesh: Any, look_every: int) -> None:
        self._detector, self._mesh, self._look_every = detector, mesh, look_every
        self._picture: NDArray[np.uint8] | None = None
        self._seen: _Seen | None = None
        self._last: Detection | None = None  # where it was seen last
        self._unsearched = 0  # pictures since the detector looked
        self._missed = 0  # pictures since a face was seen

    def see(self, picture_HW3: NDArray[np.uint8]) -> _Seen | None:
        """The face in the next picture; one that stays on show is looked at once."""
        if picture_HW3 is not self._picture:
            self._picture = picture_HW3
            self._seen = self._followed(picture_HW3)
            if self._is_due():
                self._unsearched = 0
                self._seen = self._found(picture_HW3)
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

    def _followed(self, picture_HW3: NDArray[np.uint8]) -> _Seen | None:
        if self._seen is None:
            return None
        before = self._seen.face
        return self._fit(picture_HW3, around(before.box, before.angle))

    def _found(self, picture_HW3: NDArray[np.uint8]) -> _Seen | None:
        """The face that is to be followed from here, if need be another one."""
        found = self._best(self._detector.find(picture_HW3), picture_HW3)
        if found or self._seen:
            return found or self._seen
        return self._best(self._detector.find_small(picture_HW3), picture_HW3)

    def _best(self, faces: list[Detection], picture_HW3: NDArray[np.uint8]) -> _Seen | None:
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

    def _fit(self, picture_HW3: NDArray[np.uint8], square: Square) -> _Seen | None:
        landmarks_L3, score = self._mesh.fit(picture_HW3, square)
        seen = _Seen(landmarks_L3, score)
        if score < SURE or not np.isfinite(landmarks_L3).all():
            return None
        x0, y0, x1, y1 = seen.face.box
        height, width = picture_HW3.shape[:2]
        is_inside = 0 <= x0 + x1 <= 2 * width and 0 <= y0 + y1 <= 2 * height
        return seen if is_inside and min(x1 - x0, y1 - y0) >= SMALLEST else None
