"""The faults planted in the dubs: sound late against the picture, and noise.

Shape letter: L samples of sound, mono, full scale 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from learner.demo.motion import Curve

NOISES = ("white", "pink", "babble")


def delayed(sound_L: Curve, shift_s: float, rate_hz: int) -> Curve:
    """The sound that much later, silence before it; longer by the shift.

    Raises:
        ValueError: a negative shift.

    >>> import numpy as np
    >>> delayed(np.ones(2, dtype=np.float32), 0.5, 4).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    if shift_s < 0:
        raise ValueError(f"a shift of {shift_s} s would cut speech off; give 0 or more")
    silence = np.zeros(round(shift_s * rate_hz), dtype=np.float32)
    return np.concatenate([silence, sound_L])


def active_rms(sound_L: Curve, rate_hz: int) -> float:
    """Level of the parts that speak: root mean square of the 20 ms blocks within 30 dB of the top.

    Raises:
        ValueError: the sound is shorter than a block or silent.
    """
    block = round(0.02 * rate_hz)
    n_blocks = sound_L.size // block
    power = (sound_L[: n_blocks * block].reshape(n_blocks, block) ** 2).mean(axis=1)
    if n_blocks == 0 or float(power.max()) <= 0.0:
        raise ValueError(f"no level in {sound_L.size} samples of silence; give speech")
    return float(np.sqrt(power[power > 1e-3 * power.max()].mean()))


def noise_like(kind: str, length: int, voices: Sequence[Curve], rng: np.random.Generator) -> Curve:
    """Noise of one kind at unit level, shape (length,).

    Args:
        kind: "white"; "pink" (3 dB less an octave); "babble" (the voices, looped, over each other).
        length: Samples.
        voices: Utterances for babble.
        rng: Its randomness.

    Raises:
        ValueError: an unknown kind, or babble without voices.

    >>> import numpy as np
    >>> pink = noise_like("pink", 4096, (), np.random.default_rng(0))
    >>> pink.shape, round(float(np.sqrt((pink**2).mean())), 3)
    ((4096,), 1.0)
    """
    if kind == "babble" and voices:
        noise = np.zeros(length)
        for voice in voices:
            noise += np.roll(np.resize(voice, length), int(rng.integers(length)))
    elif kind == "white":
        noise = rng.standard_normal(length)
    elif kind == "pink":
        spectrum = np.fft.rfft(rng.standard_normal(length))
        spectrum /= np.sqrt(np.maximum(np.arange(spectrum.size), 8))
        noise = np.fft.irfft(spectrum, length)
    else:
        raise ValueError(f"noise {kind!r} with {len(voices)} voices; give one of {NOISES}")
    return np.asarray(noise / np.sqrt((noise**2).mean()), dtype=np.float32)


def with_noise(sound_L: Curve, noise_L: Curve, snr_db: float, rate_hz: int) -> Curve:
    r"""The sound with noise under it at a signal-to-noise ratio over the speaking parts.

    .. math:: y = x + n \, r(x) \, 10^{-\mathrm{SNR}/20} / \mathrm{rms}(n)

    Args:
        sound_L: Speech x.
        noise_L: Noise n, as long.
        snr_db: 5 is bad, 30 hardly heard.
        rate_hz: Sampling rate.

    Raises:
        ValueError: the lengths differ, or the speech is silent.
    """
    if sound_L.shape != noise_L.shape:
        raise ValueError(f"noise of shape {noise_L.shape} for sound of {sound_L.shape}; match them")
    level = active_rms(sound_L, rate_hz) * 10.0 ** (-snr_db / 20.0)
    scale = level / float(np.sqrt((noise_L**2).mean()))
    return np.asarray(sound_L + np.float32(scale) * noise_L, dtype=np.float32)


def levelled(sound_L: Curve, rate_hz: int, level_db: float = -20.0) -> Curve:
    """The sound at one speaking level, turned down as far as its peaks need."""
    gain = 10.0 ** (level_db / 20.0) / active_rms(sound_L, rate_hz)
    gain = min(gain, 0.95 / float(np.abs(sound_L).max()))
    return np.asarray(np.float32(gain) * sound_L, dtype=np.float32)
