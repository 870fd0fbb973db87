"""Trained models: trained anew, watched, compared, promoted and rolled back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.models import Campaign
from annotator.selectors import has_simulated_ratings
from learner import actions
from learner.actions.registry import why_not_better
from learner.actions.triggers import TITLES, policy_of, triggers
from learner.charts import loss_charts, scatter
from learner.fusion.config import LOSSES, PRESETS
from learner.models import FusionModel, TrainingRun
from learner.selectors import prediction_rows
from learner.selectors.registry import (
    compare_models,
    gate_rows,
    model_before,
    model_in_use,
    models_of,
    setting_rows,
)
from learner.views.access import studied
from learner.views.jobs import change_job


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def models(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Every trained model of a campaign; by POST another training is queued."""
    campaign = studied(request, campaign_id)
    if request.method == "POST":
        try:
            run = actions.ask_training(campaign=campaign, **_asked(request))
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect("learner:models", campaign.public_id)
        return redirect("learner:training", campaign.public_id, run.pk)
    kept = policy_of(campaign)
    targets = {model.target for model in models_of(campaign)} or {"overall"}
    context = {
        "campaign": campaign,
        "models": models_of(campaign),
        "in_use": {one.pk for t in targets if (one := model_in_use(campaign, t))},
        "open_run": campaign.training_runs.unfinished().first(),
        "triggers": [(t, triggers(campaign, t)) for t in sorted(targets)],
        "switches": [(k, title, getattr(kept, k)) for k, title in TITLES.items()],
        "promotions": campaign.promotions.select_related("by"),
        "before": [(t, one) for t in sorted(targets) if (one := model_before(campaign, t))],
        "aspects": campaign.aspects,
        "presets": PRESETS,
        "losses": LOSSES,
        "is_simulated": has_simulated_ratings(campaign),
    }
    return render(request, "learner/models.html", context)


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What the form says.

    Raises:
        ValidationError: a seed that is no number.
    """
    try:
        seed = int(request.POST.get("seed", 0))
    except ValueError as error:
        raise ValidationError("The seed is a whole number.") from error
    return {
        "target": request.POST.get("aspect", "overall"),
        "preset": request.POST.get("preset", "small"),
        "loss": request.POST.get("loss", "mse_ccc"),
        "seed": seed,
    }


@login_required
@require_POST
def policy(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Switch on what makes a finished round train the network."""
    campaign = studied(request, campaign_id)
    actions.set_policy(campaign=campaign, **{key: key in request.POST for key in TITLES})
    return redirect("learner:models", campaign.public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def training(request: HttpRequest, campaign_id: str, pk: int) -> HttpResponse:
    """One training with its live curves; by POST it is stopped or gone on with."""
    campaign = studied(request, campaign_id)
    run: TrainingRun = get_object_or_404(campaign.training_runs.select_related("round"), pk=pk)
    if request.method == "POST":
        change_job(request, run, "training")
        return redirect("learner:training", campaign.public_id, pk)
    context = {
        "campaign": campaign,
        "run": run,
        "charts": loss_charts(run.curves),
        "model": FusionModel.objects.filter(training_run=run).first(),
        "is_simulated": has_simulated_ratings(campaign),
    }
    part = "learner/_training.html"
    return render(request, part if request.htmx else "learner/training.html", context)


@login_required
@require_safe
@never_cache
def model_page(request: HttpRequest, campaign_id: str, pk: int) -> HttpResponse:
    """One model: what it is, how well it does, and how it compares with another."""
    campaign = studied(request, campaign_id)
    model = _model(campaign, pk)
    now = model_in_use(campaign, model.target)
    others = [one for one in models_of(campaign, model.target) if one.pk != model.pk]
    other = _other(others, request.GET.get("with"), now)
    comparison = compare_models(other, model) if other else None
    rows = prediction_rows(model, campaign, model.target)
    points = [
        (row["mos_raw"], row["dubscore_raw"], row["clip"].name)
        for row in rows
        if row["mos_raw"] is not None
    ]
    context = {
        "campaign": campaign,
        "model": model,
        "run": model.training_run,
        "is_in_use": now is not None and now.pk == model.pk,
        "others": others,
        "other": other,
        "comparison": comparison,
        "against": _against(now, other, model, comparison),
        "now": now,
        "rescoring": model.rescorings.first(),
        "charts": loss_charts(model.training_run.curves),
        "scatter": scatter(points),
        "gates": gate_rows(model),
        "settings": setting_rows(model),
        "is_simulated": has_simulated_ratings(campaign),
    }
    return render(request, "learner/model.html", context)


def _against(
    now: FusionModel | None,
    other: FusionModel | None,
    model: FusionModel,
    comparison: dict[str, Any] | None,
) -> str:
    """Why the model would not be promoted, whatever it is shown beside."""
    if now is None or now.pk == model.pk:
        return ""
    is_shown = other is not None and other.pk == now.pk and comparison is not None
    return why_not_better(comparison if is_shown else compare_models(now, model))


def _model(campaign: Campaign, pk: int) -> FusionModel:
    own = FusionModel.objects.filter(training_run__campaign=campaign)
    return get_object_or_404(own.select_related("training_run__proxy_weights"), pk=pk)


def _other(
    others: list[FusionModel], wanted: str | None, now: FusionModel | None
) -> FusionModel | None:
    """The model asked for, else the one in use, else the last of the others."""
    for key in (wanted, str(now.pk) if now else None):
        for other in others:
            if str(other.pk) == key:
                return other
    return others[0] if others else None


@login_required
@require_POST
def promote(request: HttpRequest, campaign_id: str, pk: int) -> HttpResponse:
    """Let a model speak for its campaign, if it is no worse or there is a reason."""
    campaign = studied(request, campaign_id)
    model = _model(campaign, pk)
    try:
        actions.promote(
            model=model,
            by=request.user,
            reason=request.POST.get("reason", ""),
            is_forced="force" in request.POST,
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        messages.success(request, f"{model} is in use now.")
    return redirect("learner:model", campaign.public_id, pk)


@login_required
@require_POST
def roll_back(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Put the model before the last one back in use."""
    campaign = studied(request, campaign_id)
    try:
        back = actions.roll_back(
            campaign=campaign,
            target=request.POST.get("aspect", "overall"),
            by=request.user,
            reason=request.POST.get("reason", ""),
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("learner:models", campaign.public_id)
    messages.success(request, f"{back.fusion_model} is in use again.")
    return redirect("learner:model", campaign.public_id, back.fusion_model_id)
