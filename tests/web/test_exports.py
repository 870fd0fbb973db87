"""The labelled set as it comes out: by page and by API."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.authtoken.models import Token

from annotator.models import Campaign, Membership, Score
from mos import exports
from tests.ratings import give_rating, give_table

COLUMNS = [
    "campaign",
    "wave",
    "clip_id",
    "clip_public_id",
    "corpus",
    "source_clip",
    "content_id",
    "system",
    "condition",
    "source_language",
    "target_language",
    "speaker",
    "emotion",
    "rater",
    "is_simulated",
    "aspect",
    "score",
    "revision",
    "created_at",
    "lead_time_s",
    "watched_frac",
    "is_surplus",
    "is_rejected",
]


@pytest.fixture
def clips(make_clip):
    """A source and two dubs of it."""
    source = make_clip("source", source_language="en", target_language="en")
    dubs = [
        make_clip(
            f"dub-{system}",
            source=source,
            content_id="s1",
            system=system,
            condition="noise",
            source_language="en",
            target_language="hi",
            speaker="asha",
            emotion="sad",
            translation="नमस्ते",
        )
        for system in ("acme", "basic")
    ]
    return [source, *dubs]


@pytest.fixture
def download(campaign, alice, signed_in):
    """What Alice's browser saves, as text."""

    def get(kind, query=""):
        address = reverse(f"mos:labels_{kind}", args=[campaign.public_id])
        answer = signed_in(alice).get(address + query)
        assert answer.status_code == 200 and answer.streaming
        assert f'filename="spring-labels.{kind}"' in answer.headers["Content-Disposition"]
        return b"".join(answer.streaming_content).decode()

    return get


def rows_of_csv(text):
    return list(csv.DictReader(StringIO(text)))


def rows_of_jsonl(text):
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def test_the_csv_holds_exactly_the_ratings(campaign, clips, download):
    given = [[5, 4], [3, None], [1, 2]]
    give_table(campaign, clips, given)
    rows = rows_of_csv(download("csv"))
    assert list(rows[0]) == COLUMNS
    kept = {(row["clip_id"], row["rater"], row["aspect"]): int(row["score"]) for row in rows}
    aspects = campaign.rubric.aspects.values_list("key", flat=True)
    assert kept == {
        (clip.name, rater, aspect): score
        for clip, row in zip(clips, given, strict=True)
        for rater, score in zip(("R01", "R02"), row, strict=True)
        for aspect in aspects
        if score is not None
    }
    assert len(rows) == len(kept) == Score.objects.count()


def test_a_row_tells_all_there_is_to_know_of_a_score(campaign, clips, bob, download):
    rating = give_rating(campaign.memberships.get(user=bob), clips[1], 4)
    first = rows_of_jsonl(download("jsonl"))[0]
    assert list(first) == COLUMNS
    assert first == {
        "campaign": "Spring",
        "wave": "first design",
        "clip_id": "dub-acme",
        "clip_public_id": clips[1].public_id,
        "corpus": "festival",
        "source_clip": "source",
        "content_id": "s1",
        "system": "acme",
        "condition": "noise",
        "source_language": "en",
        "target_language": "hi",
        "speaker": "asha",
        "emotion": "sad",
        "rater": "R01",
        "is_simulated": False,
        "aspect": "sync",
        "score": 4,
        "revision": 1,
        "created_at": rating.created_at.isoformat(timespec="microseconds"),
        "lead_time_s": 12.5,
        "watched_frac": 1.0,
        "is_surplus": False,
        "is_rejected": False,
    }
    assert first["created_at"].endswith("+00:00")


def test_csv_and_jsonl_hold_the_same_rows_in_the_same_order(campaign, clips, download):
    give_table(campaign, clips, [[5, 4], [3, 2], [1, 2]])
    of_jsonl = [{k: str(v) for k, v in row.items()} for row in rows_of_jsonl(download("jsonl"))]
    assert rows_of_csv(download("csv")) == of_jsonl
    assert download("csv") == download("csv")


def test_a_revision_replaces_and_all_revisions_can_be_had(campaign, clips, bob, download):
    rater = campaign.memberships.get(user=bob)
    give_rating(rater, clips[0], 1)
    give_rating(rater, clips[1], 3)
    give_rating(rater, clips[0], 5)
    last = {(r["clip_id"], r["score"], r["revision"]) for r in rows_of_csv(download("csv"))}
    assert last == {("source", "5", "2"), ("dub-acme", "3", "1")}
    rows = rows_of_csv(download("csv", "?revisions=all"))
    every = {(row["clip_id"], row["score"], row["revision"]) for row in rows}
    assert every == last | {("source", "1", "1")} and len(rows) == 18


def test_a_word_for_revisions_that_is_unknown_is_refused(campaign, alice, signed_in):
    address = reverse("mos:labels_csv", args=[campaign.public_id])
    answer = signed_in(alice).get(f"{address}?revisions=some")
    assert answer.status_code == 400 and b"choose last or all" in answer.content


def test_simulated_raters_and_surplus_ratings_are_marked(campaign, clips, bob, bina, download):
    campaign.memberships.filter(user=bob).update(is_simulated=True)
    give_rating(campaign.memberships.get(user=bob), clips[0], 4)
    give_rating(campaign.memberships.get(user=bina), clips[0], 2, place=None)
    marks = {(r["rater"], r["is_simulated"], r["is_surplus"]) for r in rows_of_csv(download("csv"))}
    assert marks == {("R01", "True", "False"), ("R02", "False", "True")}


def test_names_of_people_stay_inside(campaign, clips, download):
    give_table(campaign, clips, [[5, 4], [3, 2], [1, 2]])
    for kind in ("csv", "jsonl"):
        assert "bob" not in download(kind) and "bina" not in download(kind)


def test_a_campaign_without_ratings_has_column_names_and_no_rows(campaign, download):
    assert download("csv") == ",".join(COLUMNS) + "\r\n"
    assert download("jsonl") == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(
    campaign, make_clip, bob, download, start
):
    formula = f'{start}HYPERLINK("http://evil.example","x")'
    give_rating(campaign.memberships.get(user=bob), make_clip("clip", system=formula), 3)
    assert rows_of_csv(download("csv"))[0]["system"] == f"'{formula}"
    assert rows_of_jsonl(download("jsonl"))[0]["system"] == formula


def test_commas_quotes_lines_and_scripts_of_the_world_survive(campaign, make_clip, bob, download):
    name = 'ab, "c"\nक्लिप'
    give_rating(campaign.memberships.get(user=bob), make_clip("clip", speaker=name), 3)
    for rows in (rows_of_csv(download("csv")), rows_of_jsonl(download("jsonl"))):
        assert rows[0]["speaker"] == name


def test_another_campaign_of_the_same_corpus_stays_out(campaign, clips, bob, download):
    other = Campaign.objects.create(name="Autumn", corpus=campaign.corpus, rubric=campaign.rubric)
    give_rating(Membership.objects.create(campaign=other, user=bob, role="rater"), clips[0], 1)
    assert download("jsonl") == ""


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_raters_and_strangers_get_nothing(campaign, kind, other, signed_in, request):
    address = reverse(f"mos:labels_{kind}", args=[campaign.public_id])
    assert signed_in(request.getfixturevalue(other)).get(address).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_rows(campaign, clips, make_clip):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            rows = sum(1 for _ in exports.label_rows(campaign))
        return rows, len(seen)

    give_table(campaign, clips, [[5, 4], [3, None], [1, 2]])
    few = queries()
    give_table(campaign, [make_clip(f"more-{n}") for n in range(30)], [[2, 3]] * 30)
    many = queries()
    assert (few, many) == ((30, 3), (390, 3))


def test_rows_leave_before_the_last_one_is_read(campaign, clips, monkeypatch):
    give_table(campaign, clips, [[5, 4], [3, 2], [1, 2]])
    monkeypatch.setattr(exports.rows, "ROWS_A_BLOCK", 10)
    blocks = list(exports.blocks(campaign, "jsonl"))
    assert [block.count(b"\n") for block in blocks] == [10, 10, 10, 6]


@pytest.fixture
def ask(campaign, client):
    """Ask the API for the labels as this user does with a token."""

    def get(user, **query):
        token, _ = Token.objects.get_or_create(user=user)
        address = f"/api/v1/campaigns/{campaign.public_id}/labels/"
        return client.get(address, query, headers={"Authorization": f"Token {token.key}"})

    return get


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_program_gets_the_same_file_with_a_token(campaign, clips, alice, ask, download, kind):
    give_table(campaign, clips, [[5, 4], [3, 2], [1, 2]])
    answer = ask(alice, format=kind)
    assert answer.headers["Content-Type"] == exports.FORMATS[kind].content_type
    assert b"".join(answer.streaming_content).decode() == download(kind)


def test_a_program_gets_json_lines_unless_it_says_otherwise(alice, ask):
    assert ask(alice).headers["Content-Type"] == exports.FORMATS["jsonl"].content_type


@pytest.mark.parametrize("query", [{"format": "xlsx"}, {"revisions": "some"}])
def test_a_program_that_asks_for_what_there_is_not_is_told_what_there_is(alice, ask, query):
    answer = ask(alice, **query)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert "csv, jsonl" in str(answer.json()) or "last or all" in str(answer.json())


def test_programs_of_raters_strangers_and_nobody_get_nothing(campaign, bob, charlie, ask, client):
    assert ask(bob, format="csv").status_code == 404
    assert ask(charlie, format="csv").status_code == 404
    nobody = client.get(f"/api/v1/campaigns/{campaign.public_id}/labels/")
    assert nobody.status_code == 401
