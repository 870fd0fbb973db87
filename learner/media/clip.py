"""One clip as parts see it: each thing decoded when first asked for, and at most once.

Memory is bounded: sound of the longest clip takes 64 kB a second, pictures that are kept
together at most 1 GiB, and what goes beyond says so; docs/models.md has the figures.

Shape letters: T samples or pictures, H and W height and width of a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from learner.media import _film, _sound
from learner.media._file import Unavailable
from learner.media._film import MOST_KEPT_BYTES, Grid, Reel, together
from learner.media._sound import RATE_HZ

__all__ = [
    "MOST_KEPT_BYTES",
    "RATE_HZ",
    "ClipMedia",
    "Grid",
    "Reel",
    "Unavailable",
    "together",
]

Value = TypeVar("Value")


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
        return self.once("speech", lambda: _sound.speech(self.path))

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
        return self.once("picture_size", lambda: _film.picture_size(self.path))

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
