"""How ratings leave: every form is streamed, with memory that does not grow with the ratings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.text import slugify

from annotator.models import Campaign
from mos.exports.huggingface import huggingface_blocks
from mos.exports.p808 import votes_per_clip, votes_per_condition, votes_per_worker
from mos.exports.p910 import p910_blocks
from mos.exports.parquet import parquet_blocks
from mos.exports.rows import REVISIONS, Row, label_rows
from mos.exports.sureal import sureal_blocks
from mos.exports.text import csv_blocks, jsonl_blocks
from mos.exports.votes import aspect_of

__all__ = ["FORMATS", "REVISIONS", "Format", "blocks", "download", "label_rows"]

CSV = "text/csv; charset=utf-8"
JSONL = "application/x-ndjson; charset=utf-8"
JSON = "application/json; charset=utf-8"
DEFAULT_ASPECT = "overall"


@dataclass(frozen=True)
class Format:
    """One form in which ratings leave.

    Args:
        ending: Of the file's name.
        content_type: For browsers.
        says: What it holds, in one line.
        write: Campaign and which revisions to blocks; of a form of one aspect, campaign and aspect.
        is_of_one_aspect: Whether it holds one aspect alone, and last revisions alone.
    """

    ending: str
    content_type: str
    says: str
    write: Callable[[Campaign, Any], Iterator[bytes]]
    is_of_one_aspect: bool = False

    @property
    def is_text(self) -> bool:
        """Whether a terminal can show it."""
        return "charset" in self.content_type


def _long(write: Callable[[Iterator[Row]], Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
    return lambda campaign, revisions: write(label_rows(campaign, revisions=revisions))


FORMATS = {
    "csv": Format(
        "labels.csv",
        CSV,
        "long table; text that begins with = + - @ has an apostrophe before it, so that"
        " spreadsheets do not run it",
        _long(csv_blocks),
    ),
    "jsonl": Format(
        "labels.jsonl",
        JSONL,
        "long table, a JSON object a line, every text as it is",
        _long(jsonl_blocks),
    ),
    "parquet": Format(
        "labels.parquet",
        "application/vnd.apache.parquet",
        "long table with types, for pandas, Polars, DuckDB, R and Spark",
        _long(parquet_blocks),
    ),
    "hf": Format(
        "labels-hf.zip",
        "application/zip",
        "folder for Hugging Face datasets: a dataset card and the long table in Parquet shards",
        huggingface_blocks,
    ),
    "votes_per_clip": Format(
        "votes_per_clip.csv",
        CSV,
        "one aspect, as the P.808 toolkit writes it: a row a clip with MOS and votes; without"
        " rejected raters",
        votes_per_clip,
        is_of_one_aspect=True,
    ),
    "votes_per_condition": Format(
        "votes_per_condition.csv",
        CSV,
        "one aspect, as the P.808 toolkit writes it: a row a condition, a system and both together;"
        " without rejected raters",
        votes_per_condition,
        is_of_one_aspect=True,
    ),
    "votes_per_worker": Format(
        "votes_per_worker.csv",
        CSV,
        "one aspect, as the P.808 toolkit writes it: a row a vote; without rejected raters",
        votes_per_worker,
        is_of_one_aspect=True,
    ),
    "sureal": Format(
        "sureal.json",
        JSON,
        "one aspect, a dataset for Netflix's sureal; without rejected raters",
        sureal_blocks,
        is_of_one_aspect=True,
    ),
    "p910": Format(
        "p910.csv",
        CSV,
        "one aspect, the matrix that the demo of ITU-T P.910 reads: a row a clip, a column a rater,"
        " nan where there is no score; without rejected raters",
        p910_blocks,
        is_of_one_aspect=True,
    ),
}


def blocks(
    campaign: Campaign, kind: str, *, revisions: str = "last", aspect: str | None = None
) -> Iterator[bytes]:
    """The export in pieces, as they come.

    Args:
        kind: One of `FORMATS`.
        revisions: One of `REVISIONS`; forms of one aspect have the last alone.
        aspect: Which one, of forms of one aspect: `overall` unless it is said.

    Raises:
        ValueError: a word is not known, or is asked of a form that has no place for it.
    """
    form = _form(kind)
    if revisions not in REVISIONS:
        raise ValueError(f"revisions cannot be {revisions!r}: choose {' or '.join(REVISIONS)}.")
    if not form.is_of_one_aspect:
        if aspect is None:
            return form.write(campaign, revisions)
        raise ValueError(f"{kind} holds every aspect, not {aspect!r} alone: leave the aspect out.")
    if revisions != "last":
        long = ", ".join(name for name, other in FORMATS.items() if not other.is_of_one_aspect)
        raise ValueError(f"{kind} has no place for earlier revisions: choose one of {long}.")
    return form.write(campaign, aspect_of(campaign, aspect or DEFAULT_ASPECT))


def _form(kind: str) -> Format:
    if kind not in FORMATS:
        raise ValueError(f"The labels come as {', '.join(FORMATS)}, not as {kind!r}.")
    return FORMATS[kind]


def download(
    campaign: Campaign, kind: str, *, revisions: str = "last", aspect: str | None = None
) -> StreamingHttpResponse:
    """The export as a file for a browser or a program; refuses as `blocks` does."""
    content = blocks(campaign, kind, revisions=revisions, aspect=aspect)
    form = _form(kind)
    parts = [slugify(campaign.name) or "campaign"]
    if form.is_of_one_aspect:
        parts.append(slugify(aspect or DEFAULT_ASPECT))
    return StreamingHttpResponse(
        content,
        content_type=form.content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{"-".join([*parts, form.ending])}"'
        },
    )
