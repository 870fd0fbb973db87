"""The labelled set as files."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from annotator.models import Campaign
from mos import exports


@login_required
@require_safe
def labels(request: HttpRequest, campaign_id: str, kind: str) -> HttpResponseBase:
    """The labelled set in one of its forms."""
    return _download(request, campaign_id, kind)


@login_required
@require_safe
def labels_csv(request: HttpRequest, campaign_id: str) -> HttpResponseBase:
    """The labelled set as a long CSV."""
    return _download(request, campaign_id, "csv")


@login_required
@require_safe
def labels_jsonl(request: HttpRequest, campaign_id: str) -> HttpResponseBase:
    """The labelled set as JSON lines."""
    return _download(request, campaign_id, "jsonl")


def _download(request: HttpRequest, campaign_id: str, kind: str) -> HttpResponseBase:
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    revisions, aspect = request.GET.get("revisions", "last"), request.GET.get("aspect")
    try:
        return exports.download(campaign, kind, revisions=revisions, aspect=aspect)
    except ValueError as refusal:
        return HttpResponseBadRequest(str(refusal), content_type="text/plain; charset=utf-8")
