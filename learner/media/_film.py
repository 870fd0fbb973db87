"""The pictures of a clip: upright, at the times of one or several grids, from one decoding.

Shape letters: T pictures, H and W height and width of a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from learner.media._file import Unavailable, check_length, films_of, opened, start_s

MOST_BYTES = 1 << 30  # of pictures kept together
MOST_KEPT_BYTES = 1 << 28  # of pictures of one clip that wait for the parts that expect them
MOST_PIXELS = 40_000_000  # of one picture: 8k is 33 million
# Beyond this, threads that each decode a picture of their own would multiply memory by the cores.
MOST_PIXELS_IN_THREADS = 9_000_000
MOST_STRETCH = 4.0  # pixels that claim to be longer than this are taken for square

Pictures = list[tuple[NDArray[np.uint8], int]]  # and at how many times each is on show


@dataclass(frozen=True)
class Grid:
    """Pictures at 0, 1 / rate_hz, 2 / rate_hz, ... s, of one height and width."""

    rate_hz: float
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if not (self.rate_hz > 0 and min(self.size) > 0):
            raise ValueError(f"rate {self.rate_hz} Hz and size {self.size} must be above 0")


class Reel:
    """Pictures that several parts will ask for, kept by the first pass over the film.

    Args:
        most_bytes: Of all that is kept; a grid that would go beyond is decoded anew each time.
    """

    def __init__(self, most_bytes: int = MOST_KEPT_BYTES) -> None:
        self.most_bytes = most_bytes
        self._expected: Counter[Grid] = Counter()
        self._kept: dict[Grid, Pictures] = {}
        self._too_large: set[Grid] = set()
        self.passes = 0

    def expect(self, grid: Grid) -> None:
        """Once more."""
        self._expected[grid] += 1

    def play(self, path: Path, grid: Grid) -> Iterator[NDArray[np.uint8]]:
        """The pictures, kept or from a new pass, which keeps what is expected beside them."""
        self._expected[grid] -= 1
        kept = self._kept.get(grid)
        if self._expected[grid] <= 0:
            del self._expected[grid]
            self._kept.pop(grid, None)
        if kept is None:
            return self._pass(path, grid)
        return chain.from_iterable(repeat(picture, times) for picture, times in kept)

    def wind(self, path: Path) -> None:
        """A pass for what is expected alone."""
        if self._wanted():
            for _ in self._pass(path, None):
                pass

    def _wanted(self) -> set[Grid]:
        return set(self._expected) - set(self._kept) - self._too_large

    def _pass(self, path: Path, asked: Grid | None) -> Iterator[NDArray[np.uint8]]:
        self.passes += 1
        keeping: dict[Grid, Pictures] = {grid: [] for grid in self._wanted()}
        grids = [*({asked} - set(keeping) if asked else ()), *keeping]
        for grid, picture, times in _on_show(path, grids):
            if grid in keeping:
                keeping[grid].append((picture, times))
                if self._size(keeping) > self.most_bytes:
                    del keeping[grid]
                    self._too_large.add(grid)
            if grid == asked:
                yield from repeat(picture, times)
        self._kept |= keeping

    def _size(self, keeping: dict[Grid, Pictures]) -> int:
        return sum(
            len(pictures) * pictures[0][0].nbytes
            for pictures in [*keeping.values(), *self._kept.values()]
            if pictures
        )


def together(
    pictures: Iterable[NDArray[np.uint8]], size: tuple[int, int], most_bytes: int = MOST_BYTES
) -> NDArray[np.uint8]:
    """Pictures of one size in one array, shape (T, H, W, 3).

    Raises:
        Unavailable: they take more than `most_bytes`.

    >>> together([np.zeros((2, 3, 3), np.uint8)] * 4, (2, 3)).shape
    (4, 2, 3, 3)
    """
    kept = bytearray()  # grows in place: a list and its stack would hold every picture twice
    for picture_HW3 in pictures:
        if len(kept) + picture_HW3.nbytes > most_bytes:
            raise Unavailable(
                f"the clip's pictures at {size[0]} by {size[1]} pixels take more than "
                f"{most_bytes / 2**20:.0f} MiB together"
            )
        kept += np.ascontiguousarray(picture_HW3).data.cast("B")
    return np.frombuffer(kept, dtype=np.uint8).reshape(-1, *size, 3)


def picture_size(path: Path) -> tuple[int, int]:
    """Height and width as shown.

    Raises:
        Unavailable, FileNotFoundError: as `ClipMedia.picture_size`.
    """
    with opened(path) as container:
        film = _film(container)
        frame = next(iter(container.decode(film)), None)
        if frame is None:
            raise Unavailable("the clip's video stream holds no picture")
        stretch = float(film.sample_aspect_ratio or 1)
        if not 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
            stretch = 1.0
        size = frame.height, max(1, round(frame.width * stretch))
        return size if _turns(frame) % 2 == 0 else size[::-1]


def _film(container: InputContainer) -> av.VideoStream:
    """The first video stream, ready to be decoded in bounded memory."""
    films = films_of(container)
    if not films:
        raise Unavailable("the clip has no video stream")
    pixels = films[0].codec_context.width * films[0].codec_context.height
    if pixels > MOST_PIXELS:
        raise Unavailable(f"the clip's pictures have {pixels / 1e6:.0f} million pixels, too many")
    films[0].thread_type = "AUTO" if pixels <= MOST_PIXELS_IN_THREADS else "SLICE"
    return films[0]


def _on_show(path: Path, grids: list[Grid]) -> Iterator[tuple[Grid, NDArray[np.uint8], int]]:
    """Grids, their pictures, and at how many times each is on show, from one decoding.

    Pictures that are on show at no time of a grid are never turned into arrays.
    """
    taken = dict.fromkeys(grids, 0)
    # One a picture would compute its tables anew each time.
    scalers = {grid.size: VideoReformatter() for grid in grids}
    with opened(path) as container:
        for frame, until_s in _with_ends(container):
            check_length("film", until_s)
            made: dict[tuple[int, int], NDArray[np.uint8]] = {}
            for grid in grids:
                due = int(np.ceil(until_s * grid.rate_hz - 1e-6)) - taken[grid]
                if due > 0:
                    if grid.size not in made:
                        made[grid.size] = _upright(frame, grid.size, scalers[grid.size])
                    taken[grid] += due
                    yield grid, made[grid.size], due
    if not all(taken.values()):
        raise Unavailable("the clip's video stream holds no picture")


def _with_ends(container: InputContainer) -> Iterator[tuple[av.VideoFrame, float]]:
    """Each picture and when it gives way to the next, in seconds from the clip's start."""
    film = _film(container)
    last_s = float(1 / (film.average_rate or 25))
    origin_s, before, at_s = start_s(container), None, 0.0
    for frame in container.decode(film):
        at_s = frame.time - origin_s if frame.time is not None else at_s + last_s
        if before is not None:
            yield before, at_s
        before = frame
    if before is not None:
        yield before, at_s + last_s


def _turns(frame: av.VideoFrame) -> int:
    """Quarter turns to the left that put it upright."""
    return int(frame.rotation) // 90


def _upright(
    frame: av.VideoFrame, size: tuple[int, int], scaler: VideoReformatter
) -> NDArray[np.uint8]:
    turns = _turns(frame)
    height, width = size if turns % 2 == 0 else size[::-1]
    lying_HW3 = scaler.reformat(frame, width, height, "rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(lying_HW3, turns), dtype=np.uint8)
