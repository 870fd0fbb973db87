"""The long table: one row is one rater's score for one clip on one aspect.

`manage.py export_labels` writes one; any CSV with columns for item, rater and rating is another.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from annotator.rating_files.given import (
    GivenClip,
    GivenRating,
    GivenRatings,
    RatingFileError,
    add_sources,
    name_of,
    score_of,
)

# What columns are called, in the order in which they are looked for.
USUAL = {
    "item": ("item", "clip_id", "clip", "pvs", "stimulus", "file"),
    "rater": ("rater", "subject", "worker", "workerid", "annotator"),
    "aspect": ("aspect", "question", "dimension"),
    "rating": ("rating", "score", "vote"),
}
LABELS = {
    "content_id": "content_id",
    "content": "content_id",
    "system": "system",
    "condition": "condition",
    "source_language": "source_language",
    "target_language": "target_language",
    "speaker": "speaker",
    "emotion": "emotion",
}
LONE_ASPECT = "overall"  # of a file that names none
# A spreadsheet runs a cell that begins so; the export puts an apostrophe before it.
APOSTROPHED = ("'=", "'+", "'-", "'@", "'\t", "'\r", "'\n")
GAPS = {"", "nan", "na", "null", "none"}

Row = dict[str, str]


def read_long_csv(path: Path, columns: Mapping[str, str]) -> GivenRatings:
    """Every score of a long table; see `annotator.rating_files.read_ratings`."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            place = _places(path, reader.fieldnames or [], columns)
            found = _collected(path, place, _rows(path, reader))
        except csv.Error as error:
            raise RatingFileError(f"{path}, line {reader.line_num + 1}: {error}") from error
    if not found.ratings:
        raise RatingFileError(f"{path} has no rating.")
    add_sources(path, found)
    return found


def _places(path: Path, names: Sequence[str], asked: Mapping[str, str]) -> dict[str, str | None]:
    """Role of a column to its name."""
    for role, name in asked.items():
        if name not in names:
            raise RatingFileError(
                f"{path}: no column is called {name!r} (the {role}): there are {', '.join(names)}."
            )
    by_lower = {name.strip().lower(): name for name in names if name}
    places = {
        role: asked.get(role) or next((by_lower[one] for one in usual if one in by_lower), None)
        for role, usual in USUAL.items()
    }
    for role, place in places.items():
        if place is None and role != "aspect":
            raise RatingFileError(
                f"{path}: which column is the {role}? Say it with --{role}: there are "
                f"{', '.join(names) or 'none'}.{_with_commas(names)}"
            )
    return places


def _with_commas(names: Sequence[str]) -> str:
    lone = len(names) == 1 and any(mark in names[0] for mark in ";\t|")
    return " Save the table with commas between its columns." if lone else ""


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[tuple[str, Row]]:
    """Each row with where it stands."""
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if None in row or None in row.values():
            raise RatingFileError(f"{where}: more or fewer values than columns.")
        yield where, {name: _plain(cell) for name, cell in row.items()}


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith(APOSTROPHED) else cell


def _collected(
    path: Path, place: dict[str, str | None], rows: Iterator[tuple[str, Row]]
) -> GivenRatings:
    found = GivenRatings()
    revisions: dict[tuple[str, str], dict[int, GivenRating]] = {}
    for where, row in rows:
        score = row[str(place["rating"])].strip()
        if score.lower() in GAPS:
            continue
        clip = name_of(row[str(place["item"])], "clip", where)
        rater = name_of(row[str(place["rater"])], "rater", where)
        aspect = row[place["aspect"]].strip() if place["aspect"] else LONE_ASPECT
        if not aspect:
            raise RatingFileError(f"{where}: the aspect has no name.")
        _note(found, where, clip, rater, aspect, row)
        of_pair = revisions.setdefault((clip, rater), {})
        rating = of_pair.setdefault(_revision(row, where), GivenRating())
        if aspect in rating.scores:
            raise RatingFileError(
                f"{where}: {rater} has rated {clip} on {aspect} before in this file. Leave one row"
                " out, or number them in a column `revision`."
            )
        rating.scores[aspect] = score_of(score, where)
        rating.lead_time_s = _number(row, "lead_time_s", where, 0.0, float("inf"))
        rating.watched_frac = _number(row, "watched_frac", where, 0.0, 1.0)
    found.ratings = {
        pair: [of_pair[number] for number in sorted(of_pair)] for pair, of_pair in revisions.items()
    }
    return found


def _note(found: GivenRatings, where: str, clip: str, rater: str, aspect: str, row: Row) -> None:
    """Clip, rater and aspect, which must be the same whenever they are named."""
    known = {LABELS[name]: cell.strip() for name, cell in row.items() if name in LABELS}
    given = GivenClip(clip, row.get("source_clip", "").strip(), tuple(sorted(known.items())))
    if found.clips.setdefault(clip, given) != given:
        raise RatingFileError(f"{where}: the clip {clip} had other labels further up.")
    is_simulated = _is_true(row.get("is_simulated", ""))
    if found.raters.setdefault(rater, is_simulated) != is_simulated:
        raise RatingFileError(f"{where}: {rater} was and was not simulated further up.")
    if aspect not in found.aspects:
        found.aspects.append(aspect)
    if _is_true(row.get("is_rejected", "")):
        found.rejected.add(rater)


def _is_true(cell: str) -> bool:
    return cell.strip().lower() in {"true", "1", "yes"}


def _revision(row: Row, where: str) -> int:
    cell = row.get("revision", "1").strip() or "1"
    if not (cell.isascii() and cell.isdigit() and int(cell) > 0):
        raise RatingFileError(f"{where}: revision is {cell!r}; revisions count from 1.")
    return int(cell)


def _number(row: Row, name: str, where: str, least: float, most: float) -> float | None:
    cell = row.get(name, "").strip()
    if cell.lower() in GAPS:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = -1.0
    if not least <= value <= most or value == float("inf"):
        raise RatingFileError(
            f"{where}: {name} is {cell!r}; it is a number from {least:g} to {most:g}, or nothing."
        )
    return value
