"""The rating page as a browser gets it, with htmx and without."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.urls import reverse

from annotator import actions
from annotator.models import Assignment, ClipReport, Rating

SCORES = {"sync": 4, "speaker": 3, "clarity": 5, "emotion": 2, "prosody": 3, "overall": 4}


@pytest.fixture
def live(campaign, make_clip):
    for number in range(4):
        make_clip(
            f"vendor9_noise_{number}",
            system="vendor9",
            condition="noise10db",
            speaker="speaker-x",
            content_id=str(number),
        )
    return actions.set_campaign_state(campaign=campaign, state="live")


def form(**changes):
    evidence = {"watched_s": [[0, 4]], "plays": 1}
    return {
        **SCORES,
        "idempotency_key": str(uuid4()),
        "lead_time_s": "9.5",
        "evidence": json.dumps(evidence),
        **changes,
    }


def open_page(client, live):
    """Follow the way a rater takes; give the page's address."""
    answer = client.get(reverse("annotator:next", args=[live.public_id]))
    assert answer.status_code == 302
    return answer.url


def test_a_rater_comes_from_the_start_page_to_a_clip_and_through_all_of_them(live, bob, signed_in):
    client = signed_in(bob)
    assert reverse("annotator:next", args=[live.public_id]) in client.get("/").content.decode()
    for position in range(1, 5):
        url = open_page(client, live)
        assert f"{position} of 4" in client.get(url).content.decode()
        client.post(url, form())
    finished = client.get(reverse("annotator:next", args=[live.public_id]))
    assert finished.status_code == 200
    assert "You have rated 4 clips" in finished.content.decode()
    assert Rating.objects.count() == 4


def test_htmx_gets_the_part_and_a_plain_browser_the_page(live, bob, signed_in):
    client = signed_in(bob)
    url = open_page(client, live)
    whole = client.get(url).content.decode()
    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" in whole and 'id="rating"' in whole
    assert "<html" not in part and 'id="rating"' in part


def test_nothing_on_the_page_tells_what_the_clip_is(live, bob, signed_in):
    client = signed_in(bob)
    url = open_page(client, live)
    media = reverse("annotator:media", args=[url.strip("/").split("/")[-1]])
    answer = client.get(media)
    shown = client.get(url).content.decode() + media + str(answer.headers)
    for secret in ("vendor9", "noise10db", "vendor9_noise", "speaker-x"):
        assert secret not in shown


def test_a_form_with_a_score_missing_answers_422_and_keeps_the_others(live, bob, signed_in):
    client = signed_in(bob)
    url = open_page(client, live)
    answer = client.post(url, form(prosody=""))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "This aspect has no score yet." in page
    assert page.count(" checked>") == 5
    assert Rating.objects.count() == 0


@pytest.mark.parametrize(
    "evidence",
    ["", "not json", "[]", '{"watched_s": [[3]]}', '{"watched_s": [[0, "x"]]}', '{"plays": -1}'],
)
def test_evidence_that_makes_no_sense_is_refused_with_the_value_named(
    live, bob, signed_in, evidence
):
    client = signed_in(bob)
    answer = client.post(open_page(client, live), form(evidence=evidence))
    assert answer.status_code == 422
    assert Rating.objects.count() == 0


def test_a_clip_not_watched_whole_is_refused_by_the_server_too(live, bob, signed_in):
    client = signed_in(bob)
    answer = client.post(open_page(client, live), form(evidence='{"watched_s": [[0, 1.5]]}'))
    assert answer.status_code == 422
    assert "watch the clip to its end" in answer.content.decode()


def test_the_same_form_sent_three_times_is_one_rating(live, bob, signed_in):
    client = signed_in(bob)
    url, sent = open_page(client, live), form()
    assert {client.post(url, sent).status_code for _ in range(3)} == {302}
    assert Rating.objects.count() == 1


def test_the_previous_clip_can_be_revised_and_shows_what_was_said(live, bob, signed_in):
    client = signed_in(bob)
    first = open_page(client, live)
    client.post(first, form())
    second = client.get(open_page(client, live)).content.decode()
    assert first in second and "Previous clip" in second
    page = client.get(first).content.decode()
    assert page.count(" checked>") == 6
    client.post(first, form(overall=1, evidence='{"watched_s": []}'))
    assert list(Rating.objects.values_list("revision", flat=True)) == [1, 2]


def test_a_clip_that_does_not_play_is_reported_with_a_reason_and_passed_over(live, bob, signed_in):
    client = signed_in(bob)
    url = open_page(client, live)
    answer = client.post(f"{url}report/", {"reason": "no_sound", "note": "silence"})
    assert answer.status_code == 302
    assert ClipReport.objects.get().note == "silence"
    assert open_page(client, live) != url


def test_a_report_without_a_reason_is_refused(live, bob, signed_in):
    client = signed_in(bob)
    assert client.post(f"{open_page(client, live)}report/", {}).status_code == 422
    assert ClipReport.objects.count() == 0


def test_the_page_asks_for_the_next_clip_ahead(live, bob, signed_in):
    client = signed_in(bob)
    url = open_page(client, live)
    ahead = Assignment.objects.open().filter(rater__user=bob)
    page = client.get(url).content.decode()
    held = ahead.order_by("position")
    assert held.count() == 2
    assert f'data-ahead="{reverse("annotator:media", args=[held[1].public_id])}"' in page


@pytest.mark.parametrize("stranger", ["bina", "alice", "charlie"])
def test_nobody_else_reaches_a_raters_page_clip_or_report(live, bob, stranger, signed_in, request):
    url = open_page(signed_in(bob), live)
    other = signed_in(request.getfixturevalue(stranger))
    assert other.get(url).status_code == 404
    assert other.post(url, form()).status_code == 404
    assert other.get(f"{url}clip").status_code == 404
    assert other.post(f"{url}report/", {"reason": "other"}).status_code == 404
    assert other.post(f"{url}keep/").status_code == 404
    assert Rating.objects.count() == 0


def test_who_is_not_signed_in_is_sent_to_sign_in(live, bob, signed_in, client):
    url = open_page(signed_in(bob), live)
    for path in (url, f"{url}clip", "/"):
        assert client.get(path).url.startswith("/login/")


def test_saving_a_rating_asks_the_database_a_bounded_number_of_times(
    live, bob, signed_in, django_assert_max_num_queries
):
    client = signed_in(bob)
    url = open_page(client, live)
    with django_assert_max_num_queries(12):
        client.post(url, form())


def test_the_rating_page_asks_the_database_a_bounded_number_of_times(
    live, bob, signed_in, django_assert_max_num_queries
):
    client = signed_in(bob)
    url = open_page(client, live)
    client.get(url)
    with django_assert_max_num_queries(16):
        client.get(url)
