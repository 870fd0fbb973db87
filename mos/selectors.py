"""The one door from rows to arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotator.models import Aspect, Campaign, Clip, Membership, Score


@dataclass(frozen=True)
class RatingArrays:
    """Current scores of a campaign, one entry a score; index arrays point into the tables below.

    Shape letters: T scores, C clips, R raters, A aspects.
    """

    scores_T: NDArray[np.float64]
    clip_T: NDArray[np.int64]
    rater_T: NDArray[np.int64]
    aspect_T: NDArray[np.int64]
    clips: list[Clip]
    raters: list[str]
    aspects: list[Aspect]
    has_simulated: bool

    def of_aspect(self, key: str) -> RatingArrays:
        """Only the scores on one aspect."""
        index = next(i for i, aspect in enumerate(self.aspects) if aspect.key == key)
        keep = self.aspect_T == index
        return RatingArrays(
            scores_T=self.scores_T[keep],
            clip_T=self.clip_T[keep],
            rater_T=self.rater_T[keep],
            aspect_T=self.aspect_T[keep],
            clips=self.clips,
            raters=self.raters,
            aspects=[self.aspects[index]],
            has_simulated=self.has_simulated,
        )

    @cached_property
    def table_CR(self) -> NDArray[np.float64]:
        """Clips that were rated by raters who rated; NaN where a rater has not rated a clip.

        Of one aspect only: with several, a cell would hold the last of them.
        """
        clips, clip_T = np.unique(self.clip_T, return_inverse=True)
        raters, rater_T = np.unique(self.rater_T, return_inverse=True)
        table_CR = np.full((len(clips), len(raters)), np.nan)
        table_CR[clip_T, rater_T] = self.scores_T
        return table_CR

    @cached_property
    def aspect_means_CA(self) -> NDArray[np.float64]:
        """MOS of each rated clip on each aspect; NaN where an aspect has no score."""
        shape = len(self.clips), len(self.aspects)
        cell_T = self.clip_T * shape[1] + self.aspect_T
        n_cells = np.bincount(cell_T, minlength=shape[0] * shape[1])
        sums = np.bincount(cell_T, self.scores_T, shape[0] * shape[1])
        means = np.divide(sums, n_cells, out=np.full(len(sums), np.nan), where=n_cells > 0)
        means_CA = means.reshape(shape)
        return means_CA[~np.isnan(means_CA).all(axis=1)]


def rating_arrays(campaign: Campaign, aspect_key: str | None = None) -> RatingArrays:
    """Current scores of a campaign, of one aspect or of all, in four queries whatever the size."""
    aspects = list(campaign.rubric.aspects.all())
    wanted = [aspect for aspect in aspects if aspect_key in (None, aspect.key)]
    raters = rater_names(campaign)
    rows = _current_scores(campaign, wanted)
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    scores_T, clip_pk_T, rater_pk_T, aspect_pk_T = columns
    clips = list(Clip.objects.filter(pk__in=np.unique(clip_pk_T).tolist()).order_by("name"))
    return RatingArrays(
        scores_T=scores_T.astype(np.float64),
        clip_T=_positions(clip_pk_T, [clip.pk for clip in clips]),
        rater_T=_positions(rater_pk_T, list(raters)),
        aspect_T=_positions(aspect_pk_T, [aspect.pk for aspect in wanted]),
        clips=clips,
        raters=[name for name, _ in raters.values()],
        aspects=wanted,
        has_simulated=any(raters[pk][1] for pk in np.unique(rater_pk_T).tolist()),
    )


def rater_names(campaign: Campaign) -> dict[int, tuple[str, bool]]:
    """Each rater's pseudonym, by order of joining, and whether the rater is simulated."""
    rows = campaign.memberships.filter(role=Membership.Role.RATER)
    ordered = rows.order_by("created_at", "pk").values_list("pk", "is_simulated")
    return {pk: (f"R{number:02d}", sim) for number, (pk, sim) in enumerate(ordered, start=1)}


def _current_scores(campaign: Campaign, aspects: list[Aspect]) -> list[tuple[int, int, int, int]]:
    """(score, clip, rater, aspect) of each assignment's last revision."""
    revised = campaign.assignments.filter(ratings__revision__gt=1).values("pk")
    scores = Score.objects.filter(rating__assignment__campaign=campaign, aspect__in=aspects)
    fields = ("value_raw", "rating__assignment__clip", "rating__assignment__rater", "aspect")
    once = scores.exclude(rating__assignment__in=revised).order_by("pk").values_list(*fields)
    again = scores.filter(rating__assignment__in=revised).order_by("rating__revision")
    last: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for assignment, *row in again.values_list("rating__assignment", *fields):
        last[assignment, row[3]] = tuple(row)
    return [*once, *last.values()]


def _positions(keys_T: NDArray[np.int64], ordered: list[int]) -> NDArray[np.int64]:
    """Where each key stands in a list that holds all of them."""
    if not len(keys_T):
        return keys_T
    known = np.array(ordered, dtype=np.int64)
    sorting = np.argsort(known)
    return sorting[np.searchsorted(known, keys_T, sorter=sorting)]
