"""Two hundred broken and odd files: each ends in a value or a reason, and memory stays bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable, _file, clip
from tests import odd_media
from tests.clips import write_clip
from tests.films import officer, photo, placed, write_film, zoomed
from tests.odd_media import with_rotation
from tests.parts import ROOT, man, weights_or_skip, write_sound

MOST_MIB = 350  # beyond the networks, over all files in one process


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> tuple[dict[str, dict[str, str]], dict[str, float]]:
    """What everything said of each file, in one process of its own, and the memory it took."""
    folder, weights = tmp_path_factory.mktemp("odd"), weights_or_skip()
    odd_media.make(folder)
    _films_of_faces(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.odd_media", str(folder), str(weights)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"it died at {lines[-1:]}: {done.stderr[-2000:]}"
    return {line["file"]: line["answers"] for line in lines if "answers" in line}, lines[-1]


def _films_of_faces(folder) -> None:
    """Two faces, a face seen now and then, one that is upside down, one cut off by the edge."""
    head = zoomed(photo()[:300, 80:380], 0.5)
    two = placed(head, (160, 380), (0, 10))
    two[:, 200:360] = zoomed(officer()[:400, 80:480], 0.4)
    faces = {"two-faces": [two] * 3, "upside-down": [head[::-1]] * 3}
    faces["now-and-then"] = [head, np.zeros_like(head)] * 3
    faces["at-the-edge"] = [placed(head, (150, 150), (0, -70))] * 3
    for name, pictures in faces.items():
        write_film(folder / f"{name}.mkv", pictures)


def test_two_hundred_files_end_in_a_value_or_a_reason(asked):
    answers, _ = asked
    assert len(answers) >= 200
    faults = {
        (file, part): words
        for file, of_file in answers.items()
        for part, words in of_file.items()
        if not words.startswith(("value", "unavailable: ", "lost: "))
    }
    assert not faults


def test_only_what_is_no_file_is_lost(asked):
    answers, _ = asked
    lost = {file for file, of in answers.items() if of["speech"].startswith("lost")}
    assert lost == {"a-folder.mp4", "loop.mp4", "pipe.mp4"}


def test_memory_stays_bounded(asked):
    _, memory = asked
    assert memory["most_mib"] - memory["before_mib"] < MOST_MIB


@pytest.mark.parametrize(
    ("file", "part", "words"),
    [
        ("nothing.mp4", "speech", "unavailable: the clip cannot be decoded"),
        ("letter.mp4", "faces", "unavailable: the clip cannot be decoded"),
        ("list.m3u8", "speech", "unavailable: the clip cannot be decoded"),
        ("list.ffconcat", "speech", "unavailable: the clip cannot be decoded"),
        ("-i concat:a|b.mp4", "speech", "value"),
        ("http:nowhere.mp4", "frames", "value"),
        ("film.txt", "frames", "value"),
        ("1x1.mov", "frames", "value"),
        ("1x1.mov", "faces", "unavailable: a face is seen on 0%"),
        ("8k.mkv", "frames", "value"),
        ("too-large.mov", "frames", "unavailable: the clip's pictures have 50 million pixels"),
        ("hdr.mp4", "frames", "value"),
        ("yuv420p10le.mkv", "frames", "value"),
        ("1-fps.mkv", "frames", "value"),
        ("variable.mkv", "frames", "value"),
        ("ten-years-later.mkv", "frames", "unavailable: the clip's film lasts more than 3 hours"),
        ("ten-silent-minutes.flac", "speech", "unavailable: the clip is silent"),
        ("loud.wav", "speech", "unavailable: the clip's audio is 394 dB over full scale"),
        ("no-numbers.wav", "speech", "unavailable: the clip's audio holds samples that are no"),
        ("only-pictures.mp4", "speech", "unavailable: the clip has no audio stream"),
        ("only-pictures.mp4", "emotion_alignment", "unavailable: "),
        ("only-sound.mp4", "frames", "unavailable: the clip has no video stream"),
        ("only-sound.mp4", "speech", "value"),
        ("cover.mp3", "frames", "unavailable: the clip has no video stream"),
        ("cover.mp3", "speech", "value"),
        ("kind-changes.ts", "speech", "value"),
        ("hardly-any-sound.mkv", "speech", "unavailable: the clip has 0.06 s of audio"),
        ("two-faces.mkv", "faces", "value"),
        ("two-faces.mkv", "face_fer", "value"),
        ("at-the-edge.mkv", "frames", "value"),
        ("now-and-then.mkv", "crops", "value"),
    ],
)
def test_each_kind_has_its_own_answer(asked, file, part, words):
    answers, _ = asked
    assert answers[file][part].startswith(words)


# The answers themselves


@pytest.mark.parametrize(("degrees", "bright"), [(0, "left"), (90, "top"), (180, "right")])
def test_pictures_are_turned_as_their_flag_says(tmp_path, degrees, bright):
    pixels = np.zeros((48, 64, 3), dtype=np.uint8)
    pixels[:, :32] = 255
    path = odd_media._film(tmp_path / "a.mp4", codec="libx264", of=lambda _: pixels)
    path.write_bytes(with_rotation(path.read_bytes(), degrees))
    media = ClipMedia(path)
    height, width = media.picture_size
    assert (height, width) == ((64, 48) if degrees % 180 else (48, 64))
    shown = media.frames(25, (height, width))[0].mean(axis=2)
    sides = {
        "left": shown[:, : width // 4],
        "right": shown[:, -width // 4 :],
        "top": shown[: height // 4],
        "bottom": shown[-height // 4 :],
    }
    assert max(sides, key=lambda side: sides[side].mean()) == bright


@pytest.mark.parametrize(
    ("stretch", "size"), [("16/15", (48, 68)), ("1/3", (48, 21)), ("20/1", (48, 64))]
)
def test_pictures_are_as_wide_as_they_are_shown(tmp_path, stretch, size):
    path = odd_media._film(tmp_path / "a.mkv", stretch=odd_media.Fraction(stretch))
    assert ClipMedia(path).picture_size == size


def test_pictures_of_ten_bits_are_as_bright_as_of_eight(tmp_path):
    pixels = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (48, 1, 3))
    shown = [
        ClipMedia(
            odd_media._film(tmp_path / f"{pix_fmt}.mkv", codec="ffv1", pix_fmt=pix_fmt, of=of)
        ).frames(25, (48, 64))
        for pix_fmt, of in (("yuv420p", lambda _: pixels), ("yuv420p10le", lambda _: pixels))
    ]
    np.testing.assert_allclose(shown[0].astype(int), shown[1].astype(int), atol=3)


def test_pictures_kept_together_have_a_most_of_bytes():
    pictures = [np.zeros((10, 10, 3), np.uint8)] * 5
    assert clip.together(pictures, (10, 10), 1500).shape == (5, 10, 10, 3)
    with pytest.raises(Unavailable, match="at 10 by 10 pixels take more than"):
        clip.together(pictures, (10, 10), 1499)


def test_sound_that_would_last_for_days_is_refused_before_it_fills_the_memory(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(_file, "LONGEST_S", 1.0)
    with pytest.raises(Unavailable, match="sound lasts more than"):
        _ = ClipMedia(write_sound(tmp_path / "a.wav", man(1.5))).speech
    assert len(ClipMedia(write_sound(tmp_path / "b.wav", man(0.9))).speech) == 14_400


def test_a_stream_that_changes_its_kind_goes_on(tmp_path):
    first = odd_media._transport(tmp_path / "first.ts", 1, 16_000)
    second = odd_media._transport(tmp_path / "second.ts", 2, 44_100)
    (tmp_path / "both.ts").write_bytes(first + second)
    both = ClipMedia(tmp_path / "both.ts").speech
    apart = [len(ClipMedia(tmp_path / f"{name}.ts").speech) for name in ("first", "second")]
    assert len(both) == pytest.approx(sum(apart), rel=0.1)


def test_names_are_never_taken_for_addresses(tmp_path, monkeypatch):
    write_clip(tmp_path / "concat:a|b.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(ClipMedia(odd_media.Path("concat:a|b.mp4")).speech) > 10_000
