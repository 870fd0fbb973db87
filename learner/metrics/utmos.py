"""How natural the speech sounds, by UTMOS, where its checkpoint is there.

Shape letters: T samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from learner.device import sent
from learner.encoders._checkpoint import built, fingerprint_of, hub_file, needed_file, tensors_of
from learner.media import ClipMedia, Unavailable
from learner.registry import Card

HUB_ID = "Blinorot/UTMOS-PyTorch"
# One checkpoint under the names of four publishers; the first two are their converted forms.
FILES = (
    "utmos22_strong_step7459_v1.pt",
    "utmos_state_dict.pt",
    "epoch=3-step=7459.ckpt",
    "model.ckpt",
)
RATE_HZ = 16_000
LONGEST = 30 * RATE_HZ  # at once: attention grows with the square of the length
SHORTEST_S = 1.0  # as of speech_quality
PER_FRAME = 1  # numbers


class UTMOS:
    """UTMOS: predicted mean opinion of naturalness, about 1 to 5, over the whole clip.

    A clip longer than 30 s is heard in equal pieces of at most 30 s; each counts by its frames. It
    answers for the mean listener of the VoiceMOS Challenge 2022's main track; scores are not cut to
    1 to 5.

    It reads `hub/utmos/` below the folder of weights: the strong learner without phonemes, as its
    authors published it or as converted by others. The published weights were not at hand: how it
    does with them on real voices was not measured here.

    Source: Saeki et al. (2022), UTMOS: UTokyo-SaruLab system for VoiceMOS Challenge 2022.
    """

    card = Card(
        name="utmos",
        version="1",
        title="Speech quality (UTMOS)",
        source="Saeki et al. (2022); sarulab-speech/UTMOS22, strong learner",
        licence="MIT",
        kind="metric",
        role="speech quality",
        modality="audio",
        needs=("speech",),
        direction=1,
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
        from learner.metrics import _utmos

        path = needed_file(weights, self.card.name, FILES, f"UTMOS ({HUB_ID})")
        self._network = built(_utmos.Utmos, tensors_of(path), path, PER_FRAME)

    def score(self, media: ClipMedia) -> float:
        """About 1 (bad) to 5 (excellent): the mean over frames of 20 ms.

        Raises:
            Unavailable: the clip has no speech, or less than a second of it.
        """
        import torch

        speech_T = media.speech
        if len(speech_T) < SHORTEST_S * RATE_HZ:
            has_s = len(speech_T) / RATE_HZ
            raise Unavailable(f"{has_s:.2f} s of audio; naturalness needs at least {SHORTEST_S} s")
        total, n_frames = 0.0, 0
        for piece_T in np.array_split(speech_T, -(-len(speech_T) // LONGEST)):
            with torch.inference_mode():
                scores_1T = self._network(sent(torch.tensor(piece_T)[None]))
            total += float(scores_1T.double().sum())
            n_frames += scores_1T.shape[1]
        return total / n_frames
