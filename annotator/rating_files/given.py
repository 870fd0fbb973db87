"""Ratings as a file gives them, whatever its form."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

LOWEST, HIGHEST = 1, 5
LONGEST_NAME = 200  # of a clip
LONGEST_RATER = 150


class RatingFileError(ValueError):
    """A file of ratings that cannot be used, with the place to be mended."""


@dataclass(frozen=True, slots=True)
class GivenClip:
    """What a file says of a clip: `source` names another one, `known` has labels by our names."""

    name: str
    source: str = ""
    known: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class GivenRating:
    """One rater's scores for one clip, by aspect; None where nobody saw how it was watched."""

    scores: dict[str, int] = field(default_factory=dict)
    lead_time_s: float | None = None
    watched_frac: float | None = None


@dataclass
class GivenRatings:
    """All of a file.

    Args:
        clips: By name.
        raters: Name to whether it is no person.
        aspects: In the order of the file.
        ratings: Clip and rater to their revisions, the earliest first.
        rejected: Raters whose ratings did not count where they were collected.
    """

    clips: dict[str, GivenClip] = field(default_factory=dict)
    raters: dict[str, bool] = field(default_factory=dict)
    aspects: list[str] = field(default_factory=list)
    ratings: dict[tuple[str, str], list[GivenRating]] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)

    @property
    def n_ratings(self) -> int:
        """Revisions included."""
        return sum(map(len, self.ratings.values()))


def score_of(text: str, where: str) -> int:
    """A score of 1 to 5 as it stands in a file, such as `3` or `3.0`.

    Raises:
        RatingFileError: it is none.

    >>> score_of("4.0", "line 2")
    4
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if value not in range(LOWEST, HIGHEST + 1):
        raise RatingFileError(
            f"{where}: the rating is {text!r}; ratings are whole numbers from 1 to 5. What other"
            " scales are worth, `manage.py reliability` tells."
        )
    return int(value)


def name_of(text: str, what: str, where: str) -> str:
    """The name of a clip or rater.

    Raises:
        RatingFileError: there is none, it is too long, or it has a NUL in it.
    """
    name, longest = text.strip(), LONGEST_NAME if what == "clip" else LONGEST_RATER
    if not name:
        raise RatingFileError(f"{where}: the {what} has no name.")
    if len(name) > longest or "\0" in name:
        raise RatingFileError(
            f"{where}: the name of the {what}, {name[:20]!r}…, has more than {longest} characters"
            " or a NUL: shorten it."
        )
    return name


def add_sources(path: Path, found: GivenRatings) -> None:
    """Sources that are no rated clips are clips all the same.

    Raises:
        RatingFileError: a clip is its own source in the end.
    """
    for clip in list(found.clips.values()):
        if clip.source:
            found.clips.setdefault(clip.source, GivenClip(clip.source))
    for name in found.clips:
        seen, source = {name}, found.clips[name].source
        while source:
            if source in seen:
                raise RatingFileError(f"{path}: the clip {name} is its own source in the end.")
            seen.add(source)
            source = found.clips[source].source
