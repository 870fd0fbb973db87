"""What is spoken: the paper's encoder of speech.

Shape letters: P pieces, T samples or frames, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.encoders._trainable import embedded
from learner.encoders._transformers import (
    folder_fingerprint,
    load_model,
    model_folder,
    needed_folder,
    settings_of,
)
from learner.media import ClipMedia, Unavailable
from learner.registry import Card

if TYPE_CHECKING:
    from torch import Tensor

HUB_ID = "facebook/wav2vec2-base-960h"
RATE_HZ = 16_000
LONGEST = 30 * RATE_HZ  # at once: attention grows with the square of the length
SHORTEST_S = 0.1  # a few frames of 20 ms


class Wav2Vec2:
    """Speech as the mean of Wav2Vec 2.0's frames of 20 ms.

    It reads a model of transformers from `hub/wav2vec2` below the folder of weights. A clip longer
    than 30 s is heard in equal pieces of at most 30 s; each counts by its frames. The published
    weights were not at hand: how it does with them was not measured here.

    Source: Baevski et al. (2020), wav2vec 2.0; the paper's section 2.1.
    """

    card = Card(
        name="wav2vec2",
        version="1",
        title="Speech (Wav2Vec 2.0)",
        source=f"Baevski et al. (2020); {HUB_ID}",
        licence="Apache-2.0",
        kind="encoder",
        role="speech content",
        modality="audio",
        needs=("speech",),
        width=768,
    )

    hub_id = HUB_ID
    at_once = 1  # pieces may differ by a sample

    def __init__(self) -> None:
        self.network: Any = None
        self._is_normalised = True

    @classmethod
    def is_ready(cls, weights: Path) -> bool:
        """Whether the model is there."""
        return model_folder(weights, cls.card.name) is not None

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the weights that lie there."""
        return folder_fingerprint(weights, cls.card.name)

    def load(self, weights: Path) -> None:
        """Read the model.

        Raises:
            WeightsError: it is missing, cannot be read, or has another width.
        """
        folder = needed_folder(weights, self.card.name, HUB_ID)
        self.network = load_model(folder, self.card.width)
        hears = settings_of(folder, "preprocessor_config.json")
        self._is_normalised = bool(hears.get("do_normalize", True))

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The clip's speech, shape (768,).

        Raises:
            Unavailable: the clip has no speech, or less than a tenth of a second of it.
        """
        return embedded(self, media)

    def pieces(self, media: ClipMedia) -> Iterator[NDArray[np.float32]]:
        """Waves of at most 30 s, shape (T,).

        Raises:
            Unavailable: as `embed`.
        """
        speech_T = media.speech
        if len(speech_T) < SHORTEST_S * RATE_HZ:
            has_s = len(speech_T) / RATE_HZ
            raise Unavailable(f"{has_s:.2f} s of audio; speech needs at least {SHORTEST_S} s")
        yield from np.array_split(self._levelled(speech_T), -(-len(speech_T) // LONGEST))

    def read(self, pieces: Tensor) -> tuple[Tensor, int]:
        """Sums over the frames of waves, shape (P, 768), and how many frames a wave has."""
        frames_PTD = self.network(pieces).last_hidden_state
        return frames_PTD.double().sum(dim=1), frames_PTD.shape[1]

    def _levelled(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean 0 and deviation 1 over the whole recording, where the model was trained so."""
        if not self._is_normalised:
            return speech_T
        return np.asarray((speech_T - speech_T.mean()) / np.sqrt(speech_T.var() + 1e-7))
