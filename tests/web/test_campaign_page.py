"""The researcher's page of a campaign."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator import actions
from annotator.models import Rubric


@pytest.fixture
def page(campaign):
    return reverse("annotator:campaign", args=[campaign.public_id])


def test_a_researcher_sees_the_campaign_and_takes_it_live(
    campaign, make_clip, page, alice, signed_in
):
    make_clip("one")
    client = signed_in(alice)
    assert "Go live" in client.get(page).content.decode()
    client.post(f"{page}state/", {"state": "live"})
    after = client.get(page).content.decode()
    assert "Live" in after and "0 / 2" in after


def test_a_campaign_that_cannot_go_live_says_why(campaign, page, alice, signed_in):
    answer = signed_in(alice).post(f"{page}state/", {"state": "live"}, follow=True)
    assert "import some first" in answer.content.decode()


@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_raters_and_strangers_do_not_see_it(page, other, signed_in, request):
    client = signed_in(request.getfixturevalue(other))
    assert client.get(page).status_code == 404
    assert client.post(f"{page}state/", {"state": "closed"}).status_code == 404


def test_reports_stand_on_the_page_until_the_clip_is_marked_broken(
    campaign, make_clip, page, alice, bob, signed_in
):
    clip = make_clip("stuttering-clip")
    live = actions.set_campaign_state(campaign=campaign, state="live")
    held = actions.claim_assignments(membership=live.memberships.get(user=bob))
    actions.report_clip(assignment=held[0], reason="stops", note="at second two")
    client = signed_in(alice)
    assert "at second two" in client.get(page).content.decode()
    type(clip).objects.update(state="broken", state_reason="checked")
    assert "at second two" not in client.get(page).content.decode()


def test_simulated_raters_are_marked(campaign, make_clip, page, alice, bob, signed_in):
    make_clip("one")
    campaign.memberships.filter(user=bob).update(is_simulated=True)
    assert "simulated" in signed_in(alice).get(page).content.decode()


def test_what_raters_have_met_cannot_be_changed_in_the_admin(campaign, make_clip, alice, signed_in):
    alice.is_superuser = True
    alice.save()
    make_clip("a")
    actions.set_campaign_state(campaign=campaign, state="live")
    other = Rubric.objects.create(name="Other")
    url = reverse("admin:annotator_campaign_change", args=[campaign.pk])
    client = signed_in(alice)
    page = client.get(url).content.decode()
    assert 'name="rubric"' not in page and 'name="corpus"' not in page
    fields = {"name": "Renamed", "rubric": other.pk, "ratings_per_clip": 3, "clips_per_rater": 45}
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    answer = client.post(url, {**fields, **inline})
    assert answer.status_code == 302, answer.context["errors"]
    campaign.refresh_from_db()
    assert (campaign.name, campaign.rubric.name) == ("Renamed", "Dubbing")
