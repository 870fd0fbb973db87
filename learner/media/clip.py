"""One clip as parts see it: each thing decoded when first asked for, and at most once.

Shape letters: T samples or pictures, H and W height and width of a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

RATE_HZ = 16_000
SHORTEST_S = 0.1
SILENT_PEAK_DB = -60.0  # the import refuses clips below the same level

Value = TypeVar("Value")


class Unavailable(Exception):  # noqa: N818 (it is an answer, not a fault)
    """A part has no answer for this clip; the words say why.

    >>> str(Unavailable("the clip is silent"))
    'the clip is silent'
    """


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

    @property
    def speech(self) -> NDArray[np.float32]:
        """The first audio track, mono at 16 kHz, -1 to 1, shape (T,), read-only.

        Raises:
            Unavailable: there is no audio, it cannot be decoded, or it is too short or silent.
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
            Unavailable: there is no video, or it cannot be decoded.
            FileNotFoundError: the file itself is gone.
            ValueError: a rate or size that is not above 0.
        """
        key = f"frames {rate_hz} {size}"
        return self.once(key, lambda: np.stack(list(self.pictures(rate_hz, size))))

    def pictures(self, rate_hz: float, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
        """What `frames` gives, one by one and kept by nobody: for parts that need each once.

        Raises:
            Unavailable, FileNotFoundError, ValueError: as `frames`, at the first picture.
        """
        if not (rate_hz > 0 and min(size) > 0):
            raise ValueError(f"rate {rate_hz} Hz and size {size} must be above 0")
        return _pictures(self.path, rate_hz, size)

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


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    if not path.is_file():
        # No Unavailable: that is kept as an answer about the clip, and a lost file is not one.
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with av.open(str(path)) as container:
            yield container
    except av.error.FFmpegError as error:
        raise Unavailable(f"the clip cannot be decoded: {error.strerror}") from error


def _origin_s(container: InputContainer) -> float:
    """When the clip's clock starts, on the clock of its file."""
    streams = [*container.streams.video[:1], *container.streams.audio[:1]]
    starts = [
        stream.start_time * stream.time_base
        for stream in streams
        if stream.start_time is not None and stream.time_base is not None
    ]
    return float(min(starts, default=0))


def _speech(path: Path) -> NDArray[np.float32]:
    with _opened(path) as container:
        if not container.streams.audio:
            raise Unavailable("the clip has no audio stream")
        late_s, speech_T = _decode_audio(container)
    if len(speech_T) < SHORTEST_S * RATE_HZ:
        raise Unavailable(f"the clip has {len(speech_T) / RATE_HZ:.2f} s of audio, too little")
    if not np.isfinite(speech_T).all():
        raise Unavailable("the clip's audio holds samples that are no numbers")
    if float(np.abs(speech_T).max()) < 10 ** (SILENT_PEAK_DB / 20):
        raise Unavailable(f"the clip is silent: nothing is above {SILENT_PEAK_DB:.0f} dBFS")
    silence_T = np.zeros(round(late_s * RATE_HZ), dtype=np.float32)
    return np.concatenate([silence_T, speech_T])


def _decode_audio(container: InputContainer) -> tuple[float, NDArray[np.float32]]:
    """How long after the clip's start the sound begins, and the sound."""
    # Left alone, it adds two channels up to 3 dB above the same sound in mono: over full scale.
    mean_of_channels = {"rematrix_maxval": "1.0"}
    resampler = av.AudioResampler("flt", "mono", RATE_HZ, options=mean_of_channels)
    origin_s = _origin_s(container)
    late_s: float | None = None
    pieces = [np.zeros(0, dtype=np.float32)]
    for frame in container.decode(audio=0):
        if late_s is None:
            late_s = max(0.0, (frame.time or 0.0) - origin_s)
        pieces += [_samples(part) for part in resampler.resample(frame)]
    if late_s is not None:  # told that it ends, the resampler gives what it holds back
        pieces += [_samples(part) for part in resampler.resample(None)]
    return late_s or 0.0, np.concatenate(pieces)


def _samples(part: av.AudioFrame) -> NDArray[np.float32]:
    return np.asarray(part.to_ndarray(), dtype=np.float32).ravel()


def _pictures(path: Path, rate_hz: float, size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    with _opened(path) as container:
        if not container.streams.video:
            raise Unavailable("the clip has no video stream")
        picture = None
        for picture in _on_show(container, rate_hz, size):
            yield picture
    if picture is None:
        raise Unavailable("the clip's video stream holds no picture")


def _on_show(
    container: InputContainer, rate_hz: float, size: tuple[int, int]
) -> Iterator[NDArray[np.uint8]]:
    """The picture at each time of the grid; the others are never turned into arrays."""
    taken = 0
    for frame, until_s in _with_ends(container):
        due = int(np.ceil(until_s * rate_hz - 1e-6)) - taken
        if due > 0:
            picture = _upright(frame, size)
            yield from [picture] * due
            taken += due


def _with_ends(container: InputContainer) -> Iterator[tuple[av.VideoFrame, float]]:
    """Each picture and when it gives way to the next, in seconds from the clip's start."""
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    last_s = float(1 / (stream.average_rate or 25))
    origin_s, before, at_s = _origin_s(container), None, 0.0
    for frame in container.decode(stream):
        at_s = frame.time - origin_s if frame.time is not None else at_s + last_s
        if before is not None:
            yield before, at_s
        before = frame
    if before is not None:
        yield before, at_s + last_s


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
    turns = int(frame.rotation) // 90
    height, width = size if turns % 2 == 0 else size[::-1]
    lying_HW3 = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.ascontiguousarray(np.rot90(lying_HW3, turns), dtype=np.uint8)
