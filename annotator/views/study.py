"""The researcher's pages of a campaign: how it stands, and moving it on."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator import actions, selectors
from annotator.actions.campaigns import STATES_AFTER
from annotator.models import Campaign


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def campaign(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """How a campaign stands: places, waves, raters, reports."""
    studied = Campaign.objects.studied_by(request.user).select_related("corpus", "rubric")
    found = get_object_or_404(studied, public_id=campaign_id)
    context = {
        "campaign": found,
        "progress": selectors.campaign_progress(found),
        "raters": selectors.rater_rows(found),
        "reports": selectors.open_reports(found),
        "is_simulated": selectors.has_simulated_ratings(found),
        "next_states": sorted(STATES_AFTER[Campaign.State(found.state)]),
    }
    part = "annotator/_campaign.html"
    return render(request, part if request.htmx else "annotator/campaign.html", context)


@login_required
@require_POST
def change_state(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Go live, pause, close or open again."""
    found = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    try:
        actions.set_campaign_state(campaign=found, state=request.POST.get("state", ""))
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("annotator:campaign", found.public_id)
