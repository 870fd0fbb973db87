"""Whether face and voice are about as lively as each other. Exploratory.

Shape letters: T pictures or frames of 5 ms, L landmarks, M measures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.media import ClipMedia, Unavailable
from learner.media.faces import FaceFinder, Faces
from learner.media.pitch import HOP, HOP_S, Pitch, pitch
from learner.registry import Card

LEAST_S = 1.0  # of pictures with a face
SMOOTH_S = 0.2  # what is faster is the mesh's own trembling
RIGHT_BROW, LEFT_BROW = (70, 63, 105, 66, 107), (300, 293, 334, 296, 336)
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)
FOREHEAD, CHIN = 10, 152
SOFTEST_DB = -60.0  # of the loudest frame: below lies no voice
# Natural logarithms of the measures: median and spread (1.4826 median absolute deviations) over the
# 14 clips of DUBSCORE_DATA. docs/models.md says how little that is.
FACE_USUAL, FACE_SPREAD = np.array([2.06, -3.83]), np.array([0.55, 0.46])
VOICE_USUAL, VOICE_SPREAD = np.array([1.91, 1.98, 4.52]), np.array([0.41, 0.21, 0.22])


class EmotionAlignment:
    r"""Expressiveness match: a lively face asks for a lively voice, a calm one for a calm one.

    .. math:: O = e^{-|z_f - z_v| / 2}

    z_f is the mean of the z-scored logarithms of how fast the head turns and the brows move, z_v
    that of the range of pitch (10 to 90 %, in semitones), the standard deviation of loudness while
    voiced, and how fast loudness changes. Lips are left out: they follow the words.

    **Exploratory.** It reacts to a voice that is made flat, by construction. It does not know
    emotions, and does not know true pairs: on 24 talking-face clips, true against swapped voices
    were told apart with an AUC of .50, which is chance. The slot is EmoSync's of the paper.

    Source: our own definition.
    """

    card = Card(
        name="emotion_alignment",
        version="1",
        title="Expressiveness match of face and voice",
        source="our own definition; landmarks of mediapipe 0.10.21, WORLD by pyworld 0.3.5",
        licence="Apache-2.0",
        kind="metric",
        role="emotion alignment",
        weights=("face_detection", "face_mesh"),
        modality="video",
        needs=("frames", "speech"),
        direction=1,
        is_exploratory=True,
    )

    def __init__(self) -> None:
        self._finder = FaceFinder()

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find the face, and the pitch of the voice."""
        FaceFinder.prepare(media, weights)
        pitch(media)

    def load(self, weights: Path) -> None:
        """Read the face's networks from the folder they were fetched into.

        Raises:
            WeightsError: they are missing or altered.
        """
        self._finder.load(weights)

    def score(self, media: ClipMedia) -> float:
        """Above 0, to 1 for a face and a voice that are equally far from the usual.

        Raises:
            Unavailable: there is no sound, no pitch in it, or less than a second of a face.
        """
        voice = voice_measures(media.speech, pitch(media))
        face = face_measures(self._finder.find(media))
        return match(liveliness(face, FACE_USUAL, FACE_SPREAD), voice_liveliness(voice))


def match(face: float, voice: float) -> float:
    """How well two livelinesses go together.

    >>> match(1.5, 1.5), round(match(1.0, -1.0), 3)
    (1.0, 0.368)
    """
    return float(np.exp(-abs(face - voice) / 2))


def voice_liveliness(measures_M: NDArray[np.float64]) -> float:
    """Of a voice's measures: 0 as usual, above it livelier."""
    return liveliness(measures_M, VOICE_USUAL, VOICE_SPREAD)


def liveliness(
    measures_M: NDArray[np.float64], usual_M: NDArray[np.float64], spread_M: NDArray[np.float64]
) -> float:
    """Mean of z-scored logarithms; each is held within 8, so that a still picture is a number.

    >>> liveliness(np.array([np.e, 0.0]), np.zeros(2), np.ones(2))
    -3.5
    """
    with np.errstate(divide="ignore"):
        z_M = (np.log(measures_M) - usual_M) / spread_M
    return float(z_M.clip(-8, 8).mean())


def face_measures(faces: Faces) -> NDArray[np.float64]:
    """Degrees a second that the head turns, and eye distances a second that the brows move.

    Raises:
        Unavailable: a face is seen for less than a second in one piece.
    """
    step = max(1, round(SMOOTH_S * faces.rate_hz))
    turns, brows = [], []
    for first, last in _stretches(faces.is_seen_T):
        if last - first >= 3 * step:
            landmarks_TL3 = faces.landmarks_TL3[first:last].astype(np.float64)
            turns.append(_speed(_angles(landmarks_TL3), step))
            brows.append(_speed(_brows(landmarks_TL3), step))
    seen_s = sum(len(turn) + 2 * step - 1 for turn in turns) / faces.rate_hz
    if seen_s < LEAST_S:
        raise Unavailable(
            f"a face is seen for {seen_s:.1f} s without a break; {LEAST_S} s are needed"
        )
    each = (np.concatenate(turns).mean(), np.concatenate(brows).mean())
    return np.array(each) * faces.rate_hz / step


def _stretches(is_on_T: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last + 1 of each stretch that is on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_on_T.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _speed(signals_TM: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """How far the smoothed signals go together in `step` pictures."""
    total_TM = np.cumsum(np.vstack([np.zeros_like(signals_TM[:1]), signals_TM]), axis=0)
    smooth_TM = (total_TM[step:] - total_TM[:-step]) / step
    return np.asarray(np.linalg.norm(smooth_TM[step:] - smooth_TM[:-step], axis=1))


def _angles(landmarks_TL3: NDArray[np.float64]) -> NDArray[np.float64]:
    """How the head is turned sideways, tilted and nodding, in degrees, shape (T, 3)."""
    across_T3 = landmarks_TL3[:, LEFT_EYE[1]] - landmarks_TL3[:, RIGHT_EYE[0]]
    down_T3 = landmarks_TL3[:, CHIN] - landmarks_TL3[:, FOREHEAD]
    pairs = (
        (across_T3[:, 2], across_T3[:, 0]),
        (across_T3[:, 1], across_T3[:, 0]),
        (down_T3[:, 2], down_T3[:, 1]),
    )
    return np.stack([np.degrees(np.unwrap(np.arctan2(*pair))) for pair in pairs], axis=1)


def _brows(landmarks_TL3: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far both brows lie from their eyes, in distances between the eyes, shape (T, 2)."""
    across_T3 = landmarks_TL3[:, LEFT_EYE[1]] - landmarks_TL3[:, RIGHT_EYE[0]]
    apart_T = np.linalg.norm(across_T3, axis=1)
    heights = []
    for brow, eye in ((RIGHT_BROW, RIGHT_EYE), (LEFT_BROW, LEFT_EYE)):
        rise_T3 = landmarks_TL3[:, brow].mean(axis=1) - landmarks_TL3[:, eye].mean(axis=1)
        heights.append(np.linalg.norm(rise_T3, axis=1) / apart_T)
    return np.stack(heights, axis=1)


def voice_measures(speech_N: NDArray[np.float32], found: Pitch) -> NDArray[np.float64]:
    """Semitones from the 10 to the 90 % point of pitch, dB of loudness, and dB a second."""
    low, high = np.percentile(found.f0_T[found.is_voiced_T], [10, 90])
    loudness_T = _loudness(speech_N, len(found.f0_T))
    loud_T = loudness_T[found.is_voiced_T]
    step = round(0.05 / HOP_S)
    both_T = found.is_voiced_T[step:] & found.is_voiced_T[:-step]
    changes_T = np.abs(loudness_T[step:] - loudness_T[:-step])[both_T]
    change = float(changes_T.mean()) / 0.05 if len(changes_T) else 0.0
    return np.array([12 * np.log2(high / low), loud_T.std(), change])


def _loudness(speech_N: NDArray[np.float32], n_frames: int) -> NDArray[np.float64]:
    """dB around each frame of pitch, over 25 ms, at most 60 below the loudest."""
    padded = np.pad(speech_N.astype(np.float64) ** 2, (2 * HOP, 3 * HOP))
    hops = padded[: len(padded) // HOP * HOP].reshape(-1, HOP).sum(axis=1)
    power_T = np.convolve(hops, np.ones(5), mode="valid")[:n_frames]
    power_T = np.pad(power_T, (0, n_frames - len(power_T)), mode="edge")
    floor = power_T.max() * 10 ** (SOFTEST_DB / 10)
    return np.asarray(10 * np.log10(np.maximum(power_T, floor)))
