"""Who gets which place: claiming, keeping, losing and giving back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from annotator.assignment import Candidate, next_clips
from annotator.models import Assignment, Campaign, Clip, ClipReport, Membership, Wave
from annotator.models.campaigns import AssignmentQuerySet

# A claim that lost a race tries another place; more losses than this in a row mean a fault.
MOST_RACES = 20


def claim_assignments(
    *, membership: Membership, wanted: int = 2, wave: Wave | None = None
) -> list[Assignment]:
    """The clips this rater is to rate now, in order: those already held, then new places.

    Two by default: the one to be rated and the next, so that a page can load it ahead. With a wave
    only places of that wave are newly taken.
    """
    if membership.campaign.state != Campaign.State.LIVE:
        return []
    held = _held(membership)
    if len(held) < wanted and not membership.is_rejected:
        with transaction.atomic():
            # One page of a rater at a time, or each of several would take places of its own.
            Membership.objects.select_for_update().get(pk=membership.pk)
            held = _held(membership)
            held += _take_more(membership, wanted - len(held), wave)
    return held[:wanted]


def _held(membership: Membership) -> list[Assignment]:
    """What the rater has and can rate, in the rater's order."""
    mine = _of(membership).open().filter(clip__state=Clip.State.READY)
    return list(mine.select_related("clip").order_by("position"))


def _take_more(membership: Membership, wanted: int, wave: Wave | None) -> list[Assignment]:
    taken: list[Assignment] = []
    for _ in range(MOST_RACES):
        if len(taken) >= wanted or _is_at_the_limit(membership):
            break
        offered = _candidates(membership, wave)
        if not offered:
            break
        place = _take(membership, offered, wave)
        taken += [place] if place else []
    return taken


def renew_lease(*, assignment: Assignment) -> bool:
    """A sign of life: say whether the place is still this rater's."""
    return bool(
        Assignment.objects.filter(pk=assignment.pk, place__isnull=False, rated_at=None).update(
            leased_until=_lease_end()
        )
    )


@transaction.atomic
def report_clip(*, assignment: Assignment, reason: str, note: str = "") -> ClipReport:
    """Keep the word that a clip cannot be rated, and give the place to someone else."""
    report, is_new = ClipReport.objects.get_or_create(
        assignment=assignment, defaults={"reason": reason, "note": note}
    )
    if is_new:
        place, wave = assignment.place, assignment.wave
        if place and _vacate(assignment):
            Assignment.objects.create(
                campaign=assignment.campaign, wave=wave, clip=assignment.clip, place=place
            )
    return report


def regain_place(assignment: Assignment) -> int | None:
    """For a rater who comes back after the lease: any place of the clip still open, or none."""
    free = Assignment.objects.free().filter(
        campaign=assignment.campaign_id, clip=assignment.clip_id
    )
    for row in free.order_by("place"):
        deleted, _ = Assignment.objects.free().filter(pk=row.pk).delete()
        if deleted:
            Assignment.objects.filter(pk=assignment.pk).update(place=row.place, wave=row.wave_id)
            return row.place
    return None


def pass_on_places(membership: Membership) -> int:
    """Give every place of a rater to whoever comes next; what was rated stays, without a place."""
    held = list(_of(membership).filter(place__isnull=False))
    _of(membership).filter(pk__in=[row.pk for row in held]).update(place=None)
    Assignment.objects.bulk_create(
        Assignment(
            campaign_id=row.campaign_id, wave_id=row.wave_id, clip_id=row.clip_id, place=row.place
        )
        for row in held
    )
    return len(held)


def regain_places(membership: Membership) -> int:
    """Take back what nobody has taken of the places of the clips that this rater rated."""
    rated = _of(membership).rated().filter(place=None, clip__assignments__rater=None).distinct()
    return sum(regain_place(assignment) is not None for assignment in rated)


def _of(membership: Membership) -> AssignmentQuerySet:
    return Assignment.objects.filter(rater=membership, campaign=membership.campaign_id)


def _is_at_the_limit(membership: Membership) -> bool:
    mine = _of(membership).counted().count()
    return mine >= membership.campaign.clips_per_rater


def _places(membership: Membership, wave: Wave | None) -> AssignmentQuerySet:
    places = Assignment.objects.filter(campaign=membership.campaign_id, place__isnull=False)
    return places.filter(wave=wave) if wave else places


def _candidates(membership: Membership, wave: Wave | None) -> list[Candidate]:
    """Clips with a place to give that this rater has not had, with how full each one is."""
    now = timezone.now()
    places = _places(membership, wave).filter(clip__state=Clip.State.READY)
    places = places.exclude(clip__in=_of(membership).values("clip"))
    lapsed = Q(rated_at=None, leased_until__lt=now)
    rows = (
        places.order_by()
        .values("clip", "clip__content_id")
        .annotate(
            target=Count("id"),
            taken=Count("id", filter=Q(rater__isnull=False) & ~lapsed),
        )
        .filter(taken__lt=F("target"))
    )
    return [
        Candidate(
            clip=row["clip"],
            content=row["clip__content_id"],
            taken=row["taken"],
            target=row["target"],
        )
        for row in rows
    ]


def _take(membership: Membership, offered: list[Candidate], wave: Wave | None) -> Assignment | None:
    last = _of(membership).order_by("-position").values_list("clip__content_id", flat=True).first()
    clip = next_clips(
        offered,
        rater=membership.public_id,
        seed=membership.campaign.seed,
        last_content=last or "",
        wanted=1,
    )[0]
    places = _places(membership, wave).filter(clip=clip)
    try:
        with transaction.atomic():
            place = places.free().order_by("place").first()
            if place is not None:
                return _claim(place, membership)
            lapsed = places.lapsed().order_by("place").first()
            return _succeed(lapsed, membership) if lapsed else None
    except IntegrityError:
        return None  # another page of the same rater was faster: look again


def _claim(place: Assignment, membership: Membership) -> Assignment | None:
    """Take a free place: of two racing raters one gets it, the other None."""
    now = timezone.now()
    won = (
        Assignment.objects.free()
        .filter(pk=place.pk)
        .update(
            rater=membership,
            position=_next_position(membership),
            assigned_at=now,
            leased_until=_lease_end(),
        )
    )
    return _fresh(place.pk) if won else None


def _succeed(lapsed: Assignment, membership: Membership) -> Assignment | None:
    """Take a place whose rater let the lease run out; that rater's row stays, without the place."""
    place = lapsed.place
    if not _vacate(lapsed):
        return None
    row = Assignment.objects.create(
        campaign=lapsed.campaign,
        wave=lapsed.wave,
        clip=lapsed.clip,
        place=place,
        rater=membership,
        position=_next_position(membership),
        assigned_at=timezone.now(),
        leased_until=_lease_end(),
    )
    return _fresh(row.pk)


def _vacate(assignment: Assignment) -> int:
    return Assignment.objects.filter(
        pk=assignment.pk,
        place__isnull=False,
        rated_at=None,
        leased_until=assignment.leased_until,
    ).update(place=None)


def _next_position(membership: Membership) -> int:
    return (_of(membership).aggregate(last=Max("position"))["last"] or 0) + 1


def _fresh(pk: int) -> Assignment:
    return Assignment.objects.select_related("clip").get(pk=pk)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(minutes=settings.DUBSCORE_LEASE_MINUTES)
