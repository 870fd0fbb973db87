"""What is computed from clips: objective metrics, and the jobs that compute them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from annotator.models import Clip, Corpus
from learner.models.jobs import Job, JobQuerySet


class Extraction(Job):
    """One pass over a corpus: every missing metric and every missing feature."""

    corpus = models.ForeignKey(Corpus, on_delete=models.PROTECT, related_name="extractions")

    objects = JobQuerySet.as_manager()

    class Meta(Job.Meta):
        ordering = ["-created_at"]
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["corpus"],
                condition=Q(state__in=["queued", "running", "waiting"]),
                name="one_open_extraction_a_corpus",
            ),
        ]

    def __str__(self) -> str:
        return f"Extraction {self.pk} of {self.corpus}"


class MetricScore(models.Model):
    """One objective metric of one clip: a value, or the reason why there is none."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="metric_scores")
    metric = models.CharField(max_length=60)
    version = models.CharField(max_length=40)
    inputs_key = models.CharField(max_length=64, help_text="hash of what it was computed from")
    value = models.FloatField(null=True, blank=True)
    details = models.JSONField(
        default=dict, blank=True, help_text="what else the metric found, by name"
    )
    error = models.TextField(blank=True)
    computed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["clip_id", "metric"]
        constraints = [
            models.UniqueConstraint(
                fields=["clip", "metric", "version"], name="metric_once_a_clip_and_version"
            ),
            models.CheckConstraint(
                condition=Q(value__isnull=False, error="") | (Q(value=None) & ~Q(error="")),
                name="metric_is_a_value_or_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["metric", "version"], name="metric_by_version")]

    def __str__(self) -> str:
        return f"{self.metric} of {self.clip}"
