"""How clean and natural the speech sounds, without a reference.

Shape letters: B segments, T samples or frames, C channels, F frequencies, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from learner.media import ClipMedia
from learner.registry import Card
from learner.weights import path_of

SEGMENT = 122_880  # 7.68 s at 16 kHz: what the network was trained on
LONGEST_HOP = 16_000


class SpeechQuality:
    """DistillMOS: predicted mean opinion of speech quality, 1 to 5, over the whole clip.

    Source: Stahl and Gamper (2025), distillation and pruning for speech quality assessment.
    Trained on English mostly, and on degraded rather than synthetic speech. Differences below .4
    are noise; a clean dub may beat a noisy source, which does not make it a better dub.
    """

    card = Card(
        name="speech_quality",
        version="1",
        title="Speech quality (DistillMOS)",
        source="Stahl and Gamper (2025); distillmos 0.9.1",
        licence="MIT",
        modality="audio",
        needs=("speech",),
        direction=1,
    )

    def __init__(self) -> None:
        self._network: Any = None

    def load(self, weights: Path) -> None:
        """Build the network and read its weights."""
        import torch

        from learner.metrics._distillmos import DistillMOS

        state = torch.load(
            path_of(weights, "speech_quality"), map_location="cpu", weights_only=True
        )
        self._network = DistillMOS().eval()
        self._network.load_state_dict(state["model"])

    def score(self, media: ClipMedia) -> float:
        """1 (bad) to 5 (excellent).

        Raises:
            Unavailable: the clip has no speech.
        """
        import torch

        speech = torch.tensor(media.speech)
        if len(speech) < SEGMENT:
            speech = torch.nn.functional.pad(speech, (0, SEGMENT - len(speech)))
        over = len(speech) - SEGMENT
        hops = int(np.ceil(over / LONGEST_HOP)) + 1
        starts = [int(share * over) for share in np.linspace(0, 1, hops)]
        values = []
        with torch.inference_mode():  # segment by segment: a long clip needs no more memory
            for start in starts:
                values.append(float(self._network(speech[None, start : start + SEGMENT])))
        return float(np.mean(values))
