"""Doors of the learner room's API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from learner import api

urlpatterns = [
    path("campaigns/<slug:campaign_id>/rounds/", api.Rounds.as_view(), name="api-rounds"),
    path("campaigns/<slug:campaign_id>/weights/", api.Weights.as_view(), name="api-weights"),
    path(
        "campaigns/<slug:campaign_id>/predictions/",
        api.Predictions.as_view(),
        name="api-predictions",
    ),
]
