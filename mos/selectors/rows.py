"""Rows of ratings as columns: new ones only, each as one number a field and no object a row."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotator.models import Campaign, Rating, Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROWS_A_FETCH = 20_000
RATING_FIELDS = (
    "pk",
    "assignment__clip",
    "assignment__rater",
    "revision",
    "lead_time_s",
    "watched_frac",
)
SCORE_FIELDS = ("rating", "aspect", "value_raw")


def ratings_after(campaign: Campaign, after: int) -> Floats:
    """Ratings whose key is above this one, shape (fields, T), fields as `RATING_FIELDS`.

    Revisions are among them, each a row.
    """
    rows = Rating.objects.filter(assignment__campaign=campaign, pk__gt=after)
    return columns(rows.order_by(), *RATING_FIELDS)


def scores_after(campaign: Campaign, after: int) -> Ints:
    """Scores of ratings whose key is above this one, shape (fields, rows), as `SCORE_FIELDS`."""
    rows = Score.objects.filter(rating__assignment__campaign=campaign, rating__gt=after)
    return columns(rows.order_by(), *SCORE_FIELDS).astype(np.int64)


def columns(rows: QuerySet[Any], *fields: str) -> Floats:
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
