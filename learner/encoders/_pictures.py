"""Pictures as vision models of the transformers library were trained to see them.

Shape letters: H and W height and width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from learner.encoders._transformers import settings_of

if TYPE_CHECKING:
    from torch import Tensor


class Sight:
    """Mean and deviation of colours, out of a model's folder.

    The library's own image processors are not used: they want torchvision, and the pictures come
    in the right size already.

    Args:
        folder: The model's; its `preprocessor_config.json` says the colours.
    """

    def __init__(self, folder: Path) -> None:
        sees = settings_of(folder, "preprocessor_config.json")
        self.mean: list[float] = [float(one) for one in sees.get("image_mean", (0.5,) * 3)]
        self.sd: list[float] = [float(one) for one in sees.get("image_std", (0.5,) * 3)]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Colour first, float32, shape (..., 3, H, W), of bytes of shape (..., H, W, 3)."""
        import torch

        mean, sd = (torch.tensor(one, device=pictures.device) for one in (self.mean, self.sd))
        return ((pictures.float() / 255 - mean) / sd).movedim(-1, -3)
