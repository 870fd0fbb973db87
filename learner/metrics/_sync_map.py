"""The map from lips and speech to numbers that belong together, and the offset it finds.

Shape letters: T frames of 40 ms, S frames of 20 ms, L layers, D width of a layer, C components of
a layer, Q of all layers, M features of the mouth, F features of speech, K pairs of directions,
J lags.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from learner.metrics._sync_features import Floats, known, scaled

SPEECH_REACH = 2  # frames of 40 ms to either side that are heard with each
PER_FACE = 2  # frames of speech to one of the face
LAG_MS = 20.0
MOST_LAG = 50  # frames of 20 ms: a second either way
LEAST_OVERLAP = 25  # frames of 40 ms that are known on both sides
LEAST_LAGS = 75  # that are known: a clip of 1.8 s; of fewer no peak stands out
NEAR = 10  # frames of 20 ms: closer to the peak is the peak
FADE_MS = 200.0
SLOPE = 2.0  # of the step at the level, a standard deviation of the curve


@dataclass(frozen=True)
class Located:
    """Where lips and speech agree best.

    Args:
        offset_ms: Above 0 where the sound is late, -1000 to 1000.
        peak: How well they agree there: a correlation, weighed by how much lies on both sides.
        confidence: How far that stands above the curve beyond 200 ms from it, in the standard
            deviations of the curve there.
    """

    offset_ms: float
    peak: float
    confidence: float


@dataclass(frozen=True)
class SyncMap:
    """Directions in which lips and speech of the same moment agree.

    Args:
        layers_L: Which of Whisper's layers are heard.
        basis_LDC: Principal directions of each.
        mouth_MK: Weights of the mouth's features.
        speech_FK: Weights of the features of speech.
        strength_K: How far each pair of directions agrees, 0 to 1.
        level: The confidence that 95 % of pairs of strangers' lips and speech stay below.
    """

    layers_L: NDArray[np.int64]
    basis_LDC: NDArray[np.float32]
    mouth_MK: NDArray[np.float32]
    speech_FK: NDArray[np.float32]
    strength_K: NDArray[np.float32]
    level: float = 0.0

    def heard(self, windows: Iterable[NDArray[np.float32]]) -> Floats:
        """What the speech says, shape (S, K).

        Args:
            windows: Of all layers, along S, each of shape (7, s, 512).
        """
        parts = [components(window[self.layers_L], self.basis_LDC) for window in windows]
        return self.of_components(scaled(np.concatenate(parts).astype(np.float64)))

    def of_components(self, components_SQ: Floats) -> Floats:
        """The same, of components with mean 0 and deviation 1 over the clip."""
        frames = np.arange(len(components_SQ))
        weights = np.split(self.speech_FK, 2 * SPEECH_REACH + 1)
        said_SK = np.zeros((len(frames), len(self.strength_K)))
        # A sum over neighbours: side by side they would take five times the memory.
        for place, weights_QK in enumerate(weights):
            rows = frames + PER_FACE * (place - SPEECH_REACH)
            said_SK += (components_SQ @ weights_QK)[rows.clip(0, len(frames) - 1)]
        return said_SK

    def curve(self, mouth_TM: Floats, heard_SK: Floats) -> Floats:
        """How well lips and speech agree at each lag, from a second early to a second late.

        Returns:
            Shape (101,): correlations, weighted by strength, times the root of the share of frames
            that lie on both sides; NaN where fewer than 25 do.
        """
        seen_TK = mouth_TM @ self.mouth_MK
        frames_T = np.flatnonzero(known(seen_TK))
        curve_J, overlap_J = np.full(2 * MOST_LAG + 1, np.nan), np.zeros(2 * MOST_LAG + 1)
        for place in range(len(curve_J)):
            at = PER_FACE * frames_T + place - MOST_LAG
            is_in = (at >= 0) & (at < len(heard_SK))
            overlap_J[place] = is_in.sum()
            if overlap_J[place] >= LEAST_OVERLAP:
                r_K = _correlations(seen_TK[frames_T[is_in]], heard_SK[at[is_in]])
                curve_J[place] = r_K @ self.strength_K / self.strength_K.sum()
        # With fewer frames chance correlates more.
        return np.asarray(curve_J * np.sqrt(overlap_J / max(1.0, overlap_J.max())))

    def score(self, found: Located) -> float:
        r"""0 to 1: how near the sound is, if it belongs to these lips at all.

        .. math:: O = e^{-|o| / 200\,\mathrm{ms}} \cdot \frac{1}{1 + e^{-2 (c - \ell)}}
        """
        belongs = 1 / (1 + np.exp(-SLOPE * (found.confidence - self.level)))
        return float(np.exp(-abs(found.offset_ms) / FADE_MS) * belongs)

    def to_bytes(self, notes: str = "") -> bytes:
        """A safetensors file; the same map is the same bytes.

        Args:
            notes: What it was fitted on, in words.
        """
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in ARRAYS}
        return save(arrays | {"level": np.array([self.level])}, {"notes": notes})


ARRAYS = ("layers_L", "basis_LDC", "mouth_MK", "speech_FK", "strength_K")


def read_map(content: bytes) -> SyncMap:
    """The map that `SyncMap.to_bytes` wrote.

    Raises:
        ValueError: it is none.
    """
    try:
        arrays = load(content)
        layers_L, basis_LDC, mouth_MK, speech_FK, strength_K = (arrays[name] for name in ARRAYS)
        level = float(arrays["level"][0])
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"no map of lips and speech: {error}") from error
    return SyncMap(layers_L, basis_LDC, mouth_MK, speech_FK, strength_K, level)


def components(
    layers_LSD: NDArray[np.float32], basis_LDC: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Layers in their principal directions, side by side, shape (S, Q)."""
    parts = [layer @ basis for layer, basis in zip(layers_LSD, basis_LDC, strict=True)]
    return np.concatenate(parts, axis=1)


def _correlations(one_TK: Floats, other_TK: Floats) -> Floats:
    """Of each column with its like; 0 where one does not vary."""
    one, other = one_TK - one_TK.mean(axis=0), other_TK - other_TK.mean(axis=0)
    norms_K = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return np.asarray((one * other).sum(axis=0) / np.maximum(norms_K, 1e-12))


def locate(curve_J: Floats) -> Located | None:
    """The best lag of a curve and how it stands out; None where too little of it is known.

    The offset is refined between lags by the parabola through the peak and its neighbours.

    >>> lags_ms = LAG_MS * np.arange(-MOST_LAG, MOST_LAG + 1)
    >>> found = locate(np.exp(-(((lags_ms - 130) / 60) ** 2)) + 0.1 * np.sin(lags_ms))
    >>> abs(found.offset_ms - 130) < 10, found.confidence > 5
    (True, True)
    """
    if np.isfinite(curve_J).sum() < LEAST_LAGS:
        return None
    best = int(np.nanargmax(curve_J))
    is_far_J = np.abs(np.arange(len(curve_J)) - best) > NEAR
    far = curve_J[is_far_J & np.isfinite(curve_J)]
    if far.std() < 1e-12:
        return None
    confidence = float((curve_J[best] - far.mean()) / far.std())
    offset = best - MOST_LAG + _between(curve_J[max(0, best - 1) : best + 2])
    return Located(float(offset * LAG_MS), float(curve_J[best]), confidence)


def _between(around_3: Floats) -> float:
    """Where a parabola through three points is highest, -.5 to .5 from the middle one."""
    if len(around_3) < 3 or not np.isfinite(around_3).all():
        return 0.0
    left, middle, right = around_3
    bend = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
