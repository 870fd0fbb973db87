"""Whether a rater's ratings count: a researcher judges, says why, and may judge anew at will."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery

from annotator.models.campaigns import Membership
from annotator.models.ratings import AppendOnly, AppendOnlyQuerySet


class VerdictQuerySet(AppendOnlyQuerySet):
    """Questions one asks of verdicts."""

    def standing(self) -> VerdictQuerySet:
        """The last one on each rater."""
        last = self.model.objects.filter(rater=OuterRef("rater")).order_by("-pk").values("pk")[:1]
        return self.filter(pk=Subquery(last))


class Verdict(AppendOnly):
    """One word on one rater. The last one stands; a rater without any is accepted."""

    rater = models.ForeignKey(Membership, on_delete=models.PROTECT, related_name="verdicts")
    is_accepted = models.BooleanField(help_text="whether the rater's ratings count")
    reason = models.TextField(help_text="why, in a sentence that can be published")
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="verdicts"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = VerdictQuerySet.as_manager()

    class Meta:
        ordering = ["rater_id", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="verdict_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.rater}: {'accepted' if self.is_accepted else 'rejected'}"
