"""Doors of the learner room's API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from learner import api

CAMPAIGN = "campaigns/<slug:campaign_id>"
urlpatterns = [
    path(f"{CAMPAIGN}/rounds/", api.Rounds.as_view(), name="api-rounds"),
    path(f"{CAMPAIGN}/rounds/<int:number>/", api.OneRound.as_view(), name="api-round"),
    path(f"{CAMPAIGN}/dry-runs/", api.DryRuns.as_view(), name="api-dry-runs"),
    path(f"{CAMPAIGN}/dry-runs/<int:pk>/", api.OneDryRun.as_view(), name="api-dry-run"),
    path(f"{CAMPAIGN}/weights/", api.Weights.as_view(), name="api-weights"),
    path(f"{CAMPAIGN}/refits/", api.Refits.as_view(), name="api-refits"),
    path(f"{CAMPAIGN}/audits/", api.Audits.as_view(), name="api-audits"),
    path(f"{CAMPAIGN}/audits/<int:pk>/", api.OneAudit.as_view(), name="api-audit"),
    path(f"{CAMPAIGN}/predictions/", api.Predictions.as_view(), name="api-predictions"),
    path(f"{CAMPAIGN}/powered/", api.Powered.as_view(), name="api-powered"),
    path("score/", api.Score.as_view(), name="api-score"),
    path("scores/<slug:scoring_id>/", api.OneScoring.as_view(), name="api-scoring"),
]
