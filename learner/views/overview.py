"""Where learning stands in a campaign."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.models import Campaign
from annotator.selectors import has_simulated_ratings
from learner import actions, selectors
from learner.charts import learning_curve, scatter
from learner.models import Job
from learner.selectors.proxy import curve_series, history, last_audit
from learner.selectors.registry import model_in_use, models_of
from learner.views.access import studied


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def overview(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Metrics, proxy, rounds, training and DubScores of a campaign."""
    campaign = studied(request, campaign_id)
    context = {"campaign": campaign, **_standing(campaign), **_results(campaign)}
    part = "learner/_overview.html"
    return render(request, part if request.htmx else "learner/overview.html", context)


@login_required
@require_POST
def extract(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Have what is missing of the corpus computed, ask again for what had no answer, or stop."""
    campaign = studied(request, campaign_id)
    how = request.POST.get("how", "")
    if how == "cancel":
        for under_way in campaign.corpus.extractions.unfinished():
            actions.cancel_job(job=under_way)
    else:
        actions.queue_extraction(corpus=campaign.corpus, is_retry=how == "again")
    return redirect("learner:overview", campaign.public_id)


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
    models = models_of(campaign)
    target = models[0].target if models else "overall"
    model = model_in_use(campaign, target) or (models[0] if models else None)
    fits = history(campaign, weights.target) if weights else []
    learned = {
        "weights": weights,
        "audit": last_audit(campaign),
        "newer": models[0] if models and model and models[0].pk > model.pk else None,
    }
    if len({fit.n_clips for fit in fits}) > 1:
        words = ("clips with a MOS", "PCC with MOS")
        learned["curve"] = learning_curve(curve_series(fits), *words)
    if model is None:
        return learned
    rows = selectors.prediction_rows(model, campaign, model.target)
    points = [
        (row["mos_raw"], row["dubscore_raw"], row["clip"].name)
        for row in rows
        if row["mos_raw"] is not None
    ]
    return {**learned, "model": model, "predictions": rows, "scatter": scatter(points)}
