"""Rounds: followed, closed, cancelled, and tried before they are launched."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.selectors import has_simulated_ratings
from learner import actions
from learner.actions.plans import next_stage
from learner.charts import pool_map
from learner.models import DryRun, FusionModel, Job, Round
from learner.selectors.rounds import advice_on_ratings, kinds_of, map_points, query_rows
from learner.views.access import studied


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def round_page(request: HttpRequest, campaign_id: str, number: int) -> HttpResponse:
    """One round: where it stands, what it asked and why, and what came of it."""
    campaign = studied(request, campaign_id)
    rounds = campaign.rounds.select_related("training_run", "wave")
    round_ = get_object_or_404(rounds, number=number)
    run = getattr(round_, "training_run", None)
    context = {
        "campaign": campaign,
        "round": round_,
        "steps": _steps(round_),
        "queries": query_rows(round_),
        "run": run,
        "model": FusionModel.objects.filter(training_run__round=round_).first(),
        "next_url": _next_url(round_),
        "is_simulated": has_simulated_ratings(campaign),
    }
    part = "learner/_round.html"
    return render(request, part if request.htmx else "learner/round.html", context)


@login_required
@require_POST
def stop_round(request: HttpRequest, campaign_id: str, number: int) -> HttpResponse:
    """Close a round early, cancel it, or go on with one that failed; ratings are kept always."""
    campaign = studied(request, campaign_id)
    round_ = get_object_or_404(campaign.rounds, number=number)
    how = {
        "close": lambda: actions.close_round_early(round_=round_),
        "again": lambda: actions.run_again(job=round_),
        "cancel": lambda: actions.cancel_round(round_=round_),
    }
    try:
        was_open = how.get(request.POST.get("how", ""), lambda: False)()
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("learner:round", campaign.public_id, number)
    if not was_open:
        messages.error(request, "The round has moved on: look where it stands now.")
    return redirect("learner:round", campaign.public_id, number)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def dry_run(request: HttpRequest, campaign_id: str, pk: int) -> HttpResponse:
    """What a round would ask, on a map of the pool; by POST the round is launched like that."""
    campaign = studied(request, campaign_id)
    tried = get_object_or_404(campaign.dry_runs, pk=pk)
    if request.method == "POST":
        return _launch(request, tried)
    context = {
        "campaign": campaign,
        "dry_run": tried,
        "map": pool_map(map_points(tried)) if tried.pool else None,
        "explained": sum(tried.pool["explained"]) if tried.pool else None,
        "kinds": kinds_of(tried),
        "advice": advice_on_ratings(campaign, tried),
        "again_url": f"{reverse('admin:learner_round_add')}?{urlencode(_choices(tried))}",
    }
    part = "learner/_dry_run.html"
    return render(request, part if request.htmx else "learner/dry_run.html", context)


def _launch(request: HttpRequest, tried: DryRun) -> HttpResponse:
    """The round that was tried; the same clips as long as no rating came in since."""
    plan = tried.plan
    try:
        round_ = actions.launch_round(
            campaign=tried.campaign,
            strategy=tried.strategy,
            budget_ratings=plan["total"] if plan else tried.budget_ratings,
            ratings_per_clip=tried.ratings_per_clip,
            target=tried.target,
            is_stratified=tried.is_stratified,
            reserve_frac=tried.reserve_frac,
            shares=plan.get("shares", ()),
            stage=plan.get("stage", 1),
            seed=tried.seed,
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("learner:dry_run", tried.campaign.public_id, tried.pk)
    return redirect("learner:round", round_.campaign.public_id, round_.number)


def _choices(asked: DryRun | Round, stage: int | None = None) -> dict[str, Any]:
    """The launch form filled in as it was before, or for another stage of the plan."""
    plan = asked.plan
    return {
        "campaign": asked.campaign_id,
        "strategy": asked.strategy,
        "budget_ratings": plan["total"] if plan else asked.budget_ratings,
        "ratings_per_clip": asked.ratings_per_clip,
        "target": asked.target,
        "is_stratified": "on" if asked.is_stratified else "",
        "reserve_frac": asked.reserve_frac,
        "seed": asked.seed,
        "stages": ", ".join(f"{100 * share:g}" for share in plan.get("shares", ())),
        "stage": stage or plan.get("stage", 1),
    }


def _next_url(round_: Round) -> str:
    """The launch form for what comes after this round."""
    following = next_stage(round_.plan)
    choices = _choices(round_, following["stage"] if following else None)
    if round_.plan and not following:  # the plan is done: what is asked now stands alone
        choices |= {"stages": "", "stage": 1, "budget_ratings": round_.budget_ratings}
    return f"{reverse('admin:learner_round_add')}?{urlencode({**choices, 'seed': round_.seed + 1})}"


def _steps(round_: Round) -> list[dict[str, str]]:
    """Each stage with how it stands, for the row of steps."""
    stages = list(Round.Stage)
    now = stages.index(Round.Stage(round_.stage))
    steps = []
    for index, stage in enumerate(stages):
        is_over = index < now or (index == now and round_.state == Job.State.DONE)
        state = "is-done" if is_over else ""
        if index == now and not state:
            has_failed = round_.state in (Job.State.FAILED, Job.State.CANCELLED)
            state = "is-failed" if has_failed else "is-now"
        steps.append({"label": stage.label, "state": state})
    return steps
