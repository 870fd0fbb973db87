"""What raters said: ratings as collected. Append-only: a changed mind is a new revision."""

from __future__ import annotations

from typing import Any, Never

from django.db import models
from django.db.models import Exists, OuterRef, Q

from annotator.models.campaigns import Assignment
from annotator.models.rubrics import Aspect


class AppendOnlyError(RuntimeError):
    """Someone tried to change or delete what a rater said."""


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Rows are added and read; a trigger of the database refuses updates as well."""

    def update(self, **kwargs: Any) -> Never:
        """Refuse."""
        raise AppendOnlyError(f"{self.model.__name__} rows are never changed: add a revision.")

    def delete(self) -> Never:
        """Refuse."""
        raise AppendOnlyError(f"{self.model.__name__} rows are never deleted.")


class RatingQuerySet(AppendOnlyQuerySet):
    """Questions one asks of ratings."""

    def current(self) -> RatingQuerySet:
        """Each assignment's last revision."""
        newer = Rating.objects.filter(
            assignment=OuterRef("assignment"), revision__gt=OuterRef("revision")
        )
        return self.filter(~Exists(newer))


class AppendOnly(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new row; refuse to change one."""
        if self.pk is not None:
            raise AppendOnlyError(f"{type(self).__name__} {self.pk} is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        """Refuse."""
        raise AppendOnlyError(f"{type(self).__name__} {self.pk} is never deleted.")


class Rating(AppendOnly):
    """One rater's scores for one clip, with how it was watched."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="ratings")
    revision = models.PositiveSmallIntegerField(default=1)
    idempotency_key = models.UUIDField(help_text="the same key sent again is the same rating")
    lead_time_s = models.FloatField(
        null=True, help_text="from seeing the page to sending; none of some collected elsewhere"
    )
    watched_frac = models.FloatField(
        null=True, help_text="share of the clip that was played, 0 to 1; none likewise"
    )
    evidence = models.JSONField(help_text="playback as the browser saw it")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = RatingQuerySet.as_manager()

    class Meta:
        ordering = ["assignment_id", "revision"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment", "revision"], name="revision_once_an_assignment"
            ),
            models.UniqueConstraint(
                fields=["assignment", "idempotency_key"], name="rating_once_a_key"
            ),
            models.CheckConstraint(condition=Q(revision__gte=1), name="revisions_from_1"),
            models.CheckConstraint(condition=Q(lead_time_s__gte=0), name="lead_time_not_negative"),
            models.CheckConstraint(
                condition=Q(watched_frac__gte=0, watched_frac__lte=1), name="watched_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.assignment} revision {self.revision}"


class Score(AppendOnly):
    """One number on one aspect."""

    rating = models.ForeignKey(Rating, on_delete=models.PROTECT, related_name="scores")
    aspect = models.ForeignKey(Aspect, on_delete=models.PROTECT, related_name="scores")
    value_raw = models.PositiveSmallIntegerField(help_text="1 to 5")

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["rating_id", "aspect_id"]
        constraints = [
            models.UniqueConstraint(fields=["rating", "aspect"], name="score_once_an_aspect"),
            models.CheckConstraint(
                condition=Q(value_raw__gte=1, value_raw__lte=5), name="score_on_the_scale"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.aspect}: {self.value_raw}"
