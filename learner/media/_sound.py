"""The sound of a clip, mono at 16 kHz.

Shape letter: T samples.
"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from learner.media._file import Unavailable, check_length, opened, start_s

RATE_HZ = 16_000
SHORTEST_S = 0.1
SILENT_PEAK_DB = -60.0  # the import refuses clips below the same level
LOUDEST_PEAK_DB = 40.0  # over full scale: whole numbers taken for fractions, or noise


def speech(path: Path) -> NDArray[np.float32]:
    """The first audio track, -1 to 1, shape (T,), with silence up to its beginning.

    Raises:
        Unavailable, FileNotFoundError: as `ClipMedia.speech`.
    """
    with opened(path) as container:
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
    origin_s = start_s(container)
    kept = bytearray()  # grows in place: two hours are 460 MB, and a list would hold them twice
    late: int | None = None
    to_mono = _ToMono()
    for frame in container.decode(audio=0):
        if late is None:
            late_s = max(0.0, (frame.time or 0.0) - origin_s)
            check_length("sound", late_s)
            late = round(late_s * RATE_HZ)
            kept += bytes(4 * late)
        kept += to_mono.of(frame)
        check_length("sound", len(kept) / 4 / RATE_HZ)
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
