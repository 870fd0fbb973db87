"""The door from rows to arrays: what it keeps is what all rows read anew would give."""

from __future__ import annotations

import threading
from random import Random
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError
from django.test.utils import CaptureQueriesContext

from annotator.models import Campaign, Clip, Rating, Rubric, Score
from mos.selectors import collected, live_ratings
from mos.selectors.live import forget
from tests.ratings import give_rating

WORDS = ["Excellent", "Good", "Fair", "Poor", "Bad"]


@pytest.fixture
def clips(make_clip):
    return [make_clip(f"clip-{n}", system="acme" if n % 2 else "basic") for n in range(4)]


@pytest.fixture
def raters(campaign):
    return list(campaign.memberships.filter(role="rater").order_by("created_at", "pk"))


def figures(found):
    """Everything it tells, by names instead of places."""
    rated = np.flatnonzero(found.tally.n_C).tolist()
    by_clip = {
        found.clips[place].name: (found.tally.n_C[place], found.tally.sum_C[place])
        for place in rated
    }
    scores = sorted(
        (found.clips[clip].name, found.raters[rater].name, score)
        for score, clip, rater in zip(
            *(part.tolist() for part in vars(found.ratings).values()), strict=True
        )
    )
    return by_clip, scores, found.n_islands, sorted(np.nan_to_num(found.means_NA).round(9).tolist())


def afresh(campaign, key, **asked):
    """The same with nothing kept."""
    kept = collected(campaign, key, most_ratings=None, **asked)
    forget(campaign)
    anew = collected(campaign, key, most_ratings=None, **asked)
    return figures(kept), figures(anew)


@pytest.mark.parametrize("seed", range(4))
def test_after_any_ratings_and_revisions_it_tells_what_reading_anew_tells(
    campaign, clips, raters, seed
):
    random = Random(seed)
    aspects = [aspect.key for aspect in campaign.rubric.aspects.all()]
    for _ in range(12):
        chosen = random.sample(aspects, random.randint(1, len(aspects)))
        number = random.randrange(len(raters))
        scores = {key: random.randint(1, 5) for key in chosen}
        give_rating(raters[number], random.choice(clips), scores, place=number + 1)
        for group in (None, ("system", "acme")):
            collected(campaign, "overall", group=group)
        if random.random() < 0.4:
            kept, anew = afresh(campaign, random.choice(aspects), group=("system", "acme"))
            assert kept == anew
    kept, anew = afresh(campaign, "overall")
    assert kept == anew


def test_a_new_rating_costs_its_own_rows_only(campaign, clips, raters):
    for clip in clips:
        give_rating(raters[0], clip, 4)
    collected(campaign, "overall")
    with CaptureQueriesContext(connection) as before:
        collected(campaign, "overall")
    give_rating(raters[1], clips[0], 2, place=2)
    with CaptureQueriesContext(connection) as after:
        found = collected(campaign, "overall")
    assert found.tally.n_ratings == 5
    assert len(after) <= len(before) + 2  # the scores of the new rating, and its key


def test_a_rating_that_was_undone_is_forgotten_though_its_key_is_used_again(
    campaign, clips, raters
):
    give_rating(raters[0], clips[0], 5)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        give_rating(raters[0], clips[1], 1)
        assert collected(campaign, "overall").tally.n_ratings == 2
        raise ZeroDivisionError
    assert collected(campaign, "overall").tally.n_ratings == 1
    give_rating(raters[1], clips[1], 3)
    found = collected(campaign, "overall")
    assert sorted(found.tally.sum_C.tolist()) == [3, 5]


def test_what_is_said_of_a_clip_follows_a_change_of_it(campaign, clips, raters):
    for clip in clips:
        give_rating(raters[0], clip, 4)
    assert collected(campaign, "overall", group=("system", "acme")).tally.n_ratings == 2
    clips[0].system = "acme"
    clips[0].save()
    assert collected(campaign, "overall", group=("system", "acme")).tally.n_ratings == 3
    found = collected(campaign, "overall")
    assert {clip.name: clip.system for clip in found.clips}["clip-0"] == "acme"


def test_campaigns_are_kept_apart(campaign, clips, raters, corpus, rubric, bob):
    other = Campaign.objects.create(name="Autumn", corpus=corpus, rubric=rubric)
    stranger = other.memberships.create(user=bob, role="rater")
    give_rating(raters[0], clips[0], 5)
    give_rating(stranger, clips[1], 1, place=2)
    assert collected(campaign, "overall").tally.sum_C.sum() == 5
    assert collected(other, "overall").tally.sum_C.sum() == 1


def test_a_rubric_that_changes_is_read_anew(corpus, make_clip, bob):
    rubric = Rubric.objects.create(name="short", version=1)
    rubric.aspects.create(key="overall", name="Overall", position=1, scale_words=WORDS)
    campaign = Campaign.objects.create(name="Draft", corpus=corpus, rubric=rubric)
    rater = campaign.memberships.create(user=bob, role="rater")
    give_rating(rater, make_clip("one"), 3)
    assert collected(campaign, "overall").means_NA.shape == (1, 1)
    rubric.aspects.create(key="sync", name="Sync", position=2, scale_words=WORDS)
    assert collected(campaign, "overall").means_NA.shape == (1, 2)


def test_an_aspect_that_does_not_exist_is_named_with_those_that_do(campaign):
    with pytest.raises(ValueError, match="'mood': choose one of .*overall"):
        collected(campaign, "mood")


def test_more_ratings_than_asked_for_come_as_sums_only(campaign, clips, raters):
    for clip in clips:
        give_rating(raters[0], clip, 4)
    assert collected(campaign, "overall", most_ratings=3).ratings is None
    assert len(collected(campaign, "overall", most_ratings=4).ratings.scores_T) == 4


@pytest.mark.django_db(transaction=True)
def test_pages_at_the_same_time_add_no_rating_twice(campaign, clips, raters):
    give_rating(raters[0], clips[0], 4)
    found, faults = [], []

    def look():
        try:
            for _ in range(5):
                found.append(collected(campaign, "overall").tally.n_ratings)
        except OperationalError as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for clip in clips[1:]:
        give_rating(raters[0], clip, 4)
    for thread in threads:
        thread.join()
    assert not faults
    assert set(found) <= {1, 2, 3, 4}
    assert collected(campaign, "overall").tally.n_ratings == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="on SQLite a lower key is never the later one"
)
def test_a_rating_that_becomes_visible_after_a_later_one_is_not_missed(campaign, clips, raters):
    give_rating(raters[0], clips[0], 4)
    early = give_rating(raters[1], clips[0], 2, place=2)  # so that there is an assignment to revise
    is_written, may_end = threading.Event(), threading.Event()

    def slowly():
        with transaction.atomic():
            revision = Rating.objects.create(
                assignment=early.assignment,
                revision=2,
                idempotency_key=uuid4(),
                lead_time_s=3.0,
                watched_frac=1.0,
                evidence={},
            )
            aspect = campaign.rubric.aspects.get(key="overall")
            Score.objects.create(rating=revision, aspect=aspect, value_raw=5)
            is_written.set()
            may_end.wait(10)
        connection.close()

    thread = threading.Thread(target=slowly)
    thread.start()
    is_written.wait(10)
    for clip in clips[1:]:
        give_rating(raters[0], clip, 3)
        collected(campaign, "overall")
    may_end.set()
    thread.join()
    found = collected(campaign, "overall")
    place = [clip.name for clip in found.clips].index("clip-0")
    assert found.tally.sum_C[place] == 9


def test_what_was_not_looked_at_for_longest_is_forgotten_first(
    campaign, clips, raters, corpus, rubric, monkeypatch
):
    give_rating(raters[0], clips[0], 4)
    other = Campaign.objects.create(name="Autumn", corpus=corpus, rubric=rubric)
    with live_ratings(campaign) as first:
        pass
    monkeypatch.setattr("mos.selectors.live.MOST_KEPT_BYTES", 0)
    with live_ratings(other):
        pass
    with live_ratings(campaign) as again:
        assert again is not first and len(again.ledger) == 1


def test_a_clip_without_a_rating_is_asked_for_only_when_it_has_one(campaign, clips, raters):
    give_rating(raters[0], clips[0], 4)
    assert [clip.name for clip in collected(campaign, "overall").clips] == ["clip-0"]
    assert Clip.objects.count() == 4
