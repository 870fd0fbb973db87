"""One clip as parts see it: each thing decoded when first asked for, and at most once.

Shape letters: T samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
SHORTEST_S = 0.1
SILENT_PEAK = 1e-3  # -60 dBFS

Value = TypeVar("Value")


class Unavailable(Exception):  # noqa: N818 (it is an answer, not a fault)
    """A part has no answer for this clip; the words say why."""


@dataclass
class ClipMedia:
    """A clip's file and texts, and its source's.

    Args:
        path: The file.
        transcript: What the source says.
        translation: What the dub says; empty for a clip that is no dub.
        source: The clip it was dubbed from.
    """

    path: Path
    transcript: str = ""
    translation: str = ""
    source: ClipMedia | None = None
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def speech(self) -> NDArray[np.float32]:
        """The first audio track, mono at 16 kHz, -1 to 1, shape (T,).

        Raises:
            Unavailable: there is no audio, it cannot be decoded, or it is too short or silent.
        """
        try:
            with av.open(str(self.path)) as container:
                if not container.streams.audio:
                    raise Unavailable("the clip has no audio stream")
                speech_T = _decode_audio(container)
        except av.error.FFmpegError as error:
            raise Unavailable(f"the clip cannot be decoded: {error.strerror}") from error
        if len(speech_T) < SHORTEST_S * RATE_HZ:
            raise Unavailable(f"the clip has {len(speech_T) / RATE_HZ:.2f} s of audio, too little")
        if float(np.abs(speech_T).max()) < SILENT_PEAK:
            raise Unavailable("the clip is silent")
        return speech_T

    @property
    def text(self) -> str:
        """What is said in the clip: the translation of a dub, else the transcript.

        Raises:
            Unavailable: neither is known.
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
        """What several parts share, computed by the first that asks."""
        if key not in self._kept:
            self._kept[key] = compute()
        value: Value = self._kept[key]
        return value


def _decode_audio(container: av.container.InputContainer) -> NDArray[np.float32]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    pieces = [
        part.to_ndarray().ravel()
        for frame in [*container.decode(audio=0), None]
        for part in resampler.resample(frame)
    ]
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)
