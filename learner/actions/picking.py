"""Asking a strategy which clips of a campaign are to be rated next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from annotator.models import Campaign, Clip
from learner.actions.jobs import NotPossible
from learner.actions.proxy import ScoredPool, scored_pool
from learner.models import RoundRequest
from learner.registry import shelf
from learner.selectors import labelled_clips

LENGTHS = ("short", "middling", "long")


@dataclass(frozen=True)
class Picked:
    """What a strategy wants.

    Args:
        picks: Clips with their picks, best first.
        pool: All clips of the campaign's pool, with metrics.
        labelled: Keys of clips that have a MOS.
    """

    picks: list[tuple[Clip, Any]]
    pool: ScoredPool
    labelled: set[int]


def pick_clips(campaign: Campaign, request: RoundRequest) -> Picked:
    """The clips a round asks about: a random reserve, then what the strategy wants of the rest.

    Raises:
        NotPossible: every clip of the pool has been asked about.
        NotEnoughMetrics: no metric has a value for any clip.
    """
    from modAL.models import ActiveLearner

    from learner.proxy.estimator import BaggedProxy
    from learner.strategies.reserve import pick_with_reserve

    scored = scored_pool(campaign)
    clips, z_NM = scored.table.clips, scored.filled.values
    labelled = labelled_clips(campaign, request.target)
    asked = set(campaign.assignments.values_list("clip", flat=True))
    known = [row for row, clip in enumerate(clips) if clip.pk in labelled.mos]
    open_rows = [row for row, clip in enumerate(clips) if clip.pk not in asked | set(labelled.mos)]
    if not open_rows:
        raise NotPossible(
            "Every clip of the pool has been asked about: there is none left to pick."
        )
    strategy = shelf("strategy").get(request.strategy)()
    learner = ActiveLearner(estimator=BaggedProxy(seed=request.seed), query_strategy=strategy)
    if known:
        pks = [clips[row].pk for row in known]
        learner.teach(
            z_NM[known],
            np.array([labelled.mos[pk] for pk in pks]),
            noise_var=np.array([labelled.noise_var[pk] for pk in pks]),
        )
    kinds = strata_of(clips, request.clips_wanted)
    picks = pick_with_reserve(
        strategy,
        learner,
        z_NM[open_rows],
        request.clips_wanted,
        strata=[kinds[row] for row in open_rows],
        seen=sorted({kinds[row] for row in known}),
        stratify=request.is_stratified,
        reserve_frac=request.reserve_frac,
        seed=request.seed,
    )
    found = [(clips[open_rows[pick.index]], pick) for pick in picks]
    return Picked(found, scored, set(labelled.mos))


def strata_of(clips: Sequence[Clip], n: int) -> list[str]:
    """What kind each clip is of: length, condition, speaker and language direction.

    Where that makes more kinds than picks, so that most would get none, traits are left out:
    as few as will do, length first, then speaker.

    Source: the paper's section 2.3 (length, background, speaker, language direction).
    """
    traits = {
        "length": _lengths(clips),
        "speaker": [clip.speaker for clip in clips],
        "condition": [clip.condition for clip in clips],
        "languages": [_languages(clip) for clip in clips],
    }
    names = list(traits)
    for left_out in (out for size in range(len(names)) for out in combinations(names, size)):
        kept = [
            traits[name]
            for name in ("languages", "condition", "speaker", "length")
            if name not in left_out
        ]
        kinds = [", ".join(filter(None, one)) for one in zip(*kept, strict=True)]
        if len(set(kinds)) <= n:
            return kinds
    return [""] * len(clips)


def _lengths(clips: Sequence[Clip]) -> list[str]:
    """Thirds of the pool by length; one word for all where lengths hardly differ."""
    length_N = np.array([clip.duration_s for clip in clips])
    ends = np.quantile(length_N, [1 / 3, 2 / 3])
    if np.ptp(length_N) < 1:
        return [""] * len(clips)
    return [LENGTHS[int(third)] for third in np.searchsorted(ends, length_N, side="left")]


def _languages(clip: Clip) -> str:
    return clip.language_pair if clip.source_language or clip.target_language else ""
