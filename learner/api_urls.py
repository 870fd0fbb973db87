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
    path(f"{CAMPAIGN}/trainings/", api.Trainings.as_view(), name="api-trainings"),
    path(f"{CAMPAIGN}/trainings/<int:pk>/", api.OneTraining.as_view(), name="api-training"),
    path(f"{CAMPAIGN}/models/", api.Models.as_view(), name="api-models"),
    path(f"{CAMPAIGN}/models/<int:pk>/", api.OneModel.as_view(), name="api-model"),
    path(f"{CAMPAIGN}/models/<int:pk>/compare/", api.ComparedModels.as_view(), name="api-compare"),
    path(f"{CAMPAIGN}/models/<int:pk>/promote/", api.PromotedModel.as_view(), name="api-promote"),
    path(f"{CAMPAIGN}/promotions/", api.Promotions.as_view(), name="api-promotions"),
    path(f"{CAMPAIGN}/triggers/", api.Triggers.as_view(), name="api-triggers"),
    path(f"{CAMPAIGN}/reproductions/", api.Reproductions.as_view(), name="api-reproductions"),
    path(
        f"{CAMPAIGN}/reproductions/<int:pk>/",
        api.OneReproduction.as_view(),
        name="api-reproduction",
    ),
    path(f"{CAMPAIGN}/predictions/", api.Predictions.as_view(), name="api-predictions"),
    path(f"{CAMPAIGN}/powered/", api.Powered.as_view(), name="api-powered"),
    path("score/", api.Score.as_view(), name="api-score"),
    path("scores/<slug:scoring_id>/", api.OneScoring.as_view(), name="api-scoring"),
]
