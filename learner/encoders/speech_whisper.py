"""What is spoken, and how: Whisper's last layer, pooled over time.

Shape letters: T frames, D width.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.encoders._pooling import Pool
from learner.encoders._whisper import WhisperLayers
from learner.media import ClipMedia
from learner.registry import Card

LAYER = 6  # the norm after the last block
D = 512


class SpeechWhisper:
    r"""The mean over time of the last layer of Whisper's encoder, and how much it changes.

    .. math:: e = [\overline{x}, \mathrm{sd}(x)]

    It stands in for Wav2Vec2 where no hub can be reached.

    Source: Radford et al. (2022); weights of Whisper base.
    """

    card = Card(
        name="speech_whisper",
        version="1",
        title="Speech (Whisper base)",
        source="Radford et al. (2022); openai/whisper-base",
        licence="MIT",
        kind="encoder",
        role="speech content",
        weights=("whisper",),
        modality="audio",
        needs=("speech",),
        width=2 * D,
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
        """The clip's speech, shape (1024,): mean, then standard deviation, over time.

        Raises:
            Unavailable: the clip has no speech.
        """
        pool = Pool(D)
        for layers_LTD in self._whisper.windows(media):
            pool.add(layers_LTD[LAYER])
        return pool.mean_and_sd()
