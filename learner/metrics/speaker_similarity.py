"""Whether the dub sounds like the person in the source."""

from __future__ import annotations

from pathlib import Path

from learner.encoders.speaker_ge2e import SpeakerGE2E
from learner.media import ClipMedia, Unavailable
from learner.registry import Card

# Cosines of GE2E voices: different people near .5, one person near .9 (measured on real clips).
STRANGERS, SPAN = 0.5, 0.4


class SpeakerSimilarity:
    r"""Cosine of the dub's voice and the source's, so that different people lie near 0.

    .. math:: O = (\cos(v_{dub}, v_{source}) - 0.5) / 0.4

    Source: Wan et al. (2018) for the voices; the rescaling is our own measurement.
    """

    card = Card(
        name="speaker_similarity",
        version="1",
        title="Speaker similarity to the source",
        source="Wan et al. (2018); Resemblyzer 0.1.4",
        licence="Apache-2.0",
        kind="metric",
        role="speaker similarity",
        weights=("speaker",),
        modality="audio",
        needs=("speech", "source_speech"),
        direction=1,
    )

    def __init__(self) -> None:
        self._encoder = SpeakerGE2E()

    def load(self, weights: Path) -> None:
        """Load the speaker encoder."""
        self._encoder.load(weights)

    def score(self, media: ClipMedia) -> float:
        """About 0 for different people, about 1 for one; somewhat outside is possible.

        Raises:
            Unavailable: no source is known, or one of the two has no speech.
        """
        original = media.original
        try:
            source_D = self._encoder.embed(original)
        except Unavailable as missing:
            raise Unavailable(f"of the source: {missing}") from missing
        return (float(self._encoder.embed(media) @ source_D) - STRANGERS) / SPAN
