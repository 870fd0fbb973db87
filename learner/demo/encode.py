"""Write one clip: H.264 yuv420p and AAC in MP4, faststart, a keyframe a second, no metadata."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from learner.demo.head import Planes
from learner.demo.motion import FRAMES_PER_S, Curve

SOUND_RATE_HZ = 44_100
_CRF = "23"
_SOUND_BITS_PER_S = 96_000


def write_clip(path: Path, frames: Iterable[Planes], sound_L: Curve, size: tuple[int, int]) -> None:
    """Encode frames (25 a second) and mono sound at 44.1 kHz, full scale 1, into `path`.

    Args:
        path: The MP4 to write; a half-written one never stands there.
        frames: YUV 4:2:0 planes of each frame.
        sound_L: Samples, shape (L,).
        size: Width and height of the frames.
    """
    partial = path.with_suffix(".part")
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(partial), "w", format="mp4", options=options) as container:
        video = _video_stream(container, size)
        audio = container.add_stream("aac", rate=SOUND_RATE_HZ, layout="mono")
        audio.bit_rate = _SOUND_BITS_PER_S
        audio.codec_context.flags |= int(av.codec.context.Flags.bitexact)
        for packet in audio.encode(_sound_frame(sound_L)):
            container.mux(packet)
        for packet in audio.encode(None):
            container.mux(packet)
        for index, planes in enumerate(frames):
            for packet in video.encode(_video_frame(planes, size, index)):
                container.mux(packet)
        for packet in video.encode(None):
            container.mux(packet)
    partial.replace(path)


def _video_stream(container: av.container.OutputContainer, size: tuple[int, int]) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=FRAMES_PER_S)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.options = {"preset": "veryfast", "crf": _CRF, "g": str(FRAMES_PER_S), "threads": "1"}
    context = stream.codec_context
    context.color_range = 1  # limited
    context.colorspace = context.color_primaries = context.color_trc = 6  # BT.601
    context.flags |= int(av.codec.context.Flags.bitexact)
    return stream


def _video_frame(planes: Planes, size: tuple[int, int], index: int) -> av.VideoFrame:
    width, height = size
    stacked = np.concatenate([plane.reshape(-1, width) for plane in planes])
    frame = av.VideoFrame.from_ndarray(stacked.reshape(height * 3 // 2, width), format="yuv420p")
    frame.pts, frame.time_base = index, Fraction(1, FRAMES_PER_S)
    return frame


def _sound_frame(sound_L: Curve) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(
        np.clip(sound_L, -1.0, 1.0).astype(np.float32)[None], format="fltp", layout="mono"
    )
    frame.rate, frame.pts, frame.time_base = SOUND_RATE_HZ, 0, Fraction(1, SOUND_RATE_HZ)
    return frame
