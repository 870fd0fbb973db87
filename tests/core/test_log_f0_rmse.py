"""A dub whose melody is further from the source's scores worse, by as much as it is further."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable
from learner.media.pitch import Pitch, find_pitch
from learner.media.pitch import _world as world
from learner.metrics import _alignment
from learner.metrics._alignment import align, mfcc
from learner.metrics.log_f0_rmse import LogF0RMSE, across_words, along_path, has_other_words
from tests.parts import RATE_HZ, man, sounding, voice, woman

VOWELS = ((600.0, 1100.0, 2400.0), (300.0, 2300.0, 3000.0), (700.0, 1800.0, 2550.0))
SEMITONE = 2 ** (1 / 12)


def says(lengths_s: tuple[float, ...], pitch_hz: float) -> np.ndarray:
    """A made-up voice that speaks three vowels, each as long as it is told."""
    parts = zip(lengths_s, VOWELS, strict=True)
    return np.concatenate([voice(seconds, pitch_hz, vowel) for seconds, vowel in parts])


def dubbed(folder: Path, source: np.ndarray, dub: np.ndarray, **known: str) -> ClipMedia:
    original = sounding(folder / "source.wav", source, language=known.pop("source_language", ""))
    return sounding(folder / "dub.wav", dub, source=original, **known)


def score(folder: Path, source: np.ndarray, dub: np.ndarray, **known: str) -> float:
    return LogF0RMSE().score(dubbed(folder, source, dub, **known))


# Alignment


def cheapest(one: np.ndarray, other: np.ndarray) -> float:
    """The same recursion, cell by cell."""
    costs = np.full((len(one) + 1, len(other) + 1), np.inf)
    costs[0, 0] = 0
    for i, j in np.ndindex(len(one), len(other)):
        way_in = min(costs[i, j], costs[i, j + 1], costs[i + 1, j])
        costs[i + 1, j + 1] = np.linalg.norm(one[i] - other[j]) + way_in
    return costs[-1, -1]


@pytest.mark.parametrize("seed", range(20))
def test_no_path_is_cheaper(monkeypatch, seed):
    monkeypatch.setattr(_alignment, "ROWS_AT_ONCE", 7)  # so that most of the table is forgotten
    random = np.random.default_rng(seed)
    one, other = (
        random.normal(size=(random.integers(1, 40), 3)).astype(np.float32) for _ in range(2)
    )
    path, distance = align(one, other)
    steps = np.diff(path, axis=0)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [len(one) - 1, len(other) - 1]
    assert ((steps >= 0) & (steps <= 1)).all() and (steps.sum(axis=1) > 0).all()
    assert distance * len(path) == pytest.approx(cheapest(one, other), rel=1e-4)


@pytest.mark.parametrize(("n_one", "n_other"), [(50, 400), (400, 50), (1, 300), (300, 1), (9, 9)])
def test_the_path_stays_in_its_band_and_still_reaches_both_ends(n_one, n_other):
    random = np.random.default_rng(0)
    one, other = (random.normal(size=(n, 2)).astype(np.float32) for n in (n_one, n_other))
    path, _ = align(one, other, half_band=3)
    line = path[:, 0] * (n_other - 1) / max(1, n_one - 1)
    assert path[-1].tolist() == [n_one - 1, n_other - 1]
    assert np.abs(path[:, 1] - line).max() <= 2 * max(3, np.ceil(n_other / n_one)) or n_one == 1


def test_a_long_alignment_needs_little_memory():
    import tracemalloc

    frames = np.random.default_rng(0).normal(size=(20_000, 13)).astype(np.float32)
    tracemalloc.start()
    path, distance = align(frames, frames)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(path) == 20_000 and distance == 0
    assert most < 20e6  # the whole table would be 400 MB as bytes


def test_nothing_cannot_be_aligned():
    with pytest.raises(ValueError, match="0 and 3 frames"):
        align(np.zeros((0, 13), np.float32), np.zeros((3, 13), np.float32))


def test_coefficients_are_those_that_others_compute(tmp_path):
    from scipy.fft import dct
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    wave = man(1.0)
    filters = mel_filter_bank(257, 40, 0, 8000, RATE_HZ, norm="slaney", mel_scale="slaney")
    window = window_function(400, "hann", periodic=False)
    theirs = spectrogram(
        np.pad(wave, (200, 312)),
        window,
        400,
        160,
        512,
        center=False,
        power=2.0,
        mel_filters=filters,
    ).T[:101]
    logs = np.log(np.maximum(theirs, theirs.max() * 1e-8))
    cepstrum = dct(logs, norm="ortho")[:, :13]
    wanted = (cepstrum - cepstrum.mean(axis=0)) / cepstrum.std(axis=0)
    np.testing.assert_allclose(mfcc(wave)[5:-5], wanted[5:-5], atol=1e-3)


def test_how_loud_a_recording_is_does_not_matter():
    np.testing.assert_allclose(mfcc(man(1.0)), mfcc(man(1.0) * 0.01), atol=1e-3)


def test_silence_has_coefficients_that_tell_nothing():
    np.testing.assert_array_equal(mfcc(np.zeros(8000, np.float32)), 0)


# The metric, moment by moment


def test_a_clip_is_no_cent_from_itself(tmp_path):
    assert score(tmp_path, man(2.0), man(2.0)) == 0


@pytest.mark.parametrize("semitones", [-6, -2, 2, 4, 6])
def test_a_voice_that_is_higher_all_along_is_so_many_cents_away(tmp_path, semitones):
    lengths = (0.75, 1.0, 0.5)
    higher = says(lengths, 140.0 * SEMITONE**semitones)
    found = score(tmp_path, says(lengths, 140.0), higher)
    assert found == pytest.approx(100 * abs(semitones), abs=40)


def test_a_dub_that_takes_its_time_is_compared_word_for_word(tmp_path):
    source = np.concatenate([voice(0.5, 120.0, VOWELS[0]), voice(1.0, 200.0, VOWELS[1])])
    slow = np.concatenate([voice(1.0, 120.0, VOWELS[0]), voice(1.0, 200.0, VOWELS[1])])
    flat = np.concatenate([voice(1.0, 150.0, VOWELS[0]), voice(1.0, 150.0, VOWELS[1])])
    assert score(tmp_path, source, slow) < 100
    assert score(tmp_path, source, flat) > 350


def test_what_belongs_together_but_is_never_voiced_together_is_no_distance():
    dub = Pitch(np.where(np.arange(401) < 200, 110.0, 0.0))
    source = Pitch(np.where(np.arange(401) < 200, 0.0, 110.0))
    with pytest.raises(Unavailable, match="0 moments of dub and source"):
        along_path(dub, source, np.stack([np.arange(200)] * 2, axis=1))


def test_the_median_is_kept_beside():
    source = Pitch(np.full(401, 100.0))
    dub = Pitch(np.where(np.arange(401) < 100, 200.0, 100.0))
    found = along_path(dub, source, np.stack([np.arange(200)] * 2, axis=1))
    assert found.rmse_cents == pytest.approx(600)
    assert found.median_cents == 0


def test_a_clip_without_source_or_voice_says_so(tmp_path):
    noise = np.random.default_rng(0).normal(size=3200).astype(np.float32) * 0.1
    with pytest.raises(Unavailable, match="no source clip"):
        LogF0RMSE().score(sounding(tmp_path / "a.wav", man(1.0)))
    with pytest.raises(Unavailable, match="^of the source: .* has a pitch"):
        score(tmp_path, noise, man(1.0))
    with pytest.raises(Unavailable, match="has a pitch"):
        score(tmp_path, man(1.0), noise)


# The metric across words


def test_across_languages_distributions_are_compared(tmp_path):
    known = {"language": "hi", "source_language": "en"}
    found = LogF0RMSE().compare(dubbed(tmp_path, man(2.0), woman(1.0), **known))
    assert not found.is_aligned
    assert found.rmse_cents == pytest.approx(1200, abs=20)
    assert LogF0RMSE().compare(dubbed(tmp_path, man(2.0), woman(2.0))).is_aligned


def test_a_livelier_voice_of_the_same_height_is_away_by_its_liveliness():
    calm, lively = (
        Pitch(150 * SEMITONE ** np.random.default_rng(0).normal(scale=spread, size=20_000))
        for spread in (1.0, 3.0)
    )
    found = across_words(lively, calm)
    assert found.rmse_cents == pytest.approx(200, abs=10)  # the difference of the deviations
    assert found.median_cents < 10


@pytest.mark.parametrize(
    ("dub", "source", "differ"),
    [
        ({}, {}, False),
        ({"transcript": "Good morning."}, {}, False),
        ({"transcript": "Good morning.", "translation": "good  morning"}, {}, False),
        ({"transcript": "Good morning.", "translation": "Good evening."}, {}, True),
        ({"transcript": "नमस्ते", "translation": "नमस्ते।"}, {}, False),
        ({"transcript": "की", "translation": "का"}, {}, True),
        ({"translation": "नमस्ते"}, {"transcript": "Hello"}, True),
        ({"language": "hi"}, {"language": "en"}, True),
        ({"language": "en-GB"}, {"language": "EN_us"}, False),
        ({"language": "hi"}, {}, False),
        ({"language": "en", "transcript": "One", "translation": "Two"}, {"language": "en"}, True),
    ],
)
def test_words_are_other_words_where_that_is_known(dub, source, differ):
    clip = ClipMedia(Path("dub.mp4"), **dub)
    assert has_other_words(clip, ClipMedia(Path("source.mp4"), **source)) is differ


# Planted truth


@pytest.mark.parametrize(
    "name", ["grid/lbax4n.mpg", "open_dubbing/englishvideo.mp4", "video_retalking/3.mp4"]
)
def test_every_step_of_a_real_voice_away_from_itself_counts(real_data, tmp_path, name):
    speech = ClipMedia(real_data / "clips" / name).speech
    f0 = find_pitch(speech).f0_T.copy()
    wave, times = speech.astype(np.float64), np.arange(len(f0)) * 0.005
    spectrum = world().cheaptrick(wave, f0, times, RATE_HZ)
    breath = world().d4c(wave, f0, times, RATE_HZ)
    for sign in (1, -1):
        found = [
            score(
                tmp_path,
                speech,
                world()
                .synthesize(f0 * SEMITONE ** (sign * dose), spectrum, breath, RATE_HZ)
                .astype(np.float32),
            )
            for dose in (0, 2, 4, 6)
        ]
        assert found == sorted(found)
        assert found[-1] == pytest.approx(600, abs=60)
