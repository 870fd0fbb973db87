"""Audits: whether a strategy beats chance on the labels of a campaign."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from annotator.selectors import has_simulated_ratings
from learner import actions
from learner.models import Audit
from learner.registry import shelf
from learner.selectors.audits import audit_charts
from learner.views.access import studied
from learner.views.jobs import change_job


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def audits(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Every audit of a campaign; by POST another one is queued."""
    campaign = studied(request, campaign_id)
    if request.method == "POST":
        try:
            asked = actions.ask_audit(campaign=campaign, **_asked(request))
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect("learner:audits", campaign.public_id)
        return redirect("learner:audit", campaign.public_id, asked.pk)
    strategies = [card for card in shelf("strategy").cards().values() if card.name != "random"]
    context = {
        "campaign": campaign,
        "audits": campaign.audits.all(),
        "strategies": strategies,
        "aspects": campaign.aspects,
        "is_simulated": has_simulated_ratings(campaign),
    }
    return render(request, "learner/audits.html", context)


def _asked(request: HttpRequest) -> dict[str, Any]:
    """What the form says.

    Raises:
        ValidationError: a number that is none.
    """
    try:
        n_replays = int(request.POST.get("n_replays", 30))
        seed = int(request.POST.get("seed", 0))
    except ValueError as error:
        raise ValidationError("Replays and seed are whole numbers.") from error
    return {
        "strategy": request.POST.get("strategy", "d_optimal"),
        "target": request.POST.get("aspect", "overall"),
        "n_replays": n_replays,
        "seed": seed,
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def audit_page(request: HttpRequest, campaign_id: str, pk: int) -> HttpResponse:
    """One audit: its progress, then what it found; by POST it is stopped or run again."""
    campaign = studied(request, campaign_id)
    audit: Audit = get_object_or_404(campaign.audits, pk=pk)
    if request.method == "POST":
        change_job(request, audit, "audit")
        return redirect("learner:audit", campaign.public_id, pk)
    context = {
        "campaign": campaign,
        "audit": audit,
        "is_simulated": has_simulated_ratings(campaign),
        **(audit_charts(audit) if audit.report else {}),
    }
    part = "learner/_audit.html"
    return render(request, part if request.htmx else "learner/audit.html", context)
