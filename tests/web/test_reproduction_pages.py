"""Pages, files and API of reproductions: what they show, and to whom."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from learner import actions
from learner.apps import give_researchers_their_permissions
from learner.models import Reproduction
from learner.reproduction.contents import TITLES, not_made
from learner.reproduction.scoring import table_5
from learner.reproduction.table import Column, Table

PCC = {"pcc": 0.512, "pcc_low": 0.31, "pcc_high": 0.68, "srcc": 0.5, "n": 48, "systems": None}


def a_report():
    """As a worker keeps one: four tables made, four that lacked labels."""
    rows = [{"name": name, **PCC} for name in ("a", "b", "c")]
    radar = [{"name": f"metric {n}", "pcc": 0.1 * n, "srcc": 0.2 * n} for n in range(1, 5)]
    columns = [Column("name", "Metric"), Column("pcc", "PCC", 2), Column("srcc", "SRCC", 2)]
    tables = {
        "table-5": table_5({"ew": rows, "al": rows}),
        "figure-2": Table("figure-2", TITLES["figure-2"], "Each.", columns, radar),
        "table-1": Table("table-1", TITLES["table-1"], "Raters.", columns, radar, odd=["Odd."]),
        "gates": Table("gates", TITLES["gates"], "<b>Gates</b>", columns, radar),
    }
    made = [tables.get(key) or not_made(key, "Rate 30 more.") for key in TITLES]
    return {
        "title": "The paper's tables from Spring, overall",
        "words": ["Of this campaign's own clips."],
        "campaign": "c",
        "aspect": "overall",
        "facts": [["seed", 0]],
        "tables": [table.to_json() for table in made],
    }


@pytest.fixture
def study(campaign, alice, signed_in):
    """Alice's campaign, her browser, and its addresses."""
    give_researchers_their_permissions()
    alice.groups.add(Group.objects.get(name="Researchers"))

    def url(name, *args):
        return reverse(name, args=[campaign.public_id, *args])

    return campaign, signed_in(alice), url


@pytest.fixture
def report(study):
    """One that is done."""
    campaign, _, _ = study
    asked = actions.ask_reproduction(campaign=campaign)
    Reproduction.objects.update(state="done", progress_frac=1.0, report=a_report())
    return Reproduction.objects.get(pk=asked.pk)


def test_strangers_and_raters_find_nothing(study, report, signed_in, bob, charlie):
    _, _, url = study
    addresses = [
        url("learner:reproductions"),
        url("learner:reproduction", report.pk),
        *(url("learner:reproduction_file", report.pk, kind) for kind in ("html", "md", "json")),
        url("api-reproductions"),
        url("api-reproduction", report.pk),
    ]
    for who in (bob, charlie):
        client = signed_in(who)
        assert {client.get(address).status_code for address in addresses} == {404}
        for name in ("learner:reproductions", "api-reproductions"):
            assert client.post(url(name)).status_code == 404
    assert Reproduction.objects.count() == 1


def test_a_report_of_one_campaign_is_not_found_below_another(study, report, corpus, rubric, alice):
    from annotator.models import Campaign, Membership

    _, client, _ = study
    other = Campaign.objects.create(name="Autumn", corpus=corpus, rubric=rubric)
    Membership.objects.create(campaign=other, user=alice, role="researcher")
    for name in ("learner:reproduction", "api-reproduction"):
        assert client.get(reverse(name, args=[other.public_id, report.pk])).status_code == 404


def test_one_is_asked_for_followed_stopped_and_gone_on_with(study):
    _, client, url = study
    assert url("learner:reproductions") in client.get(url("learner:overview")).content.decode()
    assert "None yet." in client.get(url("learner:reproductions")).content.decode()
    answer = client.post(url("learner:reproductions"), {"aspect": "sync", "is_quick": "on"})
    asked = Reproduction.objects.get()
    assert answer.url == url("learner:reproduction", asked.pk)
    assert (asked.target, asked.config["epochs_ws"]) == ("sync", 30)
    page = client.get(answer.url).content.decode()
    assert 'hx-trigger="every 2s"' in page and "Waiting for a worker" in page
    assert "<html" not in client.get(answer.url, headers={"HX-Request": "true"}).content.decode()
    again = client.post(url("learner:reproductions"), {"aspect": "sync"}, follow=True)
    assert "is under way" in again.content.decode()
    wrong = client.post(url("learner:reproductions"), {"aspect": "taste"}, follow=True)
    assert "no aspect" in wrong.content.decode() and Reproduction.objects.count() == 1
    client.post(answer.url, {"how": "cancel"})
    assert Reproduction.objects.get().state == "cancelled"
    assert client.get(url("learner:reproduction_file", asked.pk, "md")).status_code == 404
    assert "moved on" in client.post(answer.url, {"how": "cancel"}, follow=True).content.decode()
    client.post(answer.url, {"how": "again"})
    assert Reproduction.objects.get().state == "queued"


def test_the_page_shows_every_table_or_what_it_lacks(study, report):
    _, client, url = study
    page = client.get(url("learner:reproduction", report.pk)).content.decode()
    for key, title in TITLES.items():
        assert f'id="{key}"' in page and title in page
    assert page.count("Rate 30 more.") == 4
    assert "0.512" in page and "0.310 … 0.680" in page
    assert "PCC .76, MSE 2.70" in page and "not at hand" in page
    assert "Why it is not comparable with print" in page and "Odd." in page
    assert '<svg class="chart wheel"' in page
    assert "<b>Gates</b>" not in page and "&lt;b&gt;Gates" in page
    assert "hx-trigger" not in page


def test_on_a_phone_each_value_says_of_which_column_it_is(study, report):
    _, client, url = study
    page = client.get(url("learner:reproduction", report.pk)).content.decode()
    tables = re.findall(r'<table class="data stacked figures">.*?</table>', page, re.DOTALL)
    assert len(tables) == 4
    for table in tables:
        body = table.partition("<tbody>")[2]
        assert body.count("<td") == body.count("data-name=") > 0


def test_a_report_is_taken_home_as_a_page_as_markdown_and_as_json(study, report):
    _, client, url = study
    page, words, data = (
        client.get(url("learner:reproduction_file", report.pk, kind))
        for kind in ("html", "md", "json")
    )
    assert words["Content-Type"] == "text/markdown; charset=utf-8"
    assert f'filename="reproduction-{report.pk}.md"' in words["Content-Disposition"]
    assert "| EW × WS | 0.512 (0.310 … 0.680) |" in words.content.decode()
    assert data.json() == report.report
    assert "<link" not in page.content.decode() and "--accent" in page.content.decode()
    assert client.get(url("learner:reproduction_file", report.pk, "pdf")).status_code == 404


def test_programs_ask_and_read(study):
    _, client, url = study

    def post(**fields):
        address = url("api-reproductions")
        return client.post(address, json.dumps(fields), content_type="application/json")

    for wrong in ({"target": "taste"}, {"seed": -1}, {"seed": 10**30}, {"is_quick": "maybe"}):
        assert post(**wrong).status_code == 400, wrong
    assert not Reproduction.objects.exists()
    made = post(is_quick=True, seed=4)
    assert made.status_code == 201 and made.json()["state"] == "queued"
    assert post().status_code == 400  # one is under way
    Reproduction.objects.update(state="done", report=a_report())
    said = client.get(url("api-reproduction", made.json()["id"])).json()
    assert said["seed"] == 4 and len(said["report"]["tables"]) == 8
    assert [one["id"] for one in client.get(url("api-reproductions")).json()] == [said["id"]]


def test_the_admin_lists_them_and_changes_none(study, report):
    _, client, _ = study
    page = client.get(reverse("admin:learner_reproduction_changelist")).content.decode()
    assert str(report) in page
    change = reverse("admin:learner_reproduction_change", args=[report.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"target": "sync"}).status_code == 403
