"""When someone speaks: Silero VAD.

Shape letters: T chunks of 32 ms, N samples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learner.media.clip import RATE_HZ, ClipMedia
from learner.weights import path_of

VERSION = "1"
CHUNK, CONTEXT = 512, 64
HOP_S = CHUNK / RATE_HZ  # 32 ms
BLOCK = 1024  # chunks at once, half a minute: a two-hour clip needs no more memory than this
STARTS_AT, ENDS_BELOW = 0.5, 0.35
LONGEST_STOP, SHORTEST_SPEECH = 3, 8  # chunks, .1 and .25 s: a stop is no pause, a click no word


class VoiceActivity:
    """Speech against everything else, 31 times a second.

    Speech begins where its probability reaches .5 and lasts until it falls below .35; pauses under
    .1 s belong to it, and what is shorter than .25 s is none. These are the package's own defaults.

    Source: Silero Team (2021), Silero VAD; the weights without code (safetensors) of silero-vad
    6.2.3, which are another training than its TorchScript file holds; on 16 real sounds, clean and
    with noise, neither was better. It hears that someone speaks, not who.
    """

    hop_s: ClassVar[float] = HOP_S
    _networks: ClassVar[dict[Path, Any]] = {}

    def __init__(self) -> None:
        self._network: Any = None

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into, once a process.

        Raises:
            WeightsError: they are missing or altered.
        """
        if weights not in self._networks:
            from safetensors.torch import load

            from learner.media._silero import SileroVAD

            network = SileroVAD().eval()
            network.load_published(load(path_of(weights, "voice_activity").read_bytes()))
            self._networks[weights] = network
        self._network = self._networks[weights]

    def find(self, media: ClipMedia) -> NDArray[np.bool_]:
        """Whether someone speaks from t * 32 ms to (t + 1) * 32 ms, shape (T,), found once a clip.

        None of it may be True: a clip without speech is an answer, not a failure.

        Raises:
            Unavailable: there is no sound.
        """
        key = f"voice_activity@{VERSION}"
        return media.once(key, lambda: speech_from(self.probabilities(media.speech)))

    def probabilities(self, speech_N: NDArray[np.float32]) -> NDArray[np.float32]:
        """How probable speech is in each chunk of 32 ms, shape (T,); the last is filled up."""
        import torch

        n_chunks = -(-len(speech_N) // CHUNK)
        found_T = np.zeros(n_chunks, dtype=np.float32)
        state = None
        with torch.inference_mode():
            for first in range(0, n_chunks, BLOCK):
                chunks = torch.from_numpy(_chunks(speech_N, first, min(first + BLOCK, n_chunks)))
                probable, state = self._network(chunks, state)
                found_T[first : first + len(chunks)] = probable.numpy()
        return found_T


def _chunks(speech_N: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """Chunks with the samples before each, shape (last - first, CONTEXT + CHUNK)."""
    begin, end = first * CHUNK - CONTEXT, last * CHUNK
    piece = speech_N[max(0, begin) : end]
    padded = np.pad(piece, (max(0, -begin), end - max(0, begin) - len(piece)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)
    return np.ascontiguousarray(windows[::CHUNK], dtype=np.float32)


def speech_from(probability_T: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where speech begins and ends, of how probable it is.

    Args:
        probability_T: 0 to 1, a chunk of 32 ms each.

    Returns:
        Shape (T,).

    >>> speech_from(np.array([0.2] + [0.6] * 5 + [0.4, 0.3] + [0.6] * 2 + [0.1], np.float32))
    array([False,  True,  True,  True,  True,  True,  True,  True,  True,
            True, False])
    """
    is_speech_T = np.zeros(len(probability_T), dtype=bool)
    speaks = False
    for number, probable in enumerate(probability_T):
        speaks = probable >= (ENDS_BELOW if speaks else STARTS_AT)
        is_speech_T[number] = speaks
    for start, stop in _runs(~is_speech_T):
        if stop - start <= LONGEST_STOP and start > 0 and stop < len(is_speech_T):
            is_speech_T[start:stop] = True
    for start, stop in _runs(is_speech_T):
        if stop - start < SHORTEST_SPEECH:
            is_speech_T[start:stop] = False
    return is_speech_T


def _runs(is_on_T: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last + 1 of each stretch that is on.

    >>> _runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_on_T.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
