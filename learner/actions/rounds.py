"""Rounds: pick clips, collect ratings, refit the proxy, train the network.

Every step is a conditional update of the row, so that it can be taken twice and by anyone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from annotator.actions import open_wave
from annotator.models import Assignment, Campaign, Clip
from learner.actions.extraction import queue_extraction
from learner.actions.jobs import Pulse, cancel_job, enqueue, finish, reopen, running
from learner.actions.outcome import outcome_of
from learner.actions.picking import pick_clips
from learner.actions.proxy import NotEnoughMetrics, fit_proxy
from learner.actions.requests import Wanted, check_request
from learner.actions.training import why_no_training
from learner.models import Job, ProxyWeights, Query, Round, TrainingRun
from learner.selectors import missing_metrics

Stage = Round.Stage


def launch_round(
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
) -> Round:
    """Start a round; the worker does the rest.

    Args:
        budget_ratings: Of the round; of the whole plan where `shares` are given.
        shares: Of the plan's budget, cumulative, such as the paper's .33, .66, 1.
        stage: Which of them this round is, counted from 1.

    Raises:
        ValidationError: the campaign is not live, another round is open, the budget does not pay
            for one clip, a number is out of its range, or strategy or target is unknown.
    """
    wanted = Wanted(
        strategy, budget_ratings, ratings_per_clip, target, is_stratified, reserve_frac, seed
    )
    round_ = wanted.fill(Round(campaign=campaign), shares, stage)
    round_.number = (campaign.rounds.aggregate(last=Max("number"))["last"] or 0) + 1
    round_.clean_fields()
    check_request(round_)
    if campaign.rounds.unfinished().exists():
        raise ValidationError(_still_open(campaign))
    try:
        with transaction.atomic():
            round_.save()
            enqueue(round_)
    except IntegrityError as race:  # the numbers are in range, so another launch was faster
        raise ValidationError(_still_open(campaign)) from race
    return round_


def _still_open(campaign: Campaign) -> str:
    open_round = campaign.rounds.unfinished().first()
    name = f"Round {open_round.number}" if open_round else "Another round"
    return f"{name} of {campaign} is still open: wait for it, close it early or cancel it."


def run_round(pk: int) -> None:
    """Take a round through the stage it stands at."""
    round_ = Round.objects.select_related("campaign__corpus", "campaign__rubric").get(pk=pk)
    with running(round_) as pulse:
        if pulse is None:
            return
        if round_.stage == Stage.PICKING:
            _pick(round_, pulse)
        elif round_.stage == Stage.REFITTING:
            _refit(round_, pulse)


def _pick(round_: Round, pulse: Pulse) -> None:
    """Choose clips and open places for them; first see to it that their metrics are there."""
    missing = missing_metrics(round_.campaign)
    if missing:
        extraction = queue_extraction(corpus=round_.campaign.corpus)
        pulse.write(
            state=Job.State.WAITING,
            progress_text=f"Metrics of {missing} clips are computed first",
            config={**round_.config, "extraction": extraction.pk},
        )
        return
    pulse.progress(0.05, "Choosing clips")
    picks = pick_clips(round_.campaign, round_).picks
    with transaction.atomic():
        # The row first: a worker that lost it must not open a second wave.
        pulse.write(stage=Stage.COLLECTING, state=Job.State.WAITING, owner=pulse.owner)
        wave = open_wave(
            campaign=round_.campaign,
            label=f"Round {round_.number}",
            clips=[clip for clip, _ in picks],
            ratings_per_clip=round_.ratings_per_clip,
        )
        Query.objects.bulk_create(
            Query(
                round=round_,
                clip=clip,
                rank=rank,
                score=pick.score,
                reason=pick.reason,
                is_reserve=pick.is_reserve,
            )
            for rank, (clip, pick) in enumerate(picks, start=1)
        )
        Round.objects.filter(pk=round_.pk).update(
            wave=wave,
            owner="",
            progress_text=f"0 of {len(picks) * round_.ratings_per_clip} ratings are in",
        )


def _refit(round_: Round, pulse: Pulse) -> None:
    """Learn weights from every label so far, and queue the training that uses them."""
    pulse.progress(0.6, "Learning weights")
    try:
        values = fit_proxy(round_.campaign, round_.target, seed=round_.seed)
    except NotEnoughMetrics as reason:
        _end_untrained(pulse, str(reason))
        return
    outcome = outcome_of(round_, values)
    reason = why_no_training(round_.campaign, round_.target)
    if not reason and not outcome["retrain"]:
        reason = "Nothing that is switched on calls for training the network anew."
    others = round_.campaign.training_runs.unfinished().exclude(round=round_)
    if not reason and others.exists():
        reason = "A training of the campaign is open already: train anew when it is done."
    if reason:
        _end_refitted(round_, pulse, values, outcome, reason)
        return
    with transaction.atomic():
        pulse.write(
            stage=Stage.TRAINING, state=Job.State.WAITING, owner=pulse.owner, outcome=outcome
        )
        weights, _ = ProxyWeights.objects.get_or_create(
            round=round_, defaults={"campaign": round_.campaign, "target": round_.target, **values}
        )
        run, is_new = TrainingRun.objects.get_or_create(
            round=round_,
            defaults={
                "campaign": round_.campaign,
                "target": round_.target,
                "proxy_weights": weights,
                "cause": f"Round {round_.number}: {outcome['retrain']}"[:200],
                "seed": round_.seed,
                "progress_text": "Waiting for a worker",
            },
        )
        Round.objects.filter(pk=round_.pk).update(
            owner="", progress_frac=0.65, progress_text="The network is being trained"
        )
        if is_new:
            enqueue(run)


def _end_refitted(
    round_: Round, pulse: Pulse, values: dict[str, Any], outcome: dict[str, Any], reason: str
) -> None:
    """Done without a network, for which the labels are too few; the weights are kept."""
    with transaction.atomic():
        pulse.write()  # the row first: a worker that lost it must not keep a second fit
        ProxyWeights.objects.get_or_create(
            round=round_, defaults={"campaign": round_.campaign, "target": round_.target, **values}
        )
        finish(pulse, f"Weights are learned. {reason}", outcome=outcome)


def _end_untrained(pulse: Pulse, reason: str) -> None:
    pulse.write(state=Job.State.FAILED, error_text=reason)
    pulse.finished.set()


def close_round_early(*, round_: Round) -> bool:
    """Go on with the ratings that are in; places still free are taken away.

    Returns:
        Whether the round was collecting.
    """
    with transaction.atomic():
        moved = Round.objects.filter(
            pk=round_.pk, stage=Stage.COLLECTING, state=Job.State.WAITING
        ).update(stage=Stage.REFITTING, state=Job.State.QUEUED, progress_text="Closed early")
        if moved:
            Assignment.objects.free().filter(wave=round_.wave_id).delete()
            enqueue(round_)
    return bool(moved)


@transaction.atomic
def cancel_round(*, round_: Round) -> bool:
    """Stop a round for good; places nobody has taken go, ratings that are in stay.

    Returns:
        Whether it could still be stopped.
    """
    if not cancel_job(job=round_):
        return False
    round_.refresh_from_db()
    if round_.wave_id:
        Assignment.objects.free().filter(wave=round_.wave_id).delete()
    for run in TrainingRun.objects.filter(round=round_):
        cancel_job(job=run)
    return True


@transaction.atomic
def run_again(*, job: Job) -> bool:
    """Go on with a failed or cancelled job where it stood; say whether it was one.

    A training run of a round takes its round along, and a round its training run.

    Raises:
        ValidationError: another job of the same kind is open in its place, or the round was
            cancelled while it collected: its free places are gone.
    """
    if isinstance(job, Round) and (job.stage, job.state) == (Stage.COLLECTING, Job.State.CANCELLED):
        raise ValidationError(
            f"{job} was cancelled while ratings came in, and its places were given up. "
            "Those ratings count all the same: launch another round."
        )
    if isinstance(job, TrainingRun) and job.round is not None:
        moved = reopen(job)
        reopen(job.round, Job.State.WAITING)
        return moved
    if isinstance(job, Round) and job.stage in (Stage.COLLECTING, Stage.TRAINING):
        moved = reopen(job, Job.State.WAITING)
        for run in TrainingRun.objects.filter(round=job):
            reopen(run)
        return moved
    return reopen(job)


def follow_rounds() -> None:
    """Look at every waiting round and move it on when what it waits for has come."""
    for round_ in Round.objects.filter(state=Job.State.WAITING).select_related("wave"):
        follow = {
            Stage.PICKING: _follow_extraction,
            Stage.COLLECTING: _follow_ratings,
            Stage.TRAINING: _follow_training,
        }[Stage(round_.stage)]
        follow(round_)


def _waiting(round_: Round, stage: str) -> object:
    return Round.objects.filter(pk=round_.pk, stage=stage, state=Job.State.WAITING)


def _follow_extraction(round_: Round) -> None:
    """Pick once the extraction is done; fail with it when it failed."""
    from learner.models import Extraction

    extraction = Extraction.objects.get(pk=round_.config["extraction"])
    rows = _waiting(round_, Stage.PICKING)
    if extraction.state == Job.State.DONE:
        with transaction.atomic():
            if rows.update(state=Job.State.QUEUED, progress_text="Metrics are there"):
                enqueue(round_)
    elif extraction.is_open:
        rows.update(progress_text=f"Metrics first: {extraction.progress_text}"[:200])
    else:
        rows.update(
            state=Job.State.FAILED,
            error_text=f"Extraction {extraction.pk} was not completed: "
            f"{extraction.error_text or 'it was cancelled.'}",
        )


def _follow_ratings(round_: Round) -> None:
    """Refit once every place of a clip that can still be rated has its rating."""
    places = Assignment.objects.filter(
        wave=round_.wave_id, place__isnull=False, clip__state=Clip.State.READY
    )
    total, rated = places.count(), places.rated().count()
    rows = _waiting(round_, Stage.COLLECTING)
    if total == 0:
        rows.update(
            state=Job.State.FAILED,
            error_text="None of its clips can be rated any more: all were marked as broken.",
            finished_at=timezone.now(),
        )
        return
    if rated < total:
        rows.update(
            progress_frac=0.1 + 0.5 * rated / total,
            progress_text=f"{rated} of {total} ratings are in",
        )
        return
    with transaction.atomic():
        if rows.update(
            stage=Stage.REFITTING,
            state=Job.State.QUEUED,
            progress_frac=0.6,
            progress_text=f"All {total} ratings are in",
        ):
            enqueue(round_)


def _follow_training(round_: Round) -> None:
    """Done when the training is; failed with its words when it failed."""
    run = TrainingRun.objects.get(round=round_)
    rows = _waiting(round_, Stage.TRAINING)
    if run.state == Job.State.DONE:
        rows.update(
            stage=Stage.TRAINED,
            state=Job.State.DONE,
            progress_frac=1.0,
            progress_text="Trained",
            finished_at=timezone.now(),
        )
    elif run.is_open:
        rows.update(
            progress_frac=0.65 + 0.35 * run.progress_frac,
            progress_text=f"Training: {run.progress_text}"[:200],
        )
    else:
        rows.update(
            state=Job.State.FAILED,
            error_text=f"Training run {run.pk} was not completed: "
            f"{run.error_text or 'it was cancelled.'}",
            finished_at=timezone.now(),
        )
