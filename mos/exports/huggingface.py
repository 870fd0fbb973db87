"""The long table as a folder for Hugging Face datasets, in a zip that is written as it is read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from annotator.models import Campaign, Verdict
from mos.exports.parquet import MEANINGS, SCHEMA, Sink, parquet_blocks
from mos.exports.rows import Row, label_rows
from mos.selectors import raters_by_pk

ROWS_A_SHARD = 500_000
READABLE = 0o644 << 16  # permissions, where a zip keeps them
SIZES = {10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M"}
LARGER = "1M<n<10M"
# What YAML takes for no text at all, even between quotes.
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def huggingface_blocks(campaign: Campaign, revisions: str) -> Iterator[bytes]:
    """`data/train-00000.parquet` and so on, then the card, which says what they hold.

    The same rows make the same bytes.
    """
    sink, seen = Sink(), Seen()
    rows = label_rows(campaign, revisions=revisions)
    with ZipFile(sink, "w") as archive:
        for number, shard in enumerate(_shards(seen.counted(rows))):
            name = f"data/train-{number:05d}.parquet"
            with archive.open(_entry(name, ZIP_STORED), "w", force_zip64=True) as file:
                for block in parquet_blocks(shard):
                    file.write(block)
                    yield sink.take()
        archive.writestr(_entry("README.md", ZIP_DEFLATED), card(campaign, seen, revisions))
    yield sink.take()


def _entry(name: str, method: int) -> ZipInfo:
    entry = ZipInfo(name)  # of 1980, so that the bytes do not tell the time
    entry.compress_type = method
    entry.external_attr = READABLE
    return entry


def _shards(rows: Iterator[Row]) -> Iterator[Iterator[Row]]:
    """At least one, so that a campaign without ratings has its columns."""
    yield islice(rows, ROWS_A_SHARD)
    for first in rows:
        yield chain([first], islice(rows, ROWS_A_SHARD - 1))


class Seen:
    """What the card says of the rows, counted as they pass."""

    def __init__(self) -> None:
        self.scores: Counter[str] = Counter()  # by aspect
        self.raters: Counter[tuple[str, bool, bool]] = Counter()  # name, simulated, rejected
        self.languages: set[str] = set()

    def counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The same rows."""
        for row in rows:
            self.scores[row["aspect"]] += 1
            self.raters[row["rater"], row["is_simulated"], row["is_rejected"]] += 1
            self.languages |= {row["source_language"], row["target_language"]}
            yield row


def card(campaign: Campaign, seen: Seen, revisions: str) -> str:
    """README.md: what datasets reads, between lines of ---, and what people read."""
    return "\n".join([*_header(campaign, seen), "", *_words(campaign, seen, revisions), ""])


def _header(campaign: Campaign, seen: Seen) -> list[str]:
    n = seen.scores.total()
    languages = sorted(filter(re.compile("[a-z]{2,3}").fullmatch, seen.languages))
    spoken = ["language:", *(f"- {_quoted(one)}" for one in languages)] if languages else []
    features = (
        line
        for field in SCHEMA
        for line in (f"  - name: {field.name}", f"    dtype: {_quoted(_dtype(str(field.type)))}")
    )
    return [
        "---",
        f"pretty_name: {_quoted(f'{campaign.name}: opinion scores of dubbed video')}",
        *spoken,
        "size_categories:",
        f"- {_quoted(next((words for most, words in SIZES.items() if n < most), LARGER))}",
        "tags:",
        *("- mean-opinion-score", "- dubbing", "- video-quality"),
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        "    path: data/*.parquet",
        "dataset_info:",
        "  features:",
        *features,
        "---",
    ]


def _dtype(arrow: str) -> str:
    """As datasets spells Arrow's types."""
    return {"double": "float64"}.get(arrow, arrow)


def _quoted(text: str) -> str:
    """Text as YAML and JSON both write it."""
    quoted = json.dumps(text, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _words(campaign: Campaign, seen: Seen, revisions: str) -> list[str]:
    raters = list(seen.raters)
    simulated = sum(is_simulated for _, is_simulated, _ in raters)
    rejected = sum(is_rejected for _, _, is_rejected in raters)
    which = "each rating's last revision" if revisions == "last" else "every revision of a rating"
    return [
        f"# {_cell(campaign.name)}",
        "One row is one rater's score for one clip on one aspect, 1 (worst) to 5 (best): "
        f"{seen.scores.total()} scores by {len(raters)} raters, {which}. "
        f"{simulated} of these raters are simulated (`is_simulated`): no people, but a stated "
        f"random model. {rejected} are rejected (`is_rejected`): their rows are here, and MOS is "
        "to be computed without them. Raters stand under pseudonyms. The clips themselves are not "
        "part of this folder, and under what licence it may be given on is for its owner to add.",
        *("", "## Aspects", "", "| aspect | question | words from 5 to 1 | scores |"),
        "|---|---|---|---|",
        *_aspects(campaign, seen),
        *("", "## Columns", "", "| column | type | meaning |", "|---|---|---|"),
        *(f"| {name} | {_dtype(str(kind))} | {says} |" for name, (kind, says) in MEANINGS.items()),
        *_rejected(campaign, {name for name, _, is_rejected in raters if is_rejected}),
    ]


def _aspects(campaign: Campaign, seen: Seen) -> list[str]:
    return [
        f"| {aspect.key} | {_cell(aspect.question)} | {_cell(', '.join(aspect.scale_words))} |"
        f" {seen.scores[aspect.key]} |"
        for aspect in campaign.rubric.aspects.order_by("position")
    ]


def _rejected(campaign: Campaign, rejected: set[str]) -> list[str]:
    if not rejected:
        return []
    names = {pk: rater.name for pk, rater in raters_by_pk(campaign).items()}
    verdicts = Verdict.objects.standing().filter(rater__campaign=campaign, is_accepted=False)
    said = [(names[one.rater_id], one.reason) for one in verdicts.order_by("rater_id")]
    lines = [f"| {name} | {_cell(reason)} |" for name, reason in said if name in rejected]
    return ["", "## Rejected raters", "", "| rater | reason |", "|---|---|", *lines]


def _cell(text: str) -> str:
    """One line that neither a table nor HTML can be broken by."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
