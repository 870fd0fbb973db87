"""How far the dub's melody lies from the source's.

Shape letters: T frames of 5 ms, P pairs of an alignment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.media import ClipMedia, Unavailable
from learner.media.pitch import HOP, Pitch, pitch
from learner.metrics import _alignment
from learner.registry import Card

CENTS = 1200.0  # to the octave
LEAST_PAIRS = 20  # 0.2 s that are voiced on both sides
# The middle 80 % of a normal distribution are so many standard deviations wide.
WIDTH_OF_MIDDLE = 2.5631


@dataclass(frozen=True)
class PitchDistance:
    """What lies between two voices' melodies.

    Args:
        rmse_cents: The metric: 0 for the same melody, 100 for a semitone all along.
        median_cents: Of the absolute differences of moments that belong together; of
            distributions, the absolute difference of their medians.
        is_aligned: Whether moments were compared, or only distributions.
    """

    rmse_cents: float
    median_cents: float
    is_aligned: bool


class LogF0RMSE:
    r"""Difference of log F0 between dub and source, in cents: moment by moment, or on the whole.

    Where both say the same words in the same language, moments are paired by dynamic time warping
    over 13 z-scored MFCC of all frames, and those voiced on both sides count:

    .. math:: O = \sqrt{\frac{1}{P} \sum_p (1200 \log_2 (f_p / g_p))^2}

    Across languages, or with other words, no pairing means anything. There the distributions of
    log F0 are compared by their medians and the widths of their middle 80 %, as if both were
    normal (their Wasserstein distance, which is the least RMSE that any pairing could give):

    .. math:: O = \sqrt{(m_f - m_g)^2 + ((w_f - w_g) / 2.563)^2}

    So the two lie on one scale, but the second sees no melody: it hears that a voice is higher or
    livelier, not that a question was lost. Words are taken to be other ones where the languages
    of both clips are known and differ, or what they say is known and differs; where nothing is
    known they are taken for the same.

    Source: the paper's LogF0RMSE; Sakoe and Chiba (1978); for F0 see `learner.media.pitch`.
    """

    card = Card(
        name="log_f0_rmse",
        version="1",
        title="Distance of pitch from the source (log F0 RMSE, cents)",
        source="WORLD by pyworld 0.3.5; alignment our own",
        licence="MIT",
        kind="metric",
        role="prosody",
        modality="audio",
        needs=("speech", "source_speech"),
        uses=("text", "source_text", "language", "source_language"),
        direction=-1,
    )

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find both pitches."""
        pitch(media)
        pitch(media.original)

    def load(self, weights: Path) -> None:
        """Nothing is learned here, so nothing is loaded."""

    def score(self, media: ClipMedia) -> float:
        """Cents, at least 0; 100 are a semitone.

        Raises:
            Unavailable: no source is known, one of the two has no sound or no pitch, or no two
                moments that belong together both have one.
        """
        return self.compare(media).rmse_cents

    def compare(self, media: ClipMedia) -> PitchDistance:
        """The same with the median, and how it was found.

        Raises:
            Unavailable: as for `score`.
        """
        original = media.original
        try:
            source = pitch(original)
        except Unavailable as missing:
            raise Unavailable(f"of the source: {missing}") from missing
        dub = pitch(media)
        if has_other_words(media, original):
            return across_words(dub, source)
        path_P2, _ = _alignment.align(_cepstrum(media), _cepstrum(original))
        return along_path(dub, source, path_P2)


def has_other_words(dub: ClipMedia, source: ClipMedia) -> bool:
    """Whether it is known that the two differ in language or in what they say.

    >>> source = ClipMedia(Path("a.mp4"), "Good morning!", language="en")
    >>> has_other_words(ClipMedia(Path("b.mp4"), "good morning", language="en-GB"), source)
    False
    >>> has_other_words(ClipMedia(Path("b.mp4"), "Good morning!", "सुप्रभात।"), source)
    True
    """
    said = _words(dub.translation) or _words(dub.transcript)
    asked = _words(dub.transcript) or _words(source.transcript)
    pairs = ((language_of(dub.language), language_of(source.language)), (said, asked))
    return any(one and other and one != other for one, other in pairs)


def language_of(tag: str) -> str:
    return re.split(r"[-_]", tag.strip().lower())[0]


def _words(text: str) -> str:
    # Not `\w`, to which the vowel signs of Hindi are no letters: only punctuation goes.
    return " ".join(re.sub(r"[\s!-/:-@\[-`{-~।॥…–—‘’“”«»¿¡]+", " ", text).casefold().split())


def _cepstrum(media: ClipMedia) -> NDArray[np.float32]:
    return media.once(f"mfcc@{_alignment.VERSION}", lambda: _alignment.mfcc(media.speech))


def along_path(dub: Pitch, source: Pitch, path_P2: NDArray[np.int64]) -> PitchDistance:
    """The difference over moments that belong together.

    Args:
        dub, source: F0 of both.
        path_P2: Pairs of frames of 10 ms.

    Raises:
        Unavailable: fewer than 20 pairs are voiced on both sides.
    """
    frames = path_P2 * (_alignment.HOP // HOP)
    dub_P, source_P = dub.f0_T[frames[:, 0]], source.f0_T[frames[:, 1]]
    both_P = (dub_P > 0) & (source_P > 0)
    if both_P.sum() < LEAST_PAIRS:
        raise Unavailable(
            f"{both_P.sum()} moments of dub and source that belong together both have a pitch; "
            f"{LEAST_PAIRS} are needed"
        )
    apart_P = CENTS * np.log2(dub_P[both_P] / source_P[both_P])
    rmse, median = np.sqrt((apart_P**2).mean()), np.median(np.abs(apart_P))
    return PitchDistance(float(rmse), float(median), is_aligned=True)


def across_words(dub: Pitch, source: Pitch) -> PitchDistance:
    """The difference of the distributions.

    >>> low, high = (Pitch(np.full(50, hz)) for hz in (110.0, 220.0))
    >>> round(across_words(high, low).rmse_cents)
    1200
    """
    (dub_middle, dub_width), (middle, width) = _spread(dub), _spread(source)
    apart = dub_middle - middle
    rmse = np.hypot(apart, (dub_width - width) / WIDTH_OF_MIDDLE)
    return PitchDistance(float(rmse), float(abs(apart)), is_aligned=False)


def _spread(voice: Pitch) -> tuple[float, float]:
    """Median, and the width from the 10 % to the 90 % point, both in cents."""
    low, middle, high = np.percentile(CENTS * np.log2(voice.f0_T[voice.is_voiced_T]), [10, 50, 90])
    return float(middle), float(high - low)
