"""The page of raters: what is known of each, and whether their ratings count."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator import actions
from annotator.models import Campaign, Membership
from mos.selectors.raters import rater_rows
from mos.views.choice import chosen_aspect


@login_required
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def raters_page(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Every rater of a campaign on one aspect."""
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    aspects = list(campaign.rubric.aspects.order_by("position"))
    aspect = chosen_aspect(aspects, request.GET.get("aspect"))
    rows = rater_rows(campaign, aspect.key) if aspect else []
    context = {"campaign": campaign, "aspects": aspects, "aspect": aspect, "rows": rows}
    is_part = request.htmx.target == "raters"
    return render(request, f"mos/{'_' if is_part else ''}raters.html", context)


@login_required
@require_POST
def judge(request: HttpRequest, rater_id: str) -> HttpResponse:
    """Reject a rater, or accept one again, with the reason."""
    studied = Campaign.objects.studied_by(request.user)
    rater = get_object_or_404(
        Membership.objects.filter(campaign__in=studied).select_related("campaign"),
        public_id=rater_id,
    )
    is_accepted = request.POST.get("is_accepted") == "yes"
    try:
        reason = request.POST.get("reason", "")
        actions.judge_rater(rater=rater, is_accepted=is_accepted, reason=reason, by=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    return redirect("mos:raters", rater.campaign.public_id)
