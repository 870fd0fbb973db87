"""One layer of the transformer over a clip's tokens.

Shape letters: B batch, T tokens, H heads, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from learner.fusion.dropout import MaskSupply


class Layer(nn.Module):
    r"""Attention, then a network of each token, normalised first.

    .. math:: x' = x + \mathrm{MHA}(\mathrm{LN}\,x), \qquad
       y = x' + W_2\,\mathrm{ReLU}(W_1\,\mathrm{LN}\,x')

    Source: Vaswani et al. (2017); normalised first as Xiong et al. (2020). In the numbers it is
    `torch.nn.TransformerEncoderLayer` with `norm_first`.

    Args:
        width: Of the tokens.
        heads: That share it.
        spread: Inner width over `width`.
        supply: Masks of dropout: of attention, of what it gives, and twice in the inner network.
    """

    def __init__(self, width: int, heads: int, spread: int, supply: MaskSupply) -> None:
        super().__init__()
        self.heads, self.supply = heads, supply
        self.before_attention, self.before_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.inner = nn.Linear(width, spread * width)
        self.outer = nn.Linear(spread * width, width)
        for linear in (self.query, self.key_value):
            nn.init.xavier_uniform_(linear.weight)
        for linear in (self.query, self.key_value, self.out):
            nn.init.zeros_(linear.bias)

    def forward(self, x_BTD: Tensor, absent_B11T: Tensor, *, only_first: bool = False) -> Tensor:
        """What follows of the tokens.

        Args:
            x_BTD: Tokens.
            absent_B11T: 0 where a token is there, -inf where nobody is to look at it.
            only_first: Whether only the first token is wanted, as of the last layer: the others
                are looked at, but nothing is computed for them.

        Returns:
            Shape (B, T, D), or (B, 1, D).
        """
        seen_BTD = self.before_attention(x_BTD)
        wanted = slice(0, 1) if only_first else slice(None)
        x_BTD = x_BTD[:, wanted] + self._drop(self._attend(seen_BTD, wanted, absent_B11T))
        hidden = self._drop(torch.relu(self.inner(self.before_inner(x_BTD))))
        return x_BTD + self._drop(self.outer(hidden))

    def _attend(self, seen_BTD: Tensor, wanted: slice, absent_B11T: Tensor) -> Tensor:
        size, _, width = seen_BTD.shape
        each = width // self.heads
        query = self.query(seen_BTD[:, wanted]).view(size, -1, self.heads, each).transpose(1, 2)
        both = self.key_value(seen_BTD).view(size, -1, 2, self.heads, each)
        key, value = both.permute(2, 0, 3, 1, 4).unbind(0)
        weight = torch.softmax(query @ key.mT * each**-0.5 + absent_B11T, dim=-1)
        mixed = (self._drop(weight) @ value).transpose(1, 2).reshape(size, -1, width)
        out: Tensor = self.out(mixed)
        return out

    def _drop(self, x: Tensor) -> Tensor:
        return self.supply.drop(x) if self.training else x
