"""What every long piece of work keeps of itself: the row is the truth, the queue only a bell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class JobQuerySet(models.QuerySet[Any]):
    """Questions one asks of jobs, and the two conditional updates that settle races."""

    def waiting(self) -> JobQuerySet:
        """Queued for a worker."""
        return self.filter(state=Job.State.QUEUED)

    def unfinished(self) -> JobQuerySet:
        """Anything that can still change by itself."""
        return self.filter(state__in=Job.OPEN_STATES)

    def stale(self) -> JobQuerySet:
        """Said to be running, but their worker has been silent for too long."""
        limit = timezone.now() - timedelta(seconds=settings.DUBSCORE_STALE_SECONDS)
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=limit)

    def claim(self, *, owner: str) -> int:
        """Take these for one worker and say how many: of two racing workers one gets 0."""
        now = timezone.now()
        return self.waiting().update(
            state=Job.State.RUNNING,
            owner=owner,
            attempt=F("attempt") + 1,
            heartbeat_at=now,
            started_at=now,
            error_text="",
        )


class Job(models.Model):
    """State, progress, heartbeat, attempt and error of one piece of background work."""

    class State(models.TextChoices):
        """Where the work stands."""

        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OPEN_STATES = (State.QUEUED, State.RUNNING, State.WAITING)

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    progress_frac = models.FloatField(default=0.0)
    progress_text = models.CharField(max_length=200, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=64, blank=True, help_text="the worker that has it")
    attempt = models.PositiveSmallIntegerField(default=0)
    error_text = models.TextField(blank=True)
    config = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0, validators=[MinValueValidator(0)])
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(progress_frac__gte=0, progress_frac__lte=1),
                name="%(class)s_progress_is_a_share",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error_text=""), name="%(class)s_failure_says_why"
            ),
        ]

    @property
    def is_open(self) -> bool:
        """Whether it can still change by itself, so that pages keep asking."""
        return self.state in self.OPEN_STATES

    @property
    def progress_percent(self) -> int:
        """0 to 100, for progress bars."""
        return round(100 * self.progress_frac)
