"""Ratings that tests make for themselves, written as a rater's browser would have them kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from annotator.models import Assignment, Campaign, Clip, Membership, Rating, Score, Wave


@transaction.atomic  # as the page keeps one: never without its scores
def give_rating(
    rater: Membership, clip: Clip, scores: int | Mapping[str, int], *, place: int | None = 1
) -> Rating:
    """Keep one rating; one number stands for every aspect. The same clip again is a revision."""
    assignment = _assignment(rater, clip, place)
    rating = Rating.objects.create(
        assignment=assignment,
        revision=assignment.ratings.count() + 1,
        idempotency_key=uuid4(),
        lead_time_s=12.5,
        watched_frac=1.0,
        evidence={},
    )
    aspects = rater.campaign.rubric.aspects.all()
    given = scores if isinstance(scores, Mapping) else {a.key: scores for a in aspects}
    Score.objects.bulk_create(
        Score(rating=rating, aspect=aspect, value_raw=given[aspect.key])
        for aspect in aspects
        if aspect.key in given
    )
    return rating


def give_table(campaign: Campaign, clips: Iterable[Clip], rows: Iterable[Iterable[int | None]]):
    """Keep a table of ratings: a row a clip, a column a rater, None where one has not rated."""
    raters = list(campaign.memberships.filter(role="rater").order_by("created_at", "pk"))
    for clip, row in zip(clips, rows, strict=True):
        for place, (rater, score) in enumerate(zip(raters, row, strict=True), start=1):
            if score is not None:
                give_rating(rater, clip, score, place=place)


def _assignment(rater: Membership, clip: Clip, place: int | None) -> Assignment:
    wave, _ = Wave.objects.get_or_create(
        campaign=rater.campaign, number=1, defaults={"label": "first design"}
    )
    now = timezone.now()
    return Assignment.objects.get_or_create(
        campaign=rater.campaign,
        clip=clip,
        rater=rater,
        defaults={
            "wave": wave,
            "place": place,
            "position": rater.assignments.count() + 1,
            "assigned_at": now,
            "leased_until": now,
            "rated_at": now,
        },
    )[0]
