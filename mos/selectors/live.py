"""Campaigns whose ratings are kept as arrays, each brought up to date by its new rows alone.

Ratings are only ever added, so what was read stays true. Each process keeps its own arrays.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock, RLock
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from annotator.models import Aspect, Campaign, Rating
from mos.ledger import Block, Ledger
from mos.selectors.clips import KnownClips, Places
from mos.selectors.rows import NOT_KNOWN, newest, ratings_between, scores_of, transactions

Ints = NDArray[np.int64]
MOST_KEPT_BYTES = 512 * 2**20  # of all campaigns in one process
# A key is drawn a moment before its transaction gets a number: that many keys are asked for again.
MARGIN = 200
LABELS = ("language_pair", "system", "condition")


@dataclass
class LiveRatings:
    """One campaign's ratings as far as they were read.

    `newest` is the newest rating of any campaign when this one was read. `settled` is the highest
    key below which no rating can appear any more; between it and the newest one, rows are asked for
    again, because on PostgreSQL a lower key may become visible after a higher one.
    """

    aspects: list[Aspect]
    ledger: Ledger
    clips: KnownClips
    clip_places: Places = field(default_factory=Places)
    rater_places: Places = field(default_factory=Places)
    settled: int = 0
    newest: tuple[int, UUID | None] = (0, None)
    horizons: list[tuple[int, int]] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    @classmethod
    def of(cls, campaign: Campaign) -> LiveRatings:
        """Nothing read yet."""
        aspects = list(campaign.rubric.aspects.order_by("position"))
        return cls(aspects, Ledger(len(aspects)), KnownClips(campaign.corpus_id))

    def is_of(self, campaign: Campaign) -> bool:
        """Whether what was read is still there and the rubric still the same.

        A transaction that was undone takes its rows with it, and a later one may get their keys.
        """
        key, idempotency_key = self.newest
        aspects = list(campaign.rubric.aspects.order_by("position").values_list("pk", flat=True))
        if aspects != [aspect.pk for aspect in self.aspects]:
            return False
        same = Rating.objects.filter(pk=key, idempotency_key=idempotency_key)
        return key == 0 or same.exists()

    def catch_up(self, campaign: Campaign) -> None:
        """Read what is new."""
        self._settle()
        self.newest = newest()
        rows = ratings_between(campaign, self.settled, self.newest[0])
        is_new = ~self.ledger.has(rows[0].astype(np.int64))
        if is_new.any():
            self._add(campaign, rows[:, is_new])
        else:
            self._label()
        self._note()

    def _label(self) -> None:
        """Tell the arrays what clips are labelled, where that is new."""
        if self.clips.look(self.clip_places):
            rows = self.clips.rows
            self.ledger.label({name: [getattr(clip, name) for clip in rows] for name in LABELS})

    def _add(self, campaign: Campaign, rows: NDArray[np.float64]) -> None:
        rows = rows[:, np.argsort(rows[0])]
        ratings = rows[0].astype(np.int64)
        scores = self._scores(campaign, ratings)
        clips = self.clip_places.of(rows[1].astype(np.int64))
        self._label()
        self.ledger.append(
            Block(
                rating=ratings,
                clip=clips.astype(np.int32),
                rater=self.rater_places.of(rows[2].astype(np.int64)).astype(np.int32),
                revision=rows[3].astype(np.int16),
                lead_time_s=_known(rows[4]),
                watched_frac=_known(rows[5]),
                scores=scores,
            )
        )

    def _scores(self, campaign: Campaign, ratings: Ints) -> NDArray[np.uint8]:
        """Shape (T, A), 0 where none was given."""
        of, aspect, value = scores_of(campaign, ratings)
        place = np.searchsorted(ratings, of)
        known = place < len(ratings)
        known[known] = ratings[place[known]] == of[known]
        columns = np.array([one.pk for one in self.aspects], dtype=np.int64)
        order = np.argsort(columns)
        column = order[np.searchsorted(columns[order], aspect[known])]
        scores = np.zeros((len(ratings), len(columns)), dtype=np.uint8)
        scores[place[known], column] = value[known]
        return scores

    def _settle(self) -> None:
        """Up to where no transaction that was open when it was read is open any more."""
        oldest, _ = transactions()
        done = [newest for newest, following in self.horizons if following <= oldest]
        if done:
            self.settled = max(self.settled, max(done) - MARGIN)
            self.horizons = [one for one in self.horizons if one[0] > max(done)]

    def _note(self) -> None:
        """Remember what may still come below what was read."""
        _, following = transactions()
        if following:
            self.horizons.append((self.newest[0], following))
        else:
            self.settled = self.newest[0]


def _known(column: NDArray[np.float64]) -> NDArray[np.float32]:
    """With NaN where nothing is known."""
    return np.where(column == NOT_KNOWN, np.nan, column).astype(np.float32)


_kept: OrderedDict[str, LiveRatings] = OrderedDict()
_shelf = Lock()


@contextmanager
def live_ratings(campaign: Campaign) -> Iterator[LiveRatings]:
    """The campaign's ratings as they are now, held so that no other thread changes them."""
    with _shelf:
        if campaign.public_id not in _kept:
            _kept[campaign.public_id] = LiveRatings.of(campaign)
        one = _kept[campaign.public_id]
        _kept.move_to_end(campaign.public_id)
    with one.lock:
        if not one.is_of(campaign):
            one = LiveRatings.of(campaign)
            with _shelf:
                _kept[campaign.public_id] = one
        one.catch_up(campaign)
        yield one
    _make_room()


def forget(campaign: Campaign) -> None:
    """Keep nothing of this campaign; the next question reads it anew."""
    with _shelf:
        _kept.pop(campaign.public_id, None)


def _make_room() -> None:
    """Forget the campaigns that were looked at longest ago, but never the last one."""
    with _shelf:
        while len(_kept) > 1 and sum(one.ledger.nbytes for one in _kept.values()) > MOST_KEPT_BYTES:
            _kept.popitem(last=False)
