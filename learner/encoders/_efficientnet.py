"""EfficientNet-Lite0 up to its pooled features, in our own words, with the published state names.

Shape letters: B pictures, C channels, H and W height and width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 1280
STEM = 32
# Kernel, stride of the first, expansion, channels out, repeats: Tan and Le (2019), table 1.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
EPS = 1e-3


class EfficientNetLite0(nn.Module):
    """Pictures to vectors.

    Without squeeze-and-excitation and with ReLU6, as the Lite family is. Padding follows
    TensorFlow's `SAME`, which the weights were trained with.

    Source: Tan and Le (2019), EfficientNet; Google (2020), EfficientNet-Lite.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, STEM, 3, stride=2, bias=False)
        self._bn0 = nn.BatchNorm2d(STEM, eps=EPS)
        blocks, channels = [], STEM
        for kernel, stride, expansion, out, repeats in STAGES:
            for number in range(repeats):
                blocks.append(_Block(channels, out, kernel, 1 if number else stride, expansion))
                channels = out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(channels, WIDTH, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(WIDTH, eps=EPS)

    def forward(self, pictures_B3HW: Tensor) -> Tensor:
        """Pooled features.

        Args:
            pictures_B3HW: RGB, (value - 127) / 128.

        Returns:
            Shape (B, 1280), from 0 to 6.
        """
        x = F.relu6(self._bn0(_same(self._conv_stem, pictures_B3HW)))
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))


class _Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inside: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(inside, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=EPS)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=EPS)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(out, eps=EPS)
        self.is_residual = stride == 1 and inside == out
        self.is_wider = expansion > 1

    def forward(self, before: Tensor) -> Tensor:
        x = before
        if self.is_wider:
            x = F.relu6(self._bn0(self._expand_conv(x)))
        x = F.relu6(self._bn1(_same(self._depthwise_conv, x)))
        narrow: Tensor = self._bn2(self._project_conv(x))
        return narrow + before if self.is_residual else narrow


def _same(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """Padded so that ceil(size / stride) comes out, the odd pixel behind."""
    pads: list[int] = []
    for size, kernel, stride in zip(
        reversed(x.shape[2:]),
        reversed(convolution.kernel_size),
        reversed(convolution.stride),
        strict=True,
    ):
        missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        pads += [missing // 2, missing - missing // 2]
    result: Tensor = convolution(F.pad(x, pads))
    return result


def load(state: dict[str, Tensor]) -> EfficientNetLite0:
    """The network with published weights; those of the classifier are left out."""
    network = EfficientNetLite0().eval()
    network.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc.")})
    for module in network.modules():
        if isinstance(module, nn.Conv2d):  # as processors like them: twice as fast
            module.weight.data = module.weight.contiguous(memory_format=torch.channels_last)
    return network
