"""The offset between lips and speech is found where it was planted, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learner import registry
from learner.media import ClipMedia, Unavailable
from learner.metrics import _sync_features as features
from learner.metrics._sync_fit import Take, cross_validate, fit_sync_map, ridge_cca
from learner.metrics._sync_map import LAG_MS, MOST_LAG, Located, locate, read_map
from learner.metrics.av_sync import OWN, SHIPPED, AVSync, map_file
from learner.registry import shelf
from tests.clips import write_clip
from tests.parts import RATE_HZ, man, weights_or_skip

WIDTH = 16  # of a layer
MIXING = np.random.default_rng(7).normal(size=(4, 24 + 3 * WIDTH))  # of what is said into both


def take(seed: int, seconds: float = 6.0, late: int = 0, noise: float = 1.0) -> Take:
    """Lips and layers that follow the same four numbers; `late` frames of 20 ms behind them."""
    random = np.random.default_rng(seed)
    n = round(50 * seconds)
    raw = random.normal(size=(n + 400, 4))
    said = np.stack([np.convolve(c, np.hanning(9), "same") for c in raw.T], axis=1)[200:][:n]
    both = said @ MIXING
    mouth = both[::2, :24] + noise * both[:, :24].std() * random.normal(size=(-(-n // 2), 24))
    heard = np.roll(both[:, 24:], late, axis=0)
    heard = heard + noise * both.std() * random.normal(size=heard.shape)
    layers = heard.reshape(n, 3, WIDTH).transpose(1, 0, 2).astype(np.float16)
    return Take(f"speaker {seed}", features.scaled(mouth), layers)


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    return [take(seed, seconds=5) for seed in range(8)]


@pytest.fixture(scope="module")
def fitted(takes):
    return fit_sync_map(takes)


@pytest.fixture(scope="module")
def figures(takes):
    return cross_validate(takes)


def found_in(fitted, face: Take, voice: Take | None = None) -> Located:
    layers = np.zeros((7, *(voice or face).layers_LSD.shape[1:]), dtype=np.float32)
    layers[fitted.layers_L] = (voice or face).layers_LSD
    half = layers.shape[1] // 2  # as a long clip comes: in windows
    heard = fitted.heard([layers[:, :half], layers[:, half:]])
    return locate(fitted.curve(face.mouth_TM, heard))


# The map


def test_what_was_planted_is_found():
    random = np.random.default_rng(0)
    said = random.normal(size=(2000, 2))
    one = said @ random.normal(size=(2, 6)) + 0.1 * random.normal(size=(2000, 6))
    other = said @ random.normal(size=(2, 9)) + 0.1 * random.normal(size=(2000, 9))
    a, b, strength = ridge_cca(one, other, 1e-4, 3)
    assert strength[:2].min() > 0.98
    assert strength[2] < 0.1
    for k in range(2):
        assert abs(np.corrcoef(one @ a[:, k], other @ b[:, k])[0, 1]) > 0.98


def test_the_agreement_is_that_of_another_solver():
    from sklearn.cross_decomposition import CCA

    random = np.random.default_rng(1)
    one = random.normal(size=(800, 4))
    other = one[:, :3] @ random.normal(size=(3, 5)) + 2 * random.normal(size=(800, 5))
    _, _, strength = ridge_cca(one, other, 1e-9, 3)
    theirs = CCA(n_components=3, max_iter=5000, tol=1e-10).fit_transform(one, other)
    expected = [np.corrcoef(u, v)[0, 1] for u, v in zip(theirs[0].T, theirs[1].T, strict=True)]
    np.testing.assert_allclose(strength, expected, atol=1e-4)


@pytest.mark.parametrize("late", [-32, -8, -3, 0, 1, 4, 16, 32])
def test_late_sound_has_an_offset_above_zero_and_early_sound_one_below(fitted, late):
    found = found_in(fitted, take(100, late=late))
    assert found.offset_ms == pytest.approx(late * LAG_MS, abs=15)
    assert found.confidence > 6


def test_a_strangers_speech_is_nowhere(figures, fitted):
    calibrated = replace(fitted, level=figures.level)
    own = calibrated.score(found_in(calibrated, take(200)))
    strangers = [
        calibrated.score(found_in(calibrated, take(200 + n), take(300 + n))) for n in range(20)
    ]
    assert own > 0.95
    assert np.median(strangers) < 0.05
    assert max(strangers) < 0.6


def test_the_score_falls_with_the_distance_and_with_doubt(fitted):
    calibrated = replace(fitted, level=3.5)
    sure = [calibrated.score(Located(ms, 0.5, 8.0)) for ms in (0, 40, 80, 160, 320, 640)]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] == pytest.approx(1, abs=1e-3)
    assert sure == [calibrated.score(Located(-ms, 0.5, 8.0)) for ms in (0, 40, 80, 160, 320, 640)]
    assert calibrated.score(Located(0, 0.2, 3.5)) == pytest.approx(0.5)
    assert calibrated.score(Located(0, 0.1, 1.0)) < 0.01


def test_what_the_face_hides_is_left_out(fitted):
    shown = take(100, late=5)
    hidden = shown.mouth_TM.copy()
    hidden[20:60] = np.nan
    assert found_in(fitted, replace(shown, mouth_TM=hidden)).offset_ms == pytest.approx(100, abs=15)


def test_too_little_of_both_has_no_offset(fitted):
    shown = take(100)
    hidden = np.full_like(shown.mouth_TM, np.nan)
    hidden[:40] = shown.mouth_TM[:40]
    assert found_in(fitted, replace(shown, mouth_TM=hidden), take(100, seconds=1.6)) is None
    assert found_in(fitted, replace(shown, mouth_TM=np.full_like(hidden, np.nan))) is None
    assert found_in(fitted, replace(shown, mouth_TM=np.zeros_like(hidden))) is None


def test_clips_with_an_offset_of_their_own_do_not_blur_the_map():
    aside = [take(seed, late=late) for seed, late in enumerate((-4, 4, 0, 0, -3, 3, 0, 0, 2, -2))]
    found = [found_in(fit_sync_map(aside), one).offset_ms for one in aside[:2]]
    assert found == pytest.approx([-80, 80], abs=15)


def test_a_map_is_kept_and_read_again(fitted):
    content = replace(fitted, level=3.25).to_bytes("Made up.")
    again = read_map(content)
    assert again.level == 3.25
    np.testing.assert_array_equal(again.speech_FK, fitted.speech_FK)
    assert again.to_bytes("Made up.") == content


@pytest.mark.parametrize("content", [b"", b"not a map", b"\x00" * 64])
def test_another_file_is_no_map(content):
    with pytest.raises(ValueError, match="no map of lips and speech"):
        read_map(content)


def test_the_same_clips_make_the_same_map(takes, fitted):
    assert fit_sync_map(takes).to_bytes() == fitted.to_bytes()


# What it is worth


def test_speakers_who_are_left_out_are_found_too(figures):
    assert (figures.n_clips, figures.n_speakers) == (8, 8)
    assert figures.tracked_frac == 1
    assert figures.auc > 0.99
    assert min(figures.confidences) > figures.level


def test_a_map_of_noise_is_worth_nothing(takes):
    deaf = [
        replace(one, layers_LSD=take(50 + n, seconds=5).layers_LSD) for n, one in enumerate(takes)
    ]
    assert cross_validate(deaf).auc < 0.75


def test_two_speakers_are_too_few():
    with pytest.raises(ValueError, match="2 speakers are too few"):
        cross_validate([take(0), take(1)])


def test_without_a_face_nothing_is_fitted(takes):
    blind = [replace(one, mouth_TM=np.full_like(one.mouth_TM, np.nan)) for one in takes]
    with pytest.raises(ValueError, match="0 frames with face and speech"):
        fit_sync_map(blind)


# Lips


def face(opening: float, size: float = 100.0, degrees: float = 0.0, shift: float = 0.0):
    """A mesh whose eyes and mouth lie where they should, at any size and turn."""
    points = np.zeros((468, 3))
    points[33], points[263] = (-1, 0, 0), (1, 0, 0)
    points[61], points[291] = (-0.5, 1.2, 0), (0.5, 1.2, 0)
    around = np.linspace(0, 2 * np.pi, len(features.INNER), endpoint=False)
    for point, angle in zip(features.INNER, around, strict=True):
        points[point] = (-0.4 * np.cos(angle), 1.2 - opening / 2 * np.sin(angle), 0)
    points[1], points[152] = (0, 0.5, 0), (0, 2.2, 0)
    points[0], points[17] = (0, 1.1 - opening / 2, 0), (0, 1.3 + opening / 2, 0)
    turn = np.deg2rad(degrees)
    spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return (points @ spin.T * size + shift).astype(np.float32)


def test_lips_are_the_same_at_any_size_place_and_turn():
    one = features.lips(np.stack([face(0.3)]))
    other = features.lips(np.stack([face(0.3, size=37, degrees=25, shift=400)]))
    np.testing.assert_allclose(one, other, rtol=1e-3)


def test_a_mouth_that_opens_is_measured():
    shut, wide = features.lips(np.stack([face(0.05), face(0.5)]))
    assert wide[0] > 5 * shut[0]
    assert wide[1] > 2 * shut[1]
    assert wide[4] == pytest.approx(shut[4])  # its width


def test_slow_movement_is_left_out():
    times = np.arange(200) / 25
    slow, quick = np.sin(2 * np.pi * 0.2 * times), np.sin(2 * np.pi * 4 * times)
    moving = features.movement((2 * slow + 0.5 * quick)[:, None])[:, 0]
    assert np.corrcoef(moving[10:-10], quick[10:-10])[0, 1] > 0.95


def test_frames_without_a_face_stay_unknown_and_touch_no_other():
    values = np.random.default_rng(0).normal(size=(100, 3))
    values[40:50] = np.nan
    moving = features.movement(values)
    assert np.isnan(moving[40:50]).all()
    assert np.isfinite(np.delete(moving, range(40, 50), axis=0)).all()


@pytest.mark.parametrize("ms", [-470.0, -33.0, 0.0, 7.0, 210.0, 900.0])
def test_the_peak_is_found_between_lags(ms):
    lags_ms = LAG_MS * np.arange(-MOST_LAG, MOST_LAG + 1)
    noise = 0.01 * np.random.default_rng(0).normal(size=len(lags_ms))
    found = locate(np.exp(-(((lags_ms - ms) / 70) ** 2)) + noise)
    assert found.offset_ms == pytest.approx(ms, abs=8)


# The metric


@pytest.fixture(scope="module")
def metric() -> AVSync:
    metric = AVSync()
    metric.load(weights_or_skip())
    return metric


def test_the_shipped_map_is_small_and_says_what_it_was_fitted_on():
    content = SHIPPED.read_bytes()
    assert len(content) < 1_000_000
    assert b"GRID" in content[:2000]
    assert 2 < read_map(content).level < 5


def test_a_refitted_map_goes_before_the_shipped_one_and_changes_the_version(tmp_path, fitted):
    assert map_file(tmp_path) == SHIPPED
    before = AVSync.fingerprint(tmp_path)
    (tmp_path / OWN).write_bytes(fitted.to_bytes())
    assert map_file(tmp_path) == tmp_path / OWN
    assert AVSync.fingerprint(tmp_path) != before
    (tmp_path / OWN).unlink()
    assert AVSync.fingerprint(tmp_path) == before


def test_the_shelf_tells_the_version_of_the_map_that_counts(tmp_path, fitted, monkeypatch):
    monkeypatch.setattr(registry, "_folder", lambda: tmp_path)
    shipped = shelf("metric").cards()["av_sync"].version
    (tmp_path / OWN).write_bytes(fitted.to_bytes())
    own = shelf("metric").cards()["av_sync"].version
    assert own != shipped
    monkeypatch.undo()
    assert shelf("metric").cards()["av_sync"].version == shipped


def test_a_clip_without_a_face_has_no_synchrony(metric, tmp_path):
    with pytest.raises(Unavailable, match="face"):
        metric.score(ClipMedia(write_clip(tmp_path / "a.mp4", seconds=3)))


def moved(path, milliseconds: int) -> ClipMedia:
    """The clip with its sound later, as a player would hear it."""
    clip = ClipMedia(path)
    samples = milliseconds * RATE_HZ // 1000
    wave = np.roll(ClipMedia(path).speech, samples)
    if samples > 0:
        wave[:samples] = 0
    elif samples < 0:
        wave[samples:] = 0
    clip.once("speech", lambda: wave)
    return clip


@pytest.mark.parametrize("name", ["grid/lbax4n.mpg", "video_retalking/4.mp4"])
def test_a_real_clip_is_in_sync_and_shifts_of_it_are_tracked(metric, real_data, name):
    path = real_data / "clips" / name
    own = metric.details(ClipMedia(path))
    assert abs(own["offset_ms"]) <= 80
    assert own["is_located"] == 1
    assert metric.score(ClipMedia(path)) > 0.6
    for shift in (-320, 80, 320):
        found = metric.details(moved(path, shift))
        assert found["offset_ms"] - own["offset_ms"] == pytest.approx(shift, abs=80)


def test_the_score_of_a_real_clip_falls_with_the_shift(metric, real_data):
    path = real_data / "clips" / "grid" / "bbaf2n.mpg"
    scores = [metric.score(moved(path, shift)) for shift in (0, 160, 320, 640)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.8 > 0.1 > scores[-1]


def test_another_voice_is_not_in_sync(metric, real_data, tmp_path):
    path = real_data / "clips" / "video_retalking" / "2.mp4"
    other = ClipMedia(path)
    voice = ClipMedia(real_data / "clips" / "video_retalking" / "4.mp4").speech
    other.once("speech", lambda: voice[: 5 * RATE_HZ])
    assert metric.score(other) < 0.3 < metric.score(ClipMedia(path))


def test_a_machine_dub_that_was_not_fitted_to_the_lips_scores_below_its_source(metric, real_data):
    folder = real_data / "clips" / "sonitranslate"
    source, dub = ClipMedia(folder / "Video.mp4"), ClipMedia(folder / "video_dub.mp4")
    assert metric.details(dub)["is_located"] == 0
    assert metric.score(dub) < 0.3 < 0.6 < metric.score(source)


def test_a_voice_that_no_lips_follow_is_nowhere(metric, tmp_path):
    from tests.films import write_talk

    clip = ClipMedia(write_talk(tmp_path / "a.mp4", man(4)))
    assert metric.score(clip) < 0.9
    assert set(metric.details(clip)) == {"offset_ms", "peak", "confidence", "is_located"}
