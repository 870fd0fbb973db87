"""When someone speaks and how high, the same for a long clip as for a short one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable
from learner.media import pitch as pitch_module
from learner.media import voice_activity as activity_module
from learner.media.pitch import find_pitch, pitch
from learner.media.voice_activity import CHUNK, VoiceActivity, speech_from
from tests.parts import RATE_HZ, man, sounding, voice, weights_or_skip, woman

LOW = (600.0, 1100.0, 2400.0)
PROBABLE = [0.6798, 0.8920, 0.5063, 0.5613, 0.1228, 0.0536]


@pytest.fixture(scope="module")
def activity() -> VoiceActivity:
    found = VoiceActivity()
    found.load(weights_or_skip())
    return found


def cents(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return 1200 * np.abs(np.log2(one / other))


# Pitch


@pytest.mark.parametrize("pitch_hz", [75.0, 110.0, 160.0, 220.0, 330.0])
def test_a_made_up_voice_has_the_pitch_it_was_given(tmp_path, pitch_hz):
    found = pitch(sounding(tmp_path / "a.wav", voice(2.0, pitch_hz, LOW)))
    voiced = found.f0_T[found.is_voiced_T]
    assert found.is_voiced_T.mean() > 0.8
    assert np.median(cents(voiced, np.array(pitch_hz))) < 5
    assert np.percentile(cents(voiced, np.array(pitch_hz)), 95) < 30


def test_frames_lie_five_milliseconds_apart(tmp_path):
    speech = np.concatenate([np.zeros(RATE_HZ, np.float32), woman(1.0)])
    found = pitch(sounding(tmp_path / "a.wav", speech))
    assert found.hop_s == 0.005
    assert len(found.f0_T) == 2 * 200 + 1
    assert np.argmax(found.is_voiced_T) * found.hop_s == pytest.approx(1.0, abs=0.1)


def test_pitch_is_found_once_a_clip_and_cannot_be_altered(tmp_path):
    media = sounding(tmp_path / "a.wav", man(1.0))
    assert pitch(media) is pitch(media)
    with pytest.raises(ValueError, match="read-only"):
        pitch(media).f0_T[0] = 1.0


@pytest.mark.parametrize("seconds", [0.1, 0.11])
def test_a_sound_without_pitch_has_none(tmp_path, seconds):
    noise = np.random.default_rng(0).normal(size=round(seconds * RATE_HZ)) * 0.1
    with pytest.raises(Unavailable, match="has a pitch; a voice needs"):
        pitch(sounding(tmp_path / "a.wav", noise.astype(np.float32)))


def test_what_hums_between_words_does_not_lower_the_voice(tmp_path):
    hum = 0.004 * np.sin(2 * np.pi * 72 * np.arange(4 * RATE_HZ) / RATE_HZ)
    speech = np.concatenate([hum, woman(2.0)]).astype(np.float32)
    found = pitch(sounding(tmp_path / "a.wav", speech))
    assert np.median(found.f0_T[found.is_voiced_T]) == pytest.approx(220, abs=2)


@pytest.mark.parametrize("pitch_hz", np.geomspace(75, 420, 12).round(1).tolist())
def test_no_voice_falls_between_two_bands(pitch_hz):
    assert (find_pitch(voice(0.8, pitch_hz, LOW)).f0_T > 0).mean() > 0.8


def test_a_long_clip_has_the_pitch_of_its_parts(monkeypatch):
    speech = np.concatenate([man(4.0), woman(4.0)] * 2)
    whole = find_pitch(speech).f0_T
    monkeypatch.setattr(pitch_module, "WINDOW", 600)
    pieces = find_pitch(speech).f0_T
    both = (whole > 0) & (pieces > 0)
    assert len(whole) == len(pieces)
    assert ((whole > 0) == (pieces > 0)).mean() > 0.99
    assert np.percentile(cents(whole[both], pieces[both]), 99) < 10


@pytest.mark.parametrize("n_frames", [1, 199, 11_999, 12_000, 12_001, 23_800, 23_801, 100_000])
def test_windows_keep_every_frame_once(n_frames):
    kept = []
    for start, stop, keep in pitch_module._windows(n_frames):
        assert start <= keep.start < keep.stop <= stop <= n_frames
        kept += range(keep.start, keep.stop)
    assert kept == list(range(n_frames))


def test_the_second_pass_keeps_real_voices_from_jumping_an_octave(real_data):
    folder = real_data / "clips" / "video_retalking"
    for name in ("1.wav", "3.mp4", "4.mp4"):
        speech = ClipMedia(folder / name).speech
        far = [
            (cents(f0[f0 > 0], np.median(f0[f0 > 0])) > 900).mean()
            for f0 in (pitch_module._pass(speech, 60.0, 500.0), find_pitch(speech).f0_T)
        ]
        assert far[0] > 0.1
        assert far[1] < 0.01


def test_pitch_needs_no_pkg_resources():
    # Its package asks for it when imported, and setuptools 81 took it away.
    words = "import sys; sys.modules['pkg_resources'] = None; "
    words += "from learner.media.pitch import _world; _world().dio"
    subprocess.run([sys.executable, "-c", words], check=True)


# Voice activity


@pytest.mark.parametrize("blocks", [7, 1024])
def test_probabilities_are_those_of_the_published_network(activity, monkeypatch, blocks):
    # One chunk after the other through an LSTM cell, as silero-vad 6.2.3 describes it.
    monkeypatch.setattr(activity_module, "BLOCK", blocks)
    found = activity.probabilities(man(3.0))
    assert found.shape == (94,)
    np.testing.assert_allclose(found[[0, 1, 12, 25, 41, 93]], PROBABLE, atol=1e-4)


def test_noise_tone_and_quiet_are_no_speech(activity, tmp_path):
    times = np.arange(5 * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(0).normal(size=times.size) * 0.1
    for number, wave in enumerate((noise, 0.3 * np.sin(2 * np.pi * 220 * times))):
        media = sounding(tmp_path / f"{number}.wav", wave.astype(np.float32))
        assert not activity.find(media).any()


def test_the_last_chunk_may_be_short(activity, tmp_path):
    found = activity.find(sounding(tmp_path / "a.wav", man(1.0)[: 10 * CHUNK + 1]))
    assert found.shape == (11,)
    assert found.dtype == bool


def test_speech_is_found_once_and_the_network_shared(activity, tmp_path):
    other = VoiceActivity()
    other.load(weights_or_skip())
    media = sounding(tmp_path / "a.wav", man(1.0))
    assert other._network is activity._network
    assert other.find(media) is activity.find(media)


def test_short_stops_belong_to_speech_and_clicks_do_not():
    def heard(pattern: str) -> str:
        found = speech_from(np.array([0.9 if mark == "#" else 0.1 for mark in pattern]))
        return "".join("#" if is_on else "." for is_on in found)

    assert heard("########...########") == "#" * 19
    assert heard("########....########") == "########....########"
    assert heard("..#######...") == "............"
    assert heard("...########") == "...########"
    assert heard("####...####") == "#" * 11


def test_real_speech_is_found_where_it_is_loud_and_has_a_pitch(activity, real_data):
    for path in sorted((real_data / "clips" / "grid").iterdir()):
        media = ClipMedia(path)
        is_loud = np.repeat(activity.find(media), CHUNK)[: media.speech.size]
        voiced = np.flatnonzero(pitch(media).is_voiced_T) * 80
        power = media.speech**2
        assert power[is_loud].mean() > 30 * power[~is_loud].mean()
        assert is_loud[np.minimum(voiced, is_loud.size - 1)].mean() > 0.9
