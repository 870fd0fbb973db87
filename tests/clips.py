"""Small videos that tests make for themselves: a moving bar and a tone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 16_000
FPS = 25


def write_clip(
    path: Path,
    *,
    seconds: float = 1.0,
    tone_hz: float = 440.0,
    codec: str = "libx264",
    has_sound: bool = True,
    has_picture: bool = True,
    flash_s: float | None = None,
    sound_late_s: float = 0.0,
    size: tuple[int, int] = (64, 48),
    x264: str = "",
) -> Path:
    """Write a clip; `flash_s` makes the picture white, and the tone start, at that moment."""
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as sink:
        video = audio = None
        if has_picture:
            video = sink.add_stream(codec, rate=FPS)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            video.options = {"x264-params": x264} if x264 else {}
        if has_sound:
            audio = sink.add_stream("aac" if path.suffix != ".mpg" else "mp2", rate=RATE)
            audio.layout = "mono"
        if video:
            for number in range(round(seconds * FPS)):
                sink.mux(video.encode(_picture(number, flash_s, size)))
            sink.mux(video.encode(None))
        if audio:
            sink.mux(audio.encode(_sound(seconds, tone_hz, flash_s, sound_late_s)))
            sink.mux(audio.encode(None))
    return path


def _picture(number: int, flash_s: float | None, size: tuple[int, int]) -> av.VideoFrame:
    width, height = size
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    if flash_s is not None:
        pixels[:] = 255 if number >= round(flash_s * FPS) else 0
    else:
        pixels[:, (number * 2) % width :, 0] = 200
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, FPS)
    return frame


def _sound(
    seconds: float, tone_hz: float, flash_s: float | None, sound_late_s: float
) -> av.AudioFrame:
    times = np.arange(round((seconds - sound_late_s) * RATE)) / RATE + sound_late_s
    wave = 0.3 * np.sin(2 * np.pi * tone_hz * times)
    if flash_s is not None:
        wave[times < flash_s] = 0
    frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
    frame.sample_rate = RATE
    frame.pts, frame.time_base = round(sound_late_s * RATE), Fraction(1, RATE)
    return frame
