"""Stored reports: keeping one, reading one, printing one."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from annotator.models import Campaign
from mos import actions
from mos.models import ReliabilityReport
from mos.selectors import data_hash


@login_required
@require_POST
def store(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Keep every figure as it is now."""
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    try:
        title = request.POST.get("title", "")
        report = actions.store_report(campaign=campaign, title=title, by=request.user)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("mos:reliability", campaign.public_id)
    return redirect("mos:report", report.public_id)


@login_required
@require_safe
def report_page(request: HttpRequest, report_id: str) -> HttpResponse:
    """A report as it was stored, to be read, printed or, with `?format=json`, computed with."""
    studied = ReliabilityReport.objects.filter(
        campaign__in=Campaign.objects.studied_by(request.user)
    )
    report = get_object_or_404(
        studied.select_related("campaign", "created_by"), public_id=report_id
    )
    if request.GET.get("format") == "json":
        return JsonResponse(_as_json(report), json_dumps_params={"indent": 2})
    context = {
        "report": report,
        "campaign": report.campaign,
        "is_current": report.data_hash == data_hash(report.campaign),
    }
    return render(request, "mos/report.html", context)


def _as_json(report: ReliabilityReport) -> dict[str, object]:
    return {
        "report": report.public_id,
        "title": report.title,
        "campaign": report.campaign.name,
        "created_at": report.created_at.isoformat(),
        "created_by": report.created_by.get_username(),
        "software": f"Dubscore {report.software}",
        "data_sha256": report.data_hash,
        "options": report.options,
        "figures": report.figures,
    }
