"""Stored reports and the page of raters, as a researcher uses them."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from annotator.models.ratings import AppendOnlyError
from mos.models import ReliabilityReport
from mos.selectors import data_hash
from mos.selectors.live import forget
from tests.ratings import give_rating, give_table


@pytest.fixture
def rated(campaign, make_clip):
    clips = [make_clip(f"clip-{n}", system="acme" if n < 2 else "basic") for n in range(4)]
    give_table(campaign, clips, [[5, 4], [4, 4], [2, 3], [1, 2]])
    return campaign


@pytest.fixture
def researcher(signed_in, alice):
    return signed_in(alice)


def stored(researcher, campaign, title="Spring, first look"):
    answer = researcher.post(reverse("mos:store", args=[campaign.public_id]), {"title": title})
    assert answer.status_code == 302
    return answer.url


def test_a_report_keeps_every_figure_as_it_was(rated, researcher, bob):
    address = stored(researcher, rated)
    before = researcher.get(address).content.decode()
    assert "Spring, first look" in before and "<b>ICC(2,1)</b>" in before and "acme" in before
    assert "have changed since" not in before
    rater, clip = rated.memberships.get(user=bob), rated.corpus.clips.get(name="clip-0")
    give_rating(rater, clip, 1)
    after = researcher.get(address).content.decode()
    assert "have changed since" in after
    assert after.replace(" ", "").count("<b>ICC") == before.replace(" ", "").count("<b>ICC")
    as_json = researcher.get(f"{address}?format=json").json()
    assert as_json["figures"]["overall"]["n_ratings"] == 8
    assert as_json["data_sha256"] == ReliabilityReport.objects.get().data_hash != data_hash(rated)


def test_the_hash_is_that_of_the_scores_whatever_this_process_has_read(rated, bob):
    first = data_hash(rated)
    forget(rated)
    assert data_hash(rated) == first
    rater, clip = rated.memberships.get(user=bob), rated.corpus.clips.get(name="clip-0")
    give_rating(rater, clip, 5)  # a revision that says the same
    assert data_hash(rated) == first
    give_rating(rater, clip, {"overall": 1})
    assert data_hash(rated) != first


def test_a_report_holds_no_number_that_json_does_not_know(rated, researcher):
    stored(researcher, rated)
    text = json.dumps(ReliabilityReport.objects.get().figures, allow_nan=False)
    assert "ICC(3,k)" in text


@pytest.mark.parametrize("title", ["", "   "])
def test_a_report_without_a_title_is_not_stored(rated, researcher, title):
    answer = researcher.post(
        reverse("mos:store", args=[rated.public_id]), {"title": title}, follow=True
    )
    assert "Give the report a title" in answer.content.decode()
    assert not ReliabilityReport.objects.exists()


def test_nothing_is_stored_of_a_campaign_without_ratings(campaign, researcher):
    address = reverse("mos:store", args=[campaign.public_id])
    answer = researcher.post(address, {"title": "empty"}, follow=True)
    assert "Nothing was rated yet" in answer.content.decode()


def test_a_stored_report_is_never_changed(rated, researcher):
    stored(researcher, rated)
    with pytest.raises(AppendOnlyError):
        ReliabilityReport.objects.get().save()


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_reports_and_raters_are_the_researchers_alone(rated, researcher, signed_in, other, request):
    address = stored(researcher, rated)
    client = signed_in(request.getfixturevalue(other))
    rater = rated.memberships.filter(role="rater").first()
    assert client.get(address).status_code == 404
    assert client.get(reverse("mos:raters", args=[rated.public_id])).status_code == 404
    verdict = reverse("mos:judge", args=[rater.public_id])
    assert client.post(verdict, {"is_accepted": "no", "reason": "x"}).status_code == 404
    assert client.post(
        reverse("mos:store", args=[rated.public_id]), {"title": "x"}
    ).status_code == (404)
    assert not rater.verdicts.exists()


def test_every_figure_follows_a_rejection_and_its_undoing(rated, researcher, bina):
    page, raters = (
        reverse(f"mos:{name}", args=[rated.public_id])
        for name in (
            "reliability",
            "raters",
        )
    )
    before = researcher.get(page).content.decode()
    assert "<b>ICC(2,1)</b>" in before
    verdict = reverse("mos:judge", args=[rated.memberships.get(user=bina).public_id])
    researcher.post(verdict, {"is_accepted": "no", "reason": "always 4"})
    shown = researcher.get(raters).content.decode()
    assert "is-rejected" in shown and "always 4" in shown and "alice" in shown
    without = researcher.get(page).content.decode()
    assert "<b>ICC(2,1)</b>" not in without and "Only one rater has rated" in without
    researcher.post(verdict, {"is_accepted": "yes", "reason": "was a mistake"})
    again = researcher.get(page).content.decode()
    assert again.count("<b>ICC(2,1)</b>") == before.count("<b>ICC(2,1)</b>")


def test_a_verdict_without_a_reason_is_refused_in_words(rated, researcher, bina):
    rater = rated.memberships.get(user=bina)
    verdict = reverse("mos:judge", args=[rater.public_id])
    answer = researcher.post(verdict, {"is_accepted": "no", "reason": " "}, follow=True)
    assert "Give a reason" in answer.content.decode()
    assert not rater.verdicts.exists()


def test_a_page_without_raters_says_so(campaign, researcher):
    page = researcher.get(reverse("mos:raters", args=[campaign.public_id]))
    assert "Nobody has rated yet" in page.content.decode()


def test_a_rater_who_stands_out_is_flagged_with_the_reason(rated, researcher, make_clip, bina):
    clips = [make_clip(f"more-{n}") for n in range(12)]
    give_table(rated, clips, [[n % 5 + 1, 3] for n in range(12)])
    page = researcher.get(reverse("mos:raters", args=[rated.public_id])).content.decode()
    assert "vary by" not in page  # bina's first four scores differ
    give_table(
        rated,
        rated.corpus.clips.filter(name__startswith="clip").order_by("name"),
        [
            [5, 3],
            [4, 3],
            [2, 3],
            [1, 3],
        ],
    )
    page = researcher.get(reverse("mos:raters", args=[rated.public_id])).content.decode()
    assert ">straight-lining<" in page and "vary by 0.00 only" in page
    assert not rated.memberships.get(user=bina).verdicts.exists()
