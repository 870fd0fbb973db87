"""The planner: what other numbers of raters would give, from the ratings so far."""

from __future__ import annotations

import pytest
from django.urls import reverse

from mos.components import variance_components
from mos.planning import plan
from tests.ratings import give_table

TABLE = [[5, 4], [4, 4], [2, 3], [1, 2]]


@pytest.fixture
def see(campaign, alice, signed_in):
    def look(query="", **headers):
        answer = signed_in(alice).get(
            reverse("mos:planner", args=[campaign.public_id]) + query, headers=headers
        )
        assert answer.status_code == 200
        return answer.content.decode()

    return look


@pytest.fixture
def rated(campaign, make_clip):
    give_table(campaign, [make_clip(f"clip-{n}") for n in range(4)], TABLE)
    return campaign


def test_it_tells_what_so_many_raters_are_worth(rated, see):
    scores = [score for row in TABLE for score in row]
    parts = variance_components(scores, [0, 0, 1, 1, 2, 2, 3, 3], [0, 1] * 4)
    expected = plan(parts, 30)
    page = see("?k=7")
    assert f"<b>{expected.dependability[6]:.2f}</b>" in page
    assert f"± {expected.half_width[6]:.2f}" in page
    assert page.count("<circle") == 30


@pytest.mark.parametrize(
    "query", ["?k=0&target=x&ratings=-5", "?k=9999&target=100&ratings=1e9", "?k=٣"]
)
def test_numbers_out_of_range_are_brought_into_it(rated, see, query):
    assert 'max="30"' in see(query)


def test_without_ratings_it_says_what_is_missing(campaign, see):
    assert "Variance components need 2 clips and 2 raters" in see()


def test_htmx_gets_the_part(rated, see):
    part = see("?k=3", **{"HX-Request": "true", "HX-Target": "planner"})
    assert part.lstrip().startswith('<div class="stack reliability" id="planner">')


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_it_is_the_researchers_alone(campaign, other, signed_in, request):
    client = signed_in(request.getfixturevalue(other))
    assert client.get(reverse("mos:planner", args=[campaign.public_id])).status_code == 404
