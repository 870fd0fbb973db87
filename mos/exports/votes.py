"""Scores on one aspect, clip by clip: each rater's last one, of raters who were not rejected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Concat

from annotator.models import Aspect, Campaign, Clip, Rating
from mos.exports.rows import ROWS_A_BLOCK, rejected_raters
from mos.selectors import raters_by_pk

CLIP = "assignment__clip__"
# What a clip shows, behind a letter: s, its source or itself where others were dubbed from it;
# c, its content's id; n, itself.
CONTENT = Case(
    When(
        assignment__clip__source__isnull=False,
        then=Concat(Value("s"), F(f"{CLIP}source__name")),
    ),
    When(
        Exists(Clip.objects.filter(source=OuterRef("assignment__clip"))),
        then=Concat(Value("s"), F(f"{CLIP}name")),
    ),
    When(assignment__clip__content_id__gt="", then=Concat(Value("c"), F(f"{CLIP}content_id"))),
    default=Concat(Value("n"), F(f"{CLIP}name")),
)


@dataclass(frozen=True, slots=True)
class RatedClip:
    """A clip with its scores: rater's pseudonym to score, in the order of joining."""

    name: str
    system: str
    condition: str
    content: str
    votes: dict[str, int]


Clips = Iterator[RatedClip]


def aspect_of(campaign: Campaign, key: str) -> Aspect:
    """The aspect of that key.

    Raises:
        ValueError: the campaign's rubric has none.
    """
    aspects = {aspect.key: aspect for aspect in campaign.rubric.aspects.order_by("position")}
    if key not in aspects:
        raise ValueError(f"No aspect is called {key!r}: choose one of {', '.join(aspects)}.")
    return aspects[key]


def counted_ratings(campaign: Campaign, aspect: Aspect) -> Any:
    """Last revisions with a score on the aspect, of raters who were not rejected."""
    ratings = Rating.objects.filter(assignment__campaign=campaign, scores__aspect=aspect)
    return ratings.current().exclude(assignment__rater__in=rejected_raters(campaign))


def rated_clips(campaign: Campaign, aspect: Aspect, *, by_content: bool = False) -> Clips:
    """Every clip that has a score, in the order of names, or content after content.

    One query reads it all; memory holds one clip at a time.
    """
    content = CONTENT if by_content else Value("")
    ratings = counted_ratings(campaign, aspect).annotate(content=content)
    fields = (f"{CLIP}id", f"{CLIP}name", f"{CLIP}system", f"{CLIP}condition", "content")
    return _clips(
        ratings.order_by("content", f"{CLIP}name", f"{CLIP}id")
        .values_list(*fields, "assignment__rater", "scores__value_raw")
        .iterator(chunk_size=ROWS_A_BLOCK),
        {pk: rater.name for pk, rater in raters_by_pk(campaign).items()},
    )


def _clips(rows: Iterator[tuple[Any, ...]], names: dict[int, str]) -> Clips:
    place = {pk: number for number, pk in enumerate(names)}
    for about, of_clip in groupby(rows, key=itemgetter(slice(5))):
        given = sorted((place[rater], names[rater], score) for *_, rater, score in of_clip)
        votes = {rater: score for _, rater, score in given}
        _, name, system, condition, content = about
        yield RatedClip(name, system, condition, content, votes)
