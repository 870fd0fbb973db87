"""Voices of one person lie together, and so do sentences of one meaning."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from learner.encoders.sentence_e5 import SentenceE5
from learner.encoders.speaker_ge2e import SpeakerGE2E, mel_filters, window_starts
from learner.media import ClipMedia, Unavailable
from tests.parts import RATE_HZ, man, sounding, weights_or_skip, woman

PAIRS = [
    ("Where is the train station?", "रेलवे स्टेशन कहाँ है?"),
    ("I am very happy to see you.", "आपसे मिलकर मुझे बहुत खुशी हुई।"),
    ("Please close the window, it is cold.", "कृपया खिड़की बंद कर दीजिए, ठंड है।"),
    ("The doctor will come tomorrow morning.", "डॉक्टर कल सुबह आएँगे।"),
    ("My brother bought a new car.", "मेरे भाई ने नई कार खरीदी।"),
    ("We should finish this work today.", "हमें यह काम आज ही खत्म करना चाहिए।"),
    ("She forgot her umbrella at home.", "वह अपना छाता घर पर भूल गई।"),
    ("How much does this cost?", "इसकी कीमत कितनी है?"),
]


@pytest.fixture(scope="module")
def speaker() -> SpeakerGE2E:
    encoder = SpeakerGE2E()
    encoder.load(weights_or_skip())
    return encoder


@pytest.fixture(scope="module")
def sentences(tmp_path_factory) -> SentenceE5:
    encoder = SentenceE5()
    encoder.load(tmp_path_factory.mktemp("no-weights"))  # its weights lie in its package
    return encoder


# Voices


def test_a_voice_is_a_unit_vector_without_negative_entries(speaker, tmp_path):
    vector = speaker.embed(sounding(tmp_path / "a.wav", man()))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert vector.min() >= 0


def test_voices_are_those_of_the_published_encoder(speaker, tmp_path):
    # Resemblyzer 0.1.4's own class on the same samples, its filters from librosa's formula.
    low = speaker.embed(sounding(tmp_path / "low.wav", man()))
    high = speaker.embed(sounding(tmp_path / "high.wav", woman()))
    assert np.argsort(-low)[:4].tolist() == [187, 163, 177, 39]
    np.testing.assert_allclose(
        np.sort(low)[::-1][:4], [0.25006, 0.22888, 0.22194, 0.19865], atol=1e-4
    )
    assert np.argsort(-high)[:4].tolist() == [248, 184, 218, 237]
    assert low @ high == pytest.approx(0.47964, abs=1e-4)


def test_a_quiet_voice_is_the_same_voice(speaker, tmp_path):
    near = speaker.embed(sounding(tmp_path / "near.wav", man() * 0.02))
    far = speaker.embed(sounding(tmp_path / "far.wav", man() * 0.01))
    assert near @ far > 0.9999


def test_mel_filters_are_those_that_others_use():
    from transformers.audio_utils import mel_filter_bank

    theirs = mel_filter_bank(201, 40, 0, 8000, RATE_HZ, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_filters(RATE_HZ, 400, 40), theirs.T, atol=1e-6)


@pytest.mark.parametrize("n_samples", [12_800, 25_599, 25_600, 40_000, 48_000, 160_000, 159_991])
def test_windows_reach_almost_to_the_end(n_samples):
    starts = window_starts(n_samples)
    end = (starts[-1] + 160) * 160
    assert starts[0] == 0
    assert set(np.diff(starts)) <= {77}
    assert end >= n_samples - 0.75 * 160 * 160
    assert len(starts) == 1 or n_samples >= end - 0.25 * 160 * 160


def test_under_a_second_of_sound_there_may_be_no_voice(speaker, tmp_path):
    speaker.embed(sounding(tmp_path / "enough.wav", man(0.8)))
    with pytest.raises(Unavailable, match=r"0\.70 s of audio"):
        speaker.embed(sounding(tmp_path / "short.wav", man(0.7)))


def halves(speaker, path, folder) -> tuple[np.ndarray, np.ndarray]:
    speech = ClipMedia(path).speech
    middle = speech.size // 2
    first = sounding(folder / f"{path.stem}-{path.suffix[1:]}-1.wav", speech[:middle])
    second = sounding(folder / f"{path.stem}-{path.suffix[1:]}-2.wav", speech[middle:])
    return speaker.embed(first), speaker.embed(second)


def test_real_voices_are_closer_to_themselves_than_to_others(speaker, real_data, tmp_path):
    files = sorted((real_data / "clips" / "video_retalking").iterdir())
    files += sorted((real_data / "clips" / "grid").iterdir())
    found = [halves(speaker, path, tmp_path) for path in files]
    same = [float(first @ second) for first, second in found]
    pairs = itertools.permutations(found, 2)
    other = [float(one[0] @ another[1]) for one, another in pairs]
    wins = np.mean([s > o for s in same for o in other])
    assert np.mean(same) - np.mean(other) > 0.2
    assert wins > 0.95


# Sentences


def test_a_sentence_is_a_unit_vector(sentences, tmp_path):
    vector = sentences.embed(ClipMedia(tmp_path / "a.mp4", "Where is the train station?"))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_every_hindi_sentence_is_closest_to_its_english_one(sentences):
    english = np.stack([sentences.embed_text(pair[0]) for pair in PAIRS])
    hindi = np.stack([sentences.embed_text(pair[1]) for pair in PAIRS])
    cosines = english @ hindi.T
    own = np.arange(len(PAIRS))
    assert (cosines.argmax(axis=1) == own).all()
    assert (cosines.argmax(axis=0) == own).all()
    assert cosines[own, own].min() > cosines[~np.eye(len(PAIRS), dtype=bool)].max()


def test_the_translation_is_what_a_dub_says(sentences, tmp_path):
    path = tmp_path / "a.mp4"
    dub = sentences.embed(ClipMedia(path, *PAIRS[0]))
    source = sentences.embed(ClipMedia(path, PAIRS[0][0]))
    np.testing.assert_array_equal(dub, sentences.embed_text(PAIRS[0][1]))
    np.testing.assert_array_equal(source, sentences.embed_text(PAIRS[0][0]))


@pytest.mark.parametrize(
    "words",
    ["?", "word " * 1000, "स्टेशन " * 500, "🙂", "tab\tand\nline"],
    ids=["mark", "long English", "long Hindi", "emoji", "lines"],
)
def test_odd_and_endless_texts_still_have_a_vector(sentences, words):
    assert np.linalg.norm(sentences.embed_text(words)) == pytest.approx(1, abs=1e-4)
