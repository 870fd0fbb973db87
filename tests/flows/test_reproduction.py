"""The paper's tables from a campaign's rows: all of them, once, and what is missing in words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from learner import actions
from learner.actions.reproduction import folder_of, run_reproduction
from learner.models import Audit, Job, Reproduction
from learner.reproduction.contents import TITLES
from learner.reproduction.table import NOT_AT_HAND, PRINTED

TINY = {"width": 16, "layers": 1, "epochs_ws": 3, "epochs_ft": 3, "folds": 2}


def asked_for(live, **wanted):
    asked = actions.ask_reproduction(campaign=live, **wanted)
    Reproduction.objects.filter(pk=asked.pk).update(config=TINY)
    return asked


def made(asked):
    run_reproduction(asked.pk)
    found = Reproduction.objects.get(pk=asked.pk)
    assert found.state == "done", found.error_text
    return found


def tables_of(asked):
    return {table["key"]: table for table in asked.report["tables"]}


def test_a_report_has_every_table_that_the_labels_allow(live):
    asked = made(asked_for(live))
    tables = tables_of(asked)
    assert list(tables) == list(TITLES)
    assert {key for key, table in tables.items() if table["missing"]} == {"table-4"}
    assert "10 clips have a MOS and 40 are needed" in tables["table-4"]["missing"]
    assert asked.progress_text == "7 of 8 tables made"
    names = [row["name"] for row in tables["table-2"]["rows"]]
    assert names[:3] == ["Equal weights", "Best single metric", "Proxy MOS"]
    assert names[3:10] == ["A", "V", "T", "AV", "AT", "VT", "AVT"]
    assert names[10:] == ["Network, on proxy MOS", "Network, on proxy MOS, then MOS", "DubScore"]
    rows = {row["name"]: row for row in tables["table-2"]["rows"]}
    whole, stage = rows["AVT"], rows["Network, on proxy MOS, then MOS"]
    assert (whole["pcc"], whole["mse"], whole["n"]) == (stage["pcc"], stage["mse"], 10)
    assert whole["pcc_low"] <= whole["pcc"] <= whole["pcc_high"]
    assert len(tables["table-1"]["rows"]) == 7  # six aspects, and all of them together
    assert len(tables["figure-2"]["rows"]) == len(asked.report["tables"][5]["rows"]) > 4
    assert sum(row["away"] for row in tables["unusual-gates"]["rows"]) > 0


def test_table_5_trains_both_proxies_on_the_same_folds(live):
    rows = {row["name"]: row for row in tables_of(made(asked_for(live)))["table-5"]["rows"]}
    assert len(rows) == 6 and {row["n"] for row in rows.values()} == {10}
    assert rows["EW × WS"]["pcc"] != rows["AL × WS"]["pcc"]
    assert rows["AL × WS+FT"][PRINTED] == "PCC .76, MSE 2.70"
    assert rows["EW × WS"][PRINTED] == NOT_AT_HAND


def test_nothing_of_a_finished_report_is_left_behind_but_its_row(live):
    before = live.proxy_weights.count(), live.training_runs.count(), Audit.objects.count()
    asked = made(asked_for(live))
    assert not folder_of(asked.pk).exists()
    after = live.proxy_weights.count(), live.training_runs.count(), Audit.objects.count()
    assert before == after == (0, 0, 0)
    run_reproduction(asked.pk)  # its bell rings twice
    assert Reproduction.objects.get().report == asked.report


class Killed(BaseException):
    """As a worker dies: nothing is tidied up, the row goes on saying that it runs."""


@pytest.mark.parametrize("at_report", [3, 20, 50, 75])
def test_a_report_that_was_killed_goes_on_to_the_same_numbers(live, monkeypatch, at_report):
    from learner.actions.jobs import Pulse

    monkeypatch.setattr("learner.fusion.training.SAVE_EVERY_S", 0.0)
    asked, seen = asked_for(live), []
    progress = Pulse.progress

    def dying(self, frac, text="", **fields):
        seen.append(text)
        if len(seen) == at_report:
            raise Killed
        progress(self, frac, text, **fields)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Pulse, "progress", dying)
        run_reproduction(asked.pk)
    assert folder_of(asked.pk).exists()
    left = [path for path in folder_of(asked.pk).rglob("member-?.safetensors")]
    times = {path: path.stat().st_mtime_ns for path in left}
    again = []

    def watching(self, frac, text="", **fields):
        again.append(text)
        assert {path: path.stat().st_mtime_ns for path in left} == times, "trained twice"
        progress(self, frac, text, **fields)

    Reproduction.objects.update(state=Job.State.QUEUED, owner="")
    with monkeypatch.context() as patch:
        patch.setattr(Pulse, "progress", watching)
        gone_on = made(asked)
    assert gone_on.attempt == 2
    undisturbed = made(asked_for(live))
    assert gone_on.report == undisturbed.report
    assert len(again) < len(seen) + len(again) - at_report + 2 or at_report == 3


def test_labels_that_come_in_meanwhile_make_it_begin_anew(live, monkeypatch):
    from learner.actions.reproduction import _read

    asked = asked_for(live)
    asked.refresh_from_db()
    first = _read(asked)
    first.folder.mkdir(parents=True)
    (first.folder / "modalities.json").write_text('"of other labels"')
    study = first.study.labels.mos_N
    labelled = np.flatnonzero(~np.isnan(study))
    clip = first.clips[int(labelled[0])]
    from tests.ratings import give_rating

    rater = live.memberships.filter(role="rater").first()
    give_rating(rater, clip, 5 if study[labelled[0]] < 4 else 1, place=None)
    assert "of other labels" not in json.dumps(made(asked).report)


def test_without_labels_or_features_each_table_says_what_is_missing(campaign, make_clip):
    make_clip("one")
    tables = tables_of(made(asked_for(campaign)))
    assert "No clip has two ratings" in tables["table-1"]["missing"]
    for key in ("table-2", "table-3", "table-4", "table-5", "figure-2", "gates"):
        assert "No metric has a value for any clip" in tables[key]["missing"]


def test_what_makes_no_sense_is_refused_before_anything_is_queued(live):
    with pytest.raises(ValidationError, match="no aspect 'taste'"):
        actions.ask_reproduction(campaign=live, target="taste")
    with pytest.raises(ValidationError):
        actions.ask_reproduction(campaign=live, seed=-1)
    actions.ask_reproduction(campaign=live)
    with pytest.raises(ValidationError, match="is under way"):
        actions.ask_reproduction(campaign=live)
    actions.ask_reproduction(campaign=live, target="emotion_match")
    assert Reproduction.objects.count() == 2


def test_the_command_writes_a_page_markdown_and_json(live, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("learner.actions.reproduction.QUICK_EPOCHS", 1)
    call_command("reproduce", "--campaign", "Spring", "--quick", "--out", str(tmp_path / "out"))
    page, words, data = (
        (tmp_path / "out" / f"report.{kind}").read_text() for kind in ("html", "md", "json")
    )
    kept = Reproduction.objects.get()
    assert kept.config == {"preset": "small", "epochs_ws": 1, "epochs_ft": 1}
    assert json.loads(data) == kept.report
    for title in TITLES.values():
        assert f"## {title}" in words and title in page
    assert "| AVT | audio + video + text |" in words and "PCC .76, MSE 3.88" in page
    assert "<link" not in page and "<script" not in page  # it stands by itself
    assert "Table 4: choosing clips against random: not made" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no campaign 'Nowhere'"):
        call_command("reproduce", "--campaign", "Nowhere")


def test_it_is_run_by_a_worker_like_any_job():
    from learner.actions.jobs import JOBS
    from learner.tasks import TASK_OF
    from learner.tasks import run_reproduction as task

    assert Reproduction in JOBS and TASK_OF[Reproduction] is task
    assert settings.DUBSCORE_MODELS in folder_of(3).parents
