"""Audits: a strategy against chance on the labels of a campaign, replay after replay."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from annotator.models import Campaign
from learner.actions.checks import check_aspect, check_strategy
from learner.actions.jobs import NotPossible, Pulse, enqueue, finish, running
from learner.actions.picking import strata_of
from learner.actions.proxy import scored_pool
from learner.models import Audit
from learner.selectors import labelled_clips
from learner.selectors.units import units_of

FEWEST_REPLAYS, MOST_REPLAYS = 30, 1000


def ask_audit(
    *,
    campaign: Campaign,
    strategy: str = "d_optimal",
    target: str = "overall",
    n_replays: int = FEWEST_REPLAYS,
    seed: int = 0,
) -> Audit:
    """Queue an audit; how many replays it has is fixed before the first.

    Raises:
        ValidationError: fewer than 30 replays, random or an unknown strategy, an unknown aspect, a
            seed out of range, or another audit of the campaign is open.
    """
    check_strategy(strategy)
    if strategy == "random":
        raise ValidationError("Random against random tells nothing: choose another strategy.")
    check_aspect(campaign, target)
    if not FEWEST_REPLAYS <= n_replays <= MOST_REPLAYS:
        raise ValidationError(
            f"{n_replays} replays: take {FEWEST_REPLAYS} to {MOST_REPLAYS}; with fewer luck cannot "
            "be told from skill."
        )
    audit = Audit(
        campaign=campaign,
        strategy=strategy,
        target=target,
        n_replays=n_replays,
        seed=seed,
        progress_text="Waiting for a worker",
    )
    audit.clean_fields()
    try:
        with transaction.atomic():
            audit.save()
            enqueue(audit)
    except IntegrityError as race:
        raise ValidationError(
            f"An audit of {campaign} is still open: wait for it or cancel it."
        ) from race
    return audit


def run_audit(pk: int) -> None:
    """Replay, keep each replay as it ends, and report; goes on where an earlier worker stopped.

    Labels that came in meanwhile would make replays of two kinds: then it begins anew.
    """
    audit = Audit.objects.select_related("campaign__corpus", "campaign__rubric").get(pk=pk)
    with running(audit) as pulse:
        if pulse is None:
            return
        pulse.progress(0.0, "Reading labels")
        try:
            _replay(audit, pulse)
        except ValueError as error:  # the core's words say how many labels, or sources, are needed
            raise NotPossible(str(error)) from error


def _replay(audit: Audit, pulse: Pulse) -> None:
    from learner.audit import AuditPlan, SeedResult, audit_report, replay_seed

    data, known = labels_of(audit)
    if audit.data != known:
        audit.replays = []
        pulse.write(data=known, replays=[])
    plan, replays = AuditPlan(audit.strategy), list(audit.replays)
    for number in range(len(replays), audit.n_replays):
        pulse.check()
        replays.append(replay_seed(data, plan, audit.seed + number).to_json())
        text = f"{number + 1} of {audit.n_replays} replays"
        pulse.progress(0.98 * (number + 1) / audit.n_replays, text, replays=replays)
    report = audit_report([SeedResult.from_json(one) for one in replays])
    finish(pulse, report.verdict[:200], replays=replays, report=report.to_json())


def labels_of(audit: Audit) -> tuple[Any, dict[str, Any]]:
    """The labels to be replayed, and their number and hash.

    Raises:
        ValueError: too few clips have a MOS; the words say how many are needed.
    """
    from learner.audit import AuditData

    pool = scored_pool(audit.campaign)
    labelled = labelled_clips(audit.campaign, audit.target)
    rows = [row for row, clip in enumerate(pool.table.clips) if clip.pk in labelled.mos]
    clips = [pool.table.clips[row] for row in rows]
    z_NM = pool.filled.values[rows]
    mos_N = np.array([labelled.mos[clip.pk] for clip in clips])
    data = AuditData(
        z_NM=z_NM,
        mos_N=mos_N,
        sources_N=tuple(units_of(clips)),
        strata_N=tuple(strata_of(clips, max(len(clips) // 10, 1)) if clips else ()),
    )
    digest = sha256(np.ascontiguousarray(z_NM).tobytes() + mos_N.tobytes()).hexdigest()
    n_ratings = sum(labelled.n_ratings[clip.pk] for clip in clips)
    return data, {"hash": digest, "n_clips": len(clips), "n_ratings": n_ratings}
