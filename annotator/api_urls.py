"""Doors of the annotator room's API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from annotator import api

urlpatterns = [
    path("campaigns/", api.CampaignList.as_view(), name="api-campaigns"),
    path("campaigns/<slug:campaign_id>/next/", api.NextAssignment.as_view(), name="api-next"),
    path(
        "assignments/<slug:assignment_id>/ratings/",
        api.SubmitRating.as_view(),
        name="api-submit-rating",
    ),
]
