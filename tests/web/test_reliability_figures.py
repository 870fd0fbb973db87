"""Figures beside the coefficients: recovered MOS, hidden references, spread, alpha without one."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from annotator.models import Membership
from mos.models import ReliabilityReport
from mos.rater_model import recover_mos
from tests.ratings import give_rating, give_table


@pytest.fixture
def see(campaign, alice, signed_in):
    """The page as Alice gets it, its white space made one."""

    def see(query=""):
        address = reverse("mos:reliability", args=[campaign.public_id])
        answer = signed_in(alice).get(address + query)
        assert answer.status_code == 200
        text = re.sub(r"\s+", " ", answer.content.decode())
        assert not re.search(r"\b(nan|NaN|None)\b", text)
        return text

    return see


@pytest.fixture
def dubs(make_clip):
    """Two sources, each with a dub by acme and one by basic."""
    sources = [make_clip(f"source-{n}") for n in range(2)]
    return sources, [
        make_clip(f"dub-{system}-{n}", system=system, condition=condition, source=source)
        for system, condition in (("acme", "clean"), ("basic", "noisy"))
        for n, source in enumerate(sources)
    ]


def test_the_recovered_mos_stands_beside_the_plain_one(campaign, make_clip, see):
    clips = [make_clip(f"clip-{n}") for n in range(3)]
    rows = [[5, 2], [4, 1], [None, 3]]
    give_table(campaign, clips, rows)
    found = recover_mos([5, 2, 4, 1, 3], [0, 0, 1, 1, 2], [0, 1, 0, 1, 1]).mos
    assert abs(found[2] - 3) > 0.2  # only the stricter rater saw it
    assert f"clip-2: 3.00, recovered {found[2]:.2f}" in see()
    ordered = see("?order=-recovered")
    names = [f"clip-{n}" for n in sorted(range(3), key=lambda n: -found[n])]
    table = ordered.split('id="clips"')[1]
    assert sorted(names, key=table.index) == names


def test_too_many_ratings_leave_the_recovered_mos_for_later(campaign, make_clip, see, monkeypatch):
    clips = [make_clip(f"clip-{n}") for n in range(3)]
    give_table(campaign, clips, [[5, 2], [4, 1], [None, 3]])
    monkeypatch.setattr("mos.views.reliability.MOST_AT_ONCE", 2)
    assert ", recovered " not in see("?order=-recovered")
    assert ", recovered " in see("?intervals=1")


def test_mos_is_told_by_each_label_that_tells_clips_apart(campaign, dubs, see):
    sources, both = dubs
    give_table(campaign, [*sources, *both], [[5, 5], [5, 4], [4, 4], [4, 3], [2, 2], [1, 2]])
    text = see()
    assert "MOS by system" in text and "MOS by condition" in text
    assert "MOS by languages" not in text  # all of one
    assert "clean: 3.75" in text and "noisy: 1.75" in text


def test_dubs_are_told_beside_their_hidden_references(campaign, dubs, see):
    sources, both = dubs
    give_table(campaign, [*sources, *both], [[5, 4], [5, None], [4, 4], [4, 3], [2, 2], [1, 2]])
    text = see()
    # acme: 4-5+5, 4-4+5 and 4-5+5; basic: 2, 3 and 1: means by dub, then over dubs.
    card = text.split("(DMOS)")[1].split("</section>")[0]
    assert re.search(r"acme</th><td class=\"num strong\">4.25<.*>3</td>", card)
    assert re.search(r"basic</th><td class=\"num strong\">1.75<.*>3</td>", card)
    assert "2 ratings of dubs do not count here" in card
    assert "(DMOS)" not in see("?group=system:acme")  # its sources are not among them


def test_no_differences_are_told_where_no_source_was_rated(campaign, dubs, see):
    give_table(campaign, dubs[1], [[4, 4], [4, 3], [2, 2], [1, 2]])
    assert "(DMOS)" not in see()


def test_spread_is_told_and_each_clip_is_a_dot_with_its_numbers(campaign, make_clip, see):
    clips = [make_clip(f"clip-{n}") for n in range(3)]
    give_table(campaign, clips, [[5, 3], [2, 3], [4, None]])
    text = see()
    assert "clip-0: MOS 4.00, SD 1.41" in text
    assert "clip-2: MOS" not in text  # one rating has no spread
    # Least squares of 2 on 3 and .5 on 3.75 of (MOS - 1)(5 - MOS).
    assert f"a = {(2 * 3 + 0.5 * 3.75) / (3**2 + 3.75**2):.2f}</b>" in text


def test_alpha_is_told_without_each_rater_and_aspect(campaign, make_clip, see):
    user = User.objects.create_user("carla")
    third = Membership.objects.create(campaign=campaign, user=user, role="rater")
    clips = [make_clip(f"clip-{n}") for n in range(4)]
    give_table(campaign, clips, [[5, 5, 1], [4, 4, 3], [2, 3, 2], [1, 1, 4]])
    rows = re.findall(
        r"<th scope=\"row\">([^<]*)</th><td>raters</td><td class=\"num\">([^<]*)<", see()
    )
    assert [value for _, value in rows] == ["-8.000", "-4.000", "0.980"]
    assert len({name for name, _ in rows}) == 3
    assert "<td>aspects</td>" in see()
    give_rating(third, make_clip("clip-4"), {"overall": 5, "sync": 4})
    assert "<td>aspects</td>" not in see()  # a clip without a score on each


def test_a_report_keeps_spread_and_references_too(campaign, dubs, alice, signed_in):
    sources, both = dubs
    give_table(campaign, [*sources, *both], [[5, 4], [5, 5], [4, 4], [4, 3], [2, 2], [1, 2]])
    address = reverse("mos:store", args=[campaign.public_id])
    answer = signed_in(alice).post(address, {"title": "With references"}, follow=True)
    text = answer.content.decode()
    assert "SOS parameter" in text and "(DMOS)" in text
    figures = ReliabilityReport.objects.get().figures["overall"]
    assert [row["name"] for row in figures["references"]["systems"]] == ["acme", "basic"]
    assert 0 < figures["spread"]["a"] < 1


def test_an_aspect_that_nobody_scored_is_a_sentence_and_no_figure_of_others(
    campaign, make_clip, see
):
    for number in range(3):
        clip = make_clip(f"clip-{number}")
        for place, rater in enumerate(campaign.memberships.filter(role="rater"), start=1):
            give_rating(rater, clip, {"overall": 1 + number + place % 2}, place=place)
    assert "There are no ratings yet" in see("?aspect=prosody")
    text = see()
    assert "Not every rated clip has a score on every aspect" in text
    assert "<b>ICC(2,1)</b>" in text
