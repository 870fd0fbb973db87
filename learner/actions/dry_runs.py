"""Trying a round: what it would pick now, and why, without asking anyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import transaction

from annotator.models import Campaign
from learner.actions.jobs import Pulse, enqueue, finish, running
from learner.actions.picking import Picked, pick_clips
from learner.actions.requests import Wanted, check_request
from learner.charts import project_2d
from learner.models import DryRun

MOST_DOTS = 2000  # of clips not picked; a map of more shows no more


def ask_dry_run(
    *,
    campaign: Campaign,
    strategy: str,
    budget_ratings: int,
    ratings_per_clip: int,
    target: str = "overall",
    is_stratified: bool = True,
    reserve_frac: float = 0.2,
    shares: Sequence[float] = (),
    stage: int = 1,
    seed: int = 0,
) -> DryRun:
    """Queue a dry run with the choices of `launch_round`.

    Raises:
        ValidationError: as `launch_round`, but for a round that is open.
    """
    wanted = Wanted(
        strategy, budget_ratings, ratings_per_clip, target, is_stratified, reserve_frac, seed
    )
    dry_run = wanted.fill(DryRun(campaign=campaign), shares, stage)
    dry_run.clean_fields()
    check_request(dry_run)
    with transaction.atomic():
        dry_run.save()
        enqueue(dry_run)
    return dry_run


def run_dry_run(pk: int) -> None:
    """Pick as a round would, and keep the picks and a map."""
    dry_run = DryRun.objects.select_related("campaign__corpus", "campaign__rubric").get(pk=pk)
    with running(dry_run) as pulse:
        if pulse is None:
            return
        pulse.progress(0.1, "Choosing clips")
        picked = pick_clips(dry_run.campaign, dry_run)
        _keep(picked, pulse)


def _keep(picked: Picked, pulse: Pulse) -> None:
    picks = [
        {
            "clip": clip.public_id,
            "name": clip.name,
            "condition": clip.condition,
            "rank": rank,
            "score": pick.score,
            "reason": pick.reason,
            "is_reserve": pick.is_reserve,
        }
        for rank, (clip, pick) in enumerate(picked.picks, start=1)
    ]
    pulse.progress(0.8, "Drawing the map")
    finish(pulse, f"{len(picks)} clips would be asked about", picks=picks, pool=_map(picked))


def _map(picked: Picked) -> dict[str, Any]:
    """Where clips lie in two dimensions: all that are picked, and some of the others."""
    found = project_2d(picked.pool.filled.values)
    places = {clip.pk: rank for rank, (clip, _) in enumerate(picked.picks, start=1)}
    reserve = {clip.pk for clip, pick in picked.picks if pick.is_reserve}
    clips = picked.pool.table.clips
    rest = [i for i, clip in enumerate(clips) if clip.pk not in places]
    if len(rest) > MOST_DOTS:
        rest = sorted(np.random.default_rng(0).choice(rest, MOST_DOTS, replace=False).tolist())
    rows = [i for i, clip in enumerate(clips) if clip.pk in places] + rest
    return {
        "explained": [round(float(share), 4) for share in found.explained_2],
        "n_clips": len(clips),
        "points": [
            {
                "x": round(float(found.xy_N2[i, 0]), 4),
                "y": round(float(found.xy_N2[i, 1]), 4),
                "clip": clips[i].public_id,
                "name": clips[i].name,
                "rank": places.get(clips[i].pk),
                "is_reserve": clips[i].pk in reserve,
                "is_labelled": clips[i].pk in picked.labelled,
            }
            for i in rows
        ],
    }
