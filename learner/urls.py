"""Doors of the learner room."""

from __future__ import annotations

from django.urls import path
from django.http import HttpResponse

app_name = "learner"
urlpatterns = [
    path(
        "campaigns/<slug:campaign_id>/learner/",
        lambda r, campaign_id: HttpResponse(""),
        name="overview",
    )
]
