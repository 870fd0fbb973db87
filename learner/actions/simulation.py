"""Ratings by simulated raters, through the doors that people use; marked wherever shown."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4
from zlib import crc32

from django.contrib.auth.models import User

from annotator.actions import claim_assignments, submit_rating
from annotator.evidence import Evidence
from annotator.models import Assignment, Campaign, Membership, Wave
from learner.demo.raters import TRUE_QUALITY, simulate_scores

UNKNOWN_CONDITION = "clean"


def add_simulated_raters(*, campaign: Campaign, wanted: int) -> list[Membership]:
    """Give a campaign this many simulated raters in all; they cannot sign in."""
    for number in range(1, wanted + 1):
        user, is_new = User.objects.get_or_create(username=f"simulated-{number}")
        if is_new:
            user.set_unusable_password()
            user.save()
        Membership.objects.get_or_create(
            campaign=campaign,
            user=user,
            role=Membership.Role.RATER,
            defaults={"is_simulated": True},
        )
    raters = campaign.memberships.filter(is_simulated=True).select_related("campaign")
    return list(raters.order_by("pk"))


def rate_by_simulation(
    *, campaign: Campaign, wave: Wave, tell: Callable[[int], object] = lambda n: None
) -> int:
    """Let the simulated raters fill a wave's free places in turn; say how many they rated."""
    raters = list(campaign.memberships.filter(is_simulated=True).select_related("campaign"))
    rated = 0
    while True:
        before = rated
        for rater in raters:
            for assignment in claim_assignments(membership=rater, wanted=1, wave=wave):
                _rate(assignment, rater)
                rated += 1
                tell(rated)
        if rated == before:
            return rated


def _rate(assignment: Assignment, rater: Membership) -> None:
    clip, keys = assignment.clip, list(rater.campaign.rubric.aspects.values_list("key", flat=True))
    condition = clip.condition if clip.condition in TRUE_QUALITY else UNKNOWN_CONDITION
    seed = crc32(rater.user.get_username().encode())
    submit_rating(
        assignment=assignment,
        scores=simulate_scores(condition, keys, seed, crc32(clip.name.encode())),
        evidence=Evidence(watched_s=((0.0, clip.duration_s),), plays=1),
        idempotency_key=uuid4(),
        lead_time_s=round(clip.duration_s + 14 + seed % 9, 1),
    )
