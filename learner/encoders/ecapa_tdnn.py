"""Who speaks: the paper's speaker encoder.

Shape letters: T samples, D width.
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

HUB_ID = "speechbrain/spkrec-ecapa-voxceleb"
FILES = ("embedding_model.ckpt",)
RATE_HZ = 16_000
LONGEST = 30 * RATE_HZ  # at once: memory does not grow with the clip
SHORTEST_S = 0.8  # as the default speaker encoder: below it there is hardly a syllable


class EcapaTDNN:
    """A voice as a unit vector: ECAPA-TDNN on 80 mel bands, the whole clip at once up to 30 s.

    A longer clip is heard in equal pieces of at most 30 s, whose unit vectors are averaged.

    It reads `hub/ecapa_tdnn/embedding_model.ckpt` below the folder of weights, the file of that
    name of speechbrain/spkrec-ecapa-voxceleb. Network and front end are written anew; against
    speechbrain 1.1.2's own classes with the published sizes and random weights, all 231 names and
    shapes agree, and vectors differ by at most 2e-6. The published weights themselves were not at
    hand: how it does with them on real voices was not measured here.

    Source: Desplanques, Thienpondt and Demuynck (2020); the paper's section 2.1.
    """

    card = Card(
        name="ecapa_tdnn",
        version="1",
        title="Speaker (ECAPA-TDNN)",
        source="Desplanques et al. (2020); speechbrain/spkrec-ecapa-voxceleb",
        licence="Apache-2.0",
        kind="encoder",
        role="speaker",
        modality="audio",
        needs=("speech",),
        width=192,
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
        from learner.encoders import _ecapa

        path = needed_file(weights, self.card.name, FILES, HUB_ID)
        self._network = built(_ecapa.EcapaTDNN, tensors_of(path), path, self.card.width)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The voice of a clip, shape (192,), length 1; computed once a clip.

        Raises:
            Unavailable: the clip has no speech, or less than 0.8 s of it.
        """
        return media.once(f"ecapa_tdnn@{self.card.version}", lambda: self._embed(media.speech))

    def _embed(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        from learner.encoders._ecapa import mel_frames

        if len(speech_T) < SHORTEST_S * RATE_HZ:
            has_s = len(speech_T) / RATE_HZ
            raise Unavailable(f"{has_s:.2f} s of audio; a voice needs at least {SHORTEST_S} s")
        sum_D = np.zeros(self.card.width)
        for piece_T in np.array_split(speech_T, -(-len(speech_T) // LONGEST)):
            with torch.inference_mode():
                voice_1D = self._network(sent(mel_frames(torch.tensor(piece_T)[None])))
            sum_D += torch.nn.functional.normalize(voice_1D, dim=1)[0].cpu().numpy()
        return np.asarray(sum_D / np.linalg.norm(sum_D), dtype=np.float32)
