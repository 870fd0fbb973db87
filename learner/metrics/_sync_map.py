"""The map from lips and speech to numbers that belong together, and the offset it finds.

Shape letters: T frames of 40 ms, S frames of 20 ms, L layers, D width of a layer, Q components of
all layers, M features of the mouth, F features of speech, K pairs of directions, J lags.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.metrics._sync_features import PER_FACE, SPEECH_HZ, Floats, scaled

MOUTH_REACH, SPEECH_REACH = 1, 2  # frames of 40 ms to either side
MOST_LAG = 50  # frames of 20 ms: a second either way
LEAST_OVERLAP = 25  # frames of 40 ms that are known on both sides


@dataclass(frozen=True)
class SyncMap:
    """Directions in which lips and speech of the same moment agree.

    Args:
        layers: Which of Whisper's layers are heard, int, shape (L,).
        basis_LDC: Principal directions of each layer, shape (L, D, Q / L).
        mouth_MK: Weights of the mouth's features.
        speech_FK: Weights of the features of speech.
        strength_K: How far each pair of directions agrees, 0 to 1.
        notes: What it was fitted on, in words.
    """

    layers: NDArray[np.int64]
    basis_LDC: NDArray[np.float32]
    mouth_MK: NDArray[np.float32]
    speech_FK: NDArray[np.float32]
    strength_K: NDArray[np.float32]
    notes: NDArray[np.str_]

    def mouth(self, features_TM: Floats) -> Floats:
        """What the lips say, shape (T, K)."""
        return np.asarray(features_TM @ self.mouth_MK)

    def components(self, layers_LSD: NDArray[np.float32]) -> Floats:
        """What is heard, shape (S, Q), each of mean 0 and deviation 1.

        Args:
            layers_LSD: All layers of Whisper.
        """
        return components(layers_LSD[self.layers], self.basis_LDC)

    def speech(self, layers_LSD: NDArray[np.float32]) -> Floats:
        """What the speech says, shape (S, K)."""
        components_SQ = self.components(layers_LSD)
        n, reach = len(components_SQ), SPEECH_REACH
        weights = self.speech_FK.reshape(2 * reach + 1, -1, len(self.strength_K))
        said_SK = np.zeros((n, len(self.strength_K)))
        # A sum over neighbours: beside each other they would need five times the memory.
        for place, weights_QK in enumerate(weights):
            rows = np.arange(n) + PER_FACE * (place - reach)
            said_SK += (components_SQ @ weights_QK)[rows.clip(0, n - 1)]
        return said_SK

    def save(self, path: Path) -> None:
        """Write it, whole or not at all; the same map is the same bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        with unfinished.open("wb") as sink:
            np.savez(sink, **{field.name: getattr(self, field.name) for field in fields(self)})
        unfinished.replace(path)

    @classmethod
    def read(cls, content: bytes) -> SyncMap:
        """The map of a file's content.

        Raises:
            ValueError: it is no such file.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                found = cls(**{field.name: file[field.name] for field in fields(cls)})
        except (KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"no map of lips and speech: {error}") from error
        return found


def components(
    layers_LSD: NDArray[np.float32], basis_LDC: NDArray[np.float32]
) -> Floats:
    """Layers in their principal directions, each of mean 0 and deviation 1 over the clip."""
    parts = [
        (layer_SD - layer_SD.mean(axis=0)) @ basis_DC
        for layer_SD, basis_DC in zip(layers_LSD, basis_LDC, strict=True)
    ]
    return scaled(np.concatenate(parts, axis=1).astype(np.float64))


def curve(mouth_TK: Floats, speech_SK: Floats, strength_K: NDArray[np.float32]) -> Floats:
    """How well lips and speech agree at each lag, from a second early to a second late.

    Args:
        mouth_TK: NaN rows where no face is seen.
        speech_SK: Twice as many frames a second.
        strength_K: Weights of the directions.

    Returns:
        Shape (101,), the weighted mean of correlations; NaN at lags at which fewer than
        25 frames are known on both sides.
    """
    return np.array([_at(lag, mouth_TK, speech_SK, strength_K) for lag in LAGS])
