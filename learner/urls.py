"""Doors of the learner room."""

from __future__ import annotations

from django.urls import path

from learner import views

app_name = "learner"
urlpatterns = [
    path("campaigns/<slug:campaign_id>/learner/", views.overview, name="overview"),
    path("campaigns/<slug:campaign_id>/learner/extract/", views.extract, name="extract"),
    path("campaigns/<slug:campaign_id>/rounds/<int:number>/", views.round_page, name="round"),
    path(
        "campaigns/<slug:campaign_id>/rounds/<int:number>/stop/",
        views.stop_round,
        name="stop_round",
    ),
]
