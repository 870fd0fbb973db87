"""Pictures as vision models of the transformers library were trained to see them.

Shape letters: T pictures, H and W height and width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from learner.device import sent
from learner.encoders._transformers import settings_of

if TYPE_CHECKING:
    import torch


class Sight:
    """Mean and deviation of colours, out of a model's folder.

    The library's own image processors are not used: they want torchvision, and the pictures come
    in the right size already.

    Args:
        folder: The model's; its `preprocessor_config.json` says the colours.
    """

    def __init__(self, folder: Path) -> None:
        sees = settings_of(folder, "preprocessor_config.json")
        self.mean = np.asarray(sees.get("image_mean", (0.5, 0.5, 0.5)), dtype=np.float32)
        self.sd = np.asarray(sees.get("image_std", (0.5, 0.5, 0.5)), dtype=np.float32)

    def __call__(self, pictures_THW3: NDArray[np.uint8]) -> torch.Tensor:
        """Colour first, shape (T, 3, H, W)."""
        import torch

        scaled = (pictures_THW3.astype(np.float32) / 255 - self.mean) / self.sd
        return sent(torch.from_numpy(scaled).permute(0, 3, 1, 2))
