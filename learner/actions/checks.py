"""What is asked of a job, refused in words before it is queued."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError

from annotator.models import Campaign
from learner.registry import shelf


def check_choice(what: str, given: str, known: Iterable[str]) -> None:
    """Refuse what is not among the known ones."""
    if given not in known:
        raise ValidationError(f"There is no {what} {given!r}; there are: {', '.join(known)}.")


def check_strategy(name: str) -> None:
    """Refuse a strategy that is not on the shelf."""
    check_choice("strategy", name, shelf("strategy").parts)


def check_aspect(campaign: Campaign, key: str) -> None:
    """Refuse an aspect that the campaign's rubric does not have."""
    known = list(campaign.rubric.aspects.values_list("key", flat=True))
    if key not in known:
        raise ValidationError(f"The rubric has no aspect {key!r}; it has: {', '.join(known)}.")
