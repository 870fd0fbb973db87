"""Doors of the mos room."""

from __future__ import annotations

from django.urls import path

from mos import views
from mos.views import downloads

app_name = "mos"
urlpatterns = [
    path("campaigns/<slug:campaign_id>/reliability/", views.reliability_page, name="reliability"),
    path("campaigns/<slug:campaign_id>/raters/", views.raters_page, name="raters"),
    path("campaigns/<slug:campaign_id>/planner/", views.planner, name="planner"),
    path("raters/<slug:rater_id>/verdict/", views.judge, name="judge"),
    path("campaigns/<slug:campaign_id>/reports/", views.store, name="store"),
    path("reports/<slug:report_id>/", views.report_page, name="report"),
    path("campaigns/<slug:campaign_id>/labels.csv", views.labels_csv, name="labels_csv"),
    path("campaigns/<slug:campaign_id>/labels.jsonl", views.labels_jsonl, name="labels_jsonl"),
    path("campaigns/<slug:campaign_id>/labels/<slug:kind>/", downloads.labels, name="labels"),
]
