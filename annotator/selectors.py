"""What the annotator's pages show: reading only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotator.models import Assignment, Campaign, Clip, ClipReport, Membership, Rating


@dataclass(frozen=True)
class RaterProgress:
    """How far one rater is in one campaign."""

    done: int
    total: int

    @property
    def is_finished(self) -> bool:
        """Nothing left for now."""
        return self.done >= self.total


def rater_progress(membership: Membership) -> RaterProgress:
    """Clips rated, and rated plus still to come within the campaign's limit for one rater."""
    mine = Assignment.objects.filter(rater=membership).counted()
    counts = mine.aggregate(done=Count("id", filter=Q(rated_at__isnull=False)), held=Count("id"))
    campaign = membership.campaign
    to_come = 0
    if campaign.state == Campaign.State.LIVE:
        to_come = min(_clips_on_offer(membership), campaign.clips_per_rater - counts["held"])
    return RaterProgress(done=counts["done"], total=counts["held"] + max(0, to_come))


def _clips_on_offer(membership: Membership) -> int:
    lapsed = Q(rated_at=None, report=None, leased_until__lt=timezone.now())
    mine = Assignment.objects.filter(rater=membership).values("clip")
    return (
        Assignment.objects.filter(
            Q(rater=None) | lapsed,
            campaign=membership.campaign_id,
            place__isnull=False,
            clip__state=Clip.State.READY,
        )
        .exclude(clip__in=mine)
        .values("clip")
        .distinct()
        .count()
    )


def place_in_order(assignment: Assignment) -> int:
    """The how-manieth clip this is for its rater, from 1; clips that were only reported aside."""
    mine = Assignment.objects.filter(rater=assignment.rater_id).counted()
    return mine.filter(position__lt=assignment.position).count() + 1


def neighbours(assignment: Assignment) -> tuple[Assignment | None, Assignment | None]:
    """The rater's assignments before and after this one that have been rated."""
    rated = Assignment.objects.filter(rater=assignment.rater_id).rated()
    before = rated.filter(position__lt=assignment.position).order_by("-position").first()
    after = rated.filter(position__gt=assignment.position).order_by("position").first()
    return before, after


def last_rated(membership: Membership) -> Assignment | None:
    """The clip this rater rated last in their own order."""
    return Assignment.objects.filter(rater=membership).rated().order_by("-position").first()


def last_scores(assignment: Assignment) -> dict[str, int]:
    """Aspect key to score of the current revision; empty before the first rating."""
    rating = assignment.ratings.order_by("-revision").first()
    if rating is None:
        return {}
    return dict(rating.scores.values_list("aspect__key", "value_raw"))


def campaign_progress(campaign: Campaign) -> dict[str, Any]:
    """Places and how they stand, in all and by wave."""
    stands = {
        "places": Count("id", filter=Q(place__isnull=False)),
        "rated": Count("id", filter=Q(place__isnull=False, rated_at__isnull=False)),
        "held": Count("id", filter=Q(place__isnull=False, rater__isnull=False, rated_at=None)),
        "clips": Count("clip", distinct=True),
    }
    rows = campaign.assignments.order_by()
    waves = rows.values("wave__number", "wave__label").annotate(**stands).order_by("wave__number")
    return {**rows.aggregate(**stands), "waves": list(waves)}


def rater_rows(campaign: Campaign) -> list[dict[str, Any]]:
    """One row a rater: pseudonym, ratings, median lead time, last sign of life."""
    raters = campaign.memberships.filter(role=Membership.Role.RATER).order_by("created_at", "pk")
    times: dict[int, list[float]] = {}
    n_rated: Counter[int] = Counter()
    last: dict[int, Any] = {}
    ratings = Rating.objects.current().filter(assignment__campaign=campaign)
    for rater, lead_time_s, at in ratings.values_list(
        "assignment__rater", "lead_time_s", "created_at"
    ):
        n_rated[rater] += 1
        if lead_time_s is not None:
            times.setdefault(rater, []).append(lead_time_s)
        last[rater] = max(at, last.get(rater, at))
    return [
        {
            "name": f"R{number:02d}",
            "user": rater.shown_name,
            "is_simulated": rater.is_simulated,
            "ratings": n_rated[rater.pk],
            "median_lead_time_s": median(times[rater.pk]) if rater.pk in times else None,
            "last_at": last.get(rater.pk),
        }
        for number, rater in enumerate(raters.select_related("user"), start=1)
    ]


def open_reports(campaign: Campaign) -> QuerySet[ClipReport]:
    """Reports on clips that are still shown to raters."""
    return ClipReport.objects.filter(
        assignment__campaign=campaign, assignment__clip__state=Clip.State.READY
    ).select_related("assignment__clip")


def has_simulated_ratings(campaign: Campaign) -> bool:
    """Whether any rating here was made by a random model, so that pages can say so."""
    return campaign.assignments.filter(rater__is_simulated=True, rated_at__isnull=False).exists()
