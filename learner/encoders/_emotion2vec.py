"""emotion2vec, so that its weights can be used without FunASR or fairseq.

A data2vec 2.0 for sound: convolutions over the wave, convolutions that tell positions, four blocks
before and eight behind the point where training split them, attention that fades with distance.
Sizes are read from the checkpoint.

Shape letters: B recordings, T samples or frames, D width, H heads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (torch's own custom)

AUDIO = "modality_encoders.AUDIO."
STRIDE_OF_KERNEL = {10: 5, 3: 2, 2: 2}  # of the convolutions over the wave; no tensor tells
# Published names to those of the classes below.
OWN_NAMES = (
    (r"local_encoder\.conv_layers\.(\d+)\.0\.", r"waves.\1.conv."),
    (r"local_encoder\.conv_layers\.(\d+)\.2\.1\.", r"waves.\1.norm."),
    (r"project_features\.1\.", "wave_norm."),
    (r"project_features\.2\.", "widen."),
    (r"relative_positional_encoder\.(\d+)\.0\.", r"places.\1."),
    (r"context_encoder\.norm\.", "norm."),
    (r"context_encoder\.blocks\.", "early."),
)


def own_tensors(checkpoint: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What of a checkpoint is the encoder, under the names used here.

    Fine-tuned checkpoints hold it one level down; the decoder, the averaged teacher and the
    classifier of emotions are left out.

    Raises:
        KeyError: no part of it is the encoder.

    >>> own_tensors({"d2v_model.modality_encoders.AUDIO.project_features.2.bias": torch.zeros(1),
    ...     "d2v_model.modality_encoders.AUDIO.extra_tokens": torch.zeros(1)}).keys()
    dict_keys(['widen.bias', 'extra_tokens'])
    """
    mark = f"{AUDIO}extra_tokens"
    above = min((name for name in checkpoint if name.endswith(mark)), key=len, default=None)
    if above is None:
        raise KeyError(mark)
    above = above.removesuffix(mark)
    own = {}
    for name, tensor in checkpoint.items():
        below = name.removeprefix(above)
        if below.startswith("blocks."):
            own[below] = tensor
        elif below.startswith(AUDIO) and not below.startswith(f"{AUDIO}decoder."):
            below = below.removeprefix(AUDIO)
            for published, ours in OWN_NAMES:
                below = re.sub(f"^{published}", ours, below)
            own[below] = tensor
    return own


def slopes(heads: int) -> list[float]:
    """How fast the attention of each head fades.

    Source: Press, Smith and Lewis (2022), ALiBi, with its rule for heads that are no power of two.

    >>> slopes(4), slopes(6)
    ([0.25, 0.0625, 0.015625, 0.00390625], [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125])
    """
    power = 2 ** math.floor(math.log2(heads))
    even = [2 ** (-8 * number / power) for number in range(1, power + 1)]
    between = [2 ** (-8 * number / (2 * power)) for number in range(1, 2 * power + 1, 2)]
    return even + between[: heads - power]


class _Wave(nn.Module):
    """A convolution over time, normalised and bent."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(before, after, kernel, STRIDE_OF_KERNEL[kernel], bias=False)
        self.norm = nn.LayerNorm(after)

    def forward(self, maps_BDT: Tensor) -> Tensor:
        """Fewer frames."""
        normed_BTD = self.norm(self.conv(maps_BDT).transpose(1, 2))
        return F.gelu(normed_BTD).transpose(1, 2)


class _Attention(nn.Module):
    """Every frame looks at every other, less so the further away it is."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, frames_BTD: Tensor, bias_HTT: Tensor) -> Tensor:
        """The same shape."""
        parts = self.qkv(frames_BTD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind()
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=bias_HTT[None])
        found: Tensor = self.proj(seen.transpose(1, 2).flatten(2))
        return found


class _Feed(nn.Module):
    """Two layers, frame by frame."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, frames_BTD: Tensor) -> Tensor:
        """The same shape."""
        found: Tensor = self.fc2(F.gelu(self.fc1(frames_BTD)))
        return found


class _Block(nn.Module):
    """Attention and feed-forward, each normalised after it was added."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.attn, self.mlp = _Attention(width, heads), _Feed(width, inner)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, frames_BTD: Tensor, bias_HTT: Tensor) -> Tensor:
        """The same shape."""
        seen_BTD = self.norm1(frames_BTD + self.attn(frames_BTD, bias_HTT))
        found: Tensor = self.norm2(seen_BTD + self.mlp(seen_BTD))
        return found


class Emotion2vec(nn.Module):
    """Frames of 20 ms of a wave.

    Source: Ma et al. (2023); Baevski et al. (2022) for data2vec 2.0.

    Args:
        checkpoint: Its names and tensors.

    Raises:
        KeyError, RuntimeError: it is the checkpoint of something else.
    """

    def __init__(self, checkpoint: Mapping[str, Tensor]) -> None:
        super().__init__()
        tensors = own_tensors(checkpoint)
        self.width = tensors["extra_tokens"].shape[-1]
        self.extra_tokens = nn.Parameter(tensors["extra_tokens"])
        scale = tensors["alibi_scale"]  # of older training code it has one dimension less
        tensors["alibi_scale"] = scale[None] if scale.dim() == 4 else scale
        self.alibi_scale = nn.Parameter(tensors["alibi_scale"])
        self.heads = self.alibi_scale.shape[2]
        self.waves = nn.ModuleList(
            _Wave(shape[1], shape[0], shape[2])
            for shape in _shapes(tensors, "waves.{}.conv.weight")
        )
        self.wave_norm = nn.LayerNorm(len(tensors["wave_norm.weight"]))
        self.widen = nn.Linear(len(tensors["wave_norm.weight"]), self.width)
        self.places = nn.ModuleDict(
            {
                str(number): nn.Conv1d(
                    self.width,
                    shape[0],
                    shape[2],
                    padding=shape[2] // 2,
                    groups=self.width // shape[1],
                )
                for number, shape in enumerate(_shapes(tensors, "places.{}.weight", 1), start=1)
            }
        )
        self.norm = nn.LayerNorm(self.width)
        self.early, self.blocks = (
            nn.ModuleList(
                _Block(self.width, self.heads, shape[0])
                for shape in _shapes(tensors, f"{name}.{{}}.mlp.fc1.weight")
            )
            for name in ("early", "blocks")
        )
        self.load_state_dict(tensors)

    def forward(self, speech_BT: Tensor) -> Tensor:
        """Of samples of mean 0 and deviation 1, at least 400 of them: shape (B, T, D)."""
        maps_BDT = speech_BT[:, None]
        for wave in self.waves:
            maps_BDT = wave(maps_BDT)
        local_BTD = self.widen(self.wave_norm(maps_BDT.transpose(1, 2)))
        placed_BTD = local_BTD + self._places(local_BTD)
        extra = self.extra_tokens.expand(len(placed_BTD), -1, -1)
        frames_BTD: Tensor = self.norm(torch.cat([extra, placed_BTD], dim=1))
        bias_LHTT = self._bias(placed_BTD.shape[1])
        for number, block in enumerate([*self.early, *self.blocks]):
            frames_BTD = block(frames_BTD, bias_LHTT[min(number, len(bias_LHTT) - 1)])
        return frames_BTD[:, extra.shape[1] :]

    def _places(self, frames_BTD: Tensor) -> Tensor:
        """What the surroundings of a frame tell of where it is."""
        maps_BDT = frames_BTD.transpose(1, 2)
        for conv in self.places.values():
            length = maps_BDT.shape[2]
            around_BTD = conv(maps_BDT)[:, :, :length].transpose(1, 2)  # an even kernel adds one
            maps_BDT = F.gelu(F.layer_norm(around_BTD, (self.width,))).transpose(1, 2)
        return maps_BDT.transpose(1, 2)

    def _bias(self, n_frames: int) -> Tensor:
        """What is added to attention, one for all blocks or one each; extra tokens are near all."""
        times_T = torch.arange(n_frames)
        away_TT = -(times_T[:, None] - times_T).abs()
        fading_HTT = torch.tensor(slopes(self.heads))[:, None, None] * away_TT
        fading_HTT = fading_HTT.to(self.alibi_scale.device)
        scaled_LHTT = self.alibi_scale.clamp(min=0)[:, 0] * fading_HTT
        n_extra = self.extra_tokens.shape[1]
        return F.pad(scaled_LHTT, (n_extra, 0, n_extra, 0))


def _shapes(tensors: Mapping[str, Tensor], name: str, first: int = 0) -> list[torch.Size]:
    """Shapes of the tensors of numbered layers, from the first on as long as there are any."""
    found: list[torch.Size] = []
    while name.format(first + len(found)) in tensors:
        found.append(tensors[name.format(first + len(found))].shape)
    return found
