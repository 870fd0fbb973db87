"""Many at once: what one of them may have, exactly one of them gets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection

from annotator import actions
from annotator.evidence import Evidence
from annotator.models import Assignment, Membership, Rating

SCORES = {"sync": 4, "speaker": 3, "clarity": 5, "emotion": 2, "prosody": 3, "overall": 4}


def at_once(*works):
    """Run these at the same moment, each on a connection of its own."""
    barrier = Barrier(len(works))

    def run(work):
        barrier.wait()
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.fixture
def live(transactional_db, campaign, make_clip):
    for name in ("one", "two"):
        make_clip(name, content_id=name)
    campaign.ratings_per_clip = 1
    campaign.save()
    return actions.set_campaign_state(campaign=campaign, state="live")


@pytest.mark.parametrize("turn", range(5))
def test_two_raters_racing_for_the_last_place_of_a_clip_get_different_clips(live, turn):
    raters = list(live.memberships.filter(role="rater").select_related("campaign"))
    got = at_once(
        *(lambda r=rater: actions.claim_assignments(membership=r, wanted=1) for rater in raters)
    )
    clips = [held[0].clip_id for held in got]
    assert len(set(clips)) == 2
    assert Assignment.objects.count() == 2


def test_when_only_one_place_is_left_one_rater_gets_it_and_the_other_none(live):
    live.corpus.clips.filter(name="two").update(state="broken", state_reason="for this test")
    raters = list(live.memberships.filter(role="rater").select_related("campaign"))
    got = at_once(
        *(lambda r=rater: actions.claim_assignments(membership=r, wanted=1) for rater in raters)
    )
    assert sorted(len(held) for held in got) == [0, 1]


def test_two_pages_of_one_rater_hold_the_same_clips(live, bob):
    rater = Membership.objects.select_related("campaign").get(user=bob)
    at_once(*[lambda: actions.claim_assignments(membership=rater, wanted=1)] * 4)
    assert Assignment.objects.filter(rater=rater).count() == 1
    held = actions.claim_assignments(membership=rater, wanted=1)
    assert len(held) == 1


def test_a_double_click_is_one_rating(live, bob):
    rater = Membership.objects.select_related("campaign").get(user=bob)
    pk = actions.claim_assignments(membership=rater, wanted=1)[0].pk
    key = uuid4()

    def send():
        assignment = Assignment.objects.select_related("clip", "campaign__rubric").get(pk=pk)
        return actions.submit_rating(
            assignment=assignment,
            scores=SCORES,
            evidence=Evidence(watched_s=((0.0, 4.0),)),
            idempotency_key=key,
            lead_time_s=3.0,
        ).pk

    assert len(set(at_once(send, send, send, send))) == 1
    assert Rating.objects.count() == 1
