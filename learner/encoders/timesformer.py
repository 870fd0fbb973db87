"""What is seen: the paper's encoder of video.

Shape letters: P pieces, T pictures, H and W height and width, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.encoders._pictures import Sight
from learner.encoders._trainable import embedded
from learner.encoders._transformers import (
    folder_fingerprint,
    load_model,
    model_folder,
    needed_folder,
)
from learner.media import ClipMedia
from learner.registry import Card

if TYPE_CHECKING:
    from torch import Tensor

HUB_ID = "facebook/timesformer-base-finetuned-k400"
RATE_HZ = 4.0  # a view of 8 pictures is 2 s: lips and heads move faster than what it was taught


class TimeSformer:
    """A clip as the mean of its views: TimeSformer's class token over 8 pictures each.

    It reads a model of transformers from `hub/timesformer` below the folder of weights. Views
    follow one another, four pictures a second; the last one is filled up with its last picture.
    The published weights were not at hand: how it does with them was not measured here.

    Source: Bertasius et al. (2021), TimeSformer; the paper's section 2.1.
    """

    card = Card(
        name="timesformer",
        version="1",
        title="Video (TimeSformer)",
        source=f"Bertasius et al. (2021); {HUB_ID}",
        licence="CC-BY-NC-4.0",
        kind="encoder",
        role="video",
        modality="video",
        needs=("frames",),
        width=768,
    )

    hub_id = HUB_ID
    at_once = 1

    def __init__(self) -> None:
        self.network: Any = None
        self._sight: Any = None

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
        self._sight = Sight(folder)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The clip's pictures, shape (768,).

        Raises:
            Unavailable: the clip has no picture.
        """
        return embedded(self, media)

    def pieces(self, media: ClipMedia) -> Iterator[NDArray[np.uint8]]:
        """Views, shape (T, H, W, 3).

        Raises:
            Unavailable: as `embed`.
        """
        config = self.network.config
        pictures = media.pictures(RATE_HZ, (config.image_size, config.image_size))
        while view := list(islice(pictures, config.num_frames)):
            yield np.stack(view + [view[-1]] * (config.num_frames - len(view)))

    def read(self, pieces: Tensor) -> tuple[Tensor, int]:
        """Class tokens of views, shape (P, 768), each a frame of its own."""
        return self.network(self._sight(pieces)).last_hidden_state[:, 0].double(), 1
