"""Files of ratings that were collected elsewhere, read and checked whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from annotator.rating_files.given import GivenClip, GivenRating, GivenRatings, RatingFileError
from annotator.rating_files.long_csv import read_long_csv
from annotator.rating_files.p910 import read_p910
from annotator.rating_files.sureal import read_sureal

__all__ = [
    "FORMATS",
    "GivenClip",
    "GivenRating",
    "GivenRatings",
    "RatingFileError",
    "read_ratings",
]

FORMATS: dict[str, Callable[[Path, Mapping[str, str]], GivenRatings]] = {
    "long-csv": read_long_csv,
    "sureal": read_sureal,
    "p910": read_p910,
}


def read_ratings(path: Path, kind: str, columns: Mapping[str, str] | None = None) -> GivenRatings:
    """Every rating of a file.

    Args:
        path: The file.
        kind: One of `FORMATS`.
        columns: What the columns of a long table are called: `item`, `rater`, `aspect`, `rating`,
            where they are not called as usual. For the other forms, `aspect` alone: which it is.

    Raises:
        RatingFileError: there is no such file, it is not of this form, or some rating in it cannot
            be kept; the message names the place and the cure.
    """
    if kind not in FORMATS:
        raise RatingFileError(f"Files of ratings are {', '.join(FORMATS)}, not {kind!r}.")
    try:
        return FORMATS[kind](path, columns or {})
    except OSError as error:
        raise RatingFileError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RatingFileError(
            f"{path} is not UTF-8 (byte {error.start} is {error.object[error.start]:#04x}): "
            "save it in UTF-8."
        ) from error
