"""Looking a media file through, from its first packet to its last."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

# A clip whose loudest sample is below this has no sound that anyone could judge.
SILENT_PEAK_DB = -60.0
# A file whose picture or sound ends this much before the length it declares is cut off.
MISSING_S = 0.5
MISSING_FRAC = 0.1
MOST_KEYFRAME_GAP_S = 1.0


class BrokenMedia(ValueError):
    """A file that cannot be rated, with the reason in words for people."""


@dataclass(frozen=True)
class Probe:
    """What a file holds, after all of it was decoded.

    Args:
        container: Format name as FFmpeg gives it.
        video_codec, pixel_format: Of the first video stream.
        width, height: As shown, after rotation, in pixels.
        rotation: Degrees that a player must turn the picture, a multiple of 90.
        fps: Mean frame rate in hertz.
        duration_s: From the first picture or sound to the end of the last.
        audio_codec, sample_rate, channels: Of the first audio stream.
        peak_db: Loudest sample, dBFS.
        keyframe_gap_s: Longest time between keyframes.
    """

    container: str
    video_codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    fps: float
    duration_s: float
    audio_codec: str
    sample_rate: int
    channels: int
    peak_db: float
    keyframe_gap_s: float

    @property
    def is_playable(self) -> bool:
        """Whether every browser plays these streams and seeks in them as they are."""
        return (
            self.video_codec == "h264"
            and self.pixel_format in {"yuv420p", "yuvj420p"}
            and self.audio_codec == "aac"
            and "mp4" in self.container
            and self.rotation == 0
            and self.width % 2 == 0
            and self.height % 2 == 0
            and self.keyframe_gap_s <= MOST_KEYFRAME_GAP_S + 1 / max(self.fps, 1.0)
        )


@dataclass
class _Seen:
    """What has been met so far on the way through a file."""

    frames: int = 0
    keyframes_s: list[float] = field(default_factory=list)
    video_s: list[float] = field(default_factory=list)
    audio_start_s: float | None = None
    audio_end_s: float = 0.0
    peak: float = 0.0
    rotation: int = 0


def probe(path: Path) -> Probe:
    """Decode a file whole and say what it holds.

    Raises:
        BrokenMedia: missing, empty, not a media file, cut off, without picture, without sound,
            or silent throughout.
    """
    if not path.is_file():
        raise BrokenMedia("there is no such file")
    if path.stat().st_size == 0:
        raise BrokenMedia("the file is empty (0 bytes)")
    try:
        with av.open(str(path)) as container:
            return _look_through(container)
    except av.error.FFmpegError as error:
        raise BrokenMedia(
            f"it cannot be read as video: {error.strerror} (not a media file, damaged or cut off)"
        ) from error


def _look_through(container: InputContainer) -> Probe:
    if not container.streams.video:
        raise BrokenMedia("it has no video stream")
    if not container.streams.audio:
        raise BrokenMedia("it has no audio stream")
    video, audio = container.streams.video[0], container.streams.audio[0]
    video.thread_type = "AUTO"
    declared_s = (container.duration or 0) / av.time_base
    seen = _decode(container)
    duration_s = _check(seen, declared_s)
    turned = seen.rotation % 180 != 0
    width, height = video.codec_context.width, video.codec_context.height
    gaps = np.diff([*seen.keyframes_s, max(seen.video_s)]) if seen.keyframes_s else [np.inf]
    return Probe(
        container=container.format.name,
        video_codec=video.codec_context.name,
        pixel_format=video.codec_context.pix_fmt or "",
        width=height if turned else width,
        height=width if turned else height,
        rotation=seen.rotation,
        fps=seen.frames / duration_s,
        duration_s=duration_s,
        audio_codec=audio.codec_context.name,
        sample_rate=audio.codec_context.sample_rate,
        channels=audio.codec_context.channels,
        peak_db=float(20 * np.log10(max(seen.peak, 1e-9))),
        keyframe_gap_s=float(max(gaps, default=0.0)),
    )


def _decode(container: InputContainer) -> _Seen:
    video, audio = container.streams.video[0], container.streams.audio[0]
    to_float = av.AudioResampler(format="flt", layout="mono")
    seen = _Seen()
    for packet in container.demux(video, audio):
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                _see_picture(seen, frame)
            elif isinstance(frame, av.AudioFrame):
                _see_sound(seen, frame, to_float)
    return seen


def _see_picture(seen: _Seen, frame: av.VideoFrame) -> None:
    at_s = frame.time if frame.time is not None else (seen.video_s[-1] if seen.video_s else 0.0)
    seen.frames += 1
    seen.video_s.append(at_s)
    seen.rotation = int(frame.rotation) % 360
    if frame.key_frame:
        seen.keyframes_s.append(at_s)


def _see_sound(seen: _Seen, frame: av.AudioFrame, to_float: av.AudioResampler) -> None:
    start_s = frame.time if frame.time is not None else seen.audio_end_s
    if seen.audio_start_s is None:
        seen.audio_start_s = start_s
    seen.audio_end_s = start_s + frame.samples / frame.sample_rate
    for part in to_float.resample(frame):
        seen.peak = max(seen.peak, float(np.abs(part.to_ndarray()).max(initial=0.0)))


def _check(seen: _Seen, declared_s: float) -> float:
    """Refuse what cannot be rated; the length in seconds of what can."""
    if seen.frames == 0:
        raise BrokenMedia("its video stream holds no picture")
    if seen.audio_start_s is None:
        raise BrokenMedia("its audio stream holds no sound")
    if 20 * np.log10(max(seen.peak, 1e-9)) < SILENT_PEAK_DB:
        raise BrokenMedia(f"it is silent: nothing is louder than {SILENT_PEAK_DB:.0f} dBFS")
    frame_s = (max(seen.video_s) - min(seen.video_s)) / max(1, seen.frames - 1)
    start_s = min(min(seen.video_s), seen.audio_start_s)
    duration_s = max(max(seen.video_s) + frame_s, seen.audio_end_s) - start_s
    if declared_s - duration_s > max(MISSING_S, MISSING_FRAC * declared_s):
        raise BrokenMedia(
            f"it is cut off: {duration_s:.1f} s of the {declared_s:.1f} s it declares are there"
        )
    if duration_s <= 0:
        raise BrokenMedia("it has no length")
    return duration_s
