"""One clip as parts see it: each thing decoded when first asked for, and at most once.

Memory is bounded: sound of the longest clip takes `LONGEST_S * 64` kB, pictures that are kept
together at most `MOST_BYTES`, and what goes beyond says so; docs/models.md has the figures.

Shape letters: T samples or pictures, H and W height and width of a picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

RATE_HZ = 16_000
SHORTEST_S = 0.1
SILENT_PEAK_DB = -60.0  # the import refuses clips below the same level
LOUDEST_PEAK_DB = 40.0  # over full scale: whole numbers taken for fractions, or noise
LONGEST_S = 3 * 3600  # a damaged time stamp must not ask for years of silence
MOST_BYTES = 1 << 30  # of pictures kept together
MOST_KEPT_BYTES = 1 << 28  # of pictures of one clip that wait for the parts that expect them
MOST_PIXELS = 40_000_000  # of one picture: 8k is 33 million
# Beyond this, threads that each decode a picture of their own would multiply memory by the cores.
MOST_PIXELS_IN_THREADS = 9_000_000
MOST_STRETCH = 4.0  # pixels that claim to be longer than this are taken for square

Value = TypeVar("Value")
Pictures = list[tuple[NDArray[np.uint8], int]]  # and at how many times each is on show


class Unavailable(Exception):  # noqa: N818 (it is an answer, not a fault)
    """A part has no answer for this clip; the words say why.

    >>> str(Unavailable("the clip is silent"))
    'the clip is silent'
    """


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


@dataclass
class ClipMedia:
    """A clip's file and texts, and its source's.

    Sound and pictures share one clock, which starts with the earlier of the two: `speech[i]` is
    heard at i / 16000 s, and `frames(rate_hz, size)[k]` is seen at k / rate_hz s.

    Args:
        path: The file.
        transcript: What the source says.
        translation: What the dub says; empty for a clip that is no dub.
        source: The clip it was dubbed from.
        language: What is spoken in it, as a BCP 47 tag; empty where that is not known.
    """

    path: Path
    transcript: str = ""
    translation: str = ""
    source: ClipMedia | None = None
    language: str = ""
    _kept: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _reel: Reel = field(default_factory=Reel, repr=False, compare=False)

    @property
    def speech(self) -> NDArray[np.float32]:
        """The first audio track, mono at 16 kHz, -1 to 1, shape (T,), read-only.

        Raises:
            Unavailable: there is no audio, it cannot be decoded, or it is too short, too long,
                silent or far over full scale.
            FileNotFoundError: the file itself is gone.
        """
        return self.once("speech", lambda: _speech(self.path))

    def frames(self, rate_hz: float, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The pictures on show at 0, 1 / rate_hz, 2 / rate_hz, ... s, upright.

        Args:
            rate_hz: Pictures a second, above 0.
            size: Height and width to scale to, in pixels; the aspect ratio is not kept.

        Returns:
            RGB, shape (T, H, W, 3), read-only; the first picture also stands for the time before.

        Raises:
            Unavailable: there is no video, it cannot be decoded, or its pictures would take more
                than 1 GiB together: then a part takes them one by one from `pictures`.
            FileNotFoundError: the file itself is gone.
            ValueError: a rate or size that is not above 0.
        """
        key = f"frames {rate_hz} {size}"
        return self.once(key, lambda: together(self.pictures(rate_hz, size), size))

    def pictures(self, rate_hz: float, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
        """What `frames` gives, one by one and kept by nobody: for parts that need each once.

        A picture that stays on show for several times of the grid is the same object each time.

        Raises:
            Unavailable, FileNotFoundError: as `frames`, at the first picture.
            ValueError: a rate or size that is not above 0.
        """
        return self._reel.play(self.path, Grid(rate_hz, size))

    def expect(self, rate_hz: float, size: tuple[int, int]) -> None:
        """Say, once for each time, that `pictures` will be asked for these.

        The next pass over the film then keeps them by the way, up to 256 MiB for a clip, until
        they have been asked for as often: so several parts share one decoding.

        Raises:
            ValueError: as `pictures`.
        """
        self._reel.expect(Grid(rate_hz, size))

    def wind(self) -> None:
        """Decode what is expected and was not kept yet, for parts that will ask later.

        Raises:
            Unavailable, FileNotFoundError: as `frames`.
        """
        self._reel.wind(self.path)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width of the picture as it is shown: upright, with square pixels.

        Raises:
            Unavailable, FileNotFoundError: as `frames`.
        """
        return self.once("picture_size", lambda: _picture_size(self.path))

    @property
    def text(self) -> str:
        """What is said in the clip: the translation of a dub, else the transcript.

        Raises:
            Unavailable: neither is known.

        >>> ClipMedia(Path("dub.mp4"), transcript="Good morning.", translation=" नमस्ते। ").text
        'नमस्ते।'
        """
        words = self.translation.strip() or self.transcript.strip()
        if not words:
            raise Unavailable("neither a translation nor a transcript is known")
        return words

    @property
    def original(self) -> ClipMedia:
        """The source clip.

        Raises:
            Unavailable: none is known.
        """
        if self.source is None:
            raise Unavailable("no source clip is known")
        return self.source

    def once(self, key: str, compute: Callable[[], Value]) -> Value:
        """What several parts share, computed by the first that asks; so is its being unavailable.

        Args:
            key: Name and version of what is computed.
            compute: Gives the value; an array is made read-only, since all share it.

        Raises:
            Unavailable: `compute` raised it, this time or the first time.

        >>> clip = ClipMedia(Path("dub.mp4"))
        >>> clip.once("answer", lambda: 42), clip.once("answer", lambda: 0)
        (42, 42)
        """
        if key not in self._kept:
            try:
                self._kept[key] = _frozen(compute())
            except Unavailable as missing:
                self._kept[key] = missing
        value: Value = self._kept[key]
        if isinstance(value, Unavailable):
            raise Unavailable(*value.args)
        return value


def _frozen(value: Value) -> Value:
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    return value


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


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    if not path.is_file():
        # No Unavailable: that is kept as an answer about the clip, and a lost file is not one.
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # Absolute, so that no name is taken for an address; titles in broken letters do not matter.
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise Unavailable(f"the clip cannot be decoded: {error.strerror}") from error


def _origin_s(container: InputContainer) -> float:
    """When the clip's clock starts, on the clock of its file."""
    streams = [*_films(container), *container.streams.audio[:1]]
    starts = [
        stream.start_time * stream.time_base
        for stream in streams
        if stream.start_time is not None and stream.time_base is not None
    ]
    return float(min(starts, default=0))


def _films(container: InputContainer) -> list[av.VideoStream]:
    """The video stream, if there is one: the cover of a song is none."""
    cover = Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover][:1]


# Sound


def _speech(path: Path) -> NDArray[np.float32]:
    with _opened(path) as container:
        if not container.streams.audio:
            raise Unavailable("the clip has no audio stream")
        late, speech_T = _decode_audio(container)
    has_s = (len(speech_T) - late) / RATE_HZ
    if has_s < SHORTEST_S:
        raise Unavailable(f"the clip has {has_s:.2f} s of audio, too little")
    peak = max(float(speech_T.max()), -float(speech_T.min()))  # no copy, unlike abs
    if not np.isfinite(peak):
        raise Unavailable("the clip's audio holds samples that are no numbers")
    if peak > 10 ** (LOUDEST_PEAK_DB / 20):
        over_db = 20 * np.log10(peak)
        raise Unavailable(
            f"the clip's audio is {over_db:.0f} dB over full scale, so it is no sound"
        )
    if peak < 10 ** (SILENT_PEAK_DB / 20):
        raise Unavailable(f"the clip is silent: nothing is above {SILENT_PEAK_DB:.0f} dBFS")
    return speech_T


def _decode_audio(container: InputContainer) -> tuple[int, NDArray[np.float32]]:
    """How many samples of silence come before the sound, and both."""
    origin_s = _origin_s(container)
    kept = bytearray()  # grows in place: two hours are 460 MB, and a list would hold them twice
    late: int | None = None
    to_mono = _ToMono()
    for frame in container.decode(audio=0):
        if late is None:
            late_s = max(0.0, (frame.time or 0.0) - origin_s)
            _check_length("sound", late_s)
            late = round(late_s * RATE_HZ)
            kept += bytes(4 * late)
        kept += to_mono.of(frame)
        _check_length("sound", len(kept) / 4 / RATE_HZ)
    kept += to_mono.rest()
    return late or 0, np.frombuffer(kept, dtype=np.float32)


class _ToMono:
    """Frames at 16 kHz mono, as bytes; a stream may change its kind midway."""

    def __init__(self) -> None:
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def of(self, frame: av.AudioFrame) -> bytes:
        """What there is of it so far."""
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        before = b""
        if self._resampler is None or kind != self._kind:
            before = self.rest()
            # Left alone, it adds two channels up to 3 dB above the same in mono: over full scale.
            mean_of_channels = {"rematrix_maxval": "1.0"}
            self._resampler = av.AudioResampler("flt", "mono", RATE_HZ, options=mean_of_channels)
            self._kind = kind
        return before + _samples(self._resampler.resample(frame))

    def rest(self) -> bytes:
        """What it holds back until it is told that the sound ends."""
        return _samples(self._resampler.resample(None)) if self._resampler else b""


def _samples(parts: list[av.AudioFrame]) -> bytes:
    return b"".join(np.asarray(part.to_ndarray(), dtype=np.float32).tobytes() for part in parts)


def _check_length(what: str, seconds: float) -> None:
    if seconds > LONGEST_S:
        raise Unavailable(f"the clip's {what} lasts more than {LONGEST_S / 3600:.0f} hours")


# Pictures


def _picture_size(path: Path) -> tuple[int, int]:
    with _opened(path) as container:
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
    films = _films(container)
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
    with _opened(path) as container:
        for frame, until_s in _with_ends(container):
            _check_length("film", until_s)
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
    origin_s, before, at_s = _origin_s(container), None, 0.0
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
