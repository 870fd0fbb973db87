"""What Whisper's encoder makes of speech, layer by layer.

Shape letters: L layers, T frames of 20 ms, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.device import placed, sent
from learner.encoders.speaker_ge2e import mel_filters
from learner.media import ClipMedia, Unavailable
from learner.weights import path_of

if TYPE_CHECKING:
    import torch

VERSION = "1"
RATE_HZ = 16_000
FRAME = 320  # samples between two frames
FFT, HOP, MELS = 400, 160, 80
# The network was trained on 30 s. What lies at the edges of a window has heard one side only.
WINDOW, MARGIN = 1500, 50
# All layers of ten minutes take 430 MB.
LONGEST_S = 600


class WhisperLayers:
    """The encoder of Whisper base: the output of its six blocks, and of the norm after the last.

    Speech is heard as it is, without the silence up to 30 s that Whisper was trained with: on a
    clip of 3 s that is ten times faster. Longer speech is heard in windows of 30 s that overlap by
    2 s, of which the outer seconds are left out.

    Source: Radford et al. (2022), Robust speech recognition via large-scale weak supervision.
    """

    def __init__(self) -> None:
        self._encoder: Any = None

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into, once a process.

        Raises:
            WeightsError: they are missing or altered.
        """
        self._encoder = _encoder(path_of(weights, "whisper").parent)

    def layers(self, media: ClipMedia) -> NDArray[np.float32]:
        """All layers of a clip's speech; computed once a clip.

        Returns:
            Shape (7, T, 512), 50 frames a second, frame k about k * 20 ms: the six blocks, and the
            norm after the last.

        Raises:
            Unavailable: the clip has no speech, or more than ten minutes of it; then a part that
                can do with one window at a time takes them from `windows`.
        """
        return media.once(f"whisper_layers@{VERSION}", lambda: self._together(media.speech))

    def windows(self, media: ClipMedia) -> Iterator[NDArray[np.float32]]:
        """The same, window by window along T, for speech of any length.

        Raises:
            Unavailable: the clip has no speech.
        """
        if len(media.speech) <= LONGEST_S * RATE_HZ:
            return iter([self.layers(media)])
        return self._windows(media.speech)

    def _together(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(speech_T) > LONGEST_S * RATE_HZ:
            raise Unavailable(
                f"{len(speech_T) / RATE_HZ:.0f} s of sound; layers are kept together up to "
                f"{LONGEST_S} s"
            )
        return np.concatenate(list(self._windows(speech_T)), axis=1)

    def _windows(self, speech_T: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        total = -(-len(speech_T) // FRAME)
        for start, stop, first, last in spans(total):
            heard_T = speech_T[start * FRAME : stop * FRAME]
            yield self._heard(heard_T)[:, first - start : last - start]

    def _heard(self, speech_T: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            mel_1MT = sent(log_mel(torch.tensor(speech_T))[None])
            return torch.stack(hidden_states(self._encoder, mel_1MT))[:, 0].cpu().numpy()


def spans(total: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows over so many frames: from where to where they hear, and what of it is kept.

    >>> list(spans(1500)), list(spans(3000))
    ([(0, 1500, 0, 1500)], [(0, 1500, 0, 1450), (1400, 2900, 1450, 2850), (2800, 3000, 2850, 3000)])
    """
    start = kept = 0
    while kept < total:
        stop = min(total, start + WINDOW)
        last = total if stop == total else stop - MARGIN
        yield start, stop, kept, last
        start, kept = last - MARGIN, last


def log_mel(speech_T: torch.Tensor) -> torch.Tensor:
    """Whisper's input, shape (80, 2 T): log10 mel power of 10 ms, the lowest 8 decades cut off."""
    import torch

    rest = -len(speech_T) % FRAME
    padded = torch.nn.functional.pad(speech_T, (0, max(rest, FFT - len(speech_T))))
    spectrum = torch.stft(
        padded, FFT, HOP, window=torch.hann_window(FFT), center=True, return_complex=True
    )
    power = spectrum[:, :-1].abs() ** 2
    filters = torch.from_numpy(mel_filters(RATE_HZ, FFT, MELS))
    decades = (filters @ power).clamp(min=1e-10).log10()
    return (torch.maximum(decades, decades.max() - 8) + 4) / 4


def hidden_states(encoder: Any, mel_BMT: torch.Tensor) -> list[torch.Tensor]:
    """Output of every block and of the last norm, each (B, T / 2, D), for input of any length.

    The encoder's own `forward` takes 30 s and nothing else; these are its own modules in its order.

    Args:
        encoder: transformers' `WhisperEncoder`, with or without adapters.
        mel_BMT: At most 3000 frames.
    """
    import torch

    gelu = torch.nn.functional.gelu
    hidden = gelu(encoder.conv2(gelu(encoder.conv1(mel_BMT)))).transpose(1, 2)
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    states = []
    for layer in encoder.layers:
        said = layer(hidden, None)
        hidden = said[0] if isinstance(said, tuple) else said
        states.append(hidden)
    return [*states, encoder.layer_norm(hidden)]


@lru_cache(maxsize=2)
def _encoder(folder: Path) -> Any:
    return load_encoder(folder)


def load_encoder(folder: Path) -> Any:
    """Whisper's encoder out of a folder that transformers wrote, or that `fetch_weights` made.

    Args:
        folder: Holds `config.json` and `model.safetensors`, of the encoder alone or of all.

    Raises:
        ValueError: the tensors are not those of the config.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig.from_pretrained(folder)
    encoder: Any = WhisperEncoder(config)
    tensors = {
        name.removeprefix("model.").removeprefix("encoder."): tensor.to(torch.float32)
        for name, tensor in load_file(folder / "model.safetensors").items()
        if name.removeprefix("model.").startswith("encoder.")
    }
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{folder} does not hold Whisper's encoder: {error}") from error
    return placed(encoder)
