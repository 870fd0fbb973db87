"""The admin shows and changes only what belongs to campaigns that one studies."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from annotator.actions import judge_rater, report_clip, set_campaign_state
from annotator.models import Aspect, Assignment, Campaign, Clip, Corpus, Membership, Rubric
from learner.models import (
    Audit,
    DryRun,
    Extraction,
    MetricScore,
    Normalisation,
    ProxyWeights,
    Refit,
    Reproduction,
    Round,
    TrainingRun,
)
from mos.actions import store_report
from tests.ratings import give_rating

LISTS = [
    "annotator_campaign",
    "annotator_clip",
    "annotator_clipreport",
    "annotator_corpus",
    "annotator_rating",
    "annotator_verdict",
    "learner_extraction",
    "learner_metricscore",
    "learner_proxyweights",
    "learner_reproduction",
    "learner_round",
    "learner_trainingrun",
    "mos_reliabilityreport",
]


@pytest.fixture
def mallory(db):
    """A researcher of another campaign."""
    mallory = User.objects.create_user("mallory", password="mallory-secret", is_staff=True)
    mallory.groups.add(Group.objects.get(name="Researchers"))
    corpus = Corpus.objects.create(name="eve")
    eve = Campaign.objects.create(name="Eve", corpus=corpus, rubric=Rubric.objects.get())
    Membership.objects.create(campaign=eve, user=mallory, role="researcher")
    return mallory


@pytest.fixture
def rows(campaign, make_clip, alice, bob):
    """A row of each kind in Alice's campaign, by the name of its admin."""
    clip = make_clip("festival-clip")
    rating = give_rating(campaign.memberships.get(user=bob), clip, 4)
    other = give_rating(campaign.memberships.get(user=bob), make_clip("other"), 4).assignment
    weights = ProxyWeights.objects.create(
        campaign=campaign,
        target="overall",
        method="equal",
        is_better=False,
        metrics=[],
        normalisation=Normalisation.objects.create(
            corpus=campaign.corpus,
            kind="z",
            version=1,
            metrics=[],
            parameters={},
            moments={},
            n_clips=0,
        ),
        fit={},
        n_clips=0,
    )
    return {
        "annotator_campaign": campaign,
        "annotator_clip": clip,
        "annotator_clipreport": report_clip(assignment=other, reason="stops"),
        "annotator_corpus": campaign.corpus,
        "annotator_rating": rating,
        "learner_extraction": Extraction.objects.create(corpus=campaign.corpus),
        "learner_metricscore": MetricScore.objects.create(
            clip=clip, metric="m", version="1", value=1.0
        ),
        "learner_proxyweights": weights,
        "learner_normalisation": weights.normalisation,
        "learner_dryrun": DryRun.objects.create(campaign=campaign),
        "learner_refit": Refit.objects.create(campaign=campaign),
        "learner_reproduction": Reproduction.objects.create(campaign=campaign),
        "learner_audit": Audit.objects.create(campaign=campaign),
        "learner_round": Round.objects.create(campaign=campaign, number=1),
        "learner_trainingrun": TrainingRun.objects.create(campaign=campaign, proxy_weights=weights),
        "mos_reliabilityreport": store_report(campaign=campaign, title="festival", by=alice),
        "annotator_verdict": judge_rater(
            rater=campaign.memberships.get(user=bob), is_accepted=False, reason="festival", by=alice
        ),
    }


def researcher(user):
    user.groups.add(Group.objects.get(name="Researchers"))
    return user


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_pages_show_a_researchers_own_rows_and_no_others(
    name, rows, alice, mallory, signed_in
):
    page = reverse(f"admin:{name}_change", args=[rows[name].pk])
    own = signed_in(researcher(alice))
    assert own.get(page).status_code == 200
    assert own.get(reverse(f"admin:{name}_changelist")).context["cl"].result_count > 0
    other = signed_in(mallory)
    shown = other.get(reverse(f"admin:{name}_changelist"))
    own_rows = 1 if name in ("annotator_campaign", "annotator_corpus") else 0
    assert shown.context["cl"].result_count == own_rows
    assert "festival" not in shown.content.decode() and "Spring" not in shown.content.decode()
    assert other.get(page).status_code == 302  # the admin's word for "no such row"


def test_actions_reach_no_rows_of_others_and_no_staff_without_permission(
    rows, alice, mallory, signed_in
):
    def act(user, name, action):
        data = {"action": action, "_selected_action": [rows[name].pk]}
        signed_in(user).post(reverse(f"admin:{name}_changelist"), data)
        rows[name].refresh_from_db()

    stranger = User.objects.create_user("stranger", password="stranger-secret", is_staff=True)
    for user in (mallory, stranger):
        act(user, "annotator_clip", "mark_broken")
        act(user, "learner_extraction", "cancel")
        act(user, "learner_trainingrun", "cancel")
        assert rows["annotator_clip"].state == Clip.State.READY
        assert rows["learner_extraction"].state == rows["learner_trainingrun"].state == "queued"
    act(researcher(alice), "annotator_clip", "mark_broken")
    act(alice, "learner_extraction", "cancel")
    assert rows["annotator_clip"].state == Clip.State.BROKEN
    assert rows["learner_extraction"].state == "cancelled"


def test_a_researcher_sees_names_of_people_but_no_password_or_address(alice, bob, signed_in):
    client = signed_in(researcher(alice))
    User.objects.filter(pk=bob.pk).update(email="bob@example.org")
    page = client.get(reverse("admin:auth_user_change", args=[bob.pk])).content.decode()
    assert "bob" in page and "pbkdf2" not in page and "bob@example.org" not in page
    assert (
        "bob@example.org" not in client.get(reverse("admin:auth_user_changelist")).content.decode()
    )


def test_who_holds_clips_cannot_be_made_someone_else(campaign, make_clip, bob, charlie):
    idle = campaign.memberships.get(user__username="bina")
    Membership.objects.filter(pk=idle.pk).update(user=charlie)
    rater = campaign.memberships.get(user=bob)
    give_rating(rater, make_clip("a"), 4)
    for change in ({"role": "researcher"}, {"user": charlie}, {"is_simulated": True}):
        with pytest.raises(IntegrityError, match="fixed"), transaction.atomic():
            Membership.objects.filter(pk=rater.pk).update(**change)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scale_words": ["only one"]}, "five words"),
        ({"scale_words": ["a", "b", "c", "d", 5]}, "five words"),
        ({"key": "evidence"}, "every rating form"),
    ],
)
def test_an_aspect_that_no_page_can_ask_is_refused(rubric, fields, words):
    given = {"key": "lips", "scale_words": ["a", "b", "c", "d", "e"], **fields}
    aspect = Aspect(rubric=rubric, position=9, name="Lips", question="Do they move?", **given)
    with pytest.raises(ValidationError, match=words):
        aspect.full_clean()


def test_a_rubric_that_asks_nothing_cannot_go_live(campaign, make_clip):
    make_clip("a")
    campaign.rubric = Rubric.objects.create(name="Empty")
    with pytest.raises(ValidationError, match="asks nothing"):
        set_campaign_state(campaign=campaign, state="live")


def test_a_clip_that_was_marked_broken_is_shown_to_nobody_who_holds_it(
    campaign, make_clip, bob, signed_in
):
    first, second = make_clip("a"), make_clip("b")
    set_campaign_state(campaign=campaign, state="live")
    client = signed_in(bob)
    client.get(reverse("annotator:next", args=[campaign.public_id]))
    held = Assignment.objects.get(rater__user=bob, position=1)
    Clip.objects.filter(pk=held.clip_id).update(state="broken", state_reason="no sound")
    answer = client.get(reverse("annotator:next", args=[campaign.public_id]))
    shown = Assignment.objects.get(public_id=answer.url.strip("/").rsplit("/", 1)[-1])
    assert {shown.clip_id, held.clip_id} == {first.pk, second.pk}
