"""Tables of scores written in few strokes, where tests need more than a rater could send."""

from __future__ import annotations

from uuid import uuid4

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotator.models import Assignment, Campaign, Clip, Membership, Rating, Score


@transaction.atomic
def give_matrix(campaign: Campaign, scores_CR: np.ndarray, aspect: str = "overall") -> None:
    """Keep a table of scores on one aspect by raters of its own: a row a clip, NaN for none."""
    n_clips, n_raters = scores_CR.shape
    clips = _clips(campaign, n_clips)
    raters = _raters(campaign, n_raters)
    wave, _ = campaign.waves.get_or_create(number=1, defaults={"label": "first design"})
    now = timezone.now()
    given = np.argwhere(~np.isnan(scores_CR)).tolist()
    assignments = Assignment.objects.bulk_create(
        Assignment(
            campaign=campaign,
            wave=wave,
            clip=clips[clip],
            place=rater + 1,
            rater=raters[rater],
            position=clip + 1,
            assigned_at=now,
            leased_until=now,
            rated_at=now,
        )
        for clip, rater in given
    )
    ratings = Rating.objects.bulk_create(
        Rating(
            assignment=one, idempotency_key=uuid4(), lead_time_s=9.0, watched_frac=1.0, evidence={}
        )
        for one in assignments
    )
    about = campaign.rubric.aspects.get(key=aspect)
    Score.objects.bulk_create(
        Score(rating=rating, aspect=about, value_raw=int(scores_CR[clip, rater]))
        for rating, (clip, rater) in zip(ratings, given, strict=True)
    )


def _clips(campaign: Campaign, n: int) -> list[Clip]:
    names = [f"{campaign.name}-{number:06d}" for number in range(n)]
    return Clip.objects.bulk_create(
        Clip(
            corpus=campaign.corpus,
            name=name,
            sha256=f"{abs(hash(name)):064x}"[:64],
            duration_s=4.0,
            width=64,
            height=48,
            system=f"system {number % 3}",
            condition=f"condition {number % 2}",
        )
        for number, name in enumerate(names)
    )


def _raters(campaign: Campaign, n: int) -> list[Membership]:
    users = [User(username=f"{campaign.name}-{number}") for number in range(n)]
    return Membership.objects.bulk_create(
        Membership(campaign=campaign, user=user, role="rater")
        for user in User.objects.bulk_create(users)
    )
