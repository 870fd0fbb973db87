"""What is sent to break a server is answered like any other mistake."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from annotator import actions
from annotator.byteranges import parse_range
from annotator.evidence import Evidence

SCORES = {"sync": 4, "speaker": 3, "clarity": 5, "emotion": 2, "prosody": 3, "overall": 4}


@pytest.fixture
def held(campaign, make_clip, bob):
    make_clip("a")
    actions.set_campaign_state(campaign=campaign, state="live")
    return actions.claim_assignments(membership=campaign.memberships.get(user=bob))[0]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"watched_s": [[0, 4]], "plays": 10**400}),
        "[" * 50_000,
        '{"plays": ' + "9" * 5000 + "}",
        " " * 200_000,
        '{"watched_s": [[0, 1e300]]}',
    ],
    ids=["a number of 401 digits", "brackets", "5000 digits", "blanks", "an endless clip"],
)
def test_evidence_that_cannot_be_read_is_refused_on_the_page(held, bob, signed_in, text):
    with pytest.raises(ValueError):
        Evidence.from_json(text)
    fields = {"idempotency_key": "0" * 32, "lead_time_s": 1, "evidence": text, **SCORES}
    answer = signed_in(bob).post(reverse("annotator:rate", args=[held.public_id]), fields)
    assert answer.status_code == 422


def test_json_that_is_nested_too_deeply_is_a_bad_request(held, bob, signed_in):
    address = f"/api/v1/assignments/{held.public_id}/ratings/"
    client = signed_in(bob)
    answer = client.post(address, "[" * 100_000, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("header", ["bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000])
def test_a_range_of_thousands_of_digits_is_no_range(header):
    assert parse_range(header, 100) is None


@pytest.mark.parametrize("score", [3, 9])
def test_json_with_half_a_character_is_a_bad_request(held, bob, signed_in, score):
    """Half of a surrogate pair is JSON, but no answer can repeat it."""
    evidence = {"watched_s": [[0, 4]]}
    rating = {"scores": {**SCORES, "\ud800": score}, "evidence": evidence, "lead_time_s": 1}
    answer = signed_in(bob).post(
        f"/api/v1/assignments/{held.public_id}/ratings/",
        json.dumps(rating),
        content_type="application/json",
        headers={"Idempotency-Key": "0" * 32},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("header", ["bytes=" + "9" * 5000 + "-", "bytes=-" + "9" * 5000])
def test_a_clip_asked_for_in_thousands_of_digits_comes_whole(held, bob, signed_in, header):
    answer = signed_in(bob).get(
        reverse("annotator:media", args=[held.public_id]), headers={"Range": header}
    )
    assert answer.status_code == 200
