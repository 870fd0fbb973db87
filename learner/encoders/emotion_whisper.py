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

    .. math:: e = [\overline{x}, \mathrm{sd}(x)], \quad x = (x_4 + x_5 + x_6) / 3

    It stands in for emotion2vec where no hub can be reached. Exploratory: no package carries a
    network that was trained on emotions in speech, and how well these layers tell emotions apart
    was not measured, for want of labelled clips.

    Source: Radford et al. (2022); weights of Whisper base.
    """

    card = Card(
        name="emotion_whisper",
        version="1",
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
            pool.add(layers_LTD[LAYERS].mean(axis=0))
        return pool.mean_and_sd()
