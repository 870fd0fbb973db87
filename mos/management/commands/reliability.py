"""`manage.py reliability RATINGS.csv`: what the ratings of a file are worth."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.core.management.base import BaseCommand, CommandError
from numpy.typing import NDArray

from mos.from_table import one_way_reliability, table_reliability
from mos.summaries import Coefficient, Reliability

# What columns are called elsewhere, in the order in which they are looked for.
USUAL = {
    "item": ("item", "clip_id", "clip", "pvs", "stimulus", "file", "video"),
    "rater": ("rater", "subject", "worker", "workerid", "annotator", "user"),
    "aspect": ("aspect", "question", "dimension", "criterion"),
    "rating": ("rating", "score", "vote", "value", "os"),
}
UNNAMED = "rating"  # the one aspect of a file that names none


class Command(BaseCommand):
    """Answer the reliability table of a file."""

    help = (
        "The whole reliability table for a CSV of ratings, one row an item, rater and aspect, on"
        " any scale. Nothing is imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file, and what its columns are called."""
        parser.add_argument("file", type=Path)
        for role, names in USUAL.items():
            parser.add_argument(f"--{role}", metavar="COLUMN", help=f"if not {' or '.join(names)}")
        parser.add_argument("--one-way", action="store_true", help="raters are slots, not people")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, compute, print."""
        asked = {role: options[role] for role in USUAL}
        rows, repeated = _read(options["file"], asked, is_one_way=options["one_way"])
        try:
            found = _tables(rows, is_one_way=options["one_way"])
        except ValueError as refusal:
            raise CommandError(f"{options['file']}: {refusal}") from refusal
        if repeated:
            note = f"{repeated} ratings were given anew later in the file: the last one counts."
            self.stderr.write(note)
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2, allow_nan=False))
            return
        for aspect in found:
            self.stdout.write(_as_text(aspect))


def _read(
    file: Path, asked: dict[str, str | None], *, is_one_way: bool
) -> tuple[pd.DataFrame, int]:
    """Item, rater, aspect and rating of each row; how many were given anew."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror or error}.") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise CommandError(f"{file} is no table in CSV: {error}") from error
    optional = {"aspect", "rater"} if is_one_way else {"aspect"}
    columns = {
        role: _column(table, role, name, is_optional=role in optional)
        for role, name in asked.items()
    }
    rows = pd.DataFrame(
        {role: table[name] if name is not None else UNNAMED for role, name in columns.items()}
    )
    rows["rating"] = _numbers(rows["rating"], str(columns["rating"]))
    rows = rows[rows["rating"].notna()]
    if not len(rows):
        raise CommandError(f"{file} has no rating: {columns['rating']} is empty everywhere.")
    if columns["rater"] is None:
        return rows, 0
    kept = rows.drop_duplicates(["item", "rater", "aspect"], keep="last")
    return kept, len(rows) - len(kept)


def _column(table: pd.DataFrame, role: str, name: str | None, *, is_optional: bool) -> str | None:
    by_lower = {column.strip().lower(): column for column in table.columns}
    if name is not None and name not in table.columns:
        raise CommandError(f"No column is called {name!r}: there are {', '.join(table.columns)}.")
    found = name or next((by_lower[usual] for usual in USUAL[role] if usual in by_lower), None)
    if found is None and not is_optional:
        raise CommandError(
            f"Which column is the {role}? Say it with --{role}: there are "
            f"{', '.join(table.columns)}. A table has commas between its columns."
        )
    return found


def _numbers(cells: pd.Series, name: str) -> pd.Series:
    """Ratings as numbers; an empty cell and `nan` are none."""
    stripped = cells.str.strip()
    numbers = pd.to_numeric(stripped, errors="coerce")
    is_gap = stripped.str.lower().isin(["", "nan", "na", "null"])
    wrong = numbers.isna() & ~is_gap | np.isinf(numbers)
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0]) + 2
        raise CommandError(
            f"Line {line}: {name} is {cells.iloc[line - 2]!r}, which is no number. Correct it, or"
            " leave the cell empty."
        )
    return numbers


def _tables(rows: pd.DataFrame, *, is_one_way: bool) -> list[dict[str, Any]]:
    """Of each aspect, in the order of the file, its sizes and its reliability."""
    aspects = list(dict.fromkeys(rows["aspect"]))
    means_NA = _means(rows, aspects)
    return [_table(rows[rows["aspect"] == name], name, means_NA, is_one_way) for name in aspects]


def _means(rows: pd.DataFrame, aspects: list[str]) -> NDArray[np.float64]:
    by_item = rows.pivot_table(index="item", columns="aspect", values="rating", aggfunc="mean")
    return by_item[aspects].to_numpy(dtype=np.float64)


def _table(
    rows: pd.DataFrame, aspect: str, means_NA: NDArray[np.float64], is_one_way: bool
) -> dict[str, Any]:
    clip_T, clips = pd.factorize(rows["item"])
    rater_T, raters = pd.factorize(rows["rater"])
    scores_T = rows["rating"].to_numpy()
    try:
        if is_one_way:
            found = one_way_reliability(scores_T, clip_T, means_NA)
        else:
            found = table_reliability(scores_T, clip_T, rater_T, means_NA)
    except ValueError as refusal:
        raise ValueError(f"{aspect}: {refusal}") from refusal
    sizes = {"n_ratings": len(rows), "n_clips": len(clips)}
    if not is_one_way:
        sizes["n_raters"] = len(raters)
    return {"aspect": aspect, **sizes, **asdict(found)}


def _as_text(aspect: dict[str, Any]) -> str:
    found = Reliability(**{key: aspect[key] for key in Reliability.__dataclass_fields__})
    raters = f" by {aspect['n_raters']} raters" if "n_raters" in aspect else ""
    gaps = f", {100 * found.missing_frac:.1f} % of cells empty" if found.missing_frac else ""
    sizes = f"{aspect['n_ratings']} ratings of {aspect['n_clips']} items"
    lines = [f"{aspect['aspect']}: {sizes}{raters}{gaps}"]
    lines += [_line(Coefficient(**row)) for row in aspect["coefficients"]]
    shares = [f"{row['name']} {100 * row['share_frac']:.0f} %" for row in aspect["shares"]]
    lines += [f"  Variance: {', '.join(shares)}"] if shares else []
    return "\n".join([*lines, *(f"  Note: {note}" for note in found.notes), ""])


def _line(row: Coefficient) -> str:
    if row.value is None:
        return f"  {row.name}: {row.reason}"
    interval = "" if row.low is None or row.high is None else f"{row.low:.3f} … {row.high:.3f}"
    k = "" if row.k is None else f"{row.k:g}"
    return f"  {row.name:30} {row.value:7.3f}  {interval:17} n {row.n:<6} k {k:<6} {row.over}"
