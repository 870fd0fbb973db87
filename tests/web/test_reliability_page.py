"""The reliability page and its API, above all where little or nothing can be said."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.authtoken.models import Token

from annotator.models import Campaign, Membership, Rubric
from tests.ratings import give_rating, give_table


@pytest.fixture
def page(campaign):
    return reverse("mos:reliability", args=[campaign.public_id])


@pytest.fixture
def clips(make_clip):
    """Four clips of two systems."""
    return [
        make_clip(
            f"clip-{number}",
            system="acme" if number < 2 else "basic",
            condition="clean",
            source_language="en",
            target_language="hi",
        )
        for number in range(4)
    ]


@pytest.fixture
def seen_by_alice(page, alice, signed_in):
    """The page as Alice gets it, as text."""

    def see(query=""):
        answer = signed_in(alice).get(page + query)
        assert answer.status_code == 200
        text = answer.content.decode()
        assert not re.search(r"\b(nan|NaN|None)\b", text)
        return text

    return see


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_raters_and_strangers_do_not_see_it(page, other, signed_in, request):
    client = signed_in(request.getfixturevalue(other))
    assert client.get(page).status_code == 404


def test_whoever_is_not_signed_in_is_sent_to_sign_in(page, client):
    assert client.get(page).url.startswith(reverse("login"))


def test_a_complete_table_shows_each_coefficient_by_its_form_with_n_k_and_over_what(
    campaign, clips, seen_by_alice
):
    give_table(campaign, clips, [[5, 4], [4, 4], [2, 3], [1, 2]])
    text = seen_by_alice()
    for form in ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)"):
        assert f"<b>{form}</b>" in text
    assert "over raters, one rater&#x27;s score" in text
    assert "Cronbach&#x27;s alpha over raters" in text
    assert "over the 6 aspects as items" in text
    assert "between clips" in text and "residual" in text


def test_a_table_with_gaps_says_why_the_six_forms_are_missing(campaign, clips, seen_by_alice):
    give_table(campaign, clips, [[5, 4], [4, None], [2, 3], [None, 2]])
    text = seen_by_alice()
    assert "2 of 4 clips have all 2 raters" in text
    assert "from variance components" in text
    assert "25.0 %" in text
    assert "ICC(1,1)</b>" not in text


UNDEFINED = {
    "There are no ratings yet": [[None, None]] * 4,
    "Only one rater has rated": [[4, None], [2, None], [3, None], [3, None]],
    "Only one clip has been rated": [[4, 3], [None, None], [None, None], [None, None]],
    "Every score so far is 3": [[3, 3]] * 4,
    "cannot be told apart": [[4, None], [None, 2], [3, None], [None, 5]],
}


@pytest.mark.parametrize("sentence", UNDEFINED)
def test_what_is_undefined_is_a_sentence(campaign, clips, seen_by_alice, sentence):
    give_table(campaign, clips, UNDEFINED[sentence])
    assert sentence in seen_by_alice()


def test_groups_of_raters_without_a_common_clip_are_pointed_out(campaign, clips, seen_by_alice):
    for name in ("carla", "dev"):
        user = User.objects.create_user(name)
        Membership.objects.create(campaign=campaign, user=user, role="rater")
    rows = [[5, 4, None, None], [2, 3, None, None], [None, None, 3, 1], [None, None, 4, 4]]
    give_table(campaign, clips, rows)
    text = seen_by_alice()
    assert "2 groups that share no rating" in text and "no: 2 groups" in text


def test_a_negative_coefficient_is_shown_negative(campaign, clips, seen_by_alice):
    give_table(campaign, clips, [[1, 4], [3, 2], [4, 2], [2, 3]])
    text = seen_by_alice()
    assert "Below 0: ICC(1,1)" in text and ">-0." in text


def test_a_rubric_without_aspects_is_said_to_ask_nothing(campaign, seen_by_alice):
    campaign.rubric = Rubric.objects.create(name="empty")
    campaign.save()
    assert "has no aspects" in seen_by_alice()


def test_a_scale_of_one_aspect_has_no_alpha_over_aspects(campaign, clips, seen_by_alice):
    rubric = Rubric.objects.create(name="naturalness only")
    rubric.aspects.create(key="natural", position=1, name="Naturalness", scale_words=["x"] * 5)
    Campaign.objects.filter(pk=campaign.pk).update(rubric=rubric)
    give_table(Campaign.objects.get(pk=campaign.pk), clips, [[5, 4], [4, 4], [2, 3], [1, 2]])
    assert "asks for one aspect only" in seen_by_alice()


def test_a_changed_rating_counts_as_it_is_now(campaign, clips, bob, seen_by_alice):
    rater = campaign.memberships.get(user=bob)
    give_rating(rater, clips[0], 1)
    give_rating(rater, clips[0], 5)
    text = seen_by_alice()
    assert "clip-0: 5.00" in text and "clip-0: 1.00" not in text


def test_each_aspect_has_its_own_figures(campaign, clips, bob, seen_by_alice):
    keys = campaign.rubric.aspects.values_list("key", flat=True)
    scores = dict.fromkeys(keys, 2) | {"prosody": 4}
    give_rating(campaign.memberships.get(user=bob), clips[0], scores)
    assert "clip-0: 4.00" in seen_by_alice("?aspect=prosody")
    assert "clip-0: 2.00" in seen_by_alice("?aspect=sync")


def test_an_aspect_that_does_not_exist_is_not_found(page, alice, signed_in):
    assert signed_in(alice).get(f"{page}?aspect=colour").status_code == 404


def test_htmx_gets_the_part_and_a_plain_browser_the_page(page, alice, signed_in):
    headers = {"HX-Request": "true", "HX-Target": "reliability"}
    client = signed_in(alice)
    part, whole = client.get(page, headers=headers), client.get(page)
    assert b"<html" not in part.content and b'id="reliability"' in part.content
    assert b"<html" in whole.content and b'id="reliability"' in whole.content
    assert "HX-Target" in whole.headers["Vary"]


def shown_clips(text):
    """Names of clips in the order of the table."""
    table = text.split('id="clips"')[1]
    return [row.split("</a>")[0].split(">")[-1] for row in table.split('<th scope="row">')[1:]]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", ["clip-0", "clip-1", "clip-2", "clip-3"]),
        ("nonsense", ["clip-0", "clip-1", "clip-2", "clip-3"]),
        ("-clip", ["clip-3", "clip-2", "clip-1", "clip-0"]),
        ("-mos", ["clip-2", "clip-0", "clip-1", "clip-3"]),
        ("mos", ["clip-3", "clip-1", "clip-0", "clip-2"]),
        ("-system", ["clip-2", "clip-3", "clip-0", "clip-1"]),
        ("-n", ["clip-0", "clip-1", "clip-2", "clip-3"]),
    ],
)
def test_clips_are_sorted_as_the_address_says(campaign, clips, seen_by_alice, order, expected):
    give_table(campaign, clips, [[4, 4], [3, 4], [5, 5], [1, None]])
    assert shown_clips(seen_by_alice(f"?order={order}")) == expected


def test_systems_stand_best_first(campaign, clips, seen_by_alice):
    give_table(campaign, clips, [[1, 2], [2, 2], [5, 4], [4, 4]])
    text = seen_by_alice()
    assert text.index("basic: 4.25") < text.index("acme: 1.75")


def test_a_hundred_clips_are_a_page(campaign, make_clip, seen_by_alice):
    clips = [make_clip(f"clip-{number:03d}") for number in range(103)]
    give_table(campaign, clips, [[3, 4 if n % 2 else None] for n in range(103)])
    first, second = seen_by_alice(), seen_by_alice("?page=2&order=clip")
    assert len(shown_clips(first)) == 100 and "1 to 100 of 103 clips" in first
    assert shown_clips(second) == ["clip-100", "clip-101", "clip-102"]


def test_simulated_raters_are_marked(campaign, clips, bob, seen_by_alice):
    campaign.memberships.filter(user=bob).update(is_simulated=True)
    give_table(campaign, clips, [[None, 4], [None, 4], [None, 3], [None, 2]])
    assert "badge-sim" not in seen_by_alice()
    give_table(campaign, clips, [[5, None], [4, None], [2, None], [1, None]])
    text = seen_by_alice()
    assert "badge-sim" in text and "1 of these 2 raters" in text


def test_names_from_a_manifest_are_never_markup(campaign, make_clip, bob, seen_by_alice):
    clip = make_clip("clip", system="<script>alert(1)</script>", condition='"><i>')
    give_rating(campaign.memberships.get(user=bob), clip, 3)
    text = seen_by_alice()
    assert "<script>alert" not in text and '"><i>' not in text


def test_the_number_of_queries_does_not_grow_with_the_ratings(
    campaign, clips, make_clip, page, alice, signed_in
):
    client = signed_in(alice)
    give_table(campaign, clips, [[5, 4], [4, 4], [2, 3], [1, 2]])
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(page)
    give_table(
        campaign, [make_clip(f"more-{n}") for n in range(20)], [[n % 5 + 1, 3] for n in range(20)]
    )
    with CaptureQueriesContext(connection) as many:
        client.get(page)
    # Two more on PostgreSQL, where open transactions are asked for.
    assert len(many) == len(few) <= 16


@pytest.fixture
def as_program(client):
    """Ask the API as this user does with a token."""

    def ask(user, path, **query):
        token, _ = Token.objects.get_or_create(user=user)
        headers = {"Authorization": f"Token {token.key}"}
        return client.get(f"/api/v1/campaigns/{path}", query, headers=headers)

    return ask


def test_the_api_gives_every_coefficient_and_knows_no_nan(campaign, clips, alice, as_program):
    give_table(campaign, clips, [[1, 5], [5, 1], [3, 3], [3, 3]])
    answer = as_program(alice, f"{campaign.public_id}/reliability/", aspect="prosody")
    found = json.loads(answer.content, parse_constant=pytest.fail)
    assert (found["aspect"], found["n_clips"], found["n_raters"]) == ("prosody", 4, 2)
    rows = {row["name"]: row for row in found["coefficients"]}
    assert rows["ICC(3,1)"]["value"] == -1
    assert rows["ICC(2,k)"]["value"] is None and rows["ICC(2,k)"]["reason"]


def test_the_api_answers_before_there_are_ratings(campaign, alice, as_program):
    found = as_program(alice, f"{campaign.public_id}/reliability/").json()
    assert found["n_ratings"] == 0
    assert found["coefficients"][0]["reason"] == "There are no ratings yet."


def test_the_api_names_the_aspects_there_are(campaign, alice, as_program):
    answer = as_program(alice, f"{campaign.public_id}/reliability/", aspect="colour")
    assert answer.status_code == 400 and "choose one of sync" in answer.content.decode()


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_the_api_tells_raters_and_strangers_nothing(campaign, other, as_program, request):
    answer = as_program(request.getfixturevalue(other), f"{campaign.public_id}/reliability/")
    assert answer.status_code == 404


def test_the_page_needs_neither_torch_nor_pandas():
    seen = "import django, sys; django.setup(); import mos.urls, mos.api_urls; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", seen], capture_output=True, text=True, check=True
    )
    assert "mos.views" in modules.stdout.split()
    assert not {"torch", "pandas", "sklearn"} & set(modules.stdout.split())


def test_intervals_of_many_ratings_follow_the_page(
    campaign, clips, page, seen_by_alice, monkeypatch
):
    give_table(campaign, clips, [[5, 4], [4, None], [2, 3], [None, 2]])
    asked = 'hx-get="?intervals=1"'
    assert asked not in seen_by_alice()
    monkeypatch.setattr("mos.views.reliability.MOST_AT_ONCE", 3)
    assert asked in seen_by_alice() and asked.replace("hx-get", "href") in seen_by_alice()
    assert asked not in seen_by_alice("?intervals=1")


def test_figures_are_those_of_the_clips_that_were_chosen(campaign, clips, seen_by_alice):
    give_table(campaign, clips, [[5, 4], [4, 4], [2, 3], [1, 2]])
    whole, acme = seen_by_alice(), seen_by_alice("?group=system:acme")
    assert "<b>4</b><span>clips rated" in whole and "<b>2</b><span>clips rated" in acme
    assert 'value="system:acme" selected' in acme and "clip-3" not in acme
    assert "aspect=sync&amp;" in acme.replace(
        "group=system%3Aacme&amp;aspect=sync", "aspect=sync&amp;"
    )


def test_clips_of_a_group_that_is_not_there_are_none(campaign, clips, seen_by_alice):
    give_table(campaign, clips, [[5, 4], [4, 4], [2, 3], [1, 2]])
    assert "There are no ratings yet" in seen_by_alice("?group=system:nobody")


def test_clips_are_not_grouped_by_what_nobody_knows(page, alice, signed_in):
    assert signed_in(alice).get(f"{page}?group=colour:red").status_code == 404
