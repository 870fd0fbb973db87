"""What happens to a rating between a rater's hand and the table."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from annotator import actions, selectors
from annotator.evidence import Evidence
from annotator.models import Assignment, Campaign, Clip, Membership, Rating, Score
from annotator.models.ratings import AppendOnlyError

SCORES = {"sync": 4, "speaker": 3, "clarity": 5, "emotion": 2, "prosody": 3, "overall": 4}
WATCHED = Evidence(watched_s=((0.0, 4.0),), plays=1)


@pytest.fixture
def live(campaign: Campaign, make_clip) -> Campaign:
    for number in range(3):
        make_clip(f"clip-{number}", content_id=f"content-{number}")
    return actions.set_campaign_state(campaign=campaign, state="live")


def membership(campaign: Campaign, user) -> Membership:
    return campaign.memberships.get(user=user, role="rater")


def first_assignment(campaign: Campaign, user) -> Assignment:
    return actions.claim_assignments(membership=membership(campaign, user))[0]


def submit(assignment: Assignment, *, key=None, scores=None, evidence=WATCHED) -> Rating:
    assignment = Assignment.objects.select_related("clip", "campaign__rubric").get(pk=assignment.pk)
    return actions.submit_rating(
        assignment=assignment,
        scores=scores or SCORES,
        evidence=evidence,
        idempotency_key=key or uuid4(),
        lead_time_s=12.5,
    )


def test_a_rating_keeps_every_score_and_how_the_clip_was_watched(live, bob):
    rating = submit(first_assignment(live, bob))
    assert dict(rating.scores.values_list("aspect__key", "value_raw")) == SCORES
    assert rating.watched_frac == 1.0
    assert rating.evidence["plays"] == 1
    assert rating.assignment.rated_at is not None


def test_the_same_request_three_times_is_one_rating(live, bob):
    assignment, key = first_assignment(live, bob), uuid4()
    first, second, third = (submit(assignment, key=key) for _ in range(3))
    assert first.pk == second.pk == third.pk
    assert (Rating.objects.count(), Score.objects.count()) == (1, 6)


def test_a_changed_mind_is_a_new_revision_and_the_first_stays(live, bob):
    assignment = first_assignment(live, bob)
    submit(assignment)
    submit(assignment, scores={**SCORES, "overall": 1}, evidence=Evidence(watched_s=()))
    assert list(assignment.ratings.values_list("revision", flat=True)) == [1, 2]
    current = Rating.objects.current().get()
    assert current.scores.get(aspect__key="overall").value_raw == 1


def test_a_clip_that_was_not_watched_whole_is_refused(live, bob):
    with pytest.raises(ValidationError, match="watch the clip to its end"):
        submit(first_assignment(live, bob), evidence=Evidence(watched_s=((0.0, 2.0),)))
    assert Rating.objects.count() == 0


def test_a_missing_aspect_is_refused_and_named(live, bob):
    scores = {key: value for key, value in SCORES.items() if key != "prosody"}
    with pytest.raises(ValidationError, match="prosody"):
        submit(first_assignment(live, bob), scores=scores)
    assert Rating.objects.count() == 0


def test_a_closed_campaign_takes_nothing_more(live, bob):
    assignment = first_assignment(live, bob)
    actions.set_campaign_state(campaign=live, state="closed")
    with pytest.raises(ValidationError, match="closed"):
        submit(assignment)


def test_a_paused_campaign_takes_what_was_begun_and_gives_out_nothing(live, bob):
    assignment = first_assignment(live, bob)
    live = actions.set_campaign_state(campaign=live, state="paused")
    submit(assignment)
    assert actions.claim_assignments(membership=membership(live, bob)) == []


def test_models_refuse_to_change_or_delete_what_was_said(live, bob):
    rating = submit(first_assignment(live, bob))
    for forbidden in (
        rating.save,
        rating.delete,
        Rating.objects.all().delete,
        lambda: Score.objects.update(value_raw=5),
        rating.scores.first().delete,
    ):
        with pytest.raises(AppendOnlyError):
            forbidden()


@pytest.mark.parametrize("table", ["annotator_rating", "annotator_score"])
def test_the_database_itself_refuses_to_change_what_was_said(live, bob, table):
    submit(first_assignment(live, bob))
    column = "lead_time_s" if table == "annotator_rating" else "value_raw"
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET {column} = 1")


@pytest.mark.parametrize("value", [0, 6])
def test_the_database_refuses_a_score_off_the_scale(live, bob, value):
    rating = submit(first_assignment(live, bob))
    extra = rating.assignment.campaign.rubric.aspects.first()
    twin = Rating.objects.create(
        assignment=rating.assignment,
        revision=2,
        idempotency_key=uuid4(),
        lead_time_s=1,
        watched_frac=1,
        evidence={},
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Score.objects.create(rating=twin, aspect=extra, value_raw=value)


def test_no_clip_gets_more_raters_than_were_asked_for(live, bob, bina, charlie):
    cora = Membership.objects.create(campaign=live, user=charlie, role="rater")
    raters = [membership(live, bob), membership(live, bina), cora]
    for _ in range(4):
        for rater in raters:
            for assignment in actions.claim_assignments(membership=rater, wanted=1):
                submit(assignment)
    counts = [clip.assignments.rated().count() for clip in Clip.objects.all()]
    assert counts == [2, 2, 2]


def test_a_rater_never_gets_the_same_clip_twice(live, bob):
    seen = []
    for _ in range(5):
        for assignment in actions.claim_assignments(membership=membership(live, bob), wanted=1):
            seen.append(assignment.clip_id)
            submit(assignment)
    assert len(seen) == len(set(seen)) == 3


def test_order_is_the_raters_own_and_the_same_again(live, bob, bina):
    first = [
        a.clip_id for a in actions.claim_assignments(membership=membership(live, bob), wanted=3)
    ]
    again = [
        a.clip_id for a in actions.claim_assignments(membership=membership(live, bob), wanted=3)
    ]
    assert first == again
    assert len(set(first)) == 3


def test_a_rater_stops_at_the_campaigns_limit(live, bob):
    Campaign.objects.filter(pk=live.pk).update(clips_per_rater=2)
    live.refresh_from_db()
    held = actions.claim_assignments(membership=membership(live, bob), wanted=3)
    assert len(held) == 2


def let_lapse(assignment: Assignment) -> None:
    Assignment.objects.filter(pk=assignment.pk).update(
        leased_until=timezone.now() - timedelta(minutes=1)
    )


def test_a_lapsed_place_goes_to_another_rater_and_the_late_rating_is_kept(live, bob, bina, charlie):
    clip = live.corpus.clips.first()
    live.corpus.clips.exclude(pk=clip.pk).update(state="broken", state_reason="for this test")
    late = first_assignment(live, bob)
    let_lapse(late)
    cora = Membership.objects.create(campaign=live, user=charlie, role="rater")
    submit(first_assignment(live, bina))
    submit(actions.claim_assignments(membership=cora)[0])
    rating = submit(late)
    late.refresh_from_db()
    assert rating.pk and late.place is None and late.rated_at is not None
    assert clip.assignments.filter(place__isnull=False).rated().count() == 2


def test_a_late_rating_takes_a_place_that_is_still_free(live, bob):
    late = first_assignment(live, bob)
    Assignment.objects.filter(pk=late.pk).update(place=None)
    Assignment.objects.create(campaign=live, wave=late.wave, clip=late.clip, place=late.place)
    submit(late)
    late.refresh_from_db()
    assert late.place is not None
    assert Assignment.objects.filter(clip=late.clip, place__isnull=False).count() == 2


def test_a_sign_of_life_renews_the_lease(live, bob):
    assignment = first_assignment(live, bob)
    let_lapse(assignment)
    assert actions.renew_lease(assignment=assignment) is True
    assignment.refresh_from_db()
    assert assignment.leased_until > timezone.now()


def test_a_reported_clip_goes_to_someone_else_and_never_back(live, bob):
    assignment = first_assignment(live, bob)
    actions.report_clip(assignment=assignment, reason="no_sound")
    actions.report_clip(assignment=assignment, reason="no_sound")
    assignment.refresh_from_db()
    assert assignment.place is None
    assert Assignment.objects.filter(clip=assignment.clip, place__isnull=False).count() == 2
    others = actions.claim_assignments(membership=membership(live, bob), wanted=9)
    assert assignment.clip_id not in [other.clip_id for other in others]


def test_a_first_wave_can_be_a_random_part_of_the_corpus(campaign, make_clip):
    for number in range(10):
        make_clip(f"clip-{number}")
    Campaign.objects.filter(pk=campaign.pk).update(first_wave_clips=4)
    campaign.refresh_from_db()
    actions.set_campaign_state(campaign=campaign, state="live")
    assert campaign.assignments.values("clip").distinct().count() == 4
    assert campaign.assignments.count() == 8


def test_sources_are_rated_only_where_hidden_references_are_asked_for(campaign, make_clip):
    source = make_clip("source")
    make_clip("dub", source=source)
    assert [clip.name for clip in campaign.pool()] == ["dub"]
    campaign.has_hidden_references = True
    assert [clip.name for clip in campaign.pool()] == ["dub", "source"]


def test_a_campaign_without_clips_cannot_go_live_and_stays_a_draft(campaign):
    with pytest.raises(ValidationError, match="import some first"):
        actions.set_campaign_state(campaign=campaign, state="live")
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_a_closed_campaign_cannot_become_a_draft(live):
    actions.set_campaign_state(campaign=live, state="closed")
    with pytest.raises(ValidationError, match="cannot become"):
        actions.set_campaign_state(campaign=live, state="draft")


def test_the_same_key_with_other_scores_is_a_revision_once(live, bob):
    assignment, key = first_assignment(live, bob), uuid4()
    changed = {**SCORES, "overall": 1}
    first = submit(assignment, key=key)
    second, again = (submit(assignment, key=key, scores=changed) for _ in range(2))
    assert (first.revision, second.revision, again.pk) == (1, 2, second.pk)
    assert submit(assignment, key=key).pk == first.pk  # a late copy of the first undoes nothing
    current = Rating.objects.current().get()
    assert current.scores.get(aspect__key="overall").value_raw == 1


def test_a_clip_that_was_played_fast_was_not_heard(live, bob):
    fast = Evidence(watched_s=((0.0, 4.0),), plays=1, playback_rate=4.0)
    with pytest.raises(ValidationError, match="normal speed"):
        submit(first_assignment(live, bob), evidence=fast)


def test_a_page_left_open_for_ever_is_a_week_at_most(live, bob):
    assignment = first_assignment(live, bob)
    rating = actions.submit_rating(
        assignment=Assignment.objects.select_related("clip", "campaign").get(pk=assignment.pk),
        scores=SCORES,
        evidence=WATCHED,
        idempotency_key=uuid4(),
        lead_time_s=1e308,
    )
    assert rating.lead_time_s == 7 * 86_400


def test_reported_clips_are_left_out_of_the_count_and_rated_ones_never(live, bob, signed_in):
    mine, client = membership(live, bob), signed_in(bob)
    reported = actions.claim_assignments(membership=mine)[0]
    actions.report_clip(assignment=reported, reason="stops")
    for number in (1, 2):
        address = client.get(f"/rate/{live.public_id}/").url
        assert f"{number} of 2" in client.get(address).content.decode()
        submit(Assignment.objects.get(public_id=address.strip("/").rsplit("/", 1)[-1]))
    submit(reported)  # it played after all
    progress = selectors.rater_progress(mine)
    assert (progress.done, progress.total) == (3, 3)
