"""`manage.py proxy_study TABLE`: the whole comparison of a file, without touching the database."""

from __future__ import annotations

import json
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from learner.management.commands import proxy_study

FEW = ("--labels", "12,20", "--repeats", "3", "--jobs", "1", "--strategies", "none")
PARTS = {"table", "settings", "weightings", "verdict", "intervals", "holes", "strategies", "notes"}


@pytest.fixture
def table(tmp_path):
    """Sixty clips of twelve films with three metrics, of one of which less is better."""
    random = np.random.default_rng(5)
    quality = random.normal(size=60)
    rows = {
        "clip": [f"clip {n}" for n in range(60)],
        "film": np.arange(60) % 12,
        "mos": 3 + 0.5 * quality + 0.2 * random.normal(size=60),
        "sync": quality + random.normal(size=60),
        "voice": quality + 2 * random.normal(size=60),
        "distance": -quality + random.normal(size=60),
        "note": ["a"] * 60,
    }
    path = tmp_path / "clips.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def ask(file, *options, human="mos"):
    out = StringIO()
    call_command(
        "proxy_study", str(file), "--human", human, *options, stdout=out, stderr=StringIO()
    )
    return out.getvalue()


def as_json(file, *options, **human):
    return json.loads(ask(file, "--json", *options, **human), parse_constant=pytest.fail)


def refusal(file, *options, **human):
    with pytest.raises(CommandError) as caught:
        ask(file, *FEW, *options, **human)
    return str(caught.value)


def test_the_study_in_words(table):
    text = ask(table, "--group", "film", "--lower-is-better", "distance", *FEW)
    assert "60 items of 12 groups, 3 metrics: sync, voice, distance (less is better)" in text
    assert "clip is no metric: by its name it describes an item." in text
    assert "note is no metric: it is not of numbers." in text
    for part in ("WEIGHTINGS", "ALL ITEMS AS LABELS", "INTERVALS AT 90 %", "HOLES"):
        assert part in text
    assert "STRATEGIES" not in text
    assert "Learned weights are" in text


def test_the_study_for_programs(table):
    found = as_json(table, "--group", "film", "--lower-is-better", "distance", *FEW)
    assert set(found) == PARTS
    assert found["table"]["metrics"] == ["sync", "voice", "distance"]
    assert (found["table"]["n_items"], found["table"]["n_groups"]) == (60, 12)
    assert list(found["weightings"]["by_labels"]) == list(found["intervals"]) == ["12", "20"]
    assert [row["direction"] for row in found["verdict"]["metrics"]] == [1, 1, -1]
    assert found["settings"]["repeats"] == 3
    assert found["strategies"] == []


def test_figures_that_are_not_defined_are_null(table):
    found = as_json(table, "--metrics", "sync", *FEW)
    assert found["holes"] is None
    assert found["verdict"]["gain"] is None


def test_the_same_seed_gives_the_same_text(table):
    first, second, other = (ask(table, *FEW, "--seed", seed) for seed in ("3", "3", "4"))
    assert first == second != other


def test_a_strategy_is_audited_by_thirty_replays(table):
    few = (*FEW[:-1], "k_center")
    found = as_json(table, *few)
    (audit,) = found["strategies"]
    assert (audit["strategy"], audit["n_seeds"], audit["n_items"]) == ("k_center", 30, 60)
    assert {row["figure"] for row in audit["rows"]} == {"pcc", "srcc", "r2"}
    assert audit["verdict"]
    found["table"] |= {"path": "t.csv"}
    assert "k_center: " in proxy_study.as_text(found)


def test_the_study_is_kept_in_a_file(table, tmp_path):
    out = tmp_path / "found.json"
    assert ask(table, *FEW, "--json", "--out", str(out)) == ""
    assert set(json.loads(out.read_text())) == PARTS
    words = refusal(table, "--out", str(tmp_path / "no" / "such.json"))
    assert "such.json cannot be written: there is no folder" in words
    assert "cannot be written: Is a directory." in refusal(table, "--out", str(tmp_path))


def test_ctrl_c_ends_with_a_sentence(table, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(proxy_study, "run_study", interrupted)
    with pytest.raises(CommandError, match="Stopped: nothing is written.") as caught:
        ask(table, *FEW)
    assert caught.value.returncode == 130


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--group", "series"), "No column is called 'series': there are clip, film, mos,"),
        (("--lower-is-better", "distanse"), "'distanse' is no metric: there are film, sync,"),
        (("--metrics", "pitch"), "No column is called 'pitch'"),
        (("--ignore", "pitch"), "No column is called 'pitch'"),
        (("--ignore", "film,sync,voice,distance"), "There is no metric beside mos"),
        (("--metrics", "note"), "note is not of numbers: row 1 has 'a'."),
        (("--repeats", "1"), "1 repeat has no interval: 2 are needed at least."),
        (("--labels", "7,30"), "7 labels teach nothing: 8 are needed at least."),
        (("--labels", "59"), "59 labels are more than the 36 items that a repeat has to label"),
        (("--labels", "few"), "'few' is not of numbers such as 15,30,60"),
        (("--scale", "1"), "'1' is not two numbers such as 1,5"),
        (("--scale", "5,1"), "'5,1' must be a lower and a higher number"),
        (("--scale", "3,5"), "beyond the scale of 3 to 5: give a scale that holds them."),
        (("--strategies", "oracle"), "No strategy is called 'oracle': there are d_optimal,"),
        (("--jobs", "0"), "0 jobs do nothing: give 1 or more."),
        (("--seed", "-1"), "A seed is 0 or above, not -1."),
        (("--normalisation", "minmax"), "invalid choice: 'minmax'"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_cure(table, options, words):
    assert words in refusal(table, *options)


def test_tables_that_cannot_be_studied_are_refused(table, tmp_path):
    assert "No column is called 'human'" in refusal(table, human="human")
    assert "note is no human score: row 1 has 'a'." in refusal(table, human="note")
    assert "cannot be read: No such file" in refusal(tmp_path / "gone.csv")
    (tmp_path / "few.csv").write_text("\n".join(table.read_text().splitlines()[:30]))
    assert "29 items have mos and a metric; 40 are needed" in refusal(tmp_path / "few.csv")
    (tmp_path / "inf.csv").write_text(
        table.read_text().replace(",a\n", ",inf\n").replace("note", "odd")
    )
    assert "odd is infinite in row 1 and 60 in all" in refusal(tmp_path / "inf.csv")


def test_summaries_with_many_metrics_gain_by_weights(real_data):
    found = as_json(
        real_data / "proxy/realsumm_2500x14.csv",
        *("--group", "group", "--repeats", "8", "--labels", "15,60", "--jobs", "1"),
        *("--strategies", "none"),
        human="human",
    )
    assert found["weightings"]["checks"]["default_minus_equal"] >= -0.01
    assert found["verdict"]["is_better"]


def test_predictors_that_are_alike_gain_nothing_by_weights(real_data):
    found = as_json(
        real_data / "proxy/bvcc_1066x6_negative_control.csv",
        *("--group", "group", "--repeats", "6", "--labels", "15,60", "--jobs", "1"),
        *("--strategies", "none"),
        human="human",
    )
    assert not found["verdict"]["is_better"]
    assert found["verdict"]["sentence"].startswith("Learned weights are not shown to be better")
    assert found["weightings"]["checks"]["default_minus_equal"] >= -0.01
