"""The one door from rows to arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from django.db.models import Avg, QuerySet
from numpy.typing import NDArray

from annotator.models import Aspect, Campaign, Clip, Membership, Rating

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RatedClip:
    """What figures say of a clip; not the clip's row, which is far heavier."""

    pk: int
    public_id: str
    name: str
    system: str
    condition: str
    source_language: str
    target_language: str

    @property
    def language_pair(self) -> str:
        """As shown to researchers: `en → hi`."""
        return f"{self.source_language or '?'} → {self.target_language or '?'}"


@dataclass(frozen=True, slots=True)
class Rater:
    """A rater under the pseudonym that pages and exports use."""

    pk: int
    name: str
    is_simulated: bool


@dataclass(frozen=True)
class RatingArrays:
    """Current scores of a campaign, one entry a score; index arrays point into the lists below.

    Shape letters: T scores, C clips, R raters, A aspects. Clips are in the order of their names,
    raters of their joining, aspects of the rubric.
    """

    scores_T: Floats
    clip_T: Ints
    rater_T: Ints
    aspect_T: Ints
    clips: list[RatedClip]
    raters: list[Rater]
    aspects: list[Aspect]

    @property
    def has_simulated(self) -> bool:
        """Whether any of these scores was made by a random model and not by a person."""
        return bool(self.simulated_raters)

    @cached_property
    def simulated_raters(self) -> list[Rater]:
        """The simulated ones among those who rated."""
        rated = (self.raters[index] for index in np.unique(self.rater_T).tolist())
        return [rater for rater in rated if rater.is_simulated]

    def of_aspect(self, key: str) -> RatingArrays:
        """Only the scores on one aspect."""
        keys = [aspect.key for aspect in self.aspects]
        if key not in keys:
            raise ValueError(f"No aspect is called {key!r}: choose one of {', '.join(keys)}.")
        keep_T = self.aspect_T == keys.index(key)
        return replace(
            self,
            scores_T=self.scores_T[keep_T],
            clip_T=self.clip_T[keep_T],
            rater_T=self.rater_T[keep_T],
            aspect_T=np.zeros(int(keep_T.sum()), dtype=np.int64),
            aspects=[self.aspects[keys.index(key)]],
        )

    @cached_property
    def table_CR(self) -> Floats:
        """Clips that were rated by raters who rated; NaN where a rater has not rated a clip.

        Of one aspect only: with several, a cell would hold the last of them.
        """
        clips, clip_T = np.unique(self.clip_T, return_inverse=True)
        raters, rater_T = np.unique(self.rater_T, return_inverse=True)
        table_CR = np.full((len(clips), len(raters)), np.nan)
        table_CR[clip_T, rater_T] = self.scores_T
        return table_CR


def rating_arrays(campaign: Campaign, aspect_key: str | None = None) -> RatingArrays:
    """Current scores of a campaign, of one aspect or of all, in four queries whatever the size.

    Scores are read first: whoever rates meanwhile adds clips and raters, and takes none away.
    """
    every = list(campaign.rubric.aspects.order_by("position"))
    aspects = [aspect for aspect in every if aspect_key in (None, aspect.key)]
    ratings = _current(campaign).filter(scores__aspect__in=aspects)
    columns = _columns(
        ratings,
        "scores__value_raw",
        "assignment__clip",
        "assignment__rater",
        "scores__aspect",
    )
    clips, raters = _rated_clips(campaign), list(raters_by_pk(campaign).values())
    return RatingArrays(
        scores_T=columns[0].astype(np.float64),
        clip_T=_positions(columns[1], [clip.pk for clip in clips]),
        rater_T=_positions(columns[2], [rater.pk for rater in raters]),
        aspect_T=_positions(columns[3], [aspect.pk for aspect in aspects]),
        clips=clips,
        raters=raters,
        aspects=aspects,
    )


def aspect_means(campaign: Campaign) -> Floats:
    """MOS of each rated clip on each aspect of the rubric, shape (C, A); NaN where none is given.

    The database takes the means, so that six aspects cost no more than one to bring here.
    """
    aspects = list(campaign.rubric.aspects.order_by("position").values_list("pk", flat=True))
    cells = _current(campaign).filter(scores__aspect__in=aspects)
    rows = cells.values_list("assignment__clip", "scores__aspect").annotate(
        Avg("scores__value_raw")
    )
    clip_aspect_mean = np.array(list(rows), dtype=np.float64).reshape(-1, 3)
    clips, clip_index = np.unique(clip_aspect_mean[:, 0], return_inverse=True)
    means_CA = np.full((len(clips), len(aspects)), np.nan)
    aspect_index = _positions(clip_aspect_mean[:, 1].astype(np.int64), aspects)
    means_CA[clip_index, aspect_index] = clip_aspect_mean[:, 2]
    return means_CA


def raters_by_pk(campaign: Campaign) -> dict[int, Rater]:
    """Each rater of a campaign under a pseudonym: R01, R02 and so on in the order of joining."""
    rows = campaign.memberships.filter(role=Membership.Role.RATER)
    ordered = rows.order_by("created_at", "pk").values_list("pk", "is_simulated")
    return {
        pk: Rater(pk, f"R{number:02d}", is_simulated)
        for number, (pk, is_simulated) in enumerate(ordered, start=1)
    }


def _current(campaign: Campaign) -> Any:
    return Rating.objects.current().filter(assignment__campaign=campaign).order_by()


def _columns(rows: QuerySet[Any], *fields: str) -> NDArray[np.int64]:
    """Whole-number fields of many rows as one array a field, without an object a row."""
    values: Iterable[tuple[int, ...]] = rows.values_list(*fields).iterator(chunk_size=5000)
    flat = np.fromiter(chain.from_iterable(values), dtype=np.int64)
    return flat.reshape(-1, len(fields)).T


def _rated_clips(campaign: Campaign) -> list[RatedClip]:
    rated = campaign.assignments.filter(ratings__isnull=False).values("clip")
    rows = Clip.objects.filter(pk__in=rated).order_by("name")
    return [RatedClip(*row) for row in rows.values_list(*RatedClip.__slots__)]


def _positions(keys_T: Ints, ordered: list[int]) -> Ints:
    """Where each key stands in a list that holds all of them.

    Raises:
        LookupError: it does not hold one of them.
    """
    if not len(keys_T):
        return keys_T
    unknown = np.setdiff1d(keys_T, ordered)
    if len(unknown):
        raise LookupError(f"Scores name rows that are not there: {unknown[:5].tolist()}")
    known = np.array(ordered, dtype=np.int64)
    sorting = np.argsort(known)
    return sorting[np.searchsorted(known, keys_T, sorter=sorting)]
