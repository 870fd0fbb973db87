"""The network behind DistillMOS, so that its weights can be used without its package.

A convolutional front end on the compressed complex spectrum, then a transformer with attention
pooling. Attribute names are those of the published checkpoint.

Shape letters: B segments, T samples or frames, C channels, F frequencies, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (torch's own custom)

HOP, WINDOW = 160, 320
CHANNELS = (64, 64, 128, 256, 256, 256)
FRAMES, WIDTH, HEADS, LAYERS = 384, 200, 8, 7
FREQUENCIES = WINDOW // 2 + 1


class _FrontEnd(nn.Module):
    """Six convolutions over frequency and time; frequency is halved by all but the first."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, height = 2, FREQUENCIES
        for number, after in enumerate(CHANNELS):
            by_f = 1 if number == 0 else 2
            by_t = 2 if number == len(CHANNELS) - 1 else 1
            layers += [
                nn.Conv2d(before, after, 3, stride=(by_f, by_t), padding=(0, 1)),
                nn.LeakyReLU(0.1),
            ]
            before, height = after, (height - 3) // by_f + 1
        self.cnn = nn.Sequential(*layers)
        self.width = before * height

    def forward(self, speech_BT: Tensor) -> Tensor:
        """Features, shape (B, T, D)."""
        edge = (WINDOW - HOP) // 2
        spectrum_BFT = torch.stft(
            F.pad(speech_BT, (edge, edge), mode="reflect"),
            WINDOW,
            HOP,
            window=torch.hann_window(WINDOW, device=speech_BT.device),
            center=False,
            return_complex=True,
        )
        parts_BFTC = torch.view_as_real(spectrum_BFT)
        size = parts_BFTC.pow(2).sum(dim=-1, keepdim=True).sqrt().clip(1e-12)
        compressed = size**0.3 * parts_BFTC / size
        maps_BCFT: Tensor = self.cnn(compressed.permute(0, 3, 1, 2))
        return maps_BCFT.flatten(1, 2).transpose(1, 2)


class _PositionEncoding(nn.Module):
    """Sine and cosine of the frame number."""

    def __init__(self) -> None:
        super().__init__()
        angles = torch.arange(FRAMES)[:, None] * torch.exp(
            torch.arange(0, WIDTH, 2) * (-math.log(2 * FRAMES) / WIDTH)
        )
        table = torch.zeros(1, FRAMES, WIDTH)
        table[0, :, 0::2], table[0, :, 1::2] = angles.sin(), angles.cos()
        self.register_buffer("pe", table)


class _Transformer(nn.Module):
    """Normalised, projected, told its position, and attended to itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.position_encoding = _PositionEncoding()
        self.linear_proj = nn.Linear(width, WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, dim_feedforward=2 * WIDTH, batch_first=True, dropout=0.0
        )
        self.transformer_encoder = nn.TransformerEncoder(layer, LAYERS)

    def forward(self, features_BTD: Tensor) -> Tensor:
        """The same number of frames, `WIDTH` wide."""
        normed = self.norm(features_BTD.transpose(1, 2)).transpose(1, 2)
        placed = self.linear_proj(normed) + self.position_encoding.pe
        attended: Tensor = self.transformer_encoder(placed)
        return attended


class _AttentionPool(nn.Module):
    """A weighted mean over time, and one number from it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(WIDTH, 2 * WIDTH)
        self.linear2 = nn.Linear(2 * WIDTH, 1)
        self.linear3 = nn.Linear(WIDTH, 1)

    def forward(self, frames_BTD: Tensor) -> Tensor:
        """One number a segment, shape (B,)."""
        weight_BT1 = self.linear2(F.relu(self.linear1(frames_BTD))).softmax(dim=1)
        pooled: Tensor = self.linear3((weight_BT1 * frames_BTD).sum(dim=1))
        return pooled.squeeze(-1)


class _Assessor(nn.Module):
    """From features to quality between 0 and 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm_input = nn.BatchNorm1d(width)
        self.transformer = _Transformer(width)
        self.norm_trans = nn.BatchNorm1d(WIDTH)
        self.pool = _AttentionPool()

    def forward(self, features_BTD: Tensor) -> Tensor:
        """Quality between 0 and 1, shape (B,)."""
        normed = self.norm_input(features_BTD.transpose(1, 2)).transpose(1, 2)
        frames = self.norm_trans(self.transformer(normed).transpose(1, 2)).transpose(1, 2)
        quality: Tensor = self.pool(frames).sigmoid()
        return quality


class DistillMOS(nn.Module):
    """Quality of segments of exactly 7.68 s at 16 kHz, 1 to 5."""

    def __init__(self) -> None:
        super().__init__()
        self.cnn = _FrontEnd()
        self.transformer_pool_attn = _Assessor(self.cnn.width)

    def forward(self, speech_BT: Tensor) -> Tensor:
        """Mean opinion scores, shape (B,)."""
        loudest = speech_BT.abs().amax(dim=1, keepdim=True) + 1e-8
        quality: Tensor = self.transformer_pool_attn(self.cnn(speech_BT / loudest))
        return 1 + 4 * quality
