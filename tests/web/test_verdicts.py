"""Rejected raters: their ratings stay, count no longer, and count again when that is undone."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotator import actions
from annotator.models import Rating, Verdict
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
