"""The labelled set, streamed: one row is one rater's score for one clip on one aspect.

One query reads it all, so that ratings which come in meanwhile tear nothing apart, and memory stays
flat at any size. Rows stand in the order of assignment, revision and aspect.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from io import StringIO
from itertools import islice
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from annotator.models import Campaign, Rating
from mos.selectors import raters_by_pk

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
REVISIONS = ("last", "all")
ROWS_A_BLOCK = 1000  # one write to the network each
# A spreadsheet runs a cell that begins so as a formula; OWASP, "CSV injection".
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
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
COLUMNS = tuple(FIELDS)


def label_rows(campaign: Campaign, *, revisions: str = "last") -> Iterator[dict[str, Any]]:
    """Every score of a campaign, of each rating's last revision or of `all`.

    `is_surplus` tells that the rater's lease had run out and the place was given on.
    """
    if revisions not in REVISIONS:
        raise ValueError(f"revisions cannot be {revisions!r}: choose {' or '.join(REVISIONS)}.")
    every = Rating.objects.filter(assignment__campaign=campaign, scores__isnull=False)
    ratings = every if revisions == "all" else every.current()
    ordered = ratings.order_by("assignment_id", "revision", "scores__aspect__position")
    return _rows(ordered.values_list(*FIELDS.values()), campaign)


def _rows(values: Any, campaign: Campaign) -> Iterator[dict[str, Any]]:
    names = {pk: rater.name for pk, rater in raters_by_pk(campaign).items()}
    for row_values in values.iterator(chunk_size=ROWS_A_BLOCK):
        row = dict(zip(COLUMNS, row_values, strict=True))
        row["source_clip"] = row["source_clip"] or ""
        row["rater"] = names[row["rater"]]
        # One form for every moment: without this, a whole second is written without its fraction.
        row["created_at"] = row["created_at"].astimezone(UTC).isoformat(timespec="microseconds")
        row["is_surplus"] = row["is_surplus"] is None
        yield row


def text_blocks(campaign: Campaign, kind: str, *, revisions: str = "last") -> Iterator[str]:
    """The export as text, a thousand rows at a time."""
    if kind not in TYPES:
        raise ValueError(f"The labels come as {' or '.join(TYPES)}, not as {kind!r}.")
    rows = label_rows(campaign, revisions=revisions)
    return _blocks(rows, _csv_text, head=_csv_text([])) if kind == "csv" else _blocks(rows, _jsonl)


def _blocks(
    rows: Iterator[dict[str, Any]],
    as_text: Callable[[Iterable[dict[str, Any]]], str],
    head: str = "",
) -> Iterator[str]:
    if head:
        yield head
    while block := list(islice(rows, ROWS_A_BLOCK)):
        yield as_text(block)


def _jsonl(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv_text(rows: Iterable[dict[str, Any]]) -> str:
    """These rows as CSV; the line of column names where there are none."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerows([[_cell(value) for value in row.values()] for row in rows] or [COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def download(campaign: Campaign, kind: str, *, revisions: str = "last") -> StreamingHttpResponse:
    """The export as a file for a browser or a program."""
    blocks = text_blocks(campaign, kind, revisions=revisions)
    name = f"{slugify(campaign.name) or 'campaign'}-labels.{kind}"
    return StreamingHttpResponse(
        (block.encode() for block in blocks),
        content_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
