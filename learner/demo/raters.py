"""Simulated raters: numbers drawn from a stated model, so that a demo has ratings to show.

These are no ratings by people and say nothing about any dub; wherever they are shown they are to be
marked as simulated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ASPECTS = ("sync", "speaker", "clarity", "emotion", "prosody", "overall")

# What a condition is worth on each aspect, 1..5: assumed, not measured. A fault costs most on the
# aspect it is about, something on those near it, and about two points overall.
TRUE_QUALITY: dict[str, tuple[float, ...]] = {
    # sync, speaker, clarity, emotion, prosody, overall
    "original": (4.7, 4.8, 4.6, 4.5, 4.5, 4.7),
    "clean": (4.3, 4.2, 4.4, 4.0, 4.1, 4.3),
    "sync_shift": (1.7, 4.0, 4.1, 3.7, 3.8, 2.7),
    "wrong_voice": (3.9, 1.6, 4.0, 3.1, 3.5, 2.5),
    "noise": (3.8, 3.6, 1.8, 3.2, 3.3, 2.4),
    "flat_prosody": (4.0, 3.7, 3.9, 1.9, 1.6, 2.6),
}
CLIP_SD = 0.30  # a clip is better or worse than its condition on all aspects
CLIP_ASPECT_SD = 0.20  # ... and on one
RATER_SD = 0.35  # a rater is mild or strict on all aspects
RATER_ASPECT_SD = 0.15  # ... and on one
RESIDUAL_SD = 0.50  # all else, new for each rater, clip and aspect
_CLIP, _RATER, _BOTH = 1, 2, 3  # the streams of chance, kept apart


def simulate_scores(
    condition: str, aspects: Sequence[str], rater_seed: int, clip_seed: int
) -> dict[str, int]:
    r"""Scores that a simulated rater gives a clip.

    .. math::
        s_{ija} = \mathrm{clip}_1^5 \, \mathrm{round}
            (q_{c(i)a} + u_i + v_{ia} + b_j + w_{ja} + e_{ija})

    with the true quality q of the clip's condition (`TRUE_QUALITY`) and independent normal clip
    effects u (`CLIP_SD`) and v (`CLIP_ASPECT_SD`), rater effects b (`RATER_SD`) and w
    (`RATER_ASPECT_SD`) and a residual e (`RESIDUAL_SD`). A simulation, not data.

    Args:
        condition: A key of `TRUE_QUALITY`.
        aspects: Some of `ASPECTS`; a score depends neither on their order nor on the others.
        rater_seed: The rater, 0 or more; the same rater has the same leaning everywhere.
        clip_seed: The clip, 0 or more.

    Returns:
        A whole number from 1 (bad) to 5 (excellent) for each aspect.

    Raises:
        ValueError: an unknown condition or aspect, or a negative seed.

    >>> simulate_scores("noise", ["clarity", "sync"], rater_seed=7, clip_seed=40)
    {'clarity': 2, 'sync': 5}
    """
    if condition not in TRUE_QUALITY:
        raise ValueError(f"no condition {condition!r}; give one of {', '.join(TRUE_QUALITY)}")
    if unknown := [aspect for aspect in aspects if aspect not in ASPECTS]:
        raise ValueError(f"no aspects {unknown}; give some of {', '.join(ASPECTS)}")
    if min(rater_seed, clip_seed) < 0:
        raise ValueError(f"seeds {rater_seed} and {clip_seed}; give 0 or more")
    opinion_A = (
        np.array(TRUE_QUALITY[condition])
        + _effects((_CLIP, clip_seed), CLIP_SD, CLIP_ASPECT_SD)
        + _effects((_RATER, rater_seed), RATER_SD, RATER_ASPECT_SD)
        + _effects((_BOTH, rater_seed, clip_seed), 0.0, RESIDUAL_SD)
    )
    scores_A = np.clip(np.rint(opinion_A), 1, 5).astype(int)
    return {aspect: int(scores_A[ASPECTS.index(aspect)]) for aspect in aspects}


def _effects(seed: tuple[int, ...], shared_sd: float, own_sd: float) -> np.ndarray:
    """One draw for all aspects plus one for each, shape (A,)."""
    rng = np.random.default_rng(seed)
    return shared_sd * rng.standard_normal() + own_sd * rng.standard_normal(len(ASPECTS))
