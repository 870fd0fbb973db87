"""Whose campaign it is."""

from __future__ import annotations

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from annotator.models import Campaign


def studied(request: HttpRequest, campaign_id: str) -> Campaign:
    """The campaign, if the asking user researches it; else there is none."""
    own = Campaign.objects.studied_by(request.user).select_related("corpus", "rubric")
    return get_object_or_404(own, public_id=campaign_id)
