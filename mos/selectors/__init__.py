"""The one door from rows to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from annotator.models import Aspect, Campaign, Verdict
from mos.ledger import View
from mos.selectors.clips import RatedClip
from mos.selectors.live import LABELS, LiveRatings, live_ratings
from mos.selectors.people import Rater, raters_by_pk
from mos.tally import Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

__all__ = [
    "LABELS",
    "Collected",
    "RatedClip",
    "Rater",
    "Ratings",
    "collected",
    "data_hash",
    "everything",
    "live_ratings",
    "raters_by_pk",
]


@dataclass(frozen=True)
class Ratings:
    """Scores one by one, with how each clip was watched.

    Shape letters: T scores. Places point into the lists of `Collected`.
    """

    scores_T: Ints
    clip_T: Ints
    rater_T: Ints


@dataclass(frozen=True)
class Collected:
    """What was collected on one aspect, at one moment.

    Shape letters: C clips and R raters by their places, N rated clips, A aspects. Clips and raters
    without a score here may be among the lists.

    Args:
        aspect: The aspect meant.
        aspects: All of the rubric.
        tally: Sums of the scores on it.
        n_islands: Groups of clips and raters that share no rating.
        clips, raters: By place.
        rank_C: Each clip's rank by name.
        labels: Label to its values, and which of them each clip has.
        means_NA: MOS of each rated clip on each aspect, NaN where none is given.
        ratings: Scores one by one; None where more were collected than asked for.
        rejected: Places of the raters whose ratings do not count.
    """

    aspect: Aspect
    aspects: list[Aspect]
    tally: Tally
    n_islands: int
    clips: list[RatedClip]
    raters: list[Rater]
    rank_C: Ints
    labels: Mapping[str, tuple[list[str], Ints]]
    means_NA: Floats
    ratings: Ratings | None
    rejected: frozenset[int]

    @property
    def one_by_one(self) -> tuple[Ints, Ints, Ints] | None:
        """Score, clip and rater of each rating, where these were asked for."""
        one = self.ratings
        return None if one is None else (one.scores_T, one.clip_T, one.rater_T)

    @property
    def simulated_raters(self) -> list[Rater]:
        """Those among who rated that are no people."""
        rated = np.flatnonzero(self.tally.n_R).tolist()
        return [self.raters[place] for place in rated if self.raters[place].is_simulated]


def collected(
    campaign: Campaign,
    aspect_key: str,
    *,
    group: tuple[str, str] | None = None,
    most_ratings: int | None = 0,
) -> Collected:
    """What was collected on an aspect so far, from new rows alone where older ones are known.

    Args:
        campaign: Of which.
        aspect_key: Of its rubric.
        group: A label of clips, one of `LABELS`, with the value they have; None for all clips.
        most_ratings: Up to how many scores come one by one too; None for any number.

    Raises:
        ValueError: the rubric has no such aspect, or clips no such label.
    """
    with live_ratings(campaign) as known:
        return _collected(campaign, known, aspect_key, group, most_ratings)


def everything(campaign: Campaign) -> tuple[dict[str, Collected], str]:
    """What was collected on each aspect at one and the same moment, and the hash of the scores."""
    with live_ratings(campaign) as known:
        found = {
            aspect.key: _collected(campaign, known, aspect.key, None, None)
            for aspect in known.aspects
        }
        return found, _hash(known, _rejected(campaign, known))


def _collected(
    campaign: Campaign,
    known: LiveRatings,
    aspect_key: str,
    group: tuple[str, str] | None,
    most_ratings: int | None,
) -> Collected:
    place, rejected = _place(known.aspects, aspect_key), _rejected(campaign, known)
    view, ledger = View(place, group, rejected), known.ledger
    tally = ledger.tally(view)
    is_asked = most_ratings is None or tally.n_ratings <= most_ratings
    return Collected(
        aspect=known.aspects[place],
        aspects=known.aspects,
        tally=deepcopy(tally),
        n_islands=ledger.islands(view),
        clips=known.clips.rows,
        raters=_raters(campaign, known),
        rank_C=known.clips.rank_C,
        labels={name: ledger.labels(name) for name in LABELS} if len(ledger) else {},
        means_NA=_means(known, view),
        ratings=Ratings(*ledger.select(view)) if is_asked else None,
        rejected=rejected,
    )


def data_hash(campaign: Campaign) -> str:
    """SHA-256 of the scores that count now: clip, rater and scores of each rating.

    The same ratings give the same hash in any process and after any restart.
    """
    with live_ratings(campaign) as known:
        return _hash(known, _rejected(campaign, known))


def _hash(known: LiveRatings, rejected: frozenset[int]) -> str:
    rows = known.ledger.rows(without=rejected)
    clips = np.array(known.clip_places.keys, dtype=np.int64)[rows.clip]
    raters = np.array(known.rater_places.keys, dtype=np.int64)[rows.rater]
    order = np.lexsort((raters, clips))
    digest = sha256(",".join(aspect.key for aspect in known.aspects).encode())
    for column in (clips, raters, rows.scores):
        digest.update(np.ascontiguousarray(column[order], dtype="<i8").tobytes())
    return digest.hexdigest()


def _place(aspects: list[Aspect], key: str) -> int:
    keys = [aspect.key for aspect in aspects]
    if key not in keys:
        raise ValueError(f"No aspect is called {key!r}: choose one of {', '.join(keys)}.")
    return keys.index(key)


def _means(known: LiveRatings, view: View) -> Floats:
    """MOS of the rated clips on each aspect."""
    tallies = [
        known.ledger.tally(View(place, view.group, view.without))
        for place in range(len(known.aspects))
    ]
    size = max((len(tally.n_C) for tally in tallies), default=0)
    means_CA = np.full((size, len(tallies)), np.nan)
    for place, tally in enumerate(tallies):
        rated = np.flatnonzero(tally.n_C)
        means_CA[rated, place] = tally.sum_C[rated] / tally.n_C[rated]
    return means_CA[~np.isnan(means_CA).all(axis=1)]


def _rejected(campaign: Campaign, known: LiveRatings) -> frozenset[int]:
    """Places of the raters of whom the last verdict says that their ratings do not count."""
    verdicts = Verdict.objects.standing().filter(rater__campaign=campaign, is_accepted=False)
    places = known.rater_places.known()
    return frozenset(places[pk] for pk in verdicts.values_list("rater", flat=True) if pk in places)


def _raters(campaign: Campaign, known: LiveRatings) -> list[Rater]:
    by_pk = raters_by_pk(campaign)
    return [by_pk[pk] for pk in known.rater_places.keys]
