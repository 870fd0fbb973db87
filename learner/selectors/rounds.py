"""What pages show of rounds: what was asked, and what came of it."""

from __future__ import annotations

from typing import Any

from django.db.models import Count

from learner.models import Round


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
