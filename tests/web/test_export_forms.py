"""Each form in which ratings leave, read back as its readers read it."""

from __future__ import annotations

import csv
import gc
import json
import subprocess
import sys
import tracemalloc
import zipfile
from datetime import datetime
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.authtoken.models import Token

from annotator.models import Campaign, Verdict
from mos import exports
from mos.exports import huggingface, p910, parquet
from mos.rater_model import recover_mos
from tests.many_ratings import give_matrix
from tests.ratings import give_rating, give_table

ONE_ASPECT = [name for name, form in exports.FORMATS.items() if form.is_of_one_aspect]
ALL_ASPECTS = [name for name in exports.FORMATS if name not in ONE_ASPECT]
ODD_NAMES = ['a, "b"', "two\nlines", "क्लिप", "🎬 film", "x/y\\z", "nan", "line\u2028end", " ", "#"]


def whole(campaign, kind, **asked):
    return b"".join(exports.blocks(campaign, kind, **asked))


def table(campaign, kind, **asked):
    """A CSV as pandas reads it, no text taken for a missing value."""
    return pd.read_csv(BytesIO(whole(campaign, kind, **asked)), keep_default_na=False)


def long_rows(campaign, **asked):
    return [json.loads(line) for line in whole(campaign, "jsonl", **asked).splitlines()]


def reject(campaign, user, *, by, is_accepted=False, reason="always the same score"):
    rater = campaign.memberships.get(user=user)
    Verdict.objects.create(rater=rater, is_accepted=is_accepted, reason=reason, given_by=by)


@pytest.fixture
def clips(make_clip):
    """A source and two dubs of it, a clip of no known source, and two dubs of one content."""
    source = make_clip("a source", system="", condition="clean")
    return [
        source,
        make_clip("b dub", source=source, system="acme", condition="noise"),
        make_clip("c/dub", source=source, system="basic", condition="noise"),
        make_clip("d alone"),
        make_clip("e dub", content_id="talk", system="acme", condition="clean"),
        make_clip("f dub", content_id="talk", system="basic", condition="clean"),
    ]


@pytest.fixture
def rated(campaign, clips):
    """Two raters; one of them left two clips out."""
    give_table(campaign, clips, [[5, 4], [3, None], [1, 2], [None, 2], [4, 5], [2, 2]])
    return campaign


# Parquet


def test_parquet_holds_the_same_rows_with_types(rated):
    rows = pq.read_table(BytesIO(whole(rated, "parquet")), use_threads=False)
    assert rows.schema.equals(parquet.SCHEMA)
    expected = long_rows(rated)
    for row in expected:
        row["created_at"] = datetime.fromisoformat(row["created_at"])
    assert rows.to_pylist() == expected and len(rows) == 60


def test_parquet_is_written_group_by_group(rated, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 20)
    monkeypatch.setattr(exports.rows, "ROWS_A_BLOCK", 10)
    monkeypatch.setattr(parquet, "ROWS_A_BLOCK", 10)
    pieces = list(exports.blocks(rated, "parquet"))
    file = pq.ParquetFile(BytesIO(b"".join(pieces)))
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [20, 20, 20] and len(pieces) == 4


def test_parquet_of_a_campaign_without_ratings_has_its_columns(campaign):
    rows = pq.read_table(BytesIO(whole(campaign, "parquet")), use_threads=False)
    assert len(rows) == 0 and tuple(rows.column_names) == exports.rows.COLUMNS


def test_a_column_of_parquet_says_what_it_means(rated):
    schema = pq.read_schema(BytesIO(whole(rated, "parquet")))
    assert schema.field("score").metadata[b"description"] == b"1 (worst) to 5 (best)"
    assert all(field.metadata[b"description"] for field in schema)


COUNTED = """
import os
from datetime import UTC, datetime
from django.conf import settings
settings.configure(USE_TZ=True)
import django
from django.apps import apps
apps.populate(["django.contrib.contenttypes", "django.contrib.auth", "annotator", "mos"])
from mos.exports.parquet import MEANINGS, parquet_blocks
count = lambda: len(os.listdir("/proc/self/task"))
values = {"bool": True, "int8": 3, "int32": 1, "double": 1.0, "string": "x"}
row = {name: values.get(str(kind), datetime.now(UTC)) for name, (kind, _) in MEANINGS.items()}
before = count()
assert b"".join(parquet_blocks(iter([row] * 50_000))).startswith(b"PAR1")
print(before, count())
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted on Linux")
def test_no_thread_is_started_that_could_abort_a_process_as_it_ends():
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split()
    assert before == after


# Hugging Face


@pytest.fixture
def folder(tmp_path):
    """Unpack a campaign's zip as one does before `load_dataset`."""

    def unpack(campaign, **asked):
        place = tmp_path / "folder"
        with zipfile.ZipFile(BytesIO(whole(campaign, "hf", **asked))) as archive:
            assert archive.testzip() is None
            archive.extractall(place)
        return place

    return unpack


def header_of(folder):
    _, header, words = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(header), words


def rows_of(folder):
    """What the header's pattern finds, as `datasets` reads it: in the order of names."""
    header, _ = header_of(folder)
    ((config,), (files,)) = header["configs"], header["configs"][0]["data_files"]
    assert (config["config_name"], files["split"]) == ("default", "train")
    shards = sorted(folder.glob(files["path"]))
    return shards, [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def test_the_folder_reads_back_to_the_same_rows(rated, folder, monkeypatch):
    monkeypatch.setattr(huggingface, "ROWS_A_SHARD", 25)
    shards, rows = rows_of(folder(rated))
    assert [shard.name for shard in shards] == [f"train-0000{n}.parquet" for n in range(3)]
    assert rows == pq.read_table(BytesIO(whole(rated, "parquet"))).to_pylist()


def test_the_header_describes_the_columns_that_the_shards_have(rated, folder):
    place = folder(rated)
    header, words = header_of(place)
    described = {one["name"]: one["dtype"] for one in header["dataset_info"]["features"]}
    schema = pq.read_schema(place / "data" / "train-00000.parquet")
    kinds = {field.name: str(field.type).replace("double", "float64") for field in schema}
    assert described == kinds
    assert all(f"| {name} | {kind} |" in words for name, kind in kinds.items())


def test_the_card_counts_what_is_there(campaign, clips, alice, bob, bina, folder):
    campaign.memberships.filter(user=bina).update(is_simulated=True)
    give_table(campaign, clips, [[5, 4], [3, None], [1, 2], [None, 2], [4, 5], [2, 2]])
    reject(campaign, bob, by=alice, reason="wrote <b>5</b> | always")
    header, words = header_of(folder(campaign))
    assert "60 scores by 2 raters" in words and header["size_categories"] == ["n<1K"]
    assert "1 of these raters are simulated" in words and "1 are rejected" in words
    assert "| R01 | wrote &lt;b>5&lt;/b> \\| always |" in words
    assert "| Excellent, " in words and words.count(" | 10 |\n") == 6


@pytest.mark.parametrize("name", [*ODD_NAMES, "yes: [no]", "a\x7fb\x85c", "--- \n---", "'", '"'])
def test_no_name_of_a_campaign_breaks_the_header(campaign, folder, name):
    Campaign.objects.filter(pk=campaign.pk).update(name=name)
    campaign.refresh_from_db()
    header, _ = header_of(folder(campaign))
    assert header["pretty_name"] == f"{name}: opinion scores of dubbed video"


def test_languages_stand_in_the_header_as_text_where_they_are_codes(
    campaign, make_clip, bob, folder
):
    languages = {"source_language": "no", "target_language": "Hindi (?)"}
    give_rating(campaign.memberships.get(user=bob), make_clip("clip", **languages), 4)
    assert header_of(folder(campaign))[0]["language"] == ["no"]


def test_a_campaign_without_ratings_gives_a_folder_that_can_be_read(campaign, folder):
    shards, rows = rows_of(folder(campaign))
    assert len(shards) == 1 and rows == []


@pytest.mark.parametrize("kind", ["parquet", "hf"])
def test_the_same_ratings_make_the_same_bytes(rated, kind):
    assert whole(rated, kind) == whole(rated, kind)


# Verdicts


def test_rows_of_rejected_raters_are_marked_and_the_last_verdict_counts(rated, alice, bob, bina):
    reject(rated, bob, by=alice)
    reject(rated, bina, by=alice)
    reject(rated, bina, by=alice, is_accepted=True, reason="looked again")
    marks = {"R01": True, "R02": False}
    assert {row["rater"]: row["is_rejected"] for row in long_rows(rated)} == marks
    of_csv = table(rated, "csv").groupby("rater").is_rejected.unique()
    assert {rater: list(values) for rater, values in of_csv.items()} == {
        rater: [mark] for rater, mark in marks.items()
    }
    rows = pq.read_table(BytesIO(whole(rated, "parquet"))).to_pylist()
    assert {row["rater"]: row["is_rejected"] for row in rows} == marks


def test_forms_of_one_aspect_leave_rejected_raters_out(rated, alice, bob):
    reject(rated, bob, by=alice)
    scores = {"a source": 4, "c/dub": 2, "d alone": 2, "e dub": 5, "f dub": 2}
    per_clip = table(rated, "votes_per_clip")
    assert dict(zip(per_clip.file_url, per_clip.vote_1, strict=True)) == scores
    per_worker = table(rated, "votes_per_worker")
    assert set(per_worker.workerid) == {"R02"} and len(per_worker) == 5
    assert table(rated, "votes_per_condition").set_index("condition_name").n["noise"] == 1
    clips = json.loads(whole(rated, "sureal"))["dis_videos"]
    assert {clip["path"]: clip["os"] for clip in clips} == {
        name: {"R02": score} for name, score in scores.items()
    }
    assert whole(rated, "p910") == b"4.0\n2.0\n2.0\n5.0\n2.0\n"


# The tables of the P.808 toolkit


def test_votes_per_clip_has_the_columns_and_figures_of_the_toolkit(rated):
    found = table(rated, "votes_per_clip")
    head = "file_url n MOS std 95%CI short_file_name condition system Unknown vote_1 vote_2"
    assert list(found.columns) == head.split()
    assert list(found.file_url) == ["a source", "b dub", "c/dub", "d alone", "e dub", "f dub"]
    assert list(found.short_file_name)[2] == "dub" and list(found.Unknown)[3] == "NoCondition"
    scores = pd.DataFrame(long_rows(rated)).query("aspect == 'overall'").groupby("clip_id").score
    assert list(found.MOS) == list(scores.mean()) and list(found.n) == list(scores.count())
    std = pd.to_numeric(found["std"])
    np.testing.assert_allclose(std, scores.std())
    np.testing.assert_allclose(pd.to_numeric(found["95%CI"]), 1.96 * std / np.sqrt(found.n))
    assert found[found.n == 1]["std"].tolist() == ["", ""]


def test_every_row_of_votes_per_clip_is_as_long_as_its_head(rated):
    rows = list(csv.reader(StringIO(whole(rated, "votes_per_clip").decode())))
    assert {len(row) for row in rows} == {11}
    assert [row[9:] for row in rows[1:]] == [
        ["5", "4"], ["3", ""], ["1", "2"], ["2", ""], ["4", "5"], ["2", "2"],
    ]  # fmt: skip


def test_votes_per_condition_combines_labels_as_the_toolkit_does(rated):
    found = table(rated, "votes_per_condition").set_index("condition_name")
    rows = pd.DataFrame(long_rows(rated)).query("aspect == 'overall'")
    groups = {
        "NoCondition": rows[(rows.condition == "") & (rows.system == "")],
        **{name: rows[rows.condition == name] for name in ("clean", "noise")},
        **{name: rows[rows.system == name] for name in ("acme", "basic")},
        **{
            f"{one}____{other}": rows[(rows.condition == one) & (rows.system == other)]
            for one in ("clean", "noise")
            for other in ("acme", "basic")
        },
    }
    assert set(found.index) == set(groups)
    for name, group in groups.items():
        assert (found.n[name], found.MOS[name]) == (len(group), group.score.mean())
        std = pd.to_numeric(found["std"])[name]
        assert std == pytest.approx(group.score.std(), nan_ok=True)
    assert found.loc["noise____acme", ["condition", "system"]].tolist() == ["noise", "acme"]


def test_votes_per_worker_has_a_row_for_each_vote(rated):
    found = table(rated, "votes_per_worker")
    head = "HITId workerid assignment_id assignmentstatus file short_file_name vote question_type"
    assert " ".join(found.columns) == f"{head} condition system Unknown"
    kept = list(zip(found.file, found.workerid, found.vote, strict=True))
    rows = [row for row in long_rows(rated) if row["aspect"] == "overall"]
    assert kept == [(row["clip_id"], row["rater"], row["score"]) for row in rows]
    assert set(found.assignment_id) == set(rated.assignments.values_list("public_id", flat=True))
    assert set(found.question_type) == {"MOS"}


def test_another_aspect_is_named_as_the_toolkit_names_several_scales(campaign, clips, bob):
    give_rating(campaign.memberships.get(user=bob), clips[0], {"sync": 2, "overall": 5})
    found = table(campaign, "votes_per_clip", aspect="sync")
    assert found["MOS_SYNC"].tolist() == [2.0] and {"std_sync", "95%CI_sync"} < set(found)
    assert table(campaign, "votes_per_worker", aspect="sync").question_type.tolist() == ["MOS_SYNC"]
    assert table(campaign, "votes_per_condition", aspect="sync")["MOS_SYNC"].tolist() == [2.0]


@pytest.mark.parametrize("kind", ["votes_per_clip", "votes_per_condition", "votes_per_worker"])
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(
    campaign, make_clip, bob, kind, start
):
    formula = f'{start}HYPERLINK("http://evil.example","x")'
    clip = make_clip("clip", system=formula, condition=formula)
    type(clip).objects.filter(pk=clip.pk).update(name=formula)
    give_rating(campaign.memberships.get(user=bob), clip, 3)
    _, *rows = csv.reader(StringIO(whole(campaign, kind).decode(), newline=""))
    assert all(f"'{formula}" in row for row in rows) and rows
    assert not any(cell.startswith(start) for row in rows for cell in row)
    (kept,) = json.loads(whole(campaign, "sureal"))["dis_videos"]
    assert (kept["path"], kept["system"]) == (formula, formula)


# sureal


def test_sureal_gets_a_reference_for_each_content(rated):
    data = json.loads(whole(rated, "sureal"))
    references = {one["content_id"]: one for one in data["ref_videos"]}
    assert list(references) == list(range(3)) and data["ref_score"] == 5.0
    shown = [(one["path"], references[one["content_id"]]["content_name"], one["os"])
             for one in data["dis_videos"]]  # fmt: skip
    assert shown == [
        ("e dub", "talk", {"R01": 4, "R02": 5}),
        ("f dub", "talk", {"R01": 2, "R02": 2}),
        ("d alone", "d alone", {"R02": 2}),
        ("a source", "a source", {"R01": 5, "R02": 4}),
        ("b dub", "a source", {"R01": 3}),
        ("c/dub", "a source", {"R01": 1, "R02": 2}),
    ]
    assert [one["asset_id"] for one in data["dis_videos"]] == list(range(6))


def test_sureal_knows_the_hidden_reference_by_its_path(rated):
    data = json.loads(whole(rated, "sureal"))
    path = {one["content_id"]: one["path"] for one in data["ref_videos"]}
    hidden = [one["path"] for one in data["dis_videos"] if one["path"] == path[one["content_id"]]]
    assert hidden == ["a source"]


def test_a_campaign_without_ratings_is_an_empty_dataset(campaign):
    data = json.loads(whole(campaign, "sureal"))
    assert data["dis_videos"] == data["ref_videos"] == []
    assert whole(campaign, "p910") == b""
    assert len(table(campaign, "votes_per_clip")) == 0


# The matrix of P.910


def test_the_matrix_has_a_row_a_clip_and_a_column_a_rater(rated):
    matrix = np.loadtxt(BytesIO(whole(rated, "p910")), delimiter=",")
    nan = np.nan
    expected = [[5, 4], [3, nan], [1, 2], [nan, 2], [4, 5], [2, 2]]
    np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_allclose(np.nanmean(matrix, axis=1), table(rated, "votes_per_clip").MOS)


def test_columns_are_the_workers_in_the_order_of_joining(rated, charlie, clips):
    rated.memberships.create(user=charlie, role="rater")  # has rated nothing: no column
    assert len(whole(rated, "p910").splitlines()[0].split(b",")) == 2
    give_rating(rated.memberships.get(user=charlie), clips[0], 1, place=3)
    assert whole(rated, "p910").splitlines()[0] == b"5.0,4.0,1.0"


def test_who_rates_first_while_the_matrix_is_read_stays_out(rated, monkeypatch):
    monkeypatch.setattr(p910, "_raters", lambda *about: ["R01"])
    assert whole(rated, "p910") == b"5.0\n3.0\n1.0\n4.0\n2.0\n"


@pytest.fixture
def published(real_data, campaign):
    """79 videos by 26 people as Netflix published them; the table beside what was kept."""
    rows = pd.read_csv(real_data / "ratings" / "nflx_79x26.csv")
    scores_CR = rows.pivot(index="item", columns="rater", values="rating").to_numpy()
    give_matrix(campaign, scores_CR)
    return scores_CR


def test_published_scores_leave_as_they_came_and_give_the_published_mos(campaign, published):
    matrix = np.loadtxt(BytesIO(whole(campaign, "p910")), delimiter=",")
    np.testing.assert_array_equal(matrix, published)
    clips = json.loads(whole(campaign, "sureal"))["dis_videos"]
    by_path = {clip["path"]: list(clip["os"].values()) for clip in clips}
    mos = [np.mean(by_path[path]) for path in sorted(by_path)]
    assert mos[0] == pytest.approx(4.884615384615385, abs=1e-12)
    assert mos[10] == pytest.approx(2.0769230769230771, abs=1e-12)
    assert np.mean(mos) == pytest.approx(3.544790652385589, abs=1e-12)


def test_the_rater_model_finds_the_same_in_matrix_and_dataset(campaign, published):
    clip_T, rater_T = np.indices(published.shape)
    expected = recover_mos(published.ravel(), clip_T.ravel(), rater_T.ravel(), "plain")
    matrix = np.loadtxt(BytesIO(whole(campaign, "p910")), delimiter=",")
    found = recover_mos(matrix.ravel(), clip_T.ravel(), rater_T.ravel(), "plain")
    np.testing.assert_array_equal(found.mos, expected.mos)
    clips = json.loads(whole(campaign, "sureal"))["dis_videos"]
    long = [(score, clip["path"], rater) for clip in clips for rater, score in clip["os"].items()]
    scores, paths, raters = zip(*long, strict=True)
    of_sureal = recover_mos(scores, paths, raters, "plain")
    np.testing.assert_allclose(of_sureal.mos, expected.mos, atol=1e-12)
    bias = dict(zip(of_sureal.raters, of_sureal.bias, strict=True))
    in_order = [bias[name] for name in sorted(bias)]
    np.testing.assert_allclose(in_order, expected.bias, atol=1e-12)


# All forms


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_come_back_as_they_are(campaign, make_clip, bob, name):
    clip = make_clip("clip", system=name, condition=name, content_id=name)
    type(clip).objects.filter(pk=clip.pk).update(name=name)
    give_rating(campaign.memberships.get(user=bob), clip, 4)
    assert table(campaign, "votes_per_clip").file_url.tolist() == [name]
    assert table(campaign, "votes_per_worker").file.tolist() == [name]
    assert name in table(campaign, "votes_per_condition").condition_name.tolist()
    data = json.loads(whole(campaign, "sureal"))
    assert data["dis_videos"][0]["path"] == data["ref_videos"][0]["content_name"] == name
    rows = pq.read_table(BytesIO(whole(campaign, "parquet"))).to_pylist()
    assert {(row["clip_id"], row["system"]) for row in rows} == {(name, name)}


def test_a_changed_mind_counts_once_where_there_is_no_place_for_revisions(
    campaign, clips, bob, bina
):
    for score in (1, 5):
        give_rating(campaign.memberships.get(user=bob), clips[0], score)
    give_rating(campaign.memberships.get(user=bina), clips[0], 4, place=2)
    assert whole(campaign, "p910") == b"5.0,4.0\n"
    assert table(campaign, "votes_per_worker").vote.tolist() == [5, 4]
    assert table(campaign, "votes_per_condition").n.tolist() == [2]
    rows = pq.read_table(BytesIO(whole(campaign, "parquet", revisions="all"))).to_pylist()
    assert sorted({(row["score"], row["revision"]) for row in rows}) == [(1, 1), (4, 1), (5, 2)]


@pytest.mark.parametrize("kind", exports.FORMATS)
def test_another_campaign_of_the_same_corpus_stays_out(rated, kind):
    other = Campaign.objects.create(name="Autumn", corpus=rated.corpus, rubric=rated.rubric)
    before = whole(other, kind)
    give_matrix(other, np.array([[5.0]]))
    assert b"Autumn-000000" not in whole(rated, kind) and whole(other, kind) != before


@pytest.mark.parametrize("kind", exports.FORMATS)
def test_the_number_of_queries_does_not_grow_with_the_ratings(rated, kind):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            whole(rated, kind)
        return len(seen)

    few = queries()
    give_matrix(rated, np.full((40, 12), 3.0))
    assert queries() == few <= 7


def test_surplus_ratings_and_those_of_simulated_raters_are_in_every_form(
    campaign, clips, bob, bina
):
    campaign.memberships.filter(user=bob).update(is_simulated=True)
    give_rating(campaign.memberships.get(user=bob), clips[0], 4)
    give_rating(campaign.memberships.get(user=bina), clips[0], 2, place=None)
    assert whole(campaign, "p910") == b"4.0,2.0\n"
    assert table(campaign, "votes_per_clip").MOS.tolist() == [3.0]
    assert json.loads(whole(campaign, "sureal"))["dis_videos"][0]["os"] == {"R01": 4, "R02": 2}


@pytest.mark.parametrize("kind", exports.FORMATS)
def test_a_reader_who_goes_away_leaves_nothing_open(rated, kind, monkeypatch):
    monkeypatch.setattr(exports.rows, "ROWS_A_BLOCK", 2)
    content = exports.blocks(rated, kind)
    assert next(content) is not None
    content.close()
    assert next(content, None) is None
    assert whole(rated, kind)


@pytest.mark.parametrize("kind", ALL_ASPECTS)
def test_a_reading_that_breaks_off_is_an_error_and_no_short_file(rated, kind, monkeypatch):
    def broken(row):
        raise OSError("the database went away")

    monkeypatch.setattr(exports.rows, "_rows", lambda *about: map(broken, range(3)))
    with pytest.raises(OSError, match="went away"):
        whole(rated, kind)


@pytest.mark.slow
def test_memory_stays_flat_while_the_ratings_grow_tenfold(campaign):
    few, many = (
        Campaign.objects.create(name=name, corpus=campaign.corpus, rubric=campaign.rubric)
        for name in ("few", "many")
    )
    random = np.random.default_rng(7)
    give_matrix(campaign, np.array([[3.0]]))
    give_matrix(few, random.integers(1, 6, (2_100, 1)).astype(float))
    give_matrix(many, random.integers(1, 6, (21_000, 1)).astype(float))
    for kind in exports.FORMATS:
        # The first time modules are loaded.
        _, of_few, of_many = (peak_bytes(one, kind) for one in (campaign, few, many))
        assert of_many < 1.3 * of_few, (kind, of_few, of_many)


def peak_bytes(campaign, kind):
    gc.collect()
    tracemalloc.start()
    for _ in exports.blocks(campaign, kind):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("kind", ONE_ASPECT)
def test_a_form_of_one_aspect_refuses_what_it_has_no_place_for(campaign, kind):
    with pytest.raises(ValueError, match=f"{kind} has no place .* csv, jsonl, parquet, hf"):
        exports.blocks(campaign, kind, revisions="all")
    with pytest.raises(ValueError, match=r"No aspect is called 'looks': choose one of sync, .*"):
        exports.blocks(campaign, kind, aspect="looks")


@pytest.mark.parametrize("kind", ALL_ASPECTS)
def test_a_form_of_all_aspects_refuses_one(campaign, kind):
    with pytest.raises(ValueError, match=f"{kind} holds every aspect, not 'sync' alone"):
        exports.blocks(campaign, kind, aspect="sync")


# Doors


@pytest.fixture
def get(campaign, signed_in):
    """Ask the page's address for a form as this user."""

    def ask(user, kind, query=""):
        address = reverse("mos:labels", args=[campaign.public_id, kind])
        return signed_in(user).get(address + query)

    return ask


@pytest.mark.parametrize("kind", exports.FORMATS)
def test_a_researcher_gets_each_form_from_its_page_and_by_token(rated, alice, get, client, kind):
    answer = get(alice, kind)
    content = b"".join(answer.streaming_content)
    assert content == whole(rated, kind)
    form = exports.FORMATS[kind]
    middle = "-overall" if form.is_of_one_aspect else ""
    name = f'filename="spring{middle}-{form.ending}"'
    assert name in answer.headers["Content-Disposition"]
    token = Token.objects.create(user=alice)
    by_token = client.get(
        f"/api/v1/campaigns/{rated.public_id}/labels/",
        {"format": kind},
        headers={"Authorization": f"Token {token.key}"},
    )
    assert by_token.headers["Content-Type"] == form.content_type
    assert b"".join(by_token.streaming_content) == content


@pytest.mark.parametrize("kind", exports.FORMATS)
@pytest.mark.parametrize("other", ["bob", "charlie"])
def test_raters_and_strangers_get_nothing(rated, get, kind, other, request, client):
    user = request.getfixturevalue(other)
    assert get(user, kind).status_code == 404
    headers = {"Authorization": f"Token {Token.objects.create(user=user).key}"}
    address = f"/api/v1/campaigns/{rated.public_id}/labels/"
    assert client.get(address, {"format": kind}, headers=headers).status_code == 404


def test_who_is_not_signed_in_is_sent_to_do_so(rated, client):
    answer = client.get(reverse("mos:labels", args=[rated.public_id, "parquet"]))
    assert answer.status_code == 302 and "login" in answer.headers["Location"]


@pytest.mark.parametrize(
    ("kind", "query", "says"),
    [
        ("xlsx", "", "csv, jsonl, parquet, hf"),
        ("p910", "?aspect=looks", "choose one of sync"),
        ("sureal", "?revisions=all", "no place for earlier revisions"),
        ("hf", "?revisions=some", "choose last or all"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(rated, alice, get, kind, query, says):
    answer = get(alice, kind, query)
    assert answer.status_code == 400 and says in answer.content.decode()


def test_the_page_offers_every_form_and_the_aspect_that_it_shows(rated, alice, signed_in):
    address = reverse("mos:reliability", args=[rated.public_id])
    page = signed_in(alice).get(f"{address}?aspect=sync").content.decode()
    for kind, form in exports.FORMATS.items():
        own = {"csv": "mos:labels_csv", "jsonl": "mos:labels_jsonl"}.get(kind)
        at = reverse(own, args=[rated.public_id]) if own else reverse(
            "mos:labels", args=[rated.public_id, kind]
        )  # fmt: skip
        assert f'href="{at}{"?aspect=sync" if form.is_of_one_aspect else ""}"' in page
    assert "without rejected raters" in page
