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
    path(f"{CAMPAIGN}/models/", views.models, name="models"),
    path(f"{CAMPAIGN}/models/policy/", views.policy, name="policy"),
    path(f"{CAMPAIGN}/models/roll-back/", views.roll_back, name="roll_back"),
    path(f"{CAMPAIGN}/models/<int:pk>/", views.model_page, name="model"),
    path(f"{CAMPAIGN}/models/<int:pk>/promote/", views.promote, name="promote"),
    path(f"{CAMPAIGN}/trainings/<int:pk>/", views.training, name="training"),
    path(f"{CAMPAIGN}/reproductions/", views.reproductions, name="reproductions"),
    path(f"{CAMPAIGN}/reproductions/<int:pk>/", views.reproduction_page, name="reproduction"),
    path(
        f"{CAMPAIGN}/reproductions/<int:pk>.<slug:kind>",
        views.reproduction_file,
        name="reproduction_file",
    ),
    path(f"{CAMPAIGN}/score/", views.score, name="score"),
    path(f"{CAMPAIGN}/scores/<slug:scoring_id>/", views.scoring_page, name="scoring"),
]
