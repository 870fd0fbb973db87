"""A clip is decoded once, on one clock, and says why when something is not there."""

from __future__ import annotations

import av
import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable
from learner.media.clip import Reel
from tests.clips import write_clip
from tests.parts import RATE_HZ, man, write_sound


def tone(seconds: float, hz: float, rate_hz: int = RATE_HZ, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def loudest_hz(wave: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(wave)).argmax() * RATE_HZ / wave.size)


def write_stripes(path, *, n_frames: int, fps: int):
    """A film without sound whose n-th picture is n * 20 bright on the left, white on the right."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("ffv1", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for number in range(n_frames):
            pixels = np.full((48, 64, 3), 255, dtype=np.uint8)
            pixels[:, :32] = number * 20
            sink.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        sink.mux(stream.encode(None))
    return path


# Sound


def test_stereo_at_another_rate_becomes_mono_at_16_khz(tmp_path):
    left, right = tone(2, 440, 44_100, level=0.6), np.zeros(88_200)
    path = write_sound(tmp_path / "a.wav", left, right, rate_hz=44_100)
    speech = ClipMedia(path).speech
    assert speech.dtype == np.float32
    assert speech.size == pytest.approx(2 * RATE_HZ, abs=2)
    assert loudest_hz(speech) == pytest.approx(440, abs=1)
    assert np.abs(speech[2000:-2000]).max() == pytest.approx(0.3, abs=0.01)


def test_the_same_sound_on_both_sides_is_as_loud_as_in_mono(tmp_path):
    wave = man(1)
    speech = ClipMedia(write_sound(tmp_path / "a.wav", wave, wave)).speech
    np.testing.assert_allclose(speech, wave, atol=1e-6)


def test_samples_at_16_khz_come_out_as_they_went_in(tmp_path):
    wave = man(1.5)
    speech = ClipMedia(write_sound(tmp_path / "a.wav", wave)).speech
    np.testing.assert_allclose(speech, wave, atol=1e-7)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mpg"])
def test_compressed_sound_keeps_its_length_and_pitch(tmp_path, name):
    codec = {"a.mpg": "mpeg1video", "a.mkv": "mpeg4"}.get(name, "libx264")
    speech = ClipMedia(write_clip(tmp_path / name, seconds=2, tone_hz=500, codec=codec)).speech
    assert speech.size / RATE_HZ == pytest.approx(2, abs=0.15)
    assert loudest_hz(speech) == pytest.approx(500, abs=2)


@pytest.mark.parametrize("late_s", [0.0, 0.4])
def test_sound_and_pictures_share_one_clock(tmp_path, late_s):
    path = write_clip(
        tmp_path / "a.mkv", seconds=2, codec="mpeg4", flash_s=1.0, sound_late_s=late_s
    )
    media = ClipMedia(path)
    beep_s = np.argmax(np.abs(media.speech) > 0.1) / RATE_HZ
    light = media.frames(25, (48, 64)).mean(axis=(1, 2, 3))
    assert np.argmax(light > 128) / 25 == pytest.approx(1.0, abs=0.001)
    assert beep_s == pytest.approx(1.0, abs=0.02)


def test_a_clip_without_sound_says_so(tmp_path):
    media = ClipMedia(write_clip(tmp_path / "a.mp4", has_sound=False))
    with pytest.raises(Unavailable, match="no audio stream"):
        _ = media.speech
    assert len(media.frames(5, (24, 32))) == 5


@pytest.mark.parametrize("seconds", [0.002, 0.05, 0.099])
def test_a_blink_of_sound_is_no_speech(tmp_path, seconds):
    media = ClipMedia(write_sound(tmp_path / "a.wav", tone(seconds, 440)))
    with pytest.raises(Unavailable, match=f"{seconds:.2f} s of audio"):
        _ = media.speech


def test_a_stream_without_samples_is_no_speech(tmp_path):
    path = write_sound(tmp_path / "a.wav", tone(1, 440))
    path.write_bytes(path.read_bytes()[: -4 * RATE_HZ])
    with pytest.raises(Unavailable):
        _ = ClipMedia(path).speech


@pytest.mark.parametrize("level", [0.0, 0.0005])
def test_silence_is_no_speech(tmp_path, level):
    media = ClipMedia(write_sound(tmp_path / "a.wav", tone(1, 440, level=level)))
    with pytest.raises(Unavailable, match="silent"):
        _ = media.speech


def test_a_whisper_above_the_floor_is_speech(tmp_path):
    media = ClipMedia(write_sound(tmp_path / "a.wav", tone(1, 440, level=0.002)))
    assert media.speech.size == RATE_HZ


def test_samples_that_are_no_numbers_are_no_speech(tmp_path):
    wave = tone(1, 440)
    wave[100] = np.nan
    media = ClipMedia(write_sound(tmp_path / "a.wav", wave))
    with pytest.raises(Unavailable, match="no numbers"):
        _ = media.speech


# Pictures


@pytest.mark.parametrize(
    ("rate_hz", "seen"),
    [(10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), (5, [0, 2, 4, 6, 8]), (2.5, [0, 4, 8]), (1, [0])],
)
def test_pictures_come_at_the_times_that_were_asked_for(tmp_path, rate_hz, seen):
    media = ClipMedia(write_stripes(tmp_path / "a.mkv", n_frames=10, fps=10))
    frames = media.frames(rate_hz, (48, 64))
    assert frames[:, 24, 8, 0].tolist() == [20 * number for number in seen]


def test_a_higher_rate_shows_pictures_again(tmp_path):
    media = ClipMedia(write_stripes(tmp_path / "a.mkv", n_frames=3, fps=10))
    assert media.frames(20, (48, 64))[:, 24, 8, 0].tolist() == [0, 0, 20, 20, 40, 40]


def test_pictures_have_the_size_that_was_asked_for_and_lie_upright(tmp_path):
    media = ClipMedia(write_stripes(tmp_path / "a.mkv", n_frames=3, fps=10))
    frames = media.frames(10, (24, 40))
    assert frames.shape == (3, 24, 40, 3)
    assert frames.dtype == np.uint8
    assert frames[0, :, :15].max() < 10
    assert frames[0, :, 25:].min() > 245


def test_sound_alone_has_no_pictures(tmp_path):
    media = ClipMedia(write_sound(tmp_path / "a.wav", man(1)))
    with pytest.raises(Unavailable, match="no video stream"):
        media.frames(5, (24, 32))


@pytest.mark.parametrize(("rate_hz", "size"), [(0, (24, 32)), (-5, (24, 32)), (5, (0, 32))])
def test_an_impossible_rate_or_size_is_refused(tmp_path, rate_hz, size):
    with pytest.raises(ValueError, match="above 0"):
        ClipMedia(tmp_path / "a.mp4").frames(rate_hz, size)


# Files


@pytest.mark.parametrize("content", [b"Dear reader, this is no film.\n" * 50, b""])
def test_what_is_no_media_file_says_so(tmp_path, content):
    path = tmp_path / "letter.mp4"
    path.write_bytes(content)
    for ask in (lambda media: media.speech, lambda media: media.frames(5, (24, 32))):
        with pytest.raises(Unavailable, match="cannot be decoded"):
            ask(ClipMedia(path))


def test_a_file_cut_off_in_the_middle_says_so(tmp_path):
    path = write_clip(tmp_path / "a.mp4", seconds=2)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(Unavailable):
        _ = ClipMedia(path).speech


def test_a_lost_file_is_an_error_and_no_answer_about_the_clip(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lost\.mp4"):
        _ = ClipMedia(tmp_path / "lost.mp4").speech


# Once


@pytest.fixture
def openings(monkeypatch) -> list[str]:
    """The files that are opened, one entry each time."""
    opened, really_open = [], av.open

    def note(path, *words, **options):
        opened.append(path)
        return really_open(path, *words, **options)

    monkeypatch.setattr(av, "open", note)
    return opened


def test_sound_is_decoded_once(tmp_path, openings):
    media = ClipMedia(write_sound(tmp_path / "a.wav", man(1)))
    openings.clear()
    assert media.speech is media.speech
    assert len(openings) == 1


def test_pictures_are_decoded_once_for_each_rate_and_size(tmp_path, openings):
    media = ClipMedia(write_stripes(tmp_path / "a.mkv", n_frames=3, fps=10))
    openings.clear()
    assert media.frames(10, (24, 32)) is media.frames(10, (24, 32))
    assert media.frames(5, (24, 32)) is not media.frames(10, (24, 32))
    assert len(openings) == 2


def test_that_there_is_no_sound_is_found_out_once(tmp_path, openings):
    media = ClipMedia(write_clip(tmp_path / "a.mp4", has_sound=False))
    openings.clear()
    for _ in range(3):
        with pytest.raises(Unavailable, match="no audio stream"):
            _ = media.speech
    assert len(openings) == 1


def test_what_is_shared_cannot_be_altered(tmp_path):
    media = ClipMedia(write_sound(tmp_path / "a.wav", man(1)))
    with pytest.raises(ValueError, match="read-only"):
        media.speech[0] = 1.0


# Texts


def test_a_dub_says_its_translation_and_a_source_its_transcript(tmp_path):
    path = tmp_path / "a.mp4"
    assert ClipMedia(path, "Good morning.", "सुप्रभात।").text == "सुप्रभात।"
    assert ClipMedia(path, " Good morning. ", "  ").text == "Good morning."
    with pytest.raises(Unavailable, match="neither"):
        _ = ClipMedia(path, " ", "").text


# One pass for several parts


def all_pictures(media, rate_hz, size):
    return np.stack(list(media.pictures(rate_hz, size)))


def test_pictures_that_are_expected_come_from_one_pass(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", seconds=1.0)
    asked = [(25.0, (48, 64)), (4.0, (24, 32)), (25.0, (48, 64))]
    media = ClipMedia(path)
    for grid in asked:
        media.expect(*grid)
    for grid in asked:
        np.testing.assert_array_equal(
            all_pictures(media, *grid), all_pictures(ClipMedia(path), *grid)
        )
    assert media._reel.passes == 1
    all_pictures(media, *asked[1])
    assert media._reel.passes == 2  # it was asked for more often than it was expected


def test_what_is_expected_can_be_decoded_beforehand(tmp_path):
    media = ClipMedia(write_clip(tmp_path / "clip.mp4", seconds=1.0))
    media.expect(4.0, (24, 32))
    media.wind()
    media.wind()
    media.path.unlink()
    assert all_pictures(media, 4.0, (24, 32)).shape == (4, 24, 32, 3)
    assert media._reel.passes == 1


def test_what_would_take_too_much_memory_is_decoded_each_time(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", seconds=1.0)
    media = ClipMedia(path, _reel=Reel(most_bytes=30_000))
    for grid in [(25.0, (48, 64)), (4.0, (24, 32))] * 2:
        media.expect(*grid)
    media.wind()
    assert all_pictures(media, 25.0, (48, 64)).shape == (25, 48, 64, 3)
    assert media._reel.passes == 2
    assert all_pictures(media, 4.0, (24, 32)).shape == (4, 24, 32, 3)
    assert media._reel.passes == 2


def test_a_part_that_stops_in_the_middle_leaves_nothing_half(tmp_path):
    media = ClipMedia(write_clip(tmp_path / "clip.mp4", seconds=1.0))
    media.expect(25.0, (48, 64))
    media.expect(4.0, (24, 32))
    pictures = media.pictures(25.0, (48, 64))
    next(pictures)
    pictures.close()
    assert all_pictures(media, 4.0, (24, 32)).shape == (4, 24, 32, 3)
