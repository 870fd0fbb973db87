"""How it is spoken: Whisper's middle layers, pooled over time.

Shape letters: L layers, T frames, D width.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.encoders._pooling import Pool
from learner.encoders._whisper import WhisperLayers
from learner.media import ClipMedia
from learner.registry import Card

LAYERS = slice(3, 6)  # blocks 4 to 6
D = 512


class EmotionWhisper:
    r"""The last three blocks of Whisper's encoder together: their mean over time, and their change.

    .. math:: e = [\overline{x}, \mathrm{sd}(x)], \quad x = (n(x_4) + n(x_5) + n(x_6)) / 3

    where n brings each frame to mean 0 and deviation 1: otherwise three of 512 numbers carry most
    of a vector's length, and what changes with the voice is lost among them.

    It stands in for emotion2vec where no hub can be reached. Exploratory: no package carries a
    network that was trained on emotions in speech, and how well these layers tell emotions apart
    was not measured, for want of labelled clips.

    Source: Radford et al. (2022); weights of Whisper base.
    """

    card = Card(
        name="emotion_whisper",
        version="2",
        title="Manner of speech (Whisper base)",
        source="Radford et al. (2022); openai/whisper-base",
        licence="MIT",
        kind="encoder",
        role="speech emotion",
        weights=("whisper",),
        modality="audio",
        needs=("speech",),
        width=2 * D,
        is_exploratory=True,
    )

    def __init__(self) -> None:
        self._whisper = WhisperLayers()

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into.

        Raises:
            WeightsError: they are missing or altered.
        """
        self._whisper.load(weights)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The clip's manner of speech, shape (1024,): mean, then standard deviation, over time.

        Raises:
            Unavailable: the clip has no speech.
        """
        pool = Pool(D)
        for layers_LTD in self._whisper.windows(media):
            pool.add(_levelled(layers_LTD[LAYERS]).mean(axis=0))
        return pool.mean_and_sd()


def _levelled(layers_LTD: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each frame with mean 0 and deviation 1."""
    centred = layers_LTD - layers_LTD.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=-1, keepdims=True), 1e-6))
