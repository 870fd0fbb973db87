"""Judging raters."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from annotator.actions.claiming import pass_on_places, regain_places
from annotator.models import Membership, Verdict


@transaction.atomic
def judge_rater(*, rater: Membership, is_accepted: bool, reason: str, by: User) -> Verdict:
    """Say whether a rater's ratings count from now on; nothing that was rated is changed.

    Who is rejected gets no more clips, and the places so filled are open to others; who is accepted
    again takes back those that are still open. What already stands is not said twice.

    Raises:
        ValidationError: no reason is given, or the member is no rater.
    """
    if rater.role != Membership.Role.RATER:
        raise ValidationError(f"{rater} does not rate: only raters are accepted or rejected.")
    if not reason.strip():
        raise ValidationError("Give a reason: whoever reads the figures later will ask for it.")
    Membership.objects.select_for_update().get(pk=rater.pk)  # two verdicts at once take turns
    standing = rater.verdicts.order_by("-pk").first()
    if (standing is None or standing.is_accepted) and is_accepted:
        raise ValidationError("This rater is accepted already.")
    if standing is not None and not standing.is_accepted and not is_accepted:
        raise ValidationError("This rater is rejected already.")
    verdict = Verdict(rater=rater, is_accepted=is_accepted, reason=reason.strip(), given_by=by)
    verdict.save()
    if is_accepted:
        regain_places(rater)
    else:
        pass_on_places(rater)
    return verdict
