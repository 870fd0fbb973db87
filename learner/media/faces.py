"""The face that a clip shows: found, then followed over time.

Shape letters: T pictures, L = 468 landmarks of the mesh, H and W height and width, S = 64 side.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learner.media._blaze import LANDMARKS, FaceDetector, FaceMesh, box_of
from learner.media._following import ROOM, SMALL_SIDE, Follower, Seen, upright
from learner.media._sampling import Square, cut_out
from learner.media.clip import ClipMedia, Unavailable, together
from learner.weights import path_of

VERSION = "1"
RATE_HZ = 25.0
MOST_SIDES = (540, 1600)  # shorter, longer side of the pictures that are searched
LEAST_SHARE = 0.2  # of the pictures must show a face
LOOK_AGAIN_S = 1.0  # the detector asks so often whether a larger face has come
_BLACK = bytes(SMALL_SIDE**2)
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
        return upright(self.landmarks_TL3[row], room)


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

    _networks: ClassVar[dict[Path, tuple[FaceDetector, FaceMesh]]] = {}

    def __init__(self) -> None:
        self._detector: Any = None
        self._mesh: Any = None

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into, once a process.

        Raises:
            WeightsError: they are missing or altered.
        """
        if weights not in self._networks:
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

        Memory does not grow with the clip: landmarks and crops lie in unnamed temporary files of
        9.7 kB a picture (1.7 GB for two hours), of which only what is looked at is read.

        Raises:
            Unavailable: there are no pictures, or fewer than a fifth of them show a face.
        """
        return media.once(f"faces@{VERSION} {rate_hz}", lambda: self._both(media, rate_hz)[0])

    def small(self, media: ClipMedia, rate_hz: float = RATE_HZ) -> NDArray[np.uint8]:
        """The face alone, upright and in grey, cut out as it is found: no picture is decoded again.

        Returns:
            Shape (T, 64, 64), a row of `find` each; black where no face is seen. In a file, too.

        Raises:
            Unavailable: as for `find`.
        """
        return self._both(media, rate_hz)[1]

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

    def _both(self, media: ClipMedia, rate_hz: float) -> tuple[Faces, NDArray[np.uint8]]:
        key = f"faces and crops@{VERSION} {rate_hz}"
        return media.once(key, lambda: self._found(media, rate_hz))

    def _found(self, media: ClipMedia, rate_hz: float) -> tuple[Faces, NDArray[np.uint8]]:
        searched, scale = _searched_size(media.picture_size)
        media.expect(rate_hz, searched)  # this pass is not the one that others expect
        follower = Follower(self._detector, self._mesh, round(LOOK_AGAIN_S * rate_hz))
        brief = bytearray()
        with _unnamed() as landmarks, _unnamed() as crops:
            for picture_HW3 in media.pictures(rate_hz, searched):
                seen = follower.see(picture_HW3)
                landmarks_L3, summary_5 = _row(seen, scale)
                landmarks.write(landmarks_L3.tobytes())
                crops.write(seen.crop if seen else _BLACK)
                brief += summary_5.tobytes()
            landmarks_TL3 = _mapped(landmarks, np.float32).reshape(-1, LANDMARKS, 3)
            small_TSS = _mapped(crops, np.uint8).reshape(-1, SMALL_SIDE, SMALL_SIDE)
        brief_T = np.frombuffer(bytes(brief), np.float32)
        return _faces(rate_hz, landmarks_TL3, brief_T), small_TSS


def _unnamed() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="dubscore-faces-")


def _mapped(file: IO[bytes], kind: type[np.generic]) -> NDArray[Any]:
    file.flush()
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=kind)


def _searched_size(shown: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """Height and width at which pictures are searched, and pixels as shown to one of them.

    >>> _searched_size((1080, 1920)), _searched_size((100, 64))
    (((540, 960), 2.0), ((100, 64), 1.0))
    """
    most_short, most_long = MOST_SIDES
    scale = max(1.0, min(shown) / most_short, max(shown) / most_long)
    return (max(1, round(shown[0] / scale)), max(1, round(shown[1] / scale))), scale


def _row(seen: Seen | None, scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
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
