"""Reproductions: the paper's tables from a campaign's own ratings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.selectors import has_simulated_ratings
from learner import actions
from learner.models import Reproduction
from learner.selectors.reproduction import KINDS, report_file, report_shown
from learner.views.access import studied
from learner.views.jobs import change_job


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reproductions(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Every report of a campaign; by POST another one is queued."""
    campaign = studied(request, campaign_id)
    if request.method == "POST":
        try:
            asked = actions.ask_reproduction(
                campaign=campaign,
                target=request.POST.get("aspect", "overall"),
                is_quick="is_quick" in request.POST,
            )
        except ValidationError as refusal:
            messages.error(request, " ".join(refusal.messages))
            return redirect("learner:reproductions", campaign.public_id)
        return redirect("learner:reproduction", campaign.public_id, asked.pk)
    context = {
        "campaign": campaign,
        "reproductions": campaign.reproductions.defer("report"),
        "aspects": campaign.aspects,
        "is_simulated": has_simulated_ratings(campaign),
    }
    return render(request, "learner/reproductions.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def reproduction_page(request: HttpRequest, campaign_id: str, pk: int) -> HttpResponse:
    """One report: its progress, then its tables; by POST it is stopped or gone on with."""
    campaign = studied(request, campaign_id)
    asked: Reproduction = get_object_or_404(campaign.reproductions, pk=pk)
    if request.method == "POST":
        change_job(request, asked, "report")
        return redirect("learner:reproduction", campaign.public_id, pk)
    context = {
        "campaign": campaign,
        "asked": asked,
        "is_simulated": has_simulated_ratings(campaign),
        **(report_shown(asked.report) if asked.report else {}),
    }
    part = "learner/_reproduction.html"
    return render(request, part if request.htmx else "learner/reproduction.html", context)


@login_required
@require_safe
@never_cache
def reproduction_file(request: HttpRequest, campaign_id: str, pk: int, kind: str) -> HttpResponse:
    """A finished report as a file, to be kept or computed with."""
    campaign = studied(request, campaign_id)
    asked: Reproduction = get_object_or_404(campaign.reproductions, pk=pk)
    if kind not in KINDS or not asked.report:
        raise Http404(f"There is no {kind} file of {asked}.")
    answer = HttpResponse(report_file(asked, kind), content_type=f"{KINDS[kind]}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="reproduction-{pk}.{kind}"'
    return answer
