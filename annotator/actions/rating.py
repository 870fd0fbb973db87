"""Keeping what a rater said."""

from __future__ import annotations

from uuid import UUID, uuid5

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.actions.claiming import regain_place
from annotator.evidence import Evidence
from annotator.models import Assignment, Campaign, Rating, Score

MOST_LEAD_TIME_S = 7 * 86_400.0  # a page left open for longer says nothing of the rater


class ConflictingRating(ValidationError):
    """Two different ratings of one clip by one rater arrived at the same moment."""


def submit_rating(
    *,
    assignment: Assignment,
    scores: dict[str, int],
    evidence: Evidence,
    idempotency_key: UUID,
    lead_time_s: float,
) -> Rating:
    """Keep one rating: the first, or a new revision; the same key again gives the same rating.

    The same key with other scores is a change of mind on a page that was sent before, and so a
    revision. The assignment must come with its campaign and clip. Raises ValidationError when the
    campaign is closed, a score is missing or the clip was not watched whole.
    """
    earlier = _earlier(assignment)
    key = _key(earlier, idempotency_key, scores)
    if key in earlier:
        return earlier[key]
    _check(assignment, evidence, is_first=not earlier)
    rating = Rating(
        assignment=assignment,
        revision=len(earlier) + 1,
        idempotency_key=key,
        lead_time_s=min(lead_time_s, MOST_LEAD_TIME_S),
        watched_frac=evidence.watched_frac(assignment.clip.duration_s),
        evidence=evidence.to_dict(),
    )
    kept = _scores(rating, assignment, scores)
    try:
        with transaction.atomic():  # only what writes: all writers of SQLite wait for one another
            rating.save()
            Score.objects.bulk_create(kept)
            _close(assignment)
    except IntegrityError as race:
        twin = assignment.ratings.filter(idempotency_key=key).first()
        if twin is None:
            raise ConflictingRating(
                _("This clip was rated on another page just now. Reload to see that rating.")
            ) from race
        return twin
    return rating


def _earlier(assignment: Assignment) -> dict[UUID, Rating]:
    """Ratings so far, by key. One that comes in meanwhile is caught by the constraints."""
    if assignment.rated_at is None:
        return {}
    return {rating.idempotency_key: rating for rating in assignment.ratings.all()}


def _key(earlier: dict[UUID, Rating], key: UUID, scores: dict[str, int]) -> UUID:
    """The key as sent, or one made of it and the scores where it brought other scores before."""
    if key not in earlier:
        return key
    known = dict(earlier[key].scores.values_list("aspect__key", "value_raw"))
    return key if known == scores else uuid5(key, repr(sorted(scores.items())))


def _check(assignment: Assignment, evidence: Evidence, *, is_first: bool) -> None:
    if assignment.campaign.state == Campaign.State.CLOSED:
        raise ValidationError(_("This campaign is closed: ratings can no longer be changed."))
    if is_first and evidence.is_hurried:
        raise ValidationError(_("Please watch the clip at its normal speed."))
    if is_first and not evidence.is_whole(assignment.clip.duration_s):
        raise ValidationError(_("Please watch the clip to its end before you send the rating."))


def _scores(rating: Rating, assignment: Assignment, scores: dict[str, int]) -> list[Score]:
    aspects = {aspect.key: aspect for aspect in assignment.campaign.aspects}
    if set(aspects) != set(scores):
        odd = sorted(set(aspects) ^ set(scores))
        raise ValidationError(f"Every aspect needs one score; check: {', '.join(odd)}")
    return [
        Score(rating=rating, aspect=aspects[key], value_raw=value) for key, value in scores.items()
    ]


def _close(assignment: Assignment) -> None:
    """Mark the place as filled; a rater whose lease ran out gets any place still open.

    When none is open the rating is kept all the same: it is the rater's work. It then has no
    place, and exports mark it as surplus.
    """
    if assignment.rated_at is not None:
        return
    assignment.rated_at = timezone.now()
    mine = Assignment.objects.filter(pk=assignment.pk)
    if not mine.filter(place__isnull=False).update(rated_at=assignment.rated_at):
        mine.update(rated_at=assignment.rated_at)
        if not assignment.rater.is_rejected:  # whose places others are to fill
            regain_place(assignment)
