"""How the face moves: mouth from the sound, blinks and the head by chance of a seed.

Shape letters: T frames of video, L samples of sound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

Curve = NDArray[np.float32]

FRAMES_PER_S = 25
_HOP_S = 0.01
_VOICE_BAND_HZ = (180.0, 2600.0)  # above it lie the hisses, said with the teeth together
_FLOOR_DB, _FULL_DB = -28.0, 0.0  # under the clip's loud level: mouth shut, mouth wide
_SMOOTH_S = 0.03
_BLINK = (0.6, 1.0, 1.0, 0.5)  # lids of the four frames of a blink


def _level_db(sound_L: Curve, rate_hz: int) -> Curve:
    """Level every 10 ms in the band of the voice, dB re full scale; 50 ms windows, centred."""
    band = signal.butter(3, _VOICE_BAND_HZ, "bandpass", fs=rate_hz, output="sos")
    power = signal.sosfiltfilt(band, sound_L) ** 2
    hop = int(_HOP_S * rate_hz)
    smooth = ndimage.uniform_filter1d(power, size=5 * hop, mode="constant")[hop // 2 :: hop]
    return np.asarray(10.0 * np.log10(np.maximum(smooth, 1e-10)), dtype=np.float32)


def _at_frames(curve: Curve, n_frames: int) -> Curve:
    """Read a 10 ms curve at the middle of each frame of video."""
    middle_s = (np.arange(n_frames) + 0.5) / FRAMES_PER_S
    times_s = (np.arange(curve.size) + 0.5) * _HOP_S
    return np.asarray(np.interp(middle_s, times_s, curve, right=0.0), dtype=np.float32)


def opening_curve(sound_L: Curve, rate_hz: int, n_frames: int) -> Curve:
    """Opening of the mouth for each frame: the speech's level, smoothed without delay.

    Args:
        sound_L: Clean speech, mono, full scale 1, shape (L,).
        rate_hz: Its sampling rate.
        n_frames: Frames of video at 25 a second.

    Returns:
        Openings, shape (T,), 0 shut to 1 widest.

    Raises:
        ValueError: the sound is silent.

    >>> import numpy as np
    >>> t = np.arange(16000, dtype=np.float32) / 16000
    >>> voice = np.sin(2 * np.pi * 400 * t) * (t > 0.5)
    >>> opening = opening_curve(voice.astype(np.float32), 16000, 25)
    >>> bool(opening[:11].max() < 0.05), bool(opening[14:22].min() > 0.9)
    (True, True)
    """
    level_db = _level_db(sound_L, rate_hz)
    loud_db = float(np.percentile(level_db, 95))
    if loud_db < -60.0:
        raise ValueError(f"the speech is silent (loud level {loud_db:.0f} dB); give speech")
    share = (level_db - loud_db - _FLOOR_DB) / (_FULL_DB - _FLOOR_DB)
    smooth = ndimage.gaussian_filter1d(np.clip(share, 0.0, 1.0), _SMOOTH_S / _HOP_S)
    return _at_frames(smooth**1.9, n_frames)


def roundness_curve(sound_L: Curve, rate_hz: int, n_frames: int) -> Curve:
    """Rounding of the lips for each frame, shape (T,), -1 spread to 1 round.

    A low centre of the spectrum (u, o) rounds, a high one (i, e) spreads; the clip's own quartiles
    set the scale.
    """
    hop = int(_HOP_S * rate_hz)
    frequencies, _, spectrum = signal.stft(sound_L, rate_hz, nperseg=4 * hop, noverlap=3 * hop)
    in_band = (frequencies > 200.0) & (frequencies < 3500.0)
    power = np.abs(spectrum[in_band]) ** 2 + 1e-12
    centre_hz = (frequencies[in_band, None] * power).sum(0) / power.sum(0)
    loud = power.sum(0) > 0.02 * power.sum(0).max()
    low, middle, high = np.percentile(centre_hz[loud], (15, 50, 85))
    side = np.where(centre_hz < middle, middle - low, high - middle)
    value = np.where(loud, np.clip((middle - centre_hz) / np.maximum(side, 1.0), -1.0, 1.0), 0.0)
    smooth = ndimage.gaussian_filter1d(value, 0.04 / _HOP_S).astype(np.float32)
    return _at_frames(smooth, n_frames)


def blink_curve(n_frames: int, rng: np.random.Generator) -> Curve:
    """Closing of the eyes for each frame, shape (T,): a blink every 1.6 to 3.6 s.

    >>> import numpy as np
    >>> lids = blink_curve(100, np.random.default_rng(3))
    >>> float(lids.max()), bool((lids == 0).mean() > 0.8)
    (1.0, True)
    """
    closed = np.zeros(n_frames, dtype=np.float32)
    at = int(rng.integers(12, 45))
    while at + len(_BLINK) <= n_frames:
        closed[at : at + len(_BLINK)] = _BLINK
        at += int(rng.integers(40, 90))
    return closed
