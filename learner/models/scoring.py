"""Clips that somebody wants a DubScore of, from a corpus or brought along."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotator.models import Campaign, Clip
from annotator.public_id import new_public_id
from learner.models.fusion import FusionModel
from learner.models.jobs import Job, JobQuerySet


def upload_path(scoring: Scoring, name: str) -> str:
    """Where an upload lies: its own name is kept beside it, never used as a path."""
    return f"scored/{scoring.public_id}/{new_public_id()}{Path(name).suffix.lower()[:8]}"


class ScoringQuerySet(JobQuerySet):
    """Questions one asks of scorings."""

    def seen_by(self, user: object) -> ScoringQuerySet:
        """Those of campaigns that a user researches."""
        return self.filter(campaign__in=Campaign.objects.studied_by(user))


class Scoring(Job):
    """One clip to be scored by the model in use of a campaign."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="scorings")
    target = models.SlugField(max_length=40, default="overall")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    clip = models.ForeignKey(
        Clip, on_delete=models.CASCADE, null=True, blank=True, related_name="scorings"
    )
    file = models.FileField(upload_to=upload_path, blank=True, max_length=300)
    source = models.ForeignKey(
        Clip, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    source_file = models.FileField(upload_to=upload_path, blank=True, max_length=300)
    name = models.CharField(max_length=200, help_text="as its bringer calls it")
    transcript = models.TextField(blank=True, help_text="what the source says")
    translation = models.TextField(blank=True, help_text="what the dub says")
    language = models.CharField(max_length=35, blank=True)
    source_language = models.CharField(max_length=35, blank=True)
    webhook_url = models.URLField(max_length=500, blank=True)
    webhook_text = models.CharField(max_length=300, blank=True, help_text="what came of telling it")
    fusion_model = models.ForeignKey(
        FusionModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="scorings"
    )
    result = models.JSONField(default=dict, blank=True)

    objects = ScoringQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(clip__isnull=False) | ~Q(file=""), name="scoring_has_a_clip_or_a_file"
            ),
        ]

    def __str__(self) -> str:
        return f"Scoring {self.public_id} of {self.name}"
