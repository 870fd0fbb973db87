"""The paper's tables from a campaign's rows: all of them, once, and what is missing in words."""

from __future__ import annotations

import json

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from annotator import actions as annotator
from learner import actions
from learner.actions.audits import run_audit
from learner.actions.extraction import inputs_key
from learner.actions.jobs import Pulse
from learner.actions.paper_tables import _strategies, read_material
from learner.actions.reproduction import folder_of, run_reproduction
from learner.features import Feature, FeatureStore
from learner.models import Audit, Job, MetricScore, Reproduction
from learner.registry import shelf
from learner.reproduction.contents import TITLES
from learner.reproduction.table import NOT_AT_HAND, PRINTED
from learner.selectors.inputs import encoders_here
from tests.ratings import give_rating, give_table

pytestmark = pytest.mark.slow

TINY = {"inputs": ["vectors"], "width": 16, "layers": 1, "epochs_ws": 3, "epochs_ft": 3, "folds": 2}


@pytest.fixture(autouse=True)
def _an_encoder_a_modality(monkeypatch):
    """As many inputs as it takes to tell modalities apart; with all of them it takes minutes."""
    monkeypatch.setattr(
        "learner.actions.training.encoders_here",
        lambda: tuple({spec.modality: spec for spec in encoders_here()}.values()),
    )


@pytest.fixture
def films(campaign, make_clip):
    """Forty-eight rated dubs of sixteen films by three systems, whose metrics follow MOS."""
    dice = np.random.default_rng(5)
    dubs, quality = [], dice.normal(size=48)
    for n in range(16):
        film = make_clip(f"film-{n:02d}")
        dubs += [
            make_clip(f"{system}-{n:02d}", source=film, system=system, condition=system)
            for system in ("acme", "basic", "cheap")
        ]
    MetricScore.objects.bulk_create(
        MetricScore(
            clip=clip,
            metric=card.name,
            version=card.version,
            inputs_key=inputs_key(card, clip),
            value=card.direction * (good * (m < 3) + dice.normal()),
        )
        for clip, good in zip(dubs, quality, strict=True)
        for m, card in enumerate(shelf("metric").cards().values())
    )
    for card in shelf("encoder").cards().values():
        vectors = dice.normal(size=(48, card.width)).astype("float32")
        features = [
            Feature(clip.public_id, inputs_key(card, clip), vector)
            for clip, vector in zip(dubs, vectors, strict=True)
        ]
        FeatureStore(card.name, card.version).add(features)
    campaign.first_wave_clips = 0  # no places but those of the ratings below
    campaign.save()
    live = annotator.set_campaign_state(campaign=campaign, state="live")
    scores = (3 + quality[:, None] + 0.6 * dice.normal(size=(48, 2))).round()
    give_table(live, dubs, np.clip(scores, 1, 5).astype(int).tolist())
    return live


def asked_for(campaign, **wanted):
    asked = actions.ask_reproduction(campaign=campaign, **wanted)
    Reproduction.objects.filter(pk=asked.pk).update(config=TINY)
    return asked


def made(asked):
    run_reproduction(asked.pk)
    found = Reproduction.objects.get(pk=asked.pk)
    assert found.state == "done", found.error_text
    return found


def tables_of(asked):
    return {table["key"]: table for table in asked.report["tables"]}


def by_name(table):
    return {row["name"]: row for row in table["rows"]}


def test_a_report_has_every_table_and_leaves_nothing_but_its_row(films):
    asked = made(asked_for(films))
    tables = tables_of(asked)
    assert list(tables) == list(TITLES) and not any(table["missing"] for table in tables.values())
    assert asked.progress_text == "8 of 8 tables made"
    assert len(tables["table-1"]["rows"]) == 6
    names = [row["name"] for row in tables["table-2"]["rows"]]
    assert names[:3] == ["Equal weights", "Best single metric", "Proxy MOS"]
    assert names[3:10] == ["A", "V", "T", "AV", "AT", "VT", "AVT"]
    assert names[10:] == ["Network, on proxy MOS", "Network, on proxy MOS, then MOS", "DubScore"]
    rows = by_name(tables["table-2"])
    whole, stage = rows["AVT"], rows["Network, on proxy MOS, then MOS"]
    assert (whole["pcc"], whole["mse"], whole["n"]) == (stage["pcc"], stage["mse"], 48)
    proxy = rows["Proxy MOS"]
    assert 0 < proxy["pcc_low"] < proxy["pcc"] < proxy["pcc_high"] < 1
    of_intervals = [row["name"] for row in tables["table-3"]["rows"]]
    assert of_intervals == [
        "proxy, all labels, clips left out",
        "DubScore, all labels, out of fold",
    ]
    budgets = [(row["share"], row["figure"]) for row in tables["table-4"]["rows"]]
    assert budgets[:3] == [("33 %", "PCC"), ("66 %", "PCC"), ("100 %", "PCC")]
    stages = by_name(tables["table-5"])
    assert list(stages)[:2] == ["EW × WS", "EW × WS+FT"] and len(stages) == 6
    assert {(row["n"], row["systems_n"]) for row in stages.values()} == {(48, 3)}
    assert stages["EW × WS"]["pcc"] != stages["AL × WS"]["pcc"]
    assert stages["AL × WS+FT"]["pcc"] == whole["pcc"]  # the same network
    assert stages["AL × WS+FT"][PRINTED] == "PCC .76, MSE 2.70"
    assert stages["EW × WS"][PRINTED] == NOT_AT_HAND
    gates = by_name(tables["gates"])
    assert list(gates) == ["all clips", "acme", "basic", "cheap"] and gates["acme"]["n"] == 16
    assert sum(gates["acme"][m] for m in ("audio", "video", "text")) == pytest.approx(1)
    assert not folder_of(asked.pk).exists()
    others = films.proxy_weights, films.training_runs, Audit.objects
    assert [rows.count() for rows in others] == [0, 0, 0]
    run_reproduction(asked.pk)  # its bell rings twice
    assert Reproduction.objects.get().report == asked.report


class Killed(BaseException):
    """As a worker dies: nothing is tidied up, and the row goes on saying that it runs."""


def killed_at(asked, monkeypatch, words):
    """Run until a progress says these words, and die there."""
    progress = Pulse.progress

    def dying(self, frac, text="", **fields):
        if words in text:
            raise Killed
        progress(self, frac, text, **fields)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Pulse, "progress", dying)
        run_reproduction(asked.pk)
    Reproduction.objects.filter(pk=asked.pk).update(state=Job.State.QUEUED, owner="")
    return {
        path: path.stat().st_mtime_ns for path in folder_of(asked.pk).rglob("member-?.safetensors")
    }


def test_a_report_killed_three_times_trains_nothing_twice_and_has_the_same_numbers(
    live, monkeypatch
):
    monkeypatch.setattr("learner.fusion.training.SAVE_EVERY_S", 0.0)
    undisturbed = made(asked_for(live))
    assert {key for key, one in tables_of(undisturbed).items() if one["missing"]} == {"table-4"}
    reason = tables_of(undisturbed)["table-4"]["missing"]
    assert "10 clips have a MOS and 40 are needed" in reason
    asked, kept = asked_for(live), {}
    for words, n_members in (("T: member 2", 5), ("equal weights: member 2", 15), ("Writing", 16)):
        left = killed_at(asked, monkeypatch, words)
        assert len(left) == n_members
        assert {path: left[path] for path in kept} == kept
        kept = left
    gone_on = made(asked)
    assert gone_on.attempt == 4 and gone_on.report == undisturbed.report


def test_table_4_is_the_last_audit_of_each_strategy_and_says_if_labels_have_changed(films):
    run_audit(actions.ask_audit(campaign=films, strategy="uncertainty").pk)
    asked = asked_for(films)
    table = _strategies(asked, folder_of(asked.pk), lambda frac, text: None)
    assert {row["name"] for row in table.rows} == {"uncertainty"}
    assert table.notes[-1].endswith("of 48 clips with a MOS.")
    Audit.objects.update(data={"hash": "of old", "n_clips": 40, "n_ratings": 80})
    table = _strategies(asked, folder_of(asked.pk), lambda frac, text: None)
    assert table.notes[-1].endswith("of 40 clips with a MOS; the labels have changed since.")


def test_labels_that_come_in_meanwhile_make_it_begin_anew(live):
    asked = asked_for(live)
    asked.refresh_from_db()
    first = read_material(asked, folder_of(asked.pk))
    assert read_material(asked, folder_of(asked.pk)).folder == first.folder
    place = int(np.flatnonzero(~np.isnan(first.study.labels.mos_N))[0])
    is_high = first.study.labels.mos_N[place] > 3
    rater = live.memberships.filter(role="rater").first()
    give_rating(rater, first.clips[place], 1 if is_high else 5, place=None)
    assert read_material(asked, folder_of(asked.pk)).folder != first.folder


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
    actions.ask_reproduction(campaign=live, target="emotion")
    assert Reproduction.objects.count() == 2


def test_the_command_writes_a_page_markdown_and_json(live, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("learner.actions.reproduction.QUICK", TINY)
    call_command("reproduce", "--campaign", "Spring", "--quick", "--out", str(tmp_path / "out"))
    page, words, data = (
        (tmp_path / "out" / f"report.{kind}").read_text() for kind in ("html", "md", "json")
    )
    kept = Reproduction.objects.get()
    assert kept.config == {"preset": "small", **TINY}
    assert json.loads(data) == kept.report
    for title in TITLES.values():
        assert f"## {title}" in words and title in page
    assert "| AVT | audio + video + text |" in words and "PCC .76, MSE 3.88" in page
    assert "<link" not in page and "<script" not in page  # it stands by itself
    assert "Table 4: choosing clips against random: not made" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no campaign 'Nowhere'"):
        call_command("reproduce", "--campaign", "Nowhere")


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(campaign, tmp_path):
    (tmp_path / "taken").write_text("a file")
    for name in ("taken", "taken/inside"):
        with pytest.raises(CommandError, match=f"{name} cannot be written: .* another folder"):
            call_command("reproduce", "--campaign", campaign.name, "--out", str(tmp_path / name))
    assert not Reproduction.objects.exists()
