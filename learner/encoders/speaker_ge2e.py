"""Who speaks: the GE2E speaker encoder.

Shape letters: T samples or frames, B windows, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.media import ClipMedia
from learner.registry import Card
from learner.weights import path_of

if TYPE_CHECKING:
    import torch

RATE_HZ = 16_000
FFT, HOP, MELS = 400, 160, 40
WINDOW_FRAMES, STEP_FRAMES = 160, 77  # 1.6 s, about 1.3 windows a second
LOUDNESS_DBFS = -30.0


class SpeakerGE2E:
    """A voice as a unit vector: a three-layer LSTM over mel frames, windows of 1.6 s averaged.

    Source: Wan et al. (2018), generalised end-to-end loss; weights of Resemblyzer 0.1.4. Voices of
    different people have cosines near .5, not 0.
    """

    card = Card(
        name="speaker_ge2e",
        version="1",
        title="Speaker (GE2E)",
        source="Wan et al. (2018); Resemblyzer 0.1.4",
        licence="Apache-2.0",
        modality="audio",
        needs=("speech",),
        width=256,
    )

    def __init__(self) -> None:
        self._lstm: Any = None
        self._linear: Any = None

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into."""
        import torch

        state = torch.load(path_of(weights, "speaker"), map_location="cpu", weights_only=True)
        tensors = state["model_state"]
        self._lstm = torch.nn.LSTM(MELS, 256, 3, batch_first=True).eval()
        self._linear = torch.nn.Linear(256, 256).eval()
        for name, module in (("lstm", self._lstm), ("linear", self._linear)):
            own = {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(name)}
            module.load_state_dict(own)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The voice of a clip, shape (256,), length 1; computed once a clip.

        Raises:
            Unavailable: the clip has no speech.
        """
        return media.once(f"speaker_ge2e@{self.card.version}", lambda: self._embed(media.speech))

    def _embed(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        frames_TM = _mel_frames(_levelled(speech_T))
        short = WINDOW_FRAMES - len(frames_TM)
        if short > 0:
            frames_TM = torch.nn.functional.pad(frames_TM, (0, 0, 0, short))
        starts = range(0, len(frames_TM) - WINDOW_FRAMES + 1, STEP_FRAMES)
        windows = torch.stack([frames_TM[start : start + WINDOW_FRAMES] for start in starts])
        with torch.inference_mode():
            _, (hidden, _) = self._lstm(windows)
            voices_BD = torch.relu(self._linear(hidden[-1]))
        unit_BD = torch.nn.functional.normalize(voices_BD, dim=1)
        mean_D = torch.nn.functional.normalize(unit_BD.mean(dim=0), dim=0)
        voice: NDArray[np.float32] = mean_D.numpy()
        return voice


def _levelled(speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quiet speech made as loud as the encoder was trained on; loud speech left."""
    level = 10 * np.log10(float(np.mean(speech_T**2)) + 1e-12)
    gain = 10 ** (max(0.0, LOUDNESS_DBFS - level) / 20)
    return (speech_T * gain).astype(np.float32)


def _mel_frames(speech_T: NDArray[np.float32]) -> torch.Tensor:
    """Mel power of 10 ms frames, shape (T, 40)."""
    import torch

    spectrum = torch.stft(
        torch.from_numpy(speech_T),
        FFT,
        HOP,
        window=torch.hann_window(FFT),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return (torch.from_numpy(mel_filters(RATE_HZ, FFT, MELS)) @ spectrum.abs() ** 2).T


def mel_filters(rate_hz: int, fft: int, mels: int) -> NDArray[np.float32]:
    """Triangular filters of equal area on the mel scale, shape (mels, fft // 2 + 1).

    Source: Slaney (1998), Auditory Toolbox: linear below 1 kHz, logarithmic above.

    >>> mel_filters(16_000, 400, 40).shape
    (40, 201)
    """
    top = 15 + 27 * np.log(rate_hz / 2 / 1000) / np.log(6.4)
    mel = np.linspace(0, top, mels + 2)
    edges_hz = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))
    bins_hz = np.linspace(0, rate_hz / 2, fft // 2 + 1)
    low, middle, high = (edges_hz[i : i + mels, None] for i in range(3))
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (high - low)).astype(np.float32)
