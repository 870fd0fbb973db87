"""The labelled set, streamed: one row is one rater's score for one clip on one aspect."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import Max
from django.http import StreamingHttpResponse
from django.utils.text import slugify

from annotator.models import Campaign, Rating, Score
from mos.selectors import rater_names

KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
CHUNK = 2000
# Column of the export to field of the score; order of the columns.
FIELDS = {
    "campaign": "rating__assignment__campaign__name",
    "wave": "rating__assignment__wave__label",
    "clip_id": "rating__assignment__clip__name",
    "clip_public_id": "rating__assignment__clip__public_id",
    "corpus": "rating__assignment__clip__corpus__name",
    "source": "rating__assignment__clip__source__name",
    "content_id": "rating__assignment__clip__content_id",
    "system": "rating__assignment__clip__system",
    "condition": "rating__assignment__clip__condition",
    "source_language": "rating__assignment__clip__source_language",
    "target_language": "rating__assignment__clip__target_language",
    "speaker": "rating__assignment__clip__speaker",
    "emotion": "rating__assignment__clip__emotion",
    "rater": "rating__assignment__rater",
    "aspect": "aspect__key",
    "score": "value_raw",
    "revision": "rating__revision",
    "created_at": "rating__created_at",
    "lead_time_s": "rating__lead_time_s",
    "watched_frac": "rating__watched_frac",
    "is_surplus": "rating__assignment__place",
}
COLUMNS = [*FIELDS, "is_simulated"]


def label_rows(campaign: Campaign, *, every_revision: bool = False) -> Iterator[dict[str, Any]]:
    """Every score of a campaign as a dictionary, in the order of assignment, revision and aspect.

    Only the last revision of each rating, unless all are asked for.
    """
    raters = rater_names(campaign)
    scores = Score.objects.filter(rating__assignment__campaign=campaign)
    if not every_revision:
        scores = scores.exclude(rating__in=_superseded(campaign))
    ordered = scores.order_by("rating__assignment", "rating__revision", "aspect__position")
    for values in ordered.values_list(*FIELDS.values()).iterator(chunk_size=CHUNK):
        row = dict(zip(FIELDS, values, strict=True))
        row["rater"], row["is_simulated"] = raters[row["rater"]]
        row["created_at"] = row["created_at"].isoformat()
        row["is_surplus"] = row["is_surplus"] is None
        row["source"] = row["source"] or ""
        yield row


def _superseded(campaign: Campaign) -> Any:
    """Ratings that have a later revision, without asking row by row."""
    last = (
        campaign.assignments.annotate(last=Max("ratings__revision"))
        .filter(last__gt=1)
        .values_list("pk", "last")
    )
    kept = dict(last)
    rows = Rating.objects.filter(assignment__in=kept).values_list("pk", "assignment", "revision")
    return [pk for pk, assignment, revision in rows if revision < kept[assignment]]


def lines(campaign: Campaign, kind: str, *, every_revision: bool = False) -> Iterator[str]:
    """The export as text, line by line."""
    rows = label_rows(campaign, every_revision=every_revision)
    if kind == "jsonl":
        return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if kind == "csv":
        return _csv_lines(rows)
    raise ValueError(f"No export is called {kind!r}: choose one of {', '.join(KINDS)}.")


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv_lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([_cell(row[column]) for column in COLUMNS])


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it (OWASP)."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def download(
    campaign: Campaign, kind: str, *, every_revision: bool = False
) -> StreamingHttpResponse:
    """The export as a file for a browser or a program."""
    text = lines(campaign, kind, every_revision=every_revision)
    name = f"{slugify(campaign.name) or 'campaign'}-labels.{kind}"
    return StreamingHttpResponse(
        (line.encode() for line in text),
        content_type=KINDS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
