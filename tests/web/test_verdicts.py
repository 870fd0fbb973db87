"""Rejected raters: their ratings stay, count no longer, and count again when that is undone."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from annotator import actions
from annotator.evidence import Evidence
from annotator.models import Campaign, Rating, Verdict
from annotator.models.ratings import AppendOnlyError
from mos.selectors import collected
from tests.ratings import give_table


@pytest.fixture
def rated(campaign, make_clip):
    give_table(campaign, [make_clip(f"clip-{n}") for n in range(3)], [[5, 1], [4, 2], [3, 3]])
    return campaign


@pytest.fixture
def bina_rates(rated):
    return rated.memberships.get(user__username="bina")


def total(campaign):
    return int(collected(campaign, "overall").tally.sum_C.sum())


def test_a_rejected_raters_scores_count_no_longer_and_are_all_still_there(rated, bina_rates, alice):
    assert total(rated) == 18
    actions.judge_rater(rater=bina_rates, is_accepted=False, reason="asleep", by=alice)
    assert total(rated) == 12
    assert Rating.objects.count() == 6
    actions.judge_rater(rater=bina_rates, is_accepted=True, reason="was not", by=alice)
    assert total(rated) == 18
    assert [verdict.reason for verdict in Verdict.objects.all()] == ["asleep", "was not"]


def test_scores_that_come_after_the_verdict_do_not_count_either(rated, bina_rates, alice):
    actions.judge_rater(rater=bina_rates, is_accepted=False, reason="asleep", by=alice)
    collected(rated, "overall")
    give_table(rated, rated.corpus.clips.order_by("name"), [[5, 5], [4, 5], [3, 5]])  # revisions
    assert total(rated) == 12


@pytest.mark.parametrize(
    ("is_accepted", "reason", "words"),
    [(False, "  ", "Give a reason"), (True, "fine", "accepted already")],
)
def test_a_verdict_needs_a_reason_and_changes_something(
    bina_rates, alice, is_accepted, reason, words
):
    with pytest.raises(ValidationError, match=words):
        actions.judge_rater(rater=bina_rates, is_accepted=is_accepted, reason=reason, by=alice)


def test_nobody_is_rejected_twice(bina_rates, alice):
    actions.judge_rater(rater=bina_rates, is_accepted=False, reason="asleep", by=alice)
    with pytest.raises(ValidationError, match="rejected already"):
        actions.judge_rater(rater=bina_rates, is_accepted=False, reason="again", by=alice)


def test_who_does_not_rate_is_not_judged(campaign, alice):
    researcher = campaign.memberships.get(role="researcher")
    with pytest.raises(ValidationError, match="only raters"):
        actions.judge_rater(rater=researcher, is_accepted=False, reason="x", by=alice)


def test_a_verdict_is_never_changed(bina_rates, alice):
    verdict = actions.judge_rater(rater=bina_rates, is_accepted=False, reason="asleep", by=alice)
    with pytest.raises(AppendOnlyError):
        verdict.save()
    with pytest.raises(AppendOnlyError):
        Verdict.objects.update(is_accepted=True)


def test_who_is_rejected_gets_no_more_clips(campaign, make_clip, bina, alice, signed_in):
    make_clip("one"), make_clip("two")
    actions.set_campaign_state(campaign=campaign, state="live")
    membership = campaign.memberships.get(user=bina)
    assert len(actions.claim_assignments(membership=membership, wanted=1)) == 1
    actions.judge_rater(rater=membership, is_accepted=False, reason="asleep", by=alice)
    assert len(actions.claim_assignments(membership=membership, wanted=2)) == 1  # what is held
    other = campaign.memberships.get(user__username="bob")
    assert len(actions.claim_assignments(membership=other, wanted=2)) == 2


@pytest.fixture
def live(campaign, make_clip):
    """Two clips that want one rating each, both rated by Bina."""
    make_clip("one"), make_clip("two")
    Campaign.objects.filter(pk=campaign.pk).update(ratings_per_clip=1)
    campaign.refresh_from_db()
    actions.set_campaign_state(campaign=campaign, state="live")
    bina = campaign.memberships.get(user__username="bina")
    for _ in range(2):
        (held,) = actions.claim_assignments(membership=bina, wanted=1)
        rate(held)
    return campaign, bina, campaign.memberships.get(user__username="bob")


def rate(held):
    held.campaign = Campaign.objects.get(pk=held.campaign_id)
    return actions.submit_rating(
        assignment=held,
        scores=dict.fromkeys(held.campaign.rubric.aspects.values_list("key", flat=True), 3),
        evidence=Evidence(watched_s=((0.0, 4.0),), plays=1),
        idempotency_key=uuid4(),
        lead_time_s=9.0,
    )


def test_the_places_of_who_is_rejected_are_open_to_others(live, alice):
    campaign, bina, bob = live
    assert actions.claim_assignments(membership=bob) == []
    actions.judge_rater(rater=bina, is_accepted=False, reason="asleep", by=alice)
    taken = actions.claim_assignments(membership=bob)
    assert sorted(held.clip.name for held in taken) == ["one", "two"]
    assert {held.place for held in taken} == {1}
    assert campaign.assignments.filter(place__isnull=False).count() == 2
    assert bina.assignments.filter(rated_at__isnull=False, place=None).count() == 2


def test_who_is_accepted_again_takes_back_what_is_still_open(live, alice):
    campaign, bina, bob = live
    actions.judge_rater(rater=bina, is_accepted=False, reason="asleep", by=alice)
    (held,) = actions.claim_assignments(membership=bob, wanted=1)
    actions.judge_rater(rater=bina, is_accepted=True, reason="was not", by=alice)
    (own,) = bina.assignments.filter(place__isnull=False)
    assert own.clip_id != held.clip_id
    assert campaign.assignments.filter(place__isnull=False).count() == 2
    assert not campaign.assignments.free().exists()
    assert total(campaign) == 6


def test_a_rating_that_comes_after_the_rejection_takes_no_place(live, make_clip, alice):
    campaign, bina, _ = live
    actions.open_wave(
        campaign=campaign, label="more", clips=[make_clip("three")], ratings_per_clip=1
    )
    (held,) = actions.claim_assignments(membership=bina, wanted=1)
    actions.judge_rater(rater=bina, is_accepted=False, reason="asleep", by=alice)
    rate(held)
    assert bina.assignments.filter(place__isnull=False).count() == 0
    assert campaign.assignments.free().count() == 3
