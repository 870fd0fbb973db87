"""What is known of each rater: how much, how fast, how strict, and what stands against them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotator.models import Campaign, Verdict
from mos.ledger import Block
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
    median_lead_time_s: float
    verdict: Verdict | None

    @property
    def is_rejected(self) -> bool:
        """Whether the ratings do not count."""
        return self.verdict is not None and not self.verdict.is_accepted


def rater_rows(campaign: Campaign, aspect_key: str) -> list[RaterRow]:
    """Every rater who has rated, in the order of joining, whether their ratings count or not."""
    with live_ratings(campaign) as known:
        rows = known.ledger.rows()
        keys = known.rater_places.keys
        place = [aspect.key for aspect in known.aspects].index(aspect_key)
    raters = raters_by_pk(campaign)
    users = dict(campaign.memberships.values_list("pk", "user__username"))
    standing = Verdict.objects.standing().filter(rater__campaign=campaign)
    verdicts = {verdict.rater_id: verdict for verdict in standing.select_related("given_by")}
    found = {keys[rater]: of for rater, of in _by_rater(rows).items()}
    return [
        RaterRow(
            rater=rater,
            user=users[pk],
            n_ratings=len(found[pk]),
            mean_raw=_mean(rows.scores[found[pk], place]),
            median_lead_time_s=float(np.median(rows.lead_time_s[found[pk]])),
            verdict=verdicts.get(pk),
        )
        for pk, rater in raters.items()
        if pk in found
    ]


def _by_rater(rows: Block) -> dict[int, Ints]:
    """Place of a rater to the rows of that rater."""
    if not len(rows):
        return {}
    order = np.argsort(rows.rater, kind="stable")
    raters, first = np.unique(rows.rater[order], return_index=True)
    return dict(zip(raters.tolist(), np.split(order, first[1:]), strict=True))


def _mean(scores: NDArray[np.uint8]) -> float:
    given = scores[scores > 0]
    return float(given.mean()) if len(given) else float("nan")
