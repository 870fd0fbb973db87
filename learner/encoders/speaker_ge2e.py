"""Who speaks: the GE2E speaker encoder.

Shape letters: T samples or frames, M mel bands, B windows, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.media import ClipMedia, Unavailable
from learner.registry import Card
from learner.weights import path_of

if TYPE_CHECKING:
    import torch

RATE_HZ = 16_000
FFT, HOP, MELS = 400, 160, 40
WINDOW_FRAMES, STEP_FRAMES = 160, 77  # 1.6 s, about 1.3 windows a second
LEAST_COVER = 0.75  # a last window that is emptier than this is left out
LOUDNESS_DBFS = -30.0
# Below half a window most of what the network would hear is padding: a vector of nobody.
SHORTEST_S = 0.8


class SpeakerGE2E:
    """A voice as a unit vector: a three-layer LSTM over mel frames, windows of 1.6 s averaged.

    Source: Wan et al. (2018), generalised end-to-end loss; weights of Resemblyzer 0.1.4. Voices of
    different people have cosines near .5, not 0. Silences are not cut out.
    """

    card = Card(
        name="speaker_ge2e",
        version="1",
        title="Speaker (GE2E)",
        source="Wan et al. (2018); Resemblyzer 0.1.4",
        licence="Apache-2.0",
        kind="encoder",
        role="speaker",
        weights=("speaker",),
        modality="audio",
        needs=("speech",),
        width=256,
    )

    def __init__(self) -> None:
        self._lstm: Any = None
        self._linear: Any = None

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into.

        Raises:
            WeightsError: they are missing or altered.
        """
        import torch

        state = torch.load(path_of(weights, "speaker"), map_location="cpu", weights_only=True)
        tensors = state["model_state"]
        self._lstm = torch.nn.LSTM(MELS, 256, 3, batch_first=True).eval()
        self._linear = torch.nn.Linear(256, self.card.width).eval()
        for name, module in (("lstm.", self._lstm), ("linear.", self._linear)):
            own = {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}
            module.load_state_dict(own)

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The voice of a clip, shape (256,), length 1, no entry below 0; computed once a clip.

        Raises:
            Unavailable: the clip has no speech, or less than 0.8 s of it.
        """
        return media.once(f"speaker_ge2e@{self.card.version}", lambda: self._embed(media.speech))

    def _embed(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        if len(speech_T) < SHORTEST_S * RATE_HZ:
            has_s = len(speech_T) / RATE_HZ
            raise Unavailable(f"{has_s:.2f} s of audio; a voice needs at least {SHORTEST_S} s")
        starts = window_starts(len(speech_T))
        end = (starts[-1] + WINDOW_FRAMES) * HOP
        padded_T = np.pad(_levelled(speech_T), (0, max(0, end - len(speech_T))))
        frames_TM = _mel_frames(padded_T)
        windows = torch.stack([frames_TM[start : start + WINDOW_FRAMES] for start in starts])
        with torch.inference_mode():
            _, (hidden, _) = self._lstm(windows)
            voices_BD = torch.relu(self._linear(hidden[-1]))
        unit_BD = torch.nn.functional.normalize(voices_BD, dim=1)
        mean_D = torch.nn.functional.normalize(unit_BD.mean(dim=0), dim=0)
        return np.asarray(mean_D.numpy(), dtype=np.float32)


def window_starts(n_samples: int) -> list[int]:
    """First frames of the windows that cover so many samples.

    A last window of which speech fills less than three quarters is left out, unless it is the only
    one; any other is filled up with silence.

    >>> window_starts(16_000), window_starts(48_000), window_starts(3 * 16_000 - 8_000)
    ([0], [0, 77, 154], [0, 77])
    """
    frames = -(-(n_samples + 1) // HOP)
    starts = list(range(0, max(1, frames - WINDOW_FRAMES + STEP_FRAMES + 1), STEP_FRAMES))
    cover = (n_samples / HOP - starts[-1]) / WINDOW_FRAMES
    return starts[:-1] if cover < LEAST_COVER and len(starts) > 1 else starts


def _levelled(speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quiet speech made as loud as the encoder was trained on; loud speech left."""
    level_db = 10 * np.log10(float(np.mean(speech_T**2)) + 1e-12)
    gain = 10 ** (max(0.0, LOUDNESS_DBFS - level_db) / 20)
    return np.asarray(speech_T * gain, dtype=np.float32)


def _mel_frames(speech_T: NDArray[np.float32]) -> torch.Tensor:
    """Mel power of 10 ms frames, shape (T, M)."""
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
    filters = torch.from_numpy(mel_filters(RATE_HZ, FFT, MELS))
    power_MT: torch.Tensor = filters @ spectrum.abs() ** 2
    return power_MT.T


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
    return np.asarray(triangles * 2 / (high - low), dtype=np.float32)
