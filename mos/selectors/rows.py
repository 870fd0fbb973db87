"""Rows of ratings as columns: new ones only, each as one number a field and no object a row."""

from __future__ import annotations

from itertools import chain
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from annotator.models import Campaign, Rating, Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROWS_A_FETCH = 20_000
NOT_KNOWN = -1.0  # where a column of numbers has none
SHORT_SPAN = 20_000
FEW_RATINGS = 500
RATING_FIELDS = (
    "pk",
    "assignment__clip",
    "assignment__rater",
    "revision",
    Coalesce("lead_time_s", NOT_KNOWN),
    Coalesce("watched_frac", NOT_KNOWN),
)
SCORE_FIELDS = ("rating", "aspect", "value_raw")


def ratings_between(campaign: Campaign, after: int, up_to: int) -> Floats:
    """Ratings whose keys lie above one and up to another, shape (fields, T), as `RATING_FIELDS`.

    Revisions are among them, each a row. Where the span is short all ratings in it are read and
    those of other campaigns left out here: asked for one campaign, databases would walk through all
    of its assignments to find a few new ratings.
    """
    rows = Rating.objects.filter(pk__gt=after, pk__lte=up_to).order_by()
    if up_to - after > SHORT_SPAN:
        return columns(rows.filter(assignment__campaign=campaign), *RATING_FIELDS)
    found = columns(rows, *RATING_FIELDS, "assignment__campaign")
    return found[:-1, found[-1] == campaign.pk]


def scores_of(campaign: Campaign, ratings: Ints) -> Ints:
    """Scores of these ratings, shape (fields, rows), as `SCORE_FIELDS`; of many, others beside."""
    if len(ratings) <= FEW_RATINGS:
        rows = Score.objects.filter(rating__in=ratings.tolist())
    else:
        span = {"rating__gte": int(ratings.min()), "rating__lte": int(ratings.max())}
        rows = Score.objects.filter(rating__assignment__campaign=campaign, **span)
    return columns(rows.order_by(), *SCORE_FIELDS).astype(np.int64)


def newest() -> tuple[int, UUID | None]:
    """Key of the newest rating of all campaigns, and what tells it from another of the same key."""
    row = Rating.objects.order_by("-pk").values_list("pk", "idempotency_key").first()
    return row or (0, None)


def columns(rows: QuerySet[Any], *fields: str | Coalesce) -> Floats:
    """Numbers of many rows as one array a field; whole ones are exact up to 2**53."""
    values = rows.values_list(*fields).iterator(chunk_size=ROWS_A_FETCH)
    flat = np.fromiter(chain.from_iterable(values), dtype=np.float64)
    return flat.reshape(-1, len(fields)).T


def transactions() -> tuple[int, int]:
    """The oldest transaction that is still open, and the next to begin; 0, 0 on SQLite.

    There writers take turns, so that no key can become visible after a higher one has.
    """
    if connection.vendor != "postgresql":
        return 0, 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint"
            " FROM pg_current_snapshot() AS now"
        )
        oldest, following = cursor.fetchone()
    return int(oldest), int(following)
