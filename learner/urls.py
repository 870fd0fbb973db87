"""Doors of the learner room."""

from __future__ import annotations

from django.urls import path

from learner import views

app_name = "learner"
CAMPAIGN = "campaigns/<slug:campaign_id>"
urlpatterns = [
    path(f"{CAMPAIGN}/learner/", views.overview, name="overview"),
    path(f"{CAMPAIGN}/learner/extract/", views.extract, name="extract"),
    path(f"{CAMPAIGN}/proxy/", views.proxy, name="proxy"),
    path(f"{CAMPAIGN}/proxy/refit/", views.refit, name="refit"),
    path(f"{CAMPAIGN}/powered/", views.powered, name="powered"),
    path(f"{CAMPAIGN}/rounds/<int:number>/", views.round_page, name="round"),
    path(f"{CAMPAIGN}/rounds/<int:number>/stop/", views.stop_round, name="stop_round"),
    path(f"{CAMPAIGN}/dry-runs/<int:pk>/", views.dry_run, name="dry_run"),
    path(f"{CAMPAIGN}/audits/", views.audits, name="audits"),
    path(f"{CAMPAIGN}/audits/<int:pk>/", views.audit_page, name="audit"),
    path(f"{CAMPAIGN}/score/", views.score, name="score"),
    path(f"{CAMPAIGN}/scores/<slug:scoring_id>/", views.scoring_page, name="scoring"),
]
