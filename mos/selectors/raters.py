"""What is known of each rater: how much, how fast, how strict, and what stands against them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.models import Campaign, Verdict
from mos.ledger import Block
from mos.rater_model import recover_mos
from mos.screening import Flag, Watching, screen
from mos.selectors.live import live_ratings
from mos.selectors.people import Rater, raters_by_pk

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RaterRow:
    """One rater on the page; what one rating or one clip cannot tell is None."""

    rater: Rater
    user: str
    n_ratings: int
    mean_raw: float
    median_lead_time_s: float | None
    bias: float | None
    inconsistency: float | None
    flags: list[Flag]
    verdict: Verdict | None

    @property
    def is_rejected(self) -> bool:
        """Whether the ratings do not count."""
        return self.verdict is not None and not self.verdict.is_accepted


def rater_rows(campaign: Campaign, aspect_key: str) -> list[RaterRow]:
    """Every rater who has rated, in the order of joining, whether their ratings count or not.

    Levels and care are told beside all the others, rejected ones included, who weigh little.
    """
    with live_ratings(campaign) as known:
        rows = known.ledger.rows()
        keys = known.rater_places.keys
        place = [aspect.key for aspect in known.aspects].index(aspect_key)
        duration_C = np.array([clip.duration_s for clip in known.clips.rows])
    judged = _judged(rows, place, duration_C)
    raters = raters_by_pk(campaign)
    members = campaign.memberships.select_related("user")
    users = {member.pk: member.shown_name for member in members}
    standing = Verdict.objects.standing().filter(rater__campaign=campaign)
    verdicts = {verdict.rater_id: verdict for verdict in standing.select_related("given_by")}
    found = {keys[rater]: of for rater, of in _by_rater(rows).items()}
    place_of = {pk: place for place, pk in enumerate(keys)}
    return [
        RaterRow(
            rater=rater,
            user=users[pk],
            n_ratings=len(found[pk]),
            mean_raw=_mean(rows.scores[found[pk], place]),
            median_lead_time_s=_median(rows.lead_time_s[found[pk]]),
            **judged.get(place_of[pk], NOTHING),
            verdict=verdicts.get(pk),
        )
        for pk, rater in raters.items()
        if pk in found
    ]


NOTHING: dict[str, Any] = {"bias": None, "inconsistency": None, "flags": []}


def _judged(rows: Block, place: int, duration_C: Floats) -> dict[int, dict[str, Any]]:
    """Place of a rater to level, care and flags on one aspect."""
    given = np.flatnonzero(rows.scores[:, place])
    if not len(given):
        return {}
    scores, clips, raters = rows.scores[given, place], rows.clip[given], rows.rater[given]
    watching = Watching(rows.lead_time_s[given], rows.watched_frac[given], duration_C[clips])
    flags: dict[Any, list[Flag]] = defaultdict(list)
    for flag in screen(scores, clips, raters, watching):
        flags[flag.rater].append(flag)
    model = recover_mos(scores, clips, raters)
    columns = zip(model.raters, model.bias, model.inconsistency, strict=True)
    return {
        rater: {"bias": bias, "inconsistency": inconsistency, "flags": flags[rater]}
        for rater, bias, inconsistency in columns
    }


def _by_rater(rows: Block) -> dict[int, Ints]:
    """Place of a rater to the rows of that rater."""
    if not len(rows):
        return {}
    order = np.argsort(rows.rater, kind="stable")
    raters, first = np.unique(rows.rater[order], return_index=True)
    return dict(zip(raters.tolist(), np.split(order, first[1:]), strict=True))


def _median(times: NDArray[np.float32]) -> float | None:
    known = times[~np.isnan(times)]
    return float(np.median(known)) if len(known) else None


def _mean(scores: NDArray[np.uint8]) -> float:
    given = scores[scores > 0]
    return float(given.mean()) if len(given) else float("nan")
