"""What pages show of rounds: what was asked, and what came of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count

from annotator.models import Campaign
from learner.models import DryRun, Round, RoundRequest
from mos.from_sums import components
from mos.planning import raters_needed
from mos.selectors import collected

MOST_FOR_WEIGHTS = 3  # more ratings on fewer clips teach weights less
RELIABLE = 0.8


def query_rows(round_: Round) -> list[dict[str, Any]]:
    """Each clip a round asked about, with its reason and its ratings so far."""
    asked = round_.queries.select_related("clip").order_by("rank")
    if round_.wave_id is None:
        return []
    places = dict(
        round_.wave.assignments.filter(place__isnull=False, rated_at__isnull=False)
        .order_by()
        .values_list("clip")
        .annotate(n=Count("id"))
    )
    return [
        {"query": query, "clip": query.clip, "rated": places.get(query.clip_id, 0)}
        for query in asked
    ]


def map_points(tried: DryRun) -> list[tuple[Any, ...]]:
    """(x, y, kind, words, clip, rank, reserve) of each clip on the map of a dry run."""
    reasons = {pick["clip"]: pick["reason"] for pick in tried.picks}
    found = []
    for point in tried.pool["points"]:
        kind = "labelled" if point["is_labelled"] else "pool"
        words = point["name"]
        if point["rank"]:
            kind, words = "picked", f"{point['rank']}. {words}: {reasons[point['clip']]}"
        place = (point["x"], point["y"], kind, words, point["clip"])
        found.append((*place, point["rank"], point["is_reserve"]))
    return found


def kinds_of(tried: DryRun) -> dict[str, int]:
    """How many clips of each condition would be asked about; nothing where none is known."""
    kinds = Counter(pick["condition"] for pick in tried.picks)
    return {} if set(kinds) <= {""} else {kind or "–": n for kind, n in kinds.most_common()}


def advice_on_ratings(campaign: Campaign, asked: RoundRequest) -> dict[str, Any]:
    """What the planner says of ratings a clip: to learn weights, and to report MOS."""
    k = asked.ratings_per_clip
    one = collected(campaign, asked.target)
    found = {"k": k, "is_for_weights": k <= MOST_FOR_WEIGHTS, "target": RELIABLE}
    try:
        needed = raters_needed(components(one.tally, one.n_islands), RELIABLE).k
    except ValueError as reason:
        return {**found, "reason": str(reason)}
    return {**found, "needed": needed}
