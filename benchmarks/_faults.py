"""Sounds with a fault of a known dose.

Shape letters: N samples at 16 kHz, T frames of 5 ms, F bins of a spectrum.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from learner.media.clip import RATE_HZ
from learner.media.pitch import HOP_S, _world, find_pitch

Speech = NDArray[np.float32]


def shifted(speech_N: Speech, by_ms: float) -> Speech:
    """Later by so much, earlier where it is below 0; as long as it was, silence at the gap.

    >>> shifted(np.ones(48, np.float32), 1).tolist()[14:18]
    [0.0, 0.0, 1.0, 1.0]
    """
    by, n = round(abs(by_ms) * RATE_HZ / 1000), len(speech_N)
    if by_ms >= 0:
        return np.pad(speech_N, (by, 0))[:n]
    return np.pad(speech_N[by:], (0, min(by, n)))


def noisy(speech_N: Speech, snr_db: float, seed: int) -> Speech:
    """With white noise so many dB below the speech."""
    noise_N = np.random.default_rng(seed).normal(size=len(speech_N))
    wanted = float((speech_N.astype(np.float64) ** 2).mean()) / 10 ** (snr_db / 10)
    return (speech_N + noise_N * np.sqrt(wanted / (noise_N**2).mean())).astype(np.float32)


def as_long_as(speech_N: Speech, n: int) -> Speech:
    """Cut, or begun again, until it is so long."""
    return np.resize(speech_N, n).astype(np.float32)


def respoken(
    speech_N: Speech, semitones: float = 0.0, flat: float = 0.0, formants: float = 1.0
) -> Speech:
    """The same words through WORLD with another melody or throat.

    Args:
        speech_N: What is said.
        semitones: Higher by so much.
        flat: 0 leaves the melody, 1 makes it a monotone at its median.
        formants: All resonances moved up by this factor: below 1 a larger person, above a smaller.

    Raises:
        Unavailable: there is no pitch in it.
    """
    world, wave_N = _world(), speech_N.astype(np.float64)
    f0_T = find_pitch(speech_N).f0_T.copy()
    times_T = np.arange(len(f0_T)) * HOP_S
    spectrum_TF = world.cheaptrick(wave_N, f0_T, times_T, RATE_HZ)
    breath_TF = world.d4c(wave_N, f0_T, times_T, RATE_HZ)
    is_voiced_T = f0_T > 0
    middle = np.median(f0_T[is_voiced_T])
    f0_T[is_voiced_T] = middle * (f0_T[is_voiced_T] / middle) ** (1 - flat) * 2 ** (semitones / 12)
    made_N = world.synthesize(
        f0_T, _warped(spectrum_TF, formants), _warped(breath_TF, formants), RATE_HZ
    )
    return np.pad(made_N, (0, max(0, len(speech_N) - len(made_N))))[: len(speech_N)].astype(
        np.float32
    )


def _warped(rows_TF: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Each row stretched along frequency; the top bin stands for what lay beyond it."""
    if factor == 1.0:
        return rows_TF
    n_bins = rows_TF.shape[1]
    from_F = np.minimum(np.arange(n_bins) / factor, n_bins - 1)
    low_F = np.floor(from_F).astype(int)
    share_F = from_F - low_F
    high_F = np.minimum(low_F + 1, n_bins - 1)
    return np.ascontiguousarray(rows_TF[:, low_F] * (1 - share_F) + rows_TF[:, high_F] * share_F)


def with_other_words(words: str, others: str, share: float) -> str:
    """So many of the words, those first that come last, exchanged for words of another sentence.

    >>> with_other_words("we go home", "red green blue", 0.66)
    'we green blue'
    """
    own, other = words.split(), others.split()
    kept = len(own) - round(share * len(own))
    return " ".join(own[:kept] + [other[i % len(other)] for i in range(kept, len(own))])


def write_film(path: Path, film: Path, speech_N: Speech) -> Path:
    """A QuickTime file with the pictures of a film, bit by bit, and this sound, uncompressed.

    The new file's clock starts where the film's does, so that the samples are those that a part
    hears of the film.
    """
    with av.open(str(film)) as original, av.open(str(path), "w", format="mov") as sink:
        pictures = original.streams.video[0]
        origin_s = min(
            float(stream.start_time * stream.time_base)
            for stream in (pictures, *original.streams.audio[:1])
            if stream.start_time is not None
        )
        video = sink.add_stream_from_template(pictures)
        audio = sink.add_stream("pcm_f32le", rate=RATE_HZ, layout="mono")
        sound = av.AudioFrame.from_ndarray(speech_N[None], format="flt", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        sink.mux([*audio.encode(sound), *audio.encode(None)])
        for packet in original.demux(pictures):
            if packet.dts is None:  # the mark that the stream has ended
                continue
            start = round(origin_s / packet.time_base)
            packet.pts, packet.dts = packet.pts - start, packet.dts - start
            packet.stream = video
            sink.mux(packet)
    return path
