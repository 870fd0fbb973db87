"""Doors of the mos room's API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from mos import api

urlpatterns = [
    path("campaigns/<slug:campaign_id>/labels/", api.Labels.as_view(), name="api-labels"),
    path(
        "campaigns/<slug:campaign_id>/reliability/",
        api.ReliabilityOfAspect.as_view(),
        name="api-reliability",
    ),
]
