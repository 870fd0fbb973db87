"""The network behind Silero VAD, so that its weights can be used without its package.

A short-time spectrum as a convolution, four convolutions over time, an LSTM from chunk to chunk.
Attribute names are those of the published weights.

Shape letters: B chunks in their order, T samples or frames, D width.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (torch's own custom)

CHUNK, CONTEXT = 512, 64  # samples: what is judged, and what is heard before it
FFT, STRIDE = 256, 128
WIDTH = 128
State = tuple[Tensor, Tensor]


class SileroVAD(nn.Module):
    """How probable speech is in each chunk of 32 ms at 16 kHz, given all chunks before it."""

    def __init__(self) -> None:
        super().__init__()
        frequencies = FFT // 2 + 1
        self.stft_conv = nn.Conv1d(1, 2 * frequencies, FFT, stride=STRIDE, bias=False)
        self.conv1 = nn.Conv1d(frequencies, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, WIDTH, 3, padding=1)
        self.lstm = nn.LSTM(WIDTH, WIDTH)
        self.final_conv = nn.Conv1d(WIDTH, 1, 1)

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the published weights, whose LSTM is written as a single cell."""
        renamed = {
            f"lstm.{name.removeprefix('lstm_cell.')}_l0"
            if name.startswith("lstm_cell.")
            else name: t
            for name, t in tensors.items()
        }
        self.load_state_dict(renamed)

    def forward(self, chunks_BT: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Probabilities, shape (B,), and the state to go on from.

        Args:
            chunks_BT: Consecutive chunks, each with the `CONTEXT` samples before it.
            state: What an earlier call gave; none at the beginning of a clip.
        """
        mirrored = F.pad(chunks_BT, (0, CONTEXT), mode="reflect")
        real, imaginary = self.stft_conv(mirrored[:, None]).chunk(2, dim=1)
        maps = (real**2 + imaginary**2).sqrt()
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            maps = F.relu(layer(maps))
        hidden_BD, state = self.lstm(maps.squeeze(-1), state)
        logits_B: Tensor = self.final_conv(F.relu(hidden_BD)[:, :, None]).flatten()
        return logits_B.sigmoid(), state
