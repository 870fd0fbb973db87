"""Clips that were scored and reports that were made, in the admin."""

from __future__ import annotations

from django.contrib import admin

from learner.admin.jobs import JobAdmin
from learner.models import (
    Reproduction,
    Scoring,
)


@admin.register(Reproduction)
class ReproductionAdmin(JobAdmin):
    """Reports of the paper's tables."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]


@admin.register(Scoring)
class ScoringAdmin(JobAdmin):
    """Clips that somebody had scored."""

    campaign_path = "campaign"
    list_display = ["__str__", "state", "progress_text", "asked_by", "created_at", "webhook_text"]
    list_select_related = ["campaign", "asked_by"]
