"""Making the copy that browsers play: H.264 and AAC in MP4, nothing in it that names its maker."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType
from numpy.typing import NDArray

from annotator.rendition.probe import MOST_KEYFRAME_GAP_S, BrokenMedia, Probe
from annotator.rendition.signatures import PLAIN_AAC, unsigned_picture, unsigned_sound

CRF = "20"  # visually lossless for the small pictures that are rated
PRESET = "veryfast"
AUDIO_RATE = 48_000
AUDIO_BITS = 160_000
CLOCK = Fraction(1, 90_000)
# x264 signs its work with name and settings in a side message (type 6); no other is needed here.
UNSIGNED = "filter_units=remove_types=6"
# `bitexact` keeps the muxer from writing its own name and version.
MP4 = {"movflags": "+faststart", "fflags": "+bitexact"}


def make_rendition(path: Path, target: Path, looked: Probe) -> None:
    """Write what browsers play to `target`: streams that play already are copied, others made anew.

    Keyframes lie at most a second apart, the index comes first, metadata is left out, and sound and
    picture keep their distance in time.

    Args:
        path: A file that `probe` has accepted.
        target: Where the MP4 goes; it appears there whole or not at all.
        looked: What `probe` said of it.

    Raises:
        BrokenMedia: its streams cannot be copied or made anew after all.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    try:
        with (
            av.open(str(path)) as source,
            av.open(str(unfinished), "w", format="mp4", options=MP4) as sink,
        ):
            if looked.is_playable and _is_mp4(source.streams.video[0]):
                _copy(source, sink)
            else:
                _encode(source, sink, looked)
        unfinished.replace(target)
    except av.error.FFmpegError as error:
        raise BrokenMedia(f"no copy could be made of it: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _is_mp4(video: av.VideoStream) -> bool:
    """Whether its units stand after their lengths, as all but odd files of this format have it."""
    extradata = video.codec_context.extradata or b""
    return len(extradata) > 4 and extradata[0] == 1


def _copy(source: InputContainer, sink: OutputContainer) -> None:
    video, audio = source.streams.video[0], source.streams.audio[0]
    streams = {stream.index: sink.add_stream_from_template(stream) for stream in (video, audio)}
    for stream in streams.values():
        stream.metadata.clear()
    length_bytes = ((video.codec_context.extradata or b"")[4] & 3) + 1
    is_plain = (audio.codec_context.extradata or b"\0")[0] >> 3 in PLAIN_AAC
    for packet in source.demux(video, audio):
        if packet.dts is None:
            continue
        target = streams[packet.stream_index]
        if target.type == "video":
            packet = _with_bytes(packet, unsigned_picture(bytes(packet), length_bytes))
        elif is_plain:
            packet.update(unsigned_sound(bytes(packet)))
        packet.stream = target
        sink.mux(packet)


def _with_bytes(packet: av.Packet[Any], content: bytes) -> av.Packet[Any]:
    """The same packet with other bytes."""
    if len(content) == packet.size:
        return packet
    other: av.Packet[Any] = av.Packet(content)
    other.pts, other.dts, other.duration = packet.pts, packet.dts, packet.duration
    other.time_base, other.is_keyframe = packet.time_base, packet.is_keyframe
    return other


def _encode(source: InputContainer, sink: OutputContainer, looked: Probe) -> None:
    video = sink.add_stream("libx264", rate=Fraction(looked.fps).limit_denominator(1001))
    video.width, video.height = looked.width // 2 * 2, looked.height // 2 * 2
    video.pix_fmt = "yuv420p"
    video.codec_context.time_base = CLOCK
    video.options = {"crf": CRF, "preset": PRESET}
    audio = sink.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
    audio.bit_rate = AUDIO_BITS
    audio.codec_context.flags |= Flags.bitexact  # or it signs every 256th frame

    pictures = _Pictures(looked.rotation)
    sounds = _Sounds()
    start_s = _start(source)
    unsigned: BitStreamFilterContext | None = None
    for frame in source.decode(source.streams.video[0], source.streams.audio[0]):
        if isinstance(frame, av.VideoFrame):
            for ready in pictures.place(frame, start_s):
                for packet in video.encode(ready):
                    unsigned = unsigned or BitStreamFilterContext(UNSIGNED, video)
                    sink.mux(unsigned.filter(packet))
        elif isinstance(frame, av.AudioFrame):
            for heard in sounds.place(frame, start_s):
                sink.mux(audio.encode(heard))
    for packet in video.encode(None):
        unsigned = unsigned or BitStreamFilterContext(UNSIGNED, video)
        sink.mux(unsigned.filter(packet))
    sink.mux(audio.encode(None))


def _start(source: InputContainer) -> float:
    """When the earlier of picture and sound begins: the new time zero."""
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (source.streams.video[0], source.streams.audio[0])
        if stream.start_time is not None and stream.time_base is not None
    ]
    return min(starts, default=0.0)


class _Pictures:
    """Pictures on the new clock, turned upright, with keyframes often enough to seek."""

    def __init__(self, rotation: int) -> None:
        self.rotation = rotation
        self.last = -1
        self.keyframe_s = -np.inf

    def place(self, frame: av.VideoFrame, start_s: float) -> Iterator[av.VideoFrame]:
        at_s = max(0.0, (frame.time or 0.0) - start_s)
        upright = _turn(frame, self.rotation)
        if self.last < 0 and at_s > 0:
            # The first picture stands from time zero: some players ignore a late start.
            yield self._ready(upright, 0.0)
        if round(at_s / CLOCK) > self.last:
            yield self._ready(upright, at_s)

    def _ready(self, frame: av.VideoFrame, at_s: float) -> av.VideoFrame:
        ready = frame.reformat(
            width=frame.width // 2 * 2, height=frame.height // 2 * 2, format="yuv420p"
        )
        is_key = at_s - self.keyframe_s >= MOST_KEYFRAME_GAP_S - 0.05
        ready.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self.keyframe_s = at_s
        self.last = round(at_s / CLOCK)
        ready.pts, ready.time_base = self.last, CLOCK
        return ready


def _turn(frame: av.VideoFrame, rotation: int) -> av.VideoFrame:
    if rotation == 0:
        return frame
    pixels = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    upright: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(pixels, rotation // 90))
    return av.VideoFrame.from_ndarray(upright, format="rgb24")


class _Sounds:
    """Sound on a clock of samples, with silence before it when it begins after the picture."""

    def __init__(self) -> None:
        self.resampler = av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_RATE)
        self.samples = 0

    def place(self, frame: av.AudioFrame, start_s: float) -> Iterator[av.AudioFrame]:
        if self.samples == 0:
            late = round(((frame.time or 0.0) - start_s) * AUDIO_RATE)
            if late > 0:
                yield self._stamp(_silence(late))
        frame.pts = None
        for part in self.resampler.resample(frame):
            yield self._stamp(part)

    def _stamp(self, frame: av.AudioFrame) -> av.AudioFrame:
        frame.pts, frame.time_base = self.samples, Fraction(1, AUDIO_RATE)
        self.samples += frame.samples
        return frame


def _silence(samples: int) -> av.AudioFrame:
    quiet = np.zeros((2, samples), dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="stereo")
    frame.sample_rate = AUDIO_RATE
    return frame
