"""Pages and API of the proxy, dry runs and audits: what they say, and to whom."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from learner import actions
from learner.actions.audits import run_audit
from learner.actions.dry_runs import run_dry_run
from learner.actions.proxy import run_refit
from learner.apps import give_researchers_their_permissions
from learner.audit import FEWEST
from learner.models import Audit, DryRun, ProxyWeights, Refit, Round
from tests.flows.conftest import live  # noqa: F401 (a fixture)

ASK = {"strategy": "d_optimal", "budget_ratings": 8, "ratings_per_clip": 2, "seed": 3}


@pytest.fixture
def study(live, alice, signed_in):  # noqa: F811
    """Alice's browser, and the addresses of her campaign."""
    give_researchers_their_permissions()
    alice.groups.add(Group.objects.get(name="Researchers"))

    def url(name, *args):
        return reverse(name, args=[live.public_id, *args])

    return live, signed_in(alice), url


def post_json(client, address, **fields):
    return client.post(address, json.dumps(fields), content_type="application/json")


def test_before_any_fit_the_page_offers_one(study):
    _, client, url = study
    page = client.get(url("learner:proxy")).content.decode()
    assert "No weights for this aspect yet" in page and "Fit again on the labels" in page


def test_a_fit_shows_every_weighting_in_one_table_with_calibration_and_radar(study):
    live, client, url = study  # noqa: F811
    client.post(url("learner:refit"), {"aspect": "overall", "method": "bagged"})
    run_refit(Refit.objects.get().pk)
    page = client.get(url("learner:proxy")).content.decode()
    for words in ("equal weights", "best single metric", "learned weights", "weights used"):
        assert f"<td>{words}</td>" in page
    assert ProxyWeights.objects.get().fit["reason"] in page
    assert "Each metric alone" in page and "Calibration after each fit" in page
    assert "Not audited yet" in page


def test_a_fit_that_makes_no_sense_is_refused_in_words(study):
    _, client, url = study
    answer = client.post(url("learner:refit"), {"method": "magic"}, follow=True)
    assert "There is no method" in answer.content.decode() and not Refit.objects.exists()
    assert client.get(url("learner:proxy") + "?aspect=taste").status_code == 404
    assert client.get(url("learner:proxy") + "?fit=999").status_code == 404


def test_strangers_and_raters_find_nothing(study, signed_in, bob, charlie):
    live, _, url = study  # noqa: F811
    tried = actions.ask_dry_run(campaign=live, **ASK)
    audit = actions.ask_audit(campaign=live)
    addresses = [
        url("learner:proxy"),
        url("learner:audits"),
        url("learner:audit", audit.pk),
        url("learner:dry_run", tried.pk),
        url("api-refits"),
        url("api-audits"),
        url("api-audit", audit.pk),
        url("api-dry-runs"),
        url("api-dry-run", tried.pk),
        url("api-weights"),
    ]
    for who in (bob, charlie):
        client = signed_in(who)
        assert {client.get(address).status_code for address in addresses} == {404}
        for name in ("learner:refit", "learner:audits", "api-refits", "api-audits", "api-rounds"):
            assert client.post(url(name)).status_code == 404
    assert Refit.objects.count() == 0 and Audit.objects.count() == 1


def test_a_dry_run_page_shows_a_map_and_launches(study):
    live, client, url = study  # noqa: F811
    tried = actions.ask_dry_run(campaign=live, **ASK)
    page = client.get(url("learner:dry_run", tried.pk)).content.decode()
    assert 'hx-trigger="every 1s"' in page
    run_dry_run(tried.pk)
    page = client.get(url("learner:dry_run", tried.pk)).content.decode()
    assert (
        "Launch: ask about these 4 clips" in page and "The pool, and what would be picked" in page
    )
    answer = client.post(url("learner:dry_run", tried.pk))
    assert answer.url == url("learner:round", Round.objects.get().number)
    again = client.post(url("learner:dry_run", tried.pk), follow=True)
    assert "is still open" in again.content.decode() and Round.objects.count() == 1


def test_the_admin_form_tries_and_launches_in_stages(study):
    live, client, _ = study  # noqa: F811
    add = reverse("admin:learner_round_add")
    form = {
        "campaign": live.pk,
        "strategy": "k_center",
        "budget_ratings": 20,
        "ratings_per_clip": 2,
        "target": "overall",
        "is_stratified": "on",
        "reserve_frac": 0.25,
        "seed": 1,
        "stages": "33, 66, 100",
        "stage": 1,
    }
    answer = client.post(add, {**form, "_dry_run": "1"})
    tried = DryRun.objects.get()
    assert answer.url == reverse("learner:dry_run", args=[live.public_id, tried.pk])
    assert (tried.budget_ratings, tried.plan["total"]) == (7, 20) and not Round.objects.exists()
    bad = client.post(add, {**form, "stages": "66, 33"}).content.decode()
    assert "Stages must ascend" in bad
    client.post(add, {**form, "_save": "1"})
    assert Round.objects.get().plan["stage"] == 1


def test_an_audit_is_asked_for_followed_stopped_and_gone_on_with(study):
    _, client, url = study
    answer = client.post(url("learner:audits"), {"n_replays": "ten"}, follow=True)
    assert "whole numbers" in answer.content.decode()
    answer = client.post(url("learner:audits"), {"strategy": "hybrid", "n_replays": "30"})
    audit = Audit.objects.get()
    assert answer.url == url("learner:audit", audit.pk)
    assert 'hx-trigger="every 2s"' in client.get(answer.url).content.decode()
    client.post(answer.url, {"how": "cancel"})
    assert Audit.objects.get().state == "cancelled"
    client.post(answer.url, {"how": "again"})
    run_audit(audit.pk)
    page = client.get(answer.url).content.decode()
    assert "10 clips have a MOS and 40 are needed" in page and "Traceback" not in page


def test_programs_launch_try_end_fit_and_audit(study):
    live, client, url = study  # noqa: F811
    made = post_json(client, url("api-dry-runs"), **ASK)
    assert made.status_code == 201, made.content
    run_dry_run(made.json()["id"])
    said = client.get(url("api-dry-run", made.json()["id"])).json()
    assert said["state"] == "done" and len(said["picks"]) == 4
    made = post_json(client, url("api-rounds"), **ASK, shares=[0.5, 1.0], stage=1)
    assert made.json()["budget_ratings"] == 4 and made.json()["plan"]["total"] == 8
    assert post_json(client, url("api-rounds"), **ASK).status_code == 400
    ended = post_json(client, url("api-round", 1), how="cancel").json()
    assert ended["state"] == "cancelled"
    assert post_json(client, url("api-round", 1), how="close").status_code == 400
    made = post_json(client, url("api-refits"), method="shrunk")
    run_refit(made.json()["id"])
    assert client.get(url("api-refits")).json()[0]["proxy_weights"] == ProxyWeights.objects.get().pk
    assert client.get(url("api-weights")).json()[0]["method"] == "shrunk"
    made = post_json(client, url("api-audits"), strategy="hybrid")
    assert made.status_code == 201 and made.json()["n_replays"] == FEWEST


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("api-rounds", {"budget_ratings": -1}),
        ("api-rounds", {"budget_ratings": None}),
        ("api-rounds", {"reserve_frac": "NaN"}),
        ("api-rounds", {"reserve_frac": 7}),
        ("api-rounds", {"shares": [0.9, 0.1]}),
        ("api-rounds", {"shares": ["a"]}),
        ("api-rounds", {"strategy": "magic"}),
        ("api-rounds", {"seed": 10**30}),
        ("api-dry-runs", {"stage": 0, "shares": [1.0]}),
        ("api-dry-runs", {"ratings_per_clip": 10**9}),
        ("api-refits", {"method": 3}),
        ("api-refits", {"seed": -1}),
        ("api-refits", {"seed": 10**30}),
        ("api-audits", {"n_replays": 3}),
        ("api-audits", {"n_replays": 10**9}),
        ("api-audits", {"target": "taste"}),
    ],
)
def test_what_a_program_asks_wrongly_is_refused_and_nothing_is_queued(study, name, fields):
    _, client, url = study
    answer = post_json(client, url(name), **fields)
    assert answer.status_code == 400, answer.content
    for kind in (Round, DryRun, Refit, Audit):
        assert not kind.objects.exists()


def test_the_round_page_says_what_came_of_it(study):
    live, client, url = study  # noqa: F811
    round_ = actions.launch_round(campaign=live, **ASK)
    Round.objects.filter(pk=round_.pk).update(
        outcome={
            "before": None,
            "judged": {},
            "moved": ["speech_quality"],
            "pcc": {"pcc": 0.5, "low": 0.1, "high": 0.8},
            "pcc_before": None,
            "n_clips": 12,
            "n_clips_before": 0,
            "advice": [{"action": "stop", "title": "Stop collecting", "reason": "Known."}],
        }
    )
    page = client.get(url("learner:round", 1)).content.decode()
    assert "Stop collecting." in page and "speech_quality" in page
