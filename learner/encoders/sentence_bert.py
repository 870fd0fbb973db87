"""What is said: the paper's encoder of sentences, in a multilingual form.

Shape letters: P pieces, T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.encoders._trainable import embedded, mean_of
from learner.encoders._transformers import (
    folder_fingerprint,
    load_model,
    model_folder,
    needed_folder,
)
from learner.media import ClipMedia
from learner.registry import Card
from learner.weights import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

HUB_ID = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
MOST_TOKENS = 512


class SentenceBERT:
    """A sentence as a unit vector: the mean of its tokens.

    It reads a model of transformers with its tokenizer from `hub/sentence_bert` below the folder of
    weights. The published weights were not at hand: how it does with them was not measured here.

    Source: Reimers and Gurevych (2020), multilingual Sentence-BERT; the paper's section 2.1.
    """

    card = Card(
        name="sentence_bert",
        version="1",
        title="Text (Sentence-BERT, multilingual)",
        source=f"Reimers and Gurevych (2020); {HUB_ID}",
        licence="Apache-2.0",
        kind="encoder",
        role="text",
        modality="text",
        needs=("text",),
        width=768,
    )

    hub_id = HUB_ID
    at_once = 1

    def __init__(self) -> None:
        self.network: Any = None
        self._tokens: Any = None

    @classmethod
    def is_ready(cls, weights: Path) -> bool:
        """Whether the model is there."""
        return model_folder(weights, cls.card.name) is not None

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the weights that lie there."""
        return folder_fingerprint(weights, cls.card.name)

    def load(self, weights: Path) -> None:
        """Read the model and its tokenizer.

        Raises:
            WeightsError: one is missing or cannot be read, or the model has another width.
        """
        from transformers import AutoTokenizer

        folder = needed_folder(weights, self.card.name, HUB_ID)
        self.network = load_model(folder, self.card.width)
        try:
            self._tokens = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # whatever a damaged folder makes the library raise
            raise WeightsError(f"{folder} holds no tokenizer: {error}") from error

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """What the clip says, shape (768,), length 1.

        Raises:
            Unavailable: neither translation nor transcript is known.
        """
        return embedded(self, media)

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Any text; beyond 512 tokens it is cut."""
        return mean_of(self, [self._ids(text)])

    def pieces(self, media: ClipMedia) -> Iterator[NDArray[np.int64]]:
        """Numbers of the tokens, shape (T,), in one piece.

        Raises:
            Unavailable: as `embed`.
        """
        yield self._ids(media.text)

    def read(self, pieces: Tensor) -> tuple[Tensor, int]:
        """Vectors of length 1 of texts, shape (P, 768), each a frame of its own."""
        mean_PD = self.network(pieces).last_hidden_state.float().mean(dim=1)  # none is padding
        return (mean_PD / mean_PD.norm(dim=1, keepdim=True)).double(), 1

    def _ids(self, text: str) -> NDArray[np.int64]:
        most = min(MOST_TOKENS, self._tokens.model_max_length)
        tokens = self._tokens(text, truncation=True, max_length=most, return_tensors="np")
        return np.asarray(tokens["input_ids"][0], dtype=np.int64)
