"""The long table's rows: one is one rater's score for one clip on one aspect.

One query reads it all, so that ratings which come in meanwhile tear nothing apart, and memory stays
flat at any size. Rows stand in the order of assignment, revision and aspect.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from itertools import islice
from typing import Any, TypeVar

from annotator.models import Campaign, Rating, Verdict
from mos.selectors import raters_by_pk

Row = dict[str, Any]
Anything = TypeVar("Anything")

REVISIONS = ("last", "all")
ROWS_A_BLOCK = 1000  # one write to the network each
# Column of the export to where it stands as seen from a rating, in the order of the columns.
FIELDS = {
    "campaign": "assignment__campaign__name",
    "wave": "assignment__wave__label",
    "clip_id": "assignment__clip__name",
    "clip_public_id": "assignment__clip__public_id",
    "corpus": "assignment__clip__corpus__name",
    "source_clip": "assignment__clip__source__name",
    "content_id": "assignment__clip__content_id",
    "system": "assignment__clip__system",
    "condition": "assignment__clip__condition",
    "source_language": "assignment__clip__source_language",
    "target_language": "assignment__clip__target_language",
    "speaker": "assignment__clip__speaker",
    "emotion": "assignment__clip__emotion",
    "rater": "assignment__rater",
    "is_simulated": "assignment__rater__is_simulated",
    "aspect": "scores__aspect__key",
    "score": "scores__value_raw",
    "revision": "revision",
    "created_at": "created_at",
    "lead_time_s": "lead_time_s",
    "watched_frac": "watched_frac",
    "is_surplus": "assignment__place",
}
COLUMNS = (*FIELDS, "is_rejected")


def label_rows(campaign: Campaign, *, revisions: str = "last") -> Iterator[Row]:
    """Every score of a campaign, of each rating's last revision or of `all`.

    `is_surplus` tells that the place was given on, because the rater's lease had run out or the
    rater was rejected; `is_rejected` that the last verdict is that the ratings do not count.
    """
    if revisions not in REVISIONS:
        raise ValueError(f"revisions cannot be {revisions!r}: choose {' or '.join(REVISIONS)}.")
    every = Rating.objects.filter(assignment__campaign=campaign, scores__isnull=False)
    ratings = every if revisions == "all" else every.current()
    ordered = ratings.order_by("assignment_id", "revision", "scores__aspect__position")
    return _rows(ordered.values_list(*FIELDS.values()), campaign)


def _rows(values: Any, campaign: Campaign) -> Iterator[Row]:
    names = {pk: rater.name for pk, rater in raters_by_pk(campaign).items()}
    rejected = rejected_raters(campaign)
    for row_values in values.iterator(chunk_size=ROWS_A_BLOCK):
        row = dict(zip(FIELDS, row_values, strict=True))
        row["source_clip"] = row["source_clip"] or ""
        row["is_rejected"] = row["rater"] in rejected
        row["rater"] = names[row["rater"]]
        row["created_at"] = row["created_at"].astimezone(UTC)
        row["is_surplus"] = row["is_surplus"] is None
        yield row


def rejected_raters(campaign: Campaign) -> frozenset[int]:
    """Those of whom the last verdict says that their ratings do not count."""
    verdicts = Verdict.objects.standing().filter(rater__campaign=campaign, is_accepted=False)
    return frozenset(verdicts.values_list("rater", flat=True))


def in_blocks(rows: Iterator[Anything]) -> Iterator[list[Anything]]:
    """A thousand rows at a time."""
    while block := list(islice(rows, ROWS_A_BLOCK)):
        yield block
