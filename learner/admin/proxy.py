"""Fits of the proxy and audits in the admin."""

from __future__ import annotations

from django.contrib import admin

from annotator.admin import OwnFilter, ReadOnlyAdmin
from learner.admin.jobs import JobAdmin
from learner.models import (
    Audit,
    Normalisation,
    ProxyWeights,
    Refit,
)


@admin.register(ProxyWeights)
class ProxyWeightsAdmin(ReadOnlyAdmin):
    """Fits of the proxy MOS."""

    campaign_path = "campaign"
    list_display = ["__str__", "target", "is_better", "n_clips", "created_at"]
    list_filter = [("campaign", OwnFilter)]
    list_select_related = ["campaign"]


@admin.register(Normalisation)
class NormalisationAdmin(ReadOnlyAdmin):
    """How metrics were brought to one scale."""

    corpus_path = "corpus"
    list_display = ["__str__", "n_clips", "created_at"]
    list_select_related = ["corpus"]


@admin.register(Refit)
class RefitAdmin(JobAdmin):
    """Fits of the proxy outside of rounds."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]


@admin.register(Audit)
class AuditAdmin(JobAdmin):
    """Strategies against chance."""

    campaign_path = "campaign"
    list_select_related = ["campaign"]
