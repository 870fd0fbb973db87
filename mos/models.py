"""Reliability as it was on a day: stored, cited, never changed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.models import Campaign
from annotator.models.ratings import AppendOnly, AppendOnlyQuerySet
from annotator.public_id import PUBLIC_ID_LENGTH, new_public_id


class ReliabilityReport(AppendOnly):
    """Every figure of a campaign at one moment, with what tells whether the ratings changed."""

    public_id = models.CharField(
        max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False
    )
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="reliability_reports"
    )
    title = models.CharField(max_length=200)
    figures = models.JSONField(help_text="coefficients, MOS and sizes, by aspect")
    options = models.JSONField(help_text="what was chosen: level of intervals, raters left out")
    data_hash = models.CharField(max_length=64, help_text="SHA-256 of the scores that counted")
    software = models.CharField(max_length=40, help_text="version that computed it")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reliability_reports"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=~Q(title=""), name="report_has_a_title")]

    def __str__(self) -> str:
        return self.title
