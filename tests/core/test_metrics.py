"""Metrics move the way their faults do, and say nothing where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable
from learner.metrics.semantic_alignment import SemanticAlignment
from learner.metrics.speaker_similarity import SpeakerSimilarity
from learner.metrics.speech_quality import SEGMENT, SpeechQuality, segment_starts
from tests.core.test_encoders import PAIRS
from tests.parts import man, sounding, weights_or_skip, woman, write_sound


@pytest.fixture(scope="module")
def quality() -> SpeechQuality:
    metric = SpeechQuality()
    metric.load(weights_or_skip())
    return metric


@pytest.fixture(scope="module")
def similarity() -> SpeakerSimilarity:
    metric = SpeakerSimilarity()
    metric.load(weights_or_skip())
    return metric


@pytest.fixture(scope="module")
def alignment(tmp_path_factory) -> SemanticAlignment:
    metric = SemanticAlignment()
    metric.load(tmp_path_factory.mktemp("no-weights"))
    return metric


def noisy(speech: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=speech.size)
    wanted = (speech**2).mean() / 10 ** (snr_db / 10)
    return (speech + noise * np.sqrt(wanted / (noise**2).mean())).astype(np.float32)


# Speech quality


@pytest.mark.parametrize(
    ("wave", "mos_raw"), [(man(3), 2.832306), (woman(3), 2.043997), (man(12.5), 3.167108)]
)
def test_quality_is_that_of_the_published_network(quality, tmp_path, wave, mos_raw):
    # distillmos 0.9.1's own class on the same samples; the last one is several windows long.
    score = quality.score(sounding(tmp_path / "a.wav", wave))
    assert score == pytest.approx(mos_raw, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_quality_stays_on_its_scale(quality, tmp_path, seed):
    wave = np.random.default_rng(seed).uniform(-1, 1, size=32_000).astype(np.float32)
    assert 1 <= quality.score(sounding(tmp_path / "a.wav", wave)) <= 5


def test_loudness_is_no_quality(quality, tmp_path):
    loud = quality.score(sounding(tmp_path / "loud.wav", man()))
    soft = quality.score(sounding(tmp_path / "soft.wav", man() * 0.1))
    assert soft == pytest.approx(loud, abs=0.01)


def test_half_a_second_has_no_quality(quality, tmp_path):
    with pytest.raises(Unavailable, match=r"0\.50 s of audio"):
        quality.score(sounding(tmp_path / "a.wav", man(0.5)))


@pytest.mark.parametrize("n_samples", [16_000, SEGMENT, SEGMENT + 1, SEGMENT + 16_000, 500_000])
def test_windows_cover_the_whole_clip(n_samples):
    starts = segment_starts(n_samples)
    assert starts[0] == 0
    assert starts[-1] + SEGMENT >= n_samples
    assert len(starts) == 1 or starts[-1] + SEGMENT == n_samples
    assert max(np.diff(starts), default=0) <= 16_000


@pytest.mark.parametrize("name", ["open_dubbing/englishvideo.mp4", "grid/lbax4n.mpg"])
def test_every_step_of_noise_lowers_quality(quality, real_data, tmp_path, name):
    speech = ClipMedia(real_data / "clips" / name).speech
    scores = [
        quality.score(sounding(tmp_path / f"{snr_db}.wav", noisy(speech, snr_db)))
        for snr_db in (30, 20, 10, 0)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 1


# Speaker similarity


def dubbed(folder, source: np.ndarray, dub: np.ndarray) -> ClipMedia:
    return sounding(folder / "dub.wav", dub, source=sounding(folder / "source.wav", source))


def test_a_clip_is_as_similar_to_itself_as_can_be(similarity, tmp_path):
    assert similarity.score(dubbed(tmp_path, man(), man())) == pytest.approx(1.25, abs=1e-4)


def test_another_voice_is_less_similar(similarity, tmp_path):
    same = similarity.score(dubbed(tmp_path, man(3), man(2.2)))
    other = similarity.score(dubbed(tmp_path, man(3), woman(2.2)))
    assert same > 1 > 0.3 > other


def test_a_clip_without_a_source_is_similar_to_nobody(similarity, tmp_path):
    with pytest.raises(Unavailable, match="no source clip"):
        similarity.score(sounding(tmp_path / "a.wav", man()))


def test_whose_sound_is_missing_is_said(similarity, tmp_path):
    silence = np.zeros(32_000, dtype=np.float32)
    with pytest.raises(Unavailable, match="of the source: the clip is silent"):
        similarity.score(dubbed(tmp_path, silence, man()))
    with pytest.raises(Unavailable, match="^the clip is silent"):
        similarity.score(dubbed(tmp_path, man(), silence))


def test_a_real_persons_second_half_beats_every_stranger(similarity, real_data, tmp_path):
    folder = real_data / "clips" / "video_retalking"
    speech = ClipMedia(folder / "5.mp4").speech
    own = similarity.score(dubbed(tmp_path, speech[: speech.size // 2], speech[speech.size // 2 :]))
    source = sounding(tmp_path / "half.wav", speech[: speech.size // 2])
    strangers = [
        similarity.score(ClipMedia(folder / name, source=source))
        for name in ("2.mp4", "3.mp4", "4.mp4", "1.wav", "2.wav")
    ]
    assert own > max(strangers)


# Semantic alignment


def aligned(metric, transcript: str, translation: str) -> float:
    return metric.score(ClipMedia(None, transcript, translation))


def test_translations_beat_every_other_sentence(alignment):
    for row, (english, hindi) in enumerate(PAIRS):
        others = [pair[1] for number, pair in enumerate(PAIRS) if number != row]
        right = aligned(alignment, english, hindi)
        assert right > max(aligned(alignment, english, other) for other in others)
        assert 0.5 < right < 1.4


def test_unrelated_sentences_lie_near_nothing(alignment):
    wrong = [aligned(alignment, PAIRS[i][0], PAIRS[i - 1][1]) for i in range(len(PAIRS))]
    assert np.mean(wrong) < 0
    assert max(wrong) < 0.3


@pytest.mark.parametrize("texts", [("", "नमस्ते"), ("Hello", ""), ("Hello", "  "), ("", "")])
def test_without_both_texts_there_is_no_alignment(alignment, texts):
    with pytest.raises(Unavailable, match="not both known"):
        aligned(alignment, *texts)


def test_a_video_without_sound_can_still_be_aligned(alignment, tmp_path):
    assert aligned(alignment, *PAIRS[0]) == alignment.score(
        ClipMedia(write_sound(tmp_path / "a.wav", np.zeros(100)), *PAIRS[0])
    )
