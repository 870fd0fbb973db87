"""Doors of the annotator room."""

from __future__ import annotations

from django.urls import path

from annotator import media
from annotator.views import rating, study

app_name = "annotator"
urlpatterns = [
    path("", rating.home, name="home"),
    path("rate/<slug:campaign_id>/", rating.next_clip, name="next"),
    path("assignments/<slug:assignment_id>/", rating.rate, name="rate"),
    path("assignments/<slug:assignment_id>/clip", media.assigned_clip, name="media"),
    path("assignments/<slug:assignment_id>/report/", rating.report, name="report"),
    path("assignments/<slug:assignment_id>/keep/", rating.keep, name="keep"),
    path("campaigns/<slug:campaign_id>/", study.campaign, name="campaign"),
    path("campaigns/<slug:campaign_id>/state/", study.change_state, name="state"),
    path("clips/<slug:clip_id>/video", media.studied_clip, name="clip_media"),
]
