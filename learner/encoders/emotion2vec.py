"""How it is said: the paper's encoder of emotion in speech.

Shape letters: T samples or frames, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.device import sent
from learner.encoders._checkpoint import built, fingerprint_of, hub_file, needed_file, tensors_of
from learner.media import ClipMedia, Unavailable
from learner.registry import Card

HUB_ID = "emotion2vec/emotion2vec_base"
FILES = ("emotion2vec_base.pt", "model.pt")
RATE_HZ = 16_000
LONGEST = 30 * RATE_HZ  # at once: attention grows with the square of the length
SHORTEST_S = 0.5


class Emotion2vec:
    """The manner of a voice: emotion2vec's frames of 20 ms, averaged over the clip.

    A clip longer than 30 s is heard in equal pieces of at most 30 s; each counts by its frames.

    It reads `hub/emotion2vec/emotion2vec_base.pt` (or `model.pt`) below the folder of weights: a
    checkpoint of fairseq or FunASR, plain, or a fine-tuned one of the same size, whose classifier
    is left out. The network is written anew; against FunASR 1.4.16's own class with the published
    sizes and random weights, every name and shape agrees and frames differ by at most 2e-5. The
    published weights themselves were not at hand: how it does on real voices was not measured
    here, and the strides of its convolutions and that it hears whole recordings normalised to mean
    0 and deviation 1 are known from the published settings, not from a tensor.

    Source: Ma et al. (2023), emotion2vec; the paper's section 2.1 (which keeps 256 of its numbers).
    """

    card = Card(
        name="emotion2vec",
        version="1",
        title="Emotion in speech (emotion2vec)",
        source="Ma et al. (2023); emotion2vec/emotion2vec_base",
        licence="its own terms: see the model's page",
        kind="encoder",
        role="speech emotion",
        modality="audio",
        needs=("speech",),
        width=768,
    )

    hub_id = HUB_ID

    def __init__(self) -> None:
        self._network: Any = None

    @classmethod
    def is_ready(cls, weights: Path) -> bool:
        """Whether the checkpoint is there."""
        return hub_file(weights, cls.card.name, FILES) is not None

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the weights that lie there."""
        path = hub_file(weights, cls.card.name, FILES)
        return fingerprint_of(path) if path else ""

    def load(self, weights: Path) -> None:
        """Read the checkpoint.

        Raises:
            WeightsError: it is missing, cannot be read, or is that of something else.
        """
        from learner.encoders import _emotion2vec

        path = needed_file(weights, self.card.name, FILES, HUB_ID)
        self._network = built(_emotion2vec.Emotion2vec, tensors_of(path), path, self.card.width)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The manner of a clip's speech, shape (768,); computed once a clip.

        Raises:
            Unavailable: the clip has no speech, or less than half a second of it.
        """
        return media.once(f"emotion2vec@{self.card.version}", lambda: self._embed(media.speech))

    def _embed(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        if len(speech_T) < SHORTEST_S * RATE_HZ:
            has_s = len(speech_T) / RATE_HZ
            raise Unavailable(f"{has_s:.2f} s of audio; its manner needs at least {SHORTEST_S} s")
        level, spread = speech_T.mean(), np.sqrt(speech_T.var() + 1e-5)
        sum_D, n_frames = np.zeros(self.card.width), 0
        for piece_T in np.array_split(speech_T, -(-len(speech_T) // LONGEST)):
            with torch.inference_mode():
                frames_TD = self._network(sent(torch.tensor((piece_T - level) / spread)[None]))[0]
            sum_D += frames_TD.double().sum(dim=0).cpu().numpy()
            n_frames += len(frames_TD)
        return np.asarray(sum_D / n_frames, dtype=np.float32)
