"""Dropout whose masks are cut from a supply: on a processor, drawing them is what dropout costs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 256
MANY = 16  # masks of the largest size that a supply holds
TIMES = 4  # each of its numbers is used about so often before others are drawn
_LOWEST = torch.iinfo(torch.int64).min


class MaskSupply:
    """Masks of a chance, cut at random places out of one long row that is drawn anew now and then.

    A number of the row is used about four times, each time on other activations. The chance is
    rounded to 1/256, so that eight numbers share one draw of 64 bits. On a GPU it is torch's own
    dropout.

    Args:
        chance: That a number becomes 0; the others grow so that the mean stays.
    """

    def __init__(self, chance: float) -> None:
        self.chance = chance
        self._row = torch.empty(0)
        self._left = 0

    def forget(self) -> None:
        """Draw anew at the next use: what follows hangs on torch's own state alone."""
        self._row, self._left = torch.empty(0), 0

    def drop(self, x: Tensor) -> Tensor:
        """The same shape, some of it 0."""
        if round((1 - self.chance) * LEVELS) == LEVELS:  # a chance that rounds to none
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.chance)
        size = x.numel()
        if self._left < size or len(self._row) < MANY * size:
            self._draw(max(MANY * size, len(self._row)))
        self._left -= size
        start = int(torch.randint(len(self._row) - size + 1, ()))
        return x * self._row[start : start + size].view(x.shape)

    def _draw(self, size: int) -> None:
        kept = max(1, round((1 - self.chance) * LEVELS))
        draws = torch.empty(-(-size // 8), dtype=torch.int64).random_(_LOWEST, None)
        is_kept = draws.view(torch.uint8)[:size] < kept
        self._row, self._left = is_kept.float().mul_(LEVELS / kept), TIMES * size
