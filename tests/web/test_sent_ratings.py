"""What the page and the API say to the same rating, sent again, changed, or odd."""

from __future__ import annotations

import json
import re
from uuid import UUID, uuid4

import pytest
from django.urls import reverse

from annotator import actions
from annotator.models import Campaign, Rating

SCORES = {"sync": 4, "speaker": 3, "clarity": 5, "emotion": 2, "prosody": 3, "overall": 4}
CHANGED = {**SCORES, "overall": 1}
DOORS = ["page", "api"]


@pytest.fixture
def live(campaign, make_clip):
    for number in range(12):
        make_clip(f"clip-{number}", content_id=str(number))
    Campaign.objects.filter(pk=campaign.pk).update(clips_per_rater=10)
    campaign.refresh_from_db()
    return actions.set_campaign_state(campaign=campaign, state="live")


@pytest.fixture
def send(live, bob, signed_in):
    """Send a rating of Bob's first clip through either door."""
    client = signed_in(bob)
    mine = actions.claim_assignments(membership=live.memberships.get(user=bob))[0].public_id

    def send_it(door, *, scores=SCORES, key=None, lead_time_s=9.5, **watched):
        evidence = {"watched_s": [[0, 4]], "plays": 1, **watched}
        key = key or uuid4()
        if door == "page":
            fields = {"idempotency_key": key, "lead_time_s": lead_time_s, **scores}
            address = reverse("annotator:rate", args=[mine])
            return client.post(address, {**fields, "evidence": json.dumps(evidence)})
        body = {"scores": scores, "evidence": evidence, "lead_time_s": lead_time_s}
        return client.post(
            f"/api/v1/assignments/{mine}/ratings/",
            json.dumps(body),
            content_type="application/json",
            headers={"Idempotency-Key": str(key)},
        )

    return send_it


def is_taken(answer) -> bool:
    return answer.status_code in (200, 302)


@pytest.mark.parametrize("door", DOORS)
def test_the_same_key_with_other_scores_is_a_revision(send, door):
    key = uuid4()
    sent = [send(door, key=key, scores=scores) for scores in (SCORES, CHANGED, CHANGED, SCORES)]
    assert all(map(is_taken, sent))
    assert list(Rating.objects.values_list("revision", flat=True)) == [1, 2]
    current = Rating.objects.current().get()
    assert current.scores.get(aspect__key="overall").value_raw == 1


@pytest.mark.parametrize("lead_time_s", [-1, "nan", "inf", "soon"])
@pytest.mark.parametrize("door", DOORS)
def test_a_lead_time_that_is_no_time_is_refused_in_words(send, door, lead_time_s):
    answer = send(door, lead_time_s=lead_time_s)
    assert answer.status_code == {"page": 422, "api": 400}[door]
    told = {"page": r'role="alert">Lead time: \w', "api": r'"lead_time_s":\["\w'}[door]
    assert re.search(told, answer.content.decode())
    assert Rating.objects.count() == 0


@pytest.mark.parametrize("door", DOORS)
def test_a_lead_time_without_end_is_kept_as_a_week(send, door):
    assert is_taken(send(door, lead_time_s=1e308))
    assert Rating.objects.get().lead_time_s == 7 * 86_400


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("rate", "taken"), [(1, True), (1.25, True), (1.26, False), (4, False)])
def test_a_clip_played_faster_than_a_quarter_over_was_not_watched_whole(send, door, rate, taken):
    answer = send(door, playback_rate=rate)
    assert is_taken(answer) == taken
    assert taken or "normal speed" in answer.content.decode()


def test_a_key_that_is_none_is_told_and_the_next_try_has_a_good_one(send):
    page = send("page", key="no-uuid")
    assert page.status_code == 422
    assert "Key of this rating: " in page.content.decode()
    assert UUID(str(page.context["form"]["idempotency_key"].value()))


def test_the_page_says_that_it_needs_javascript(live, bob, signed_in):
    client = signed_in(bob)
    page = client.get(client.get(reverse("annotator:next", args=[live.public_id])).url)
    assert "<noscript>" in page.content.decode()


def test_the_count_goes_from_one_to_the_limit_whatever_was_reported(live, bob, signed_in):
    client, mine = signed_in(bob), live.memberships.get(user=bob)
    for reported in actions.claim_assignments(membership=mine, wanted=2)[:2]:
        actions.report_clip(assignment=reported, reason="stops")
    for number in range(1, 11):
        address = client.get(reverse("annotator:next", args=[live.public_id])).url
        assert f"{number} of 10" in client.get(address).content.decode()
        fields = {"idempotency_key": uuid4(), "lead_time_s": 1, **SCORES}
        client.post(address, {**fields, "evidence": '{"watched_s": [[0, 4]]}'})
    assert "10 of 10 rated" in " ".join(client.get("/").content.decode().split())


def test_a_reported_clip_that_is_looked_at_again_is_not_one_over_the_count(live, bob, signed_in):
    client, mine = signed_in(bob), live.memberships.get(user=bob)
    while held := actions.claim_assignments(membership=mine, wanted=1):
        reported = actions.report_clip(assignment=held[0], reason="stops").assignment
    page = client.get(reverse("annotator:rate", args=[reported.public_id]))
    assert page.status_code == 200
    assert "1 of 0" not in page.content.decode()
