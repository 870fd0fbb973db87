"""The matrix of the demo of ITU-T P.910, annex E: a row a clip, a column a rater, numbers alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from annotator.rating_files.given import (
    GivenClip,
    GivenRating,
    GivenRatings,
    RatingFileError,
    score_of,
)
from annotator.rating_files.long_csv import GAPS, LONE_ASPECT


def read_p910(path: Path, columns: Mapping[str, str]) -> GivenRatings:
    """Every score of a matrix; see `annotator.rating_files.read_ratings`.

    Clips and raters have no names there: they are called by their numbers, from 1.
    """
    aspect = columns.get("aspect") or LONE_ASPECT
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = [row for row in csv.reader(file) if row]
        except csv.Error as error:
            raise RatingFileError(f"{path}: {error}") from error
    n_raters = len(rows[0]) if rows else 0
    clips, raters = _numbered("clip", len(rows)), _numbered("rater", n_raters)
    found = GivenRatings(aspects=[aspect])
    for number, (clip, row) in enumerate(zip(clips, rows, strict=True), start=1):
        if len(row) != n_raters:
            raise RatingFileError(
                f"{path}, line {number}: {len(row)} values where the first line has {n_raters}."
            )
        found.clips[clip] = GivenClip(clip)
        for rater, cell in zip(raters, row, strict=True):
            if cell.strip().lower() in GAPS:
                continue
            found.raters.setdefault(rater, False)
            score = score_of(cell.strip(), f"{path}, line {number}, {rater}")
            found.ratings[clip, rater] = [GivenRating({aspect: score})]
    if not found.ratings:
        raise RatingFileError(f"{path} has no rating.")
    return found


def _numbered(what: str, n: int) -> list[str]:
    width = len(str(n))
    return [f"{what} {number:0{width}d}" for number in range(1, n + 1)]
