"""How high a voice is: F0 over time, by WORLD's DIO and StoneMask in two passes.

Shape letters: T frames, 5 ms apart; W windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import util
from importlib.machinery import PathFinder
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.media.clip import RATE_HZ, ClipMedia, Unavailable

VERSION = "1"
HOP_S = 0.005
HOP = round(HOP_S * RATE_HZ)
WIDE_HZ = (60.0, 500.0)  # any adult voice; the second pass narrows it to this one
FLOOR, CEILING = 0.7, 1.6  # of the quartiles of the first pass: closer than an octave to either
BANDS = 3  # an octave; with WORLD's own 2 a voice between two of them had no pitch at all
WINDOW, OVERLAP = 12_000, 200  # frames, a minute and a second: what is analysed at once
QUIET = 10 ** (-20 / 10)  # of the power of loud moments: hum and breath between words
LEAST_VOICED = 20  # frames, 0.1 s: fewer tell neither quartiles nor a voice


@dataclass(frozen=True)
class Pitch:
    """F0 of one clip.

    Args:
        f0_T: In Hz, 0 where the sound has no pitch, float64; frame t is at t * hop_s seconds.
        hop_s: Between frames.
    """

    f0_T: NDArray[np.float64]
    hop_s: float = HOP_S

    @property
    def is_voiced_T(self) -> NDArray[np.bool_]:
        """Which frames have a pitch.

        >>> Pitch(np.array([0.0, 110.0])).is_voiced_T
        array([False,  True])
        """
        return self.f0_T > 0


def pitch(media: ClipMedia) -> Pitch:
    r"""F0 of a clip, found once a clip.

    A first pass looks from 60 to 500 Hz; a second from .7 of the first's lower quartile to 1.6 of
    its upper one, which keeps it from jumping an octave. The quartiles are those of loud frames, at
    most 20 dB below the loudest 5 %, or what hums between words would be taken for a voice. A hum
    above 60 Hz that goes on under the voice still is, even 36 dB below it; and noise has a pitch
    now and then: where a voice is, `VoiceActivity` tells. A clip longer than a minute is analysed
    in windows that overlap by a second, so memory does not grow with it beyond the result.

    Source: Morise, Kawahara and Nishiura (2010) for DIO, Morise (2016) for WORLD; the quartile
    limits are Hirst's (2007) idea.

    Raises:
        Unavailable: there is no sound, or less than 0.1 s of it has a pitch.
    """
    return media.once(f"pitch@{VERSION}", lambda: find_pitch(media.speech))


def find_pitch(speech_T: NDArray[np.float32]) -> Pitch:
    """F0 of samples at 16 kHz.

    Args:
        speech_T: Mono, any length, -1 to 1.

    Returns:
        One frame for each 5 ms begun.

    Raises:
        Unavailable: less than 0.1 s of it has a pitch.

    >>> tone = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000).astype(np.float32)
    >>> found = find_pitch(tone)
    >>> len(found.f0_T), round(float(np.median(found.f0_T)))
    (201, 200)
    """
    first_T = _pass(speech_T, *WIDE_HZ)
    voiced_T = _voiced(first_T[_is_loud(speech_T)])
    low_hz, high_hz = FLOOR * np.percentile(voiced_T, 25), CEILING * np.percentile(voiced_T, 75)
    second_T = _pass(speech_T, max(40.0, float(low_hz)), float(high_hz))
    _voiced(second_T)
    second_T.setflags(write=False)
    return Pitch(second_T)


def _voiced(f0_T: NDArray[np.float64]) -> NDArray[np.float64]:
    voiced_T = f0_T[f0_T > 0]
    if len(voiced_T) < LEAST_VOICED:
        raise Unavailable(
            f"{len(voiced_T) * HOP_S:.2f} s of the sound has a pitch; a voice needs "
            f"{LEAST_VOICED * HOP_S} s"
        )
    return voiced_T


def _is_loud(speech_T: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which frames are, by the power of the 20 ms around them."""
    n_hops = len(speech_T) // HOP
    hops = speech_T[: n_hops * HOP].reshape(n_hops, HOP)
    power = np.pad(np.einsum("ij,ij->i", hops, hops), 2, mode="edge")
    around_T = np.convolve(power, np.ones(4), mode="valid")
    return np.asarray(around_T >= QUIET * np.percentile(around_T, 95))


def _pass(speech_T: NDArray[np.float32], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """F0 between two limits, window by window."""
    world = _world()
    f0_T = np.zeros(len(speech_T) // HOP + 1)
    for start, stop, keep in _windows(len(f0_T)):
        piece_T = speech_T[start * HOP : stop * HOP].astype(np.float64)
        rough_T, times_T = world.dio(
            piece_T,
            RATE_HZ,
            f0_floor=low_hz,
            f0_ceil=high_hz,
            channels_in_octave=BANDS,
            frame_period=1000 * HOP_S,
        )
        fine_T = world.stonemask(piece_T, rough_T, times_T, RATE_HZ)
        f0_T[keep] = fine_T[keep.start - start : keep.stop - start]
    return f0_T


def _windows(n_frames: int) -> Iterator[tuple[int, int, slice]]:
    """First and last frame of what is analysed, and which of them are kept.

    >>> [(start, stop, keep.start, keep.stop) for start, stop, keep in _windows(20_000)]
    [(0, 12000, 0, 11900), (11800, 20000, 11900, 20000)]
    """
    start, kept = 0, 0
    while kept < n_frames:
        stop = min(start + WINDOW, n_frames)
        until = n_frames if stop == n_frames else stop - OVERLAP // 2
        yield start, stop, slice(kept, until)
        start, kept = stop - OVERLAP, until


@cache
def _world() -> Any:
    """WORLD's functions, without the start-up code of their package.

    That code asks `pkg_resources` for a version number, which setuptools no longer has since 81;
    the compiled module beside it needs nothing of the kind.
    """
    package = util.find_spec("pyworld")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("pyworld.pyworld", places) if places else None
    if spec is None or spec.loader is None:
        raise ImportError("pyworld is not installed: run `pip install -r requirements.txt`")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
