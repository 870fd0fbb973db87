"""The two networks of SyncNet, so that its weights can be used without its code.

One makes a vector of five pictures of a face, the other of a fifth of a second of sound; where the
two belong together, their vectors lie close. Attribute names are those of the published checkpoint.

Shape letters: B pieces, C coefficients, S frames of 10 ms, D width, N samples, M mel bands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from torch import Tensor, nn

SIDE = 224  # of the pictures
PICTURES, SOUNDS = 5, 20  # frames of 40 ms and of 10 ms in a piece
COEFFICIENTS, BANDS, FFT = 13, 26, 512
WINDOW, HOP, RATE_HZ = 400, 160, 16_000
EMPHASIS, LIFTER = 0.97, 22
FULL_SCALE = 32_768.0  # it was trained on 16-bit samples


@dataclass(frozen=True)
class _Stage:
    """A convolution, batch norm and ReLU, and what may follow them."""

    stride: tuple[int, ...] | int = 1
    padding: tuple[int, ...] | int = 0
    pool: tuple[nn.Module, ...] = ()


SOUND = (
    _Stage(padding=1, pool=(nn.MaxPool2d(1, 1),)),
    _Stage(padding=1, pool=(nn.MaxPool2d(3, (1, 2)),)),
    _Stage(padding=1),
    _Stage(padding=1),
    _Stage(padding=1, pool=(nn.MaxPool2d(3, 2),)),
    _Stage(),
)
FACE = (
    _Stage((1, 2, 2), pool=(nn.MaxPool3d((1, 3, 3), (1, 2, 2)),)),
    _Stage((1, 2, 2), (0, 1, 1), (nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),)),
    _Stage(padding=(0, 1, 1)),
    _Stage(padding=(0, 1, 1)),
    _Stage(padding=(0, 1, 1), pool=(nn.MaxPool3d((1, 3, 3), (1, 2, 2)),)),
    _Stage(),
)


class SyncNet(nn.Module):
    """Vectors of faces and of sounds, in one space; sizes are read from the checkpoint.

    Source: Chung and Zisserman (2016), Out of time: automated lip sync in the wild.

    Args:
        tensors: Of the published checkpoint, syncnet_v2.model.

    Raises:
        KeyError, RuntimeError: they are those of something else.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.width = len(tensors["netfcaud.3.bias"])
        self.netcnnaud = _convolutions(tensors, "netcnnaud", SOUND)
        self.netcnnlip = _convolutions(tensors, "netcnnlip", FACE)
        self.netfcaud, self.netfclip = _last(tensors, "netfcaud"), _last(tensors, "netfclip")
        # Checkpoints as old as this one do not count batches.
        counts = {k: v for k, v in self.state_dict().items() if k.endswith("batches_tracked")}
        self.load_state_dict({**counts, **tensors})

    def of_faces(self, pictures_B: Tensor) -> Tensor:
        """Vectors of pieces of 5 pictures, shape (B, D).

        Args:
            pictures_B: Shape (B, 3, 5, 224, 224), blue, green and red from 0 to 255.
        """
        vectors_BD: Tensor = self.netfclip(self.netcnnlip(pictures_B).flatten(1))
        return vectors_BD

    def of_sounds(self, mfcc_B: Tensor) -> Tensor:
        """Vectors of pieces of 20 frames, shape (B, D).

        Args:
            mfcc_B: Shape (B, 1, 13, 20).
        """
        vectors_BD: Tensor = self.netfcaud(self.netcnnaud(mfcc_B).flatten(1))
        return vectors_BD


def _convolutions(
    tensors: Mapping[str, Tensor], name: str, plan: tuple[_Stage, ...]
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stage in plan:
        after, before, *size = tensors[f"{name}.{len(layers)}.weight"].shape
        of_size: Any = (
            (nn.Conv3d, nn.BatchNorm3d) if len(size) == 3 else (nn.Conv2d, nn.BatchNorm2d)
        )
        conv, norm = of_size
        layers += [conv(before, after, tuple(size), stage.stride, stage.padding), norm(after)]
        layers += [nn.ReLU(), *stage.pool]
    return nn.Sequential(*layers)


def _last(tensors: Mapping[str, Tensor], name: str) -> nn.Sequential:
    hidden, before = tensors[f"{name}.0.weight"].shape
    width = len(tensors[f"{name}.3.bias"])
    return nn.Sequential(
        nn.Linear(before, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, width)
    )


def mfcc(speech_N: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the sound network hears: 13 numbers every 10 ms, the first the loudness.

    Source: Davis and Mermelstein (1980), with the choices of python_speech_features 0.6, which the
    published weights were trained with: windows are not faded, the lifter is 22.

    Args:
        speech_N: Mono at 16 kHz, -1 to 1.

    Returns:
        Shape (S, 13), frame s from s * 10 ms on; zeros follow the last sample.
    """
    wave_N = np.asarray(speech_N, dtype=np.float64) * FULL_SCALE
    wave_N = np.append(wave_N[:1], wave_N[1:] - EMPHASIS * wave_N[:-1])
    n_frames = 1 + max(0, -(-(len(wave_N) - WINDOW) // HOP))
    padded = np.pad(wave_N, (0, max(0, (n_frames - 1) * HOP + WINDOW - len(wave_N))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:n_frames]
    bank_MF = _mel_bank()
    found_SC = np.empty((n_frames, COEFFICIENTS), dtype=np.float32)
    for first in range(0, n_frames, 4096):
        power = np.abs(np.fft.rfft(windows[first : first + 4096], FFT)) ** 2 / FFT
        bands = np.log(np.maximum(power @ bank_MF.T, np.finfo(float).eps))
        cepstrum = dct(bands, norm="ortho")[:, :COEFFICIENTS] * _lifter()
        cepstrum[:, 0] = np.log(np.maximum(power.sum(axis=1), np.finfo(float).eps))
        found_SC[first : first + len(cepstrum)] = cepstrum
    return found_SC


def _lifter() -> NDArray[np.float64]:
    return 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)


def _mel_bank() -> NDArray[np.float64]:
    """Triangles between bins that lie evenly in mel, from 0 to 8 kHz; shape (M, FFT / 2 + 1)."""
    mel = np.linspace(0, 2595 * np.log10(1 + RATE_HZ / 2 / 700), BANDS + 2)
    bins = np.floor((FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / RATE_HZ)
    left, middle, right = bins[:-2, None], bins[1:-1, None], bins[2:, None]
    at = np.arange(FFT // 2 + 1)
    rising = (at - left) / (middle - left)
    falling = (right - at) / (right - middle)
    is_rising, is_falling = (at >= left) & (at < middle), (at >= middle) & (at < right)
    return np.where(is_rising, rising, 0.0) + np.where(is_falling, falling, 0.0)
