"""ECAPA-TDNN and its front end, so that SpeechBrain's weights can be used without SpeechBrain.

Attribute names are those of the published checkpoint, and sizes are read from it.

Shape letters: B recordings, T samples or frames, C channels, M mel bands, F frequencies, D width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

RATE_HZ, FFT, HOP, MELS = 16_000, 400, 160, 80
FAINTEST, DEPTH_DB = 1e-10, 80.0
DILATIONS = (1, 2, 3, 4, 1)  # the one size that no tensor tells


def mel_bands() -> Tensor:
    """Triangles on the mel scale, each as wide above its centre as below, shape (F, M)."""
    top = 2595 * torch.log10(torch.tensor(1 + RATE_HZ / 2 / 700))
    edges_hz = 700 * (10 ** (torch.linspace(0, float(top), MELS + 2) / 2595) - 1)
    reach_hz, centre_hz = edges_hz.diff()[:-1], edges_hz[1:-1]
    bins_hz = torch.linspace(0, RATE_HZ / 2, FFT // 2 + 1)
    return (1 - (bins_hz[:, None] - centre_hz).abs() / reach_hz).clamp(min=0)


def mel_frames(speech_BT: Tensor) -> Tensor:
    """Mel bands in dB of 10 ms frames, less each band's mean over the recording, (B, T, M)."""
    spectrum_BFT = torch.stft(
        speech_BT,
        FFT,
        HOP,
        window=torch.hamming_window(FFT),
        pad_mode="constant",
        return_complex=True,
    )
    power_BTM = spectrum_BFT.abs().square().transpose(1, 2) @ mel_bands()
    level_db = 10 * power_BTM.clamp(min=FAINTEST).log10()
    audible_db = level_db.maximum(level_db.amax(dim=(1, 2), keepdim=True) - DEPTH_DB)
    return audible_db - audible_db.mean(dim=1, keepdim=True)


class _Conv(nn.Module):
    """A convolution that keeps the length, mirroring the ends."""

    def __init__(self, before: int, after: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            before, after, kernel, dilation=dilation, padding="same", padding_mode="reflect"
        )

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """The same number of frames."""
        found: Tensor = self.conv(maps_BCT)
        return found


class _Norm(nn.Module):
    """Batch normalisation, one level down as in the checkpoint."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """The same shape."""
        found: Tensor = self.norm(maps_BCT)
        return found


class _TimeDelay(nn.Module):
    """Convolution, rectifier, normalisation."""

    def __init__(self, before: int, after: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = _Conv(before, after, kernel, dilation)
        self.norm = _Norm(after)

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """The same number of frames."""
        found: Tensor = self.norm(self.conv(maps_BCT).relu())
        return found


class _Stairs(nn.Module):
    """Res2Net: channels in groups, each group told what the one before it became."""

    def __init__(self, channels: int, groups: int, kernel: int, dilation: int) -> None:
        super().__init__()
        each = channels // groups
        self.blocks = nn.ModuleList(
            _TimeDelay(each, each, kernel, dilation) for _ in range(groups - 1)
        )

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """The same shape."""
        first, *rest = maps_BCT.chunk(len(self.blocks) + 1, dim=1)
        found, last = [first], torch.zeros_like(first)
        for block, group in zip(self.blocks, rest, strict=True):
            last = block(group + last)
            found.append(last)
        return torch.cat(found, dim=1)


class _Gate(nn.Module):
    """Squeeze and excitation: each channel weighed by the means of all."""

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Conv(channels, narrow), _Conv(narrow, channels)

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """The same shape."""
        means_BC1 = maps_BCT.mean(dim=2, keepdim=True)
        weights_BC1: Tensor = self.conv2(self.conv1(means_BC1).relu()).sigmoid()
        return weights_BC1 * maps_BCT


class _Block(nn.Module):
    """Time delays around stairs, a gate, and a way past all of it."""

    def __init__(self, channels: int, groups: int, narrow: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.tdnn1, self.tdnn2 = _TimeDelay(channels, channels), _TimeDelay(channels, channels)
        self.res2net_block = _Stairs(channels, groups, kernel, dilation)
        self.se_block = _Gate(channels, narrow)

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """The same shape."""
        gated: Tensor = self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(maps_BCT))))
        return gated + maps_BCT


class _Pool(nn.Module):
    """Mean and deviation over time, each channel attending to the frames that matter to it."""

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.tdnn, self.conv = _TimeDelay(3 * channels, narrow), _Conv(narrow, channels)

    def forward(self, maps_BCT: Tensor) -> Tensor:
        """Shape (B, 2 C, 1)."""
        even = torch.full_like(maps_BCT[:, :1], 1 / maps_BCT.shape[2])
        whole = [part.expand_as(maps_BCT) for part in _moments(maps_BCT, even)]
        seen = torch.cat([maps_BCT, *whole], dim=1)
        weights_BCT = self.conv(self.tdnn(seen).tanh()).softmax(dim=2)
        return torch.cat(_moments(maps_BCT, weights_BCT), dim=1)


def _moments(maps_BCT: Tensor, weights_BCT: Tensor) -> list[Tensor]:
    mean = (weights_BCT * maps_BCT).sum(dim=2, keepdim=True)
    variance = (weights_BCT * (maps_BCT - mean).square()).sum(dim=2, keepdim=True)
    return [mean, variance.clamp(min=1e-12).sqrt()]


class EcapaTDNN(nn.Module):
    """Voices of whole recordings.

    Source: Desplanques, Thienpondt and Demuynck (2020).

    Args:
        tensors: A checkpoint; the network takes its sizes and weights.

    Raises:
        KeyError, RuntimeError: it is the checkpoint of something else.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        channels, mels, kernel = tensors["blocks.0.conv.conv.weight"].shape
        self.blocks = nn.ModuleList([_TimeDelay(mels, channels, kernel, DILATIONS[0])])
        for number, dilation in enumerate(DILATIONS[1:-1], start=1):
            stairs = f"blocks.{number}.res2net_block.blocks"
            each, _, inner = tensors[f"{stairs}.0.conv.conv.weight"].shape
            narrow = len(tensors[f"blocks.{number}.se_block.conv1.conv.weight"])
            self.blocks.append(_Block(channels, channels // each, narrow, inner, dilation))
        wide, together, last = tensors["mfa.conv.conv.weight"].shape
        self.mfa = _TimeDelay(together, wide, last, DILATIONS[-1])
        self.asp = _Pool(wide, len(tensors["asp.tdnn.conv.conv.weight"]))
        self.asp_bn = _Norm(2 * wide)
        self.width = len(tensors["fc.conv.weight"])
        self.fc = _Conv(2 * wide, self.width)
        self.load_state_dict(dict(tensors))

    def forward(self, frames_BTM: Tensor) -> Tensor:
        """Of what `mel_frames` gives, shape (B, D); lengths mean nothing, directions do."""
        maps_BCT, found = frames_BTM.transpose(1, 2), []
        for block in self.blocks:
            maps_BCT = block(maps_BCT)
            found.append(maps_BCT)
        wide_BCT = self.mfa(torch.cat(found[1:], dim=1))
        voice_BD1: Tensor = self.fc(self.asp_bn(self.asp(wide_BCT)))
        return voice_BD1.squeeze(2)
