"""The researcher's pages of the learner room."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.models import Campaign
from annotator.selectors import has_simulated_ratings
from learner import actions, selectors
from learner.charts import curve, scatter
from learner.models import FusionModel, Job, Round


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def overview(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Metrics, proxy, rounds, training and DubScores of a campaign."""
    campaign = _studied(request, campaign_id)
    context = {"campaign": campaign, **_standing(campaign), **_results(campaign)}
    part = "learner/_overview.html"
    return render(request, part if request.htmx else "learner/overview.html", context)


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def round_page(request: HttpRequest, campaign_id: str, number: int) -> HttpResponse:
    """One round: where it stands, what it asked and why, and what came of it."""
    campaign = _studied(request, campaign_id)
    rounds = campaign.rounds.select_related("training_run", "wave")
    round_ = get_object_or_404(rounds, number=number)
    weights = round_.proxy_weights.first()
    run = getattr(round_, "training_run", None)
    context = {
        "campaign": campaign,
        "round": round_,
        "steps": _steps(round_),
        "queries": selectors.query_rows(round_),
        "run": run,
        "curve": curve(run.curves) if run else "",
        "weights": weights,
        "weight_rows": selectors.weight_rows(weights) if weights else [],
        "model": FusionModel.objects.filter(training_run__round=round_).first(),
        "is_simulated": has_simulated_ratings(campaign),
    }
    part = "learner/_round.html"
    return render(request, part if request.htmx else "learner/round.html", context)


@login_required
@require_POST
def extract(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Have what is missing of the corpus computed, ask again for what had no answer, or stop."""
    campaign = _studied(request, campaign_id)
    how = request.POST.get("how", "")
    if how == "cancel":
        for under_way in campaign.corpus.extractions.unfinished():
            actions.cancel_job(job=under_way)
    else:
        actions.queue_extraction(corpus=campaign.corpus, is_retry=how == "again")
    return redirect("learner:overview", campaign.public_id)


@login_required
@require_POST
def stop_round(request: HttpRequest, campaign_id: str, number: int) -> HttpResponse:
    """Close a round early, cancel it, or go on with one that failed; ratings are kept always."""
    campaign = _studied(request, campaign_id)
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


def _studied(request: HttpRequest, campaign_id: str) -> Campaign:
    studied = Campaign.objects.studied_by(request.user).select_related("corpus", "rubric")
    return get_object_or_404(studied, public_id=campaign_id)


def _standing(campaign: Campaign) -> dict[str, Any]:
    """What is under way, and how complete things are."""
    extraction = campaign.corpus.extractions.first()
    runs = list(campaign.training_runs.select_related("round")[:5])
    rounds = list(campaign.rounds.all())
    jobs: list[Job] = [*([extraction] if extraction else []), *runs, *rounds]
    coverage = selectors.coverage(campaign)
    return {
        "extraction": extraction,
        "coverage": coverage,
        "has_reasons": any(row["n_without"] for row in coverage),
        "rounds": rounds,
        "runs": runs,
        "is_moving": any(job.is_open for job in jobs),
        "is_simulated": has_simulated_ratings(campaign),
        "launch_url": f"{reverse('admin:learner_round_add')}?campaign={campaign.pk}",
    }


def _results(campaign: Campaign) -> dict[str, Any]:
    """What has been learned so far."""
    weights = campaign.proxy_weights.first()
    models = FusionModel.objects.filter(training_run__campaign=campaign)
    model = models.select_related("training_run__proxy_weights").first()
    learned = {
        "weights": weights,
        "weight_rows": selectors.weight_rows(weights) if weights else [],
    }
    if model is None:
        return learned
    target = model.training_run.proxy_weights.target
    rows = selectors.prediction_rows(model, campaign, target)
    points = [
        (row["mos_raw"], row["dubscore_raw"], row["clip"].name)
        for row in rows
        if row["mos_raw"] is not None
    ]
    return {**learned, "model": model, "predictions": rows, "scatter": scatter(points)}


def _steps(round_: Round) -> list[dict[str, str]]:
    """Each stage with how it stands, for the row of steps."""
    stages = list(Round.Stage)
    now = stages.index(Round.Stage(round_.stage))
    steps = []
    for index, stage in enumerate(stages):
        state = "is-done" if index < now or round_.state == Job.State.DONE else ""
        if index == now and not state:
            is_over = round_.state in (Job.State.FAILED, Job.State.CANCELLED)
            state = "is-failed" if is_over else "is-now"
        steps.append({"label": stage.label, "state": state})
    return steps
