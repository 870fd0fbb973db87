"""The faults that benchmarks plant are of the dose they say, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._faults import as_long_as, noisy, respoken, shifted, write_film
from benchmarks._judging import LADDERS, Film
from benchmarks._parts import Dub, auc, sentences
from learner.media import ClipMedia, Unavailable
from learner.media.pitch import find_pitch
from tests.clips import write_clip
from tests.parts import man, woman, write_sound


def median_hz(speech: np.ndarray) -> float:
    f0 = find_pitch(speech).f0_T
    return float(np.median(f0[f0 > 0]))


@pytest.mark.parametrize("by_ms", [-640, -40, 0, 40, 640])
def test_sound_comes_later_by_as_much_as_it_is_told(by_ms):
    click = np.zeros(32_000, np.float32)
    click[16_000] = 1
    moved = shifted(click, by_ms)
    assert len(moved) == len(click)
    assert moved.argmax() == 16_000 + 16 * by_ms


def test_a_shift_beyond_the_end_is_silence():
    assert not shifted(np.ones(160, np.float32), -50).any()
    assert not shifted(np.ones(160, np.float32), 50).any()


@pytest.mark.parametrize("snr_db", [30, 0])
def test_noise_is_as_loud_as_it_is_told(snr_db):
    noise = noisy(man(), snr_db, 1) - man()
    found_db = 10 * np.log10((man() ** 2).mean() / (noise**2).mean())
    assert found_db == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize("semitones", [-6, 0, 6])
def test_a_voice_is_moved_by_semitones_and_keeps_its_length(semitones):
    moved = respoken(woman(2.0), semitones)
    assert len(moved) == len(woman(2.0))
    assert median_hz(moved) == pytest.approx(220 * 2 ** (semitones / 12), rel=0.01)


def test_a_flat_melody_has_one_height():
    glide = np.concatenate([woman(1.0), man(1.0)])
    f0 = find_pitch(respoken(glide, flat=1.0)).f0_T
    spread = np.percentile(f0[f0 > 0], [10, 90])
    assert spread[1] / spread[0] < 1.05


def test_a_voice_without_pitch_cannot_be_moved():
    with pytest.raises(Unavailable):
        respoken(np.random.default_rng(0).normal(size=3200).astype(np.float32) * 0.1)


def test_a_stranger_talks_as_long_as_the_film():
    assert as_long_as(np.arange(3, dtype=np.float32), 7).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_pairs_are_told_apart_by_how_often_the_right_one_is_higher():
    assert auc([3, 4], [1, 2]) == 1
    assert auc([1], [1]) == 0.5


def test_no_sentence_stands_twice():
    english, hindi = zip(*sentences(), strict=True)
    assert len({*english}) == len({*hindi}) == 16


# Dubs


def test_a_dub_in_memory_is_its_file(tmp_path):
    film = write_clip(tmp_path / "film.mp4", seconds=2.0)
    written = ClipMedia(write_film(tmp_path / "dub.mov", film, man(2.0)))
    dub = Dub.of(ClipMedia(film), man(2.0))
    np.testing.assert_array_equal(written.speech, dub.speech)
    np.testing.assert_array_equal(written.frames(25, (48, 64)), dub.frames(25, (48, 64)))


def test_what_pictures_alone_gave_is_not_computed_again(tmp_path):
    first = Dub.of(ClipMedia(write_clip(tmp_path / "film.mp4")), man(1.0))
    first.once("seen", lambda: next(first.pictures(5, (4, 4))).sum())
    first.once("heard", lambda: first.speech.sum())
    first.once("both", lambda: first.once("seen", int) + first.once("heard", int))
    second = Dub.of(first, woman(1.0))
    assert second.once("seen", lambda: "again") == first.once("seen", int)
    assert second.once("heard", lambda: "again") == "again"
    assert second.once("both", lambda: "again") == "again"


def test_every_fault_can_be_planted(tmp_path):
    path = write_clip(tmp_path / "film.mp4", seconds=2.0)
    film = Film("film", path, man(2.0), "One two.", "एक दो तीन चार।", "पाँच छह सात आठ।", woman(1.0))
    for ladder in LADDERS:
        dubs = [ladder.make(film, dose) for dose in ladder.doses]
        heard = {dub.speech.tobytes() for dub in dubs}
        said = {dub.translation for dub in dubs}
        assert max(len(heard), len(said)) == len(ladder.doses)
        assert all(len(dub.speech) == len(film.speech) for dub in dubs)


def test_a_located_offset_is_taken_away_first(tmp_path):
    click = man(2.0) * 1e-3
    click[16_000] = 1
    path = write_sound(tmp_path / "film.wav", click)
    film = Film("film", path, click, "a", "b", "c", click, native_ms=80)
    in_sync = LADDERS[0].make(film, 0)
    assert in_sync.speech.argmax() == 16_000 - 80 * 16
