"""How clean and natural the speech sounds, without a reference.

Shape letters: B segments, T samples or frames, C channels, F frequencies, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from learner.device import placed, sent
from learner.media import ClipMedia, Unavailable
from learner.registry import Card
from learner.weights import path_of

RATE_HZ = 16_000
SEGMENT = 122_880  # 7.68 s: what the network was trained on
LONGEST_HOP = 16_000
# Half a second of a clip scores .9 below the whole clip, a second .3 (28 crops of 14 real clips).
SHORTEST_S = 1.0


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
        kind="metric",
        role="speech quality",
        weights=("speech_quality",),
        modality="audio",
        needs=("speech",),
        direction=1,
    )

    def __init__(self) -> None:
        self._network: Any = None

    def load(self, weights: Path) -> None:
        """Build the network and read its weights.

        Raises:
            WeightsError: they are missing or altered.
        """
        import torch

        from learner.metrics._distillmos import DistillMOS

        state = torch.load(
            path_of(weights, "speech_quality"), map_location="cpu", weights_only=True
        )
        self._network = DistillMOS()
        self._network.load_state_dict(state["model"])
        self._network = placed(self._network)

    def score(self, media: ClipMedia) -> float:
        """1 (bad) to 5 (excellent): the mean over windows of 7.68 s, at most a second apart.

        Raises:
            Unavailable: the clip has no speech, or less than a second of it.
        """
        import torch

        speech_T = media.speech
        if len(speech_T) < SHORTEST_S * RATE_HZ:
            has_s = len(speech_T) / RATE_HZ
            raise Unavailable(f"{has_s:.2f} s of audio; speech quality needs {SHORTEST_S} s")
        padded = sent(torch.tensor(np.pad(speech_T, (0, max(0, SEGMENT - len(speech_T))))))
        with torch.inference_mode():  # one by one: a long clip needs no more memory than a short
            values = [
                float(self._network(padded[None, start : start + SEGMENT]))
                for start in segment_starts(len(padded))
            ]
        return float(np.mean(values))


def segment_starts(n_samples: int) -> list[int]:
    """Where windows start that cover so many samples evenly, at most a second apart.

    >>> segment_starts(SEGMENT), segment_starts(SEGMENT + 24_000)
    ([0], [0, 12000, 24000])
    """
    over = max(0, n_samples - SEGMENT)
    hops = int(np.ceil(over / LONGEST_HOP)) + 1
    return [int(share * over) for share in np.linspace(0, 1, hops)]
