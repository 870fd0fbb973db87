"""Copies that browsers play: right streams, right time, no name of their maker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.rendition import BrokenMedia, make_rendition, probe
from annotator.rendition.signatures import unsigned_picture, unsigned_sound
from tests.clips import write_clip

FRAME_S = 1 / 25


def render(path: Path) -> Path:
    target = path.parent / "out" / "rendition.mp4"
    make_rendition(path, target, probe(path))
    return target


def flash_and_beep(path: Path) -> tuple[float, float]:
    """When the picture turns white, and when the sound begins."""
    with av.open(str(path)) as container:
        frames = [(f.time, f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
        start, parts = None, []
        for frame in container.decode(audio=0):
            start = frame.time if start is None else start
            parts += [part.to_ndarray().ravel() for part in resampler.resample(frame)]
    wave = np.concatenate(parts)
    flash_s = next(time for time, light in frames if light > 128)
    return flash_s, start + int(np.argmax(np.abs(wave) > 0.1)) / 48_000


@pytest.mark.parametrize("late_s", [0.0, 0.4])
@pytest.mark.parametrize("name", ["clip.mkv", "clip.mpg", "clip.mp4"])
def test_sound_and_picture_keep_their_distance_in_time(tmp_path, name, late_s):
    codec = {"clip.mkv": "mpeg4", "clip.mpg": "mpeg1video"}.get(name, "libx264")
    original = write_clip(tmp_path / name, seconds=2, codec=codec, flash_s=1.0, sound_late_s=late_s)
    flash_s, beep_s = flash_and_beep(original)
    flash_after_s, beep_after_s = flash_and_beep(render(original))
    assert abs((beep_after_s - flash_after_s) - (beep_s - flash_s)) < FRAME_S


@pytest.mark.parametrize("size", [(63, 47), (64, 48), (150, 84)])
def test_a_copy_plays_in_every_browser(tmp_path, size):
    original = write_clip(tmp_path / "a.mkv", seconds=3, codec="ffv1", size=size)
    after = probe(render(original))
    assert after.is_playable
    assert after.keyframe_gap_s <= 1.0 + FRAME_S
    assert after.duration_s == pytest.approx(3.0, abs=2 * FRAME_S)


def content(path: Path) -> tuple[list[bytes], bytes]:
    """Every picture, and the sound, as decoded."""
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        sound = b"".join(frame.to_ndarray().tobytes() for frame in container.decode(audio=0))
    return pictures, sound


# Keyframes of open groups are none but for a message before each, which no cleaning may take.
OPEN_GROUPS = "open-gop=1:keyint=20:min-keyint=20:bframes=3:scenecut=0"


@pytest.mark.parametrize("x264", ["", OPEN_GROUPS])
def test_what_plays_already_is_copied_without_loss(tmp_path, x264):
    original = write_clip(tmp_path / "a.mp4", seconds=3 if x264 else 0.8, x264=x264)
    assert probe(original).is_playable
    copy = render(original)
    assert content(copy) == content(original)
    assert probe(copy).is_playable
    assert probe(copy).keyframe_gap_s == probe(original).keyframe_gap_s


@pytest.mark.slow
def test_streams_of_many_encoders_are_copied_without_loss_and_without_a_signature(
    real_data, tmp_path
):
    copied, copy = 0, tmp_path / "copy.mp4"
    for original in (real_data / "clips" / "video_retalking").glob("*.mp4"):
        looked = replace(probe(original), keyframe_gap_s=0.5)  # as if it could be sought in
        if looked.is_playable:
            make_rendition(original, copy, looked)
            assert not signatures(copy)
            assert content(copy) == content(original)
            copied += 1
    assert copied > 0


def signatures(path: Path) -> list[bytes]:
    """What is found in a file of the names of programs that made it."""
    return [name for name in (b"AcmeDub", b"x264", b"Lavc", b"Lavf") if name in path.read_bytes()]


def test_nothing_in_a_copy_names_who_made_the_original(tmp_path):
    original = tmp_path / "a.mp4"
    with av.open(str(original), "w") as sink:
        sink.metadata["title"] = "AcmeDub v2, noise 10 dB"
        sink.metadata["comment"] = "AcmeDub"
        video = sink.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.metadata["handler_name"] = "AcmeDub"
        audio = sink.add_stream("aac", rate=16_000)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts = number
            sink.mux(video.encode(frame))
        sink.mux(video.encode(None))
        tone = np.sin(np.arange(12_800) / 5)[None].astype(np.float32)
        sound = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        sound.sample_rate = 16_000
        sink.mux(audio.encode(sound))
        sink.mux(audio.encode(None))
    assert len(signatures(original)) == 4
    assert not signatures(render(original))


def test_messages_are_taken_one_by_one_and_their_escapes_kept():
    maker, recovery, zeros = b"\5\2id", b"\6\1\xc4", b"\1\4\0\0\3\1\0"  # the 3 is an escape
    unit = b"\6" + recovery + maker + zeros + b"\x80"
    picture = b"\x65picture"

    def packet(*units):
        return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)

    clean = packet(b"\6" + recovery + zeros + b"\x80", picture)
    assert unsigned_picture(packet(unit, picture), 4) == clean
    assert unsigned_picture(clean, 4) == clean
    assert unsigned_picture(packet(b"\6" + maker + b"\x80", b"\x1eacme", picture), 4) == (
        packet(picture)
    )


@given(frame=st.binary(max_size=60))
def test_no_sound_can_trip_the_cleaning(frame):
    clean = unsigned_sound(frame)
    assert len(clean) == len(frame)
    assert unsigned_sound(clean) == clean


@given(packet=st.binary(max_size=60), length_bytes=st.sampled_from([1, 2, 4]))
def test_no_picture_can_trip_the_cleaning(packet, length_bytes):
    assert len(unsigned_picture(packet, length_bytes)) <= len(packet) + length_bytes


def test_a_copy_made_anew_looks_like_one_that_was_copied(tmp_path):
    assert not signatures(render(write_clip(tmp_path / "a.mkv", codec="mpeg4")))


def test_a_file_that_fails_leaves_nothing_behind(tmp_path):
    original = write_clip(tmp_path / "a.mkv", codec="mpeg4")
    looked = probe(original)
    original.write_bytes(original.read_bytes()[:600])
    with pytest.raises(BrokenMedia, match="no copy could be made of it"):
        make_rendition(original, tmp_path / "out" / "a.mp4", looked)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(BrokenMedia, match="no such file"):
        probe(tmp_path / "nowhere.mp4")
