"""What tests of metrics and encoders share: the weights, and clips made of made-up voices."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from learner.media import ClipMedia
from learner.weights import WEIGHTS, is_right

ROOT = Path(__file__).resolve().parents[1]
RATE_HZ = 16_000


def weights_or_skip() -> Path:
    """The folder of weights; without it a test waits aloud, and fails where CI=true."""
    folder = Path(os.environ.get("DUBSCORE_WEIGHTS") or ROOT / "var" / "weights")
    if all(is_right(file, folder) for file in WEIGHTS.values()):
        return folder
    reason = f"pretrained weights are not in {folder}: run manage.py fetch_weights"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def voice(seconds: float, pitch_hz: float, formants_hz: tuple[float, ...]) -> np.ndarray:
    """A buzz through formants, swelling four times a second: the same samples everywhere."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = np.zeros_like(times)
    for number in range(1, int(7000 / pitch_hz)):
        near = sum(np.exp(-(((number * pitch_hz - f) / 150) ** 2)) for f in formants_hz)
        wave += (near + 0.02) / number * np.sin(2 * np.pi * number * pitch_hz * times)
    swelling = 0.55 - 0.45 * np.cos(2 * np.pi * 4 * times)
    return (0.5 * swelling * wave / np.abs(wave).max()).astype(np.float32)


def man(seconds: float = 3.0) -> np.ndarray:
    """A low made-up voice."""
    return voice(seconds, 110.0, (600.0, 1100.0, 2400.0))


def woman(seconds: float = 3.0) -> np.ndarray:
    """A high made-up voice."""
    return voice(seconds, 220.0, (850.0, 1500.0, 2900.0))


def write_sound(
    path: Path, *channels: np.ndarray, rate_hz: int = RATE_HZ, codec: str = "pcm_f32le"
) -> Path:
    """Write samples, one array a channel."""
    planar = np.stack(channels).astype(np.float32)
    layout = {1: "mono", 2: "stereo"}[len(channels)]
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(codec, rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def sounding(path: Path, wave: np.ndarray, **texts: str) -> ClipMedia:
    """A clip that holds this sound."""
    return ClipMedia(write_sound(path, wave), **texts)
