"""A campaign of many sparse ratings, written as raw rows, for benchmarks of what reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from annotator.models import Assignment, Campaign, Clip, Corpus, Membership, Rating, Rubric

RATINGS_A_CLIP = 10
RATINGS_A_RATER = 400
FEWEST_RATERS = 25
ROWS_AT_ONCE = 20_000


def campaign_of(n: int, seed: int) -> Campaign:
    """A campaign of n ratings on one aspect: 10 a clip, 400 a rater, drawn as scores of 1 to 5."""
    random = np.random.default_rng(seed)
    campaign = _campaign(f"ratings-{n}")
    clips = _clips(campaign, n // RATINGS_A_CLIP)
    raters = _raters(campaign, max(n // RATINGS_A_RATER, FEWEST_RATERS))
    clip_T, rater_T, place_T = _who_rates_what(n // RATINGS_A_CLIP, len(raters), random)
    level_C, level_R = random.normal(3, 0.8, len(clips)), random.normal(0, 0.4, len(raters))
    scores_T = level_C[clip_T] + level_R[rater_T] + random.normal(0, 0.9, len(clip_T))
    scores_T = np.clip(scores_T.round(), 1, 5).astype(int)
    _write(campaign, zip(clip_T, rater_T, place_T, scores_T, strict=True), clips, raters)
    return campaign


def _campaign(name: str) -> Campaign:
    rubric = Rubric.objects.create(name=name)
    rubric.aspects.create(key="overall", position=1, name="Overall", scale_words=["x"] * 5)
    corpus = Corpus.objects.create(name=name)
    return Campaign.objects.create(name=name, corpus=corpus, rubric=rubric)


def _clips(campaign: Campaign, n: int) -> list[int]:
    rows = (
        Clip(
            corpus=campaign.corpus,
            name=f"{campaign.name}-{number:07d}",
            sha256=f"{number:064x}",
            duration_s=4.0,
            width=640,
            height=360,
            system=f"system {number % 7}",
            condition=f"condition {number % 5}",
            source_language="en",
            target_language="hi",
        )
        for number in range(n)
    )
    Clip.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    return list(campaign.corpus.clips.order_by("pk").values_list("pk", flat=True))


def _raters(campaign: Campaign, n: int) -> list[int]:
    users = [User(username=f"{campaign.name}-{number}") for number in range(n)]
    Membership.objects.bulk_create(
        Membership(campaign=campaign, user=user, role="rater")
        for user in User.objects.bulk_create(users)
    )
    return list(campaign.memberships.order_by("pk").values_list("pk", flat=True))


def _who_rates_what(n_clips: int, n_raters: int, random: np.random.Generator) -> np.ndarray:
    """Clip, rater and place of each rating; a rater rates a clip once."""
    first_C = random.integers(0, n_raters, n_clips)
    step_C = random.integers(1, n_raters // RATINGS_A_CLIP + 1, n_clips)
    place_T = np.tile(np.arange(RATINGS_A_CLIP), n_clips)
    clip_T = np.repeat(np.arange(n_clips), RATINGS_A_CLIP)
    rater_T = (first_C[clip_T] + step_C[clip_T] * place_T) % n_raters
    order = random.permutation(len(clip_T))  # ratings come in in no order of clips
    return np.stack([clip_T, rater_T, place_T])[:, order]


@transaction.atomic
def _write(
    campaign: Campaign,
    ratings: Iterable[tuple[int, int, int, int]],
    clips: Sequence[int],
    raters: Sequence[int],
) -> None:
    wave = campaign.waves.create(number=1, label="first")
    aspect = campaign.rubric.aspects.get()
    first = 1 + max(_last(Assignment), _last(Rating))
    now, done = timezone.now(), np.zeros(len(raters), dtype=int)
    stream = enumerate(ratings, start=first)
    while block := list(islice(stream, ROWS_AT_ONCE)):
        tables: dict[str, list[tuple[Any, ...]]] = {"assignment": [], "rating": [], "score": []}
        for key, (clip, rater, place, score) in block:
            done[rater] += 1
            mine = (campaign.pk, wave.pk, clips[clip], int(place) + 1, raters[rater])
            tables["assignment"].append((key, f"a{key}", *mine, int(done[rater]), now, now, now))
            tables["rating"].append((key, key, 1, _uuid(key), 9.0, 1.0, "{}", now))
            tables["score"].append((key, aspect.pk, int(score)))
        for name, rows in tables.items():
            _insert(name, rows)
    _continue_keys()


COLUMNS = {
    "assignment": "id public_id campaign_id wave_id clip_id place rater_id position"
    " assigned_at leased_until rated_at",
    "rating": "id assignment_id revision idempotency_key lead_time_s watched_frac evidence"
    " created_at",
    "score": "rating_id aspect_id value_raw",
}


def _insert(name: str, rows: list[tuple[Any, ...]]) -> None:
    columns = COLUMNS[name].split()
    marks = ", ".join(["%s"] * len(columns))
    sql = f"INSERT INTO annotator_{name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def _continue_keys() -> None:
    """PostgreSQL counts keys by itself, and does not notice rows that bring their own."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for name in ("assignment", "rating"):
                table = f"annotator_{name}"
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id))"  # noqa: S608
                    f" FROM {table}"
                )
            cursor.execute("ANALYZE")


def _last(model: Any) -> int:
    return int(model.objects.order_by("-pk").values_list("pk", flat=True).first() or 0)


def _uuid(key: int) -> str:
    return f"{key:032x}"


def one_more(campaign: Campaign, number: int) -> None:
    """A new revision of some rating, as the rating page writes it."""
    assignment = campaign.assignments.order_by("pk")[number]
    last = assignment.ratings.order_by("-revision").first()
    aspect = campaign.rubric.aspects.get()
    with transaction.atomic():
        rating = assignment.ratings.create(
            revision=last.revision + 1 if last else 1,
            idempotency_key=f"{datetime.now().timestamp() * 1e6:032.0f}",
            lead_time_s=5.0,
            watched_frac=1.0,
            evidence={},
        )
        rating.scores.create(aspect=aspect, value_raw=1 + number % 5)


def raw_rows(campaign: Campaign) -> Iterator[Sequence[Any]]:
    """The same rows as the door reads, by a plain cursor."""
    from mos.selectors.rows import RATING_FIELDS, ROWS_A_FETCH, SCORE_FIELDS, Score

    ratings = Rating.objects.filter(assignment__campaign=campaign).values_list(*RATING_FIELDS)
    scores = Score.objects.filter(rating__assignment__campaign=campaign)
    for rows in (ratings.order_by(), scores.order_by().values_list(*SCORE_FIELDS)):
        sql, values = rows.query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            while block := cursor.fetchmany(ROWS_A_FETCH):
                yield block
