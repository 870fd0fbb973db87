"""Copies that browsers play: right streams, right time, no name of their maker."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from annotator.rendition import BrokenMedia, make_rendition, probe
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


def test_what_plays_already_is_copied_without_loss(tmp_path):
    original = write_clip(tmp_path / "a.mp4", seconds=0.8)
    copy = render(original)

    def pictures(path):
        with av.open(str(path)) as container:
            return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]

    assert pictures(copy) == pictures(original)


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
    assert b"AcmeDub" in original.read_bytes() and b"x264" in original.read_bytes()
    copy = render(original).read_bytes()
    assert b"AcmeDub" not in copy and b"x264" not in copy


def test_a_copy_made_anew_looks_like_one_that_was_copied(tmp_path):
    assert b"x264" not in render(write_clip(tmp_path / "a.mkv", codec="mpeg4")).read_bytes()


def test_a_file_that_fails_leaves_nothing_behind(tmp_path):
    original = write_clip(tmp_path / "a.mkv", codec="mpeg4")
    looked = probe(original)
    original.write_bytes(original.read_bytes()[:600])
    with pytest.raises(av.error.FFmpegError):
        make_rendition(original, tmp_path / "out" / "a.mp4", looked)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(BrokenMedia, match="no such file"):
        probe(tmp_path / "nowhere.mp4")
