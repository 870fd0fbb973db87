"""What a face expresses: a vision transformer on the crops of the face that is followed.

Shape letters: P pieces, H and W height and width, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from learner.media.faces import FaceFinder
from learner.registry import Card

if TYPE_CHECKING:
    from torch import Tensor

HUB_ID = "trpakov/vit-face-expression"
RATE_HZ = 4.0
BATCH = 8


class FaceViT:
    """A face over time as the mean of a vision transformer's class token, four pictures a second.

    It reads a model of transformers from `hub/face_vit` below the folder of weights: one that was
    trained on expressions. The published weights were not at hand: how it does with them was not
    measured here.

    Source: Dosovitskiy et al. (2021), vision transformers; the paper's section 2.1, which speaks
    of an expression network on cropped face sequences, 512 wide, and names none.
    """

    card = Card(
        name="face_vit",
        version="1",
        title="Face expression (vision transformer)",
        source=f"Dosovitskiy et al. (2021); {HUB_ID}",
        licence="Apache-2.0",
        kind="encoder",
        role="face expression",
        weights=("face_detection", "face_mesh"),
        modality="video",
        needs=("frames",),
        width=768,
    )

    hub_id = HUB_ID
    at_once = BATCH

    def __init__(self) -> None:
        self.network: Any = None
        self._sight: Any = None
        self._faces = FaceFinder()

    @classmethod
    def is_ready(cls, weights: Path) -> bool:
        """Whether the model is there."""
        return model_folder(weights, cls.card.name) is not None

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the weights that lie there."""
        return folder_fingerprint(weights, cls.card.name)

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find the face."""
        FaceFinder.prepare(media, weights)

    def load(self, weights: Path) -> None:
        """Read the model, and those that find faces.

        Raises:
            WeightsError: one is missing, cannot be read, or has another width.
        """
        folder = needed_folder(weights, self.card.name, HUB_ID)
        self.network = load_model(folder, self.card.width, add_pooling_layer=False)
        self._sight = Sight(folder)
        self._faces.load(weights)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The clip's face, shape (768,).

        Raises:
            Unavailable: a face is seen on too little of the clip.
        """
        return embedded(self, media)

    def pieces(self, media: ClipMedia) -> Iterator[NDArray[np.uint8]]:
        """Crops, shape (H, W, 3).

        Raises:
            Unavailable: as `embed`.
        """
        side = self.network.config.image_size
        for crop_HW3, _ in self._faces.each_crop(media, RATE_HZ, (side, side)):
            yield crop_HW3

    def read(self, pieces: Tensor) -> tuple[Tensor, int]:
        """Class tokens of crops, shape (P, 768), each a frame of its own."""
        return self.network(self._sight(pieces)).last_hidden_state[:, 0].double(), 1
