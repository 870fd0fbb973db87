"""What figures say of clips, kept beside the arrays and asked for again only where it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from annotator.models import Clip
from annotator.models.corpora import language_pair

Ints = NDArray[np.int64]
# A change may become visible after a later one; and clocks of several machines differ.
OVERLAP = timedelta(minutes=1)


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
    source_id: int | None
    duration_s: float

    @property
    def language_pair(self) -> str:
        """As shown to researchers: `en → hi`, or nothing where neither is known."""
        return language_pair(self.source_language, self.target_language)


class Places:
    """Keys of rows in the order in which they were first seen."""

    def __init__(self) -> None:
        self.keys: list[int] = []
        self._place: dict[int, int] = {}

    def known(self) -> Mapping[int, int]:
        """Key to place."""
        return self._place

    def of(self, keys: Ints) -> Ints:
        """Where each key stands; new ones at the end."""
        distinct, back = np.unique(keys, return_inverse=True)
        for key in distinct.tolist():
            if key not in self._place:
                self._place[key] = len(self.keys)
                self.keys.append(key)
        return np.array([self._place[key] for key in distinct.tolist()], dtype=np.int64)[back]


class KnownClips:
    """The rated clips of a corpus in the order of their places."""

    def __init__(self, corpus_id: int) -> None:
        self.corpus_id = corpus_id
        self.rows: list[RatedClip] = []
        self.rank_C: Ints = np.zeros(0, dtype=np.int64)  # by name
        self._all: dict[int, RatedClip] = {}
        self._looked_at: datetime | None = None

    def look(self, places: Places) -> bool:
        """Take in what is new or changed, and say whether anything was."""
        changed = self._read(every=False)
        if any(key not in self._all for key in places.keys[len(self.rows) :]):
            changed |= self._read(every=True)
        if len(self.rows) == len(places.keys) and not changed:
            return False
        self.rows = [self._all[key] for key in places.keys]
        by_name = sorted(range(len(self.rows)), key=lambda place: self.rows[place].name)
        self.rank_C = np.empty(len(by_name), dtype=np.int64)
        self.rank_C[by_name] = np.arange(len(by_name))
        return True

    def _read(self, *, every: bool) -> bool:
        asked = Clip.objects.filter(corpus=self.corpus_id)
        if self._looked_at is not None and not every:
            asked = asked.filter(changed_at__gt=self._looked_at - OVERLAP)
        self._looked_at = timezone.now()
        rows = (RatedClip(*row) for row in asked.values_list(*RatedClip.__slots__))
        changed = {row.pk: row for row in rows if self._all.get(row.pk) != row}
        self._all |= changed
        return bool(changed)
