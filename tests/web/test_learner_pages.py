"""The researcher's pages of the learner room, its API, and launching from the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from annotator import actions as annotator
from learner import actions
from learner.models import MetricScore, Round


@pytest.fixture
def live(campaign, make_clip, alice):
    for number in range(4):
        make_clip(f"clip-{number}")
    alice.groups.add(Group.objects.get_or_create(name="Researchers")[0])
    return annotator.set_campaign_state(campaign=campaign, state="live")


@pytest.fixture
def researcher(alice):
    """Alice, with the permissions that migrations give her group."""
    from learner.apps import give_researchers_their_permissions

    give_researchers_their_permissions()
    return alice


def launch(live):
    return actions.launch_round(
        campaign=live, strategy="random", budget_ratings=4, ratings_per_clip=2
    )


def page_of(live):
    return reverse("learner:overview", args=[live.public_id])


def test_an_empty_campaign_says_what_will_be_here(live, researcher, signed_in):
    page = signed_in(researcher).get(page_of(live)).content.decode()
    assert "No round yet" in page and "Launch a round" in page


def test_a_moving_page_asks_again_by_itself_and_a_still_one_does_not(live, researcher, signed_in):
    client = signed_in(researcher)
    assert 'hx-trigger="every 2s"' not in client.get(page_of(live)).content.decode()
    launch(live)
    assert 'hx-trigger="every 2s"' in client.get(page_of(live)).content.decode()


def test_htmx_gets_the_part_of_a_page(live, researcher, signed_in):
    launch(live)
    round_page = reverse("learner:round", args=[live.public_id, 1])
    for url in (page_of(live), round_page):
        part = signed_in(researcher).get(url, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part and "Round" in part


def test_reasons_for_missing_values_are_shown(live, researcher, signed_in):
    clip = live.corpus.clips.first()
    MetricScore.objects.create(
        clip=clip, metric="speech_quality", version="1", inputs_key="x", error="the clip is silent"
    )
    from learner.registry import shelf

    version = shelf("metric").cards()["speech_quality"].version
    MetricScore.objects.update(version=version)
    assert "the clip is silent" in signed_in(researcher).get(page_of(live)).content.decode()


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_raters_and_strangers_see_nothing_of_it(live, other, signed_in, request):
    launch(live)
    client = signed_in(request.getfixturevalue(other))
    round_page = reverse("learner:round", args=[live.public_id, 1])
    for url in (page_of(live), round_page):
        assert client.get(url).status_code == 404
    assert client.post(f"{round_page}stop/", {"how": "cancel"}).status_code == 404
    assert client.post(f"{page_of(live)}extract/").status_code == 404
    for name in ("api-rounds", "api-weights", "api-predictions"):
        assert client.get(reverse(name, args=[live.public_id])).status_code == 404
    assert Round.objects.get().state == "queued"


def test_a_round_is_launched_from_the_admin_and_followed_on_its_page(live, researcher, signed_in):
    client = signed_in(researcher)
    form = client.get(f"{reverse('admin:learner_round_add')}?campaign={live.pk}")
    assert form.status_code == 200
    answer = client.post(
        reverse("admin:learner_round_add"),
        {
            "campaign": live.pk,
            "strategy": "uncertainty",
            "budget_ratings": 6,
            "ratings_per_clip": 2,
            "target": "overall",
            "reserve_frac": 0.2,
            "seed": 9,
        },
    )
    assert answer.url == reverse("learner:round", args=[live.public_id, 1])
    assert Round.objects.get().seed == 9


def test_a_refused_launch_is_explained_beside_the_form(live, researcher, signed_in):
    launch(live)
    answer = signed_in(researcher).post(
        reverse("admin:learner_round_add"),
        {
            "campaign": live.pk,
            "strategy": "random",
            "budget_ratings": 6,
            "ratings_per_clip": 2,
            "target": "overall",
            "reserve_frac": 0.2,
            "seed": 1,
        },
    )
    assert answer.status_code == 200
    assert "is still open" in answer.content.decode()
    assert Round.objects.count() == 1


def test_a_launched_round_cannot_be_changed_or_deleted_in_the_admin(live, researcher, signed_in):
    round_ = launch(live)
    client = signed_in(researcher)
    page = client.get(reverse("admin:learner_round_change", args=[round_.pk]))
    assert page.status_code == 200 and 'name="seed"' not in page.content.decode()
    assert client.post(reverse("admin:learner_round_delete", args=[round_.pk])).status_code == 403


def test_researchers_see_only_their_own_campaigns_in_the_admin(
    live, charlie, signed_in, researcher
):
    charlie.is_staff = True
    charlie.save()
    charlie.groups.add(Group.objects.get(name="Researchers"))
    launch(live)
    client = signed_in(charlie)
    for name in ("annotator_campaign", "learner_round"):
        assert "Spring" not in client.get(reverse(f"admin:{name}_changelist")).content.decode()


def test_the_api_launches_and_lists_rounds(live, researcher, signed_in):
    client, url = signed_in(researcher), reverse("api-rounds", args=[live.public_id])
    wanted = {"strategy": "random", "budget_ratings": 4, "ratings_per_clip": 2, "seed": 3}
    made = client.post(url, wanted, content_type="application/json")
    assert made.status_code == 201 and made.json()["number"] == 1
    again = client.post(url, wanted, content_type="application/json")
    assert again.status_code == 400 and "still open" in str(again.json())
    assert [row["seed"] for row in client.get(url).json()] == [3]


def test_a_round_is_cancelled_from_its_page(live, researcher, signed_in):
    launch(live)
    page = reverse("learner:round", args=[live.public_id, 1])
    client = signed_in(researcher)
    client.post(f"{page}stop/", {"how": "cancel"})
    assert Round.objects.get().state == "cancelled"
    answer = client.post(f"{page}stop/", {"how": "cancel"}, follow=True)
    assert "has moved on" in answer.content.decode()


def test_the_page_asks_the_database_a_bounded_number_of_times(
    live, researcher, signed_in, django_assert_max_num_queries
):
    launch(live)
    client = signed_in(researcher)
    with django_assert_max_num_queries(40):
        client.get(page_of(live))


def test_the_schema_of_the_api_is_served_to_those_who_sign_in(client, bob, signed_in):
    assert client.get("/api/schema/").status_code == 401
    assert signed_in(bob).get("/api/schema/").status_code == 200


@pytest.mark.parametrize("name", ["annotator:campaign", "learner:overview"])
def test_going_back_never_shows_a_bare_fragment(name, live, researcher, signed_in):
    address = reverse(name, args=[live.public_id])
    for headers in ({}, {"HX-Request": "true"}):
        answer = signed_in(researcher).get(address, headers=headers)
        assert "no-store" in answer.headers["Cache-Control"]
        assert "HX-Request" in answer.headers["Vary"]


def test_numbers_out_of_range_are_told_beside_their_field(live, researcher, signed_in):
    client = signed_in(researcher)
    fields = {"campaign": live.pk, "strategy": "random", "target": "overall", "seed": -1}
    numbers = {"budget_ratings": 10**30, "ratings_per_clip": 1, "reserve_frac": 2}
    answer = client.post(reverse("admin:learner_round_add"), {**fields, **numbers})
    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert set(errors) == {"seed", "budget_ratings", "reserve_frac"}
