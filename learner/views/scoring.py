"""Scoring one clip: a form that takes it in, and a page that says what came of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from annotator.models import Campaign
from annotator.selectors import has_simulated_ratings
from learner import actions
from learner.forms import ScoreForm
from learner.models import Scoring
from learner.selectors.registry import aspects_with_model
from learner.selectors.scoring import shown
from learner.views.access import studied
from learner.views.jobs import change_job

LAST = 20


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def score(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The form, and the last scorings of the campaign; by POST another one is queued."""
    campaign = studied(request, campaign_id)
    is_asked = request.method == "POST"
    given = (request.POST, request.FILES) if is_asked else ()
    form = ScoreForm(*given, campaign=campaign)
    if is_asked and (asked := _asked(form, request)):
        return redirect("learner:scoring", campaign.public_id, asked.public_id)
    aspects = aspects_with_model(campaign)
    keys = [aspect.key for aspect in aspects]
    usual = "overall" if "overall" in keys else next(iter(keys), "")
    context = {
        "campaign": campaign,
        "form": form,
        "aspects": aspects,
        "chosen": form["target"].value() or usual,
        "scorings": campaign.scorings.select_related("clip")[:LAST],
        "most_bytes": settings.DUBSCORE_SCORE_MOST_BYTES,
        "keep_days": settings.DUBSCORE_KEEP_UPLOADS_DAYS,
        "is_simulated": has_simulated_ratings(campaign),
    }
    return render(request, "learner/score.html", context, status=422 if form.errors else 200)


def _asked(form: ScoreForm, request: HttpRequest) -> Scoring | None:
    """The scoring that was queued; None where the form now says what is wrong."""
    if not form.is_valid():
        return None
    try:
        return actions.ask_scoring(
            campaign=form.campaign, asked_by=request.user, **form.cleaned_data
        )
    except ValidationError as refusal:
        form.add_error(None, refusal.messages)
        return None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def scoring_page(request: HttpRequest, campaign_id: str, scoring_id: str) -> HttpResponse:
    """One scoring: its progress, then its result; by POST it is stopped or run again."""
    campaign = studied(request, campaign_id)
    scoring = _scoring(campaign, scoring_id)
    if request.method == "POST":
        change_job(request, scoring, "scoring")
        return redirect("learner:scoring", campaign.public_id, scoring_id)
    context: dict[str, Any] = {"campaign": campaign, "scoring": scoring, **shown(scoring)}
    part = "learner/_scoring.html"
    return render(request, part if request.htmx else "learner/scoring.html", context)


def _scoring(campaign: Campaign, scoring_id: str) -> Scoring:
    rows = campaign.scorings.select_related("clip__source", "source", "fusion_model", "campaign")
    found: Scoring = get_object_or_404(rows, public_id=scoring_id)
    return found
