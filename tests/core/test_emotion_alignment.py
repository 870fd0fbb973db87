"""Expressiveness match: it hears a voice made flat, sees a face that moves, and claims no more."""

from __future__ import annotations

import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable
from learner.media import faces as media_faces
from learner.media.faces import Faces
from learner.media.pitch import _world, find_pitch, pitch
from learner.metrics.emotion_alignment import (
    CHIN,
    FACE_SPREAD,
    FACE_USUAL,
    FOREHEAD,
    LEFT_BROW,
    LEFT_EYE,
    RIGHT_BROW,
    RIGHT_EYE,
    EmotionAlignment,
    face_measures,
    liveliness,
    match,
    voice_liveliness,
    voice_measures,
)
from tests.parts import RATE_HZ, weights_or_skip, write_sound


def head() -> np.ndarray:
    """Landmarks of a face that looks ahead, 60 pixels between the eyes."""
    mesh = np.random.default_rng(0).uniform(-50, 50, (468, 3)).astype(np.float32)
    mesh[[*RIGHT_EYE, *LEFT_EYE]] = [(-30, 0, 0), (-12, 0, 0), (12, 0, 0), (30, 0, 0)]
    mesh[list(RIGHT_BROW)], mesh[list(LEFT_BROW)] = (-20, -12, 0), (20, -12, 0)
    mesh[FOREHEAD], mesh[CHIN] = (0, -50, 0), (0, 60, 0)
    return mesh


def turning(degrees: float, *, seconds: float = 4.0, brows: float = 0.0) -> Faces:
    """A head that turns to and fro once a second, its brows rising with it by so many pixels."""
    frames = []
    for at_s in np.arange(round(seconds * 25)) / 25:
        mesh, swing = head(), np.sin(2 * np.pi * at_s)
        mesh[[*RIGHT_BROW, *LEFT_BROW], 1] -= brows * swing
        cos, sin = np.cos(np.radians(degrees) * swing), np.sin(np.radians(degrees) * swing)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        frames.append((mesh @ turn.T + 200).astype(np.float32))
    return seen(np.stack(frames))


def seen(landmarks_TL3: np.ndarray) -> Faces:
    box_T4 = np.concatenate([part(landmarks_TL3[..., :2], 1) for part in (np.min, np.max)], axis=1)
    return Faces(25.0, landmarks_TL3, np.ones(len(landmarks_TL3), np.float32), box_T4)


def speaking(semitones: float, *, swell: float = 1.4) -> np.ndarray:
    """Three seconds of a buzz whose pitch goes up and down by so much, and swells."""
    at_s = np.arange(3 * RATE_HZ) / RATE_HZ
    hz = 150 * 2 ** (semitones / 24 * np.sin(2 * np.pi * 0.7 * at_s))
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    wave = sum(np.sin(number * phase) / number for number in range(1, 20))
    return (0.2 * wave * (1 - swell / 2 + swell / 2 * np.cos(25 * at_s))).astype(np.float32)


def alive(wave: np.ndarray) -> float:
    return voice_liveliness(voice_measures(wave, find_pitch(wave)))


def clip(path, wave: np.ndarray, faces: Faces) -> ClipMedia:
    """A sound whose pictures, if asked, show these faces."""
    media = ClipMedia(write_sound(path, wave))
    media.once(f"faces@{media_faces.VERSION} 25.0", lambda: faces)
    return media


# The voice


def test_the_flatter_the_melody_the_calmer_the_voice():
    found = [alive(speaking(semitones)) for semitones in (12, 8, 4, 2, 0)]
    assert found == sorted(found, reverse=True) and found[0] - found[-1] > 2


def test_a_voice_that_swells_is_livelier_than_one_that_does_not():
    assert alive(speaking(6)) > alive(speaking(6, swell=0.6)) + 0.5


def test_how_loud_it_was_recorded_does_not_matter():
    wave = speaking(6)
    assert alive(wave * 0.05) == pytest.approx(alive(wave), abs=0.02)


def test_measures_are_in_their_units():
    semitones, spread_db, change = voice_measures(speaking(12), find_pitch(speaking(12)))
    assert semitones == pytest.approx(12 * np.sin(0.4 * np.pi), rel=0.05)  # its middle 80 %
    assert spread_db == pytest.approx(5.6, abs=1) and change == pytest.approx(137, abs=20)


# The face


def test_the_more_the_head_turns_the_livelier_the_face():
    turned = [face_measures(turning(degrees))[0] for degrees in (2, 5, 15)]
    assert turned == sorted(turned)
    # A swing of 15 degrees to either side is 60 a second, less what smoothing takes.
    assert 35 < turned[-1] < 60


def test_brows_are_seen_apart_from_the_head():
    calm, raised = (face_measures(turning(0.0, brows=brows))[1] for brows in (0.5, 5.0))
    assert raised == pytest.approx(10 * calm, rel=0.05)
    assert face_measures(turning(20.0))[1] < raised / 5


def test_size_place_and_tilt_do_not_matter():
    faces = turning(10, brows=2)
    cos, sin = np.cos(0.5), np.sin(0.5)
    tilted = faces.landmarks_TL3 @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) * 3 + 40
    other = face_measures(seen(tilted.astype(np.float32)))
    np.testing.assert_allclose(other, face_measures(faces), rtol=0.35)


def test_a_break_is_no_movement():
    faces = turning(10)
    landmarks = faces.landmarks_TL3.copy()
    landmarks[50:] += 300
    landmarks[45:50] = np.nan
    score = np.where(np.isnan(landmarks[:, 0, 0]), 0, 1).astype(np.float32)
    broken = Faces(25.0, landmarks, score, faces.box_T4)
    np.testing.assert_allclose(face_measures(broken), face_measures(faces), rtol=0.15, atol=1e-3)


def test_less_than_a_second_of_a_face_is_too_little():
    with pytest.raises(Unavailable, match=r"0\.8 s without a break; 1\.0 s are needed"):
        face_measures(turning(10, seconds=0.8))


# Both


def test_a_lively_face_asks_for_a_lively_voice(tmp_path):
    metric = EmotionAlignment()
    lively, calm = turning(6, brows=1), turning(1, brows=0.2)
    for face, first, second in ((lively, 12, 0), (calm, 1, 12)):
        better = metric.score(clip(tmp_path / f"{first}.wav", speaking(first), face))
        worse = metric.score(clip(tmp_path / f"{second}.wav", speaking(second), face))
        assert 0 < worse < better <= 1


def test_a_photograph_with_a_voice_is_a_number(tmp_path):
    still = liveliness(face_measures(turning(0.0)), FACE_USUAL, FACE_SPREAD)
    assert still == -8
    assert 0 < match(still, 1.0) < 0.02


def test_without_a_voice_there_is_no_match(tmp_path):
    noise = np.full(32_000, 0.1) * (np.arange(32_000) % 2)
    with pytest.raises(Unavailable, match="has a pitch"):
        EmotionAlignment().score(clip(tmp_path / "a.wav", noise, turning(5)))


def test_it_says_itself_that_nobody_has_shown_that_it_works():
    assert EmotionAlignment.card.is_exploratory
    assert "AUC of .50" in EmotionAlignment.__doc__


def test_real_voices_made_flat_are_calmer(real_data):
    world = _world()
    for name in ("video_retalking/1.mp4", "video_retalking/5.mp4", "grid/lwbsza.mpg"):
        media = ClipMedia(real_data / "clips" / name)
        wave, f0_T = media.speech.astype(np.float64), pitch(media).f0_T
        times_s = np.arange(len(f0_T)) * 0.005
        envelope = world.cheaptrick(wave, f0_T, times_s, RATE_HZ)
        breath = world.d4c(wave, f0_T, times_s, RATE_HZ)
        middle = np.exp(np.log(f0_T[f0_T > 0]).mean())
        found = []
        for kept in (1.0, 0.0):
            flat_T = np.where(f0_T > 0, middle * (np.maximum(f0_T, 1) / middle) ** kept, 0.0)
            found.append(alive(world.synthesize(flat_T, envelope, breath, RATE_HZ).astype("f4")))
        assert found[0] - found[1] > 0.7


def test_the_finder_is_loaded_with_it(tmp_path):
    metric = EmotionAlignment()
    metric.load(weights_or_skip())
    with pytest.raises(Unavailable, match="no video stream"):
        metric.score(ClipMedia(write_sound(tmp_path / "a.wav", speaking(6))))
