"""Tables of a report: what they are made of, and how they are written down."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from learner.audit.comparison import Comparison
from learner.audit.report import AuditReport
from learner.audit.saving import Saving
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.evaluation import Judged, agreement
from learner.fusion.inputs import Inputs
from learner.fusion.study import Labels, Study, network_rows, simple_rows
from learner.proxy.calibration import calibration
from learner.proxy.missing import fill_missing
from learner.reproduction import printed
from learner.reproduction.calibrations import table_3
from learner.reproduction.contents import TITLES, not_made
from learner.reproduction.gates import gates_by_condition, unusual_gates
from learner.reproduction.markdown import as_markdown, table_markdown
from learner.reproduction.ratings import table_1
from learner.reproduction.scoring import figure_2, table_2, table_5
from learner.reproduction.strategies import table_4
from learner.reproduction.table import NOT_AT_HAND, PRINTED, Column, Table
from learner.reproduction.trials import full_name, of_modalities, of_weights, with_equal_weights
from mos.summaries import ALPHA_OVER_ASPECTS, reliability
from mos.tally import Tally

# Shrout and Fleiss (1979), with the forms that they print.
SHROUT = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
FORMS = {"ICC(1,1)": 0.17, "ICC(2,1)": 0.29, "ICC(3,1)": 0.71, "ICC(3,k)": 0.91}


def rated(rows, means=None):
    places = [(c, r) for c, row in enumerate(rows) for r, score in enumerate(row) if score]
    clips, raters = (np.array(one) for one in zip(*places, strict=True))
    scores = np.array([rows[c][r] for c, r in places])
    means = np.empty((0, 6)) if means is None else means
    return reliability(Tally.of(scores, clips, raters), 1, means, (scores, clips, raters))


def judged(n=40, seed=3):
    dice = np.random.default_rng(seed)
    mos = np.clip(3 + dice.normal(size=n), 1, 5)
    return Judged(mos, np.arange(n) // 2, np.array(["a", "b"] * (n // 2))), dice


def test_table_1_has_the_printed_forms_of_a_known_table():
    table = table_1({"overall": ("Overall", rated(SHROUT)), "sync": ("Synchrony", rated(SHROUT))})
    first, second = table.rows
    for form, value in FORMS.items():
        assert first[form] == pytest.approx(value, abs=0.005)
        assert first[f"{form}_low"] < value < first[f"{form}_high"]
    assert (first["n"], first["k"]) == (6, 4)
    assert first[PRINTED] == "ICC1 .69, ICC2 .59, alpha .82" and second[PRINTED] == NOT_AT_HAND


def test_table_1_of_a_table_with_holes_says_why_forms_are_missing_and_shows_no_empty_column():
    holes = [[5, 4, 0], [0, 2, 3], [1, 0, 2], [4, 5, 0], [0, 3, 3]]
    means = np.random.default_rng(0).normal(3, 1, size=(5, 3))
    table = table_1({"overall": ("Overall", rated(holes, means))})
    shown = [column.key for column in table.shown]
    assert "ICC(2,1)" in shown and "ICC(1,1)" not in shown
    assert any("Not every rater has rated every clip" in note for note in table.notes)
    assert any(note.startswith(ALPHA_OVER_ASPECTS) for note in table.notes)


def test_table_1_without_ratings_says_so():
    empty = reliability(Tally.of([], [], []), 0, np.empty((0, 6)))
    table = table_1({"overall": ("Overall", empty)})
    assert not table.rows and "collect some" in table.missing


def rows_named(names, known, dice):
    return [agreement(name, known.mos_N + dice.normal(size=40), known) for name in names]


SUBSETS = ["A", "V", "T", "AV", "AT", "VT", "AVT"]


def test_table_2_names_print_only_where_it_is_at_hand():
    known, dice = judged()
    simple = rows_named(["Equal weights", "Best single metric", "Proxy MOS"], known, dice)
    table = table_2(
        simple,
        rows_named(SUBSETS, known, dice),
        rows_named(["ws", "ft", "both"], known, dice),
        0.64,
    )
    at_hand = {row["name"]: row[PRINTED] for row in table.rows if row[PRINTED] != NOT_AT_HAND}
    assert set(at_hand) == {"Equal weights", "Proxy MOS", "AVT"}
    assert "G = 0.64" in table.notes[0] and "0.80" in table.notes[0]
    assert [row["detail"] for row in table.rows][6:10] == [
        "audio + video",
        "audio + text",
        "video + text",
        "audio + video + text",
    ]


@pytest.mark.parametrize("reliability", [float("nan"), -0.1, 0.0])
def test_the_ceiling_of_unknown_or_no_reliability_is_no_error(reliability):
    known, dice = judged()
    few = table_2(
        rows_named("abc", known, dice),
        rows_named(["A"], known, dice),
        rows_named("xyz", known, dice),
        reliability,
    )
    assert ("not known" in few.notes[0]) == math.isnan(reliability)
    assert few.rows[3][PRINTED] == NOT_AT_HAND  # all there is, but not the paper's seventh row


def test_table_5_has_both_levels_and_says_where_systems_are_too_few():
    known, dice = judged()
    of_two = table_5({"ew": rows_named("abc", known, dice), "al": rows_named("abc", known, dice)})
    assert "no figures of systems" in of_two.notes[-1]
    assert "systems_pcc" not in [column.key for column in of_two.shown]
    known = replace(known, system_N=np.array(["a", "b", "c", "d"] * 10))
    of_four = table_5({"ew": rows_named("abc", known, dice), "al": rows_named("abc", known, dice)})
    assert [row["name"] for row in of_four.rows][:2] == ["EW × WS", "EW × WS+FT"]
    assert all(row["systems_n"] == 4 and -1 <= row["systems_pcc"] <= 1 for row in of_four.rows)


def test_table_3_keeps_ends_and_names_what_has_no_intervals():
    found = calibration([3, 3, 4], [0.1] * 3, [1, 1, 1], [3, 2, 5]).to_json()
    table = table_3([("proxy", found), ("network", None)])
    row = table.rows[0]
    assert len(table.rows) == 1 and row["picp_low"] < row["picp"] <= row["picp_high"]
    assert (row["apv_epistemic"], row["apv_total"]) == pytest.approx((0.1, 1.0))
    assert row["level"] == 0.9
    assert table.notes[-1].endswith("rising line: network.")
    assert "Too few clips" in table_3([("proxy", None)]).missing


def an_audit():
    def row(figure, labels, difference):
        return Comparison(figure, labels, 0.6, 0.5, difference, 0.0, 0.2, -1, 1, 0.2, 0.4, 30)

    return AuditReport(
        strategy="d_optimal",
        n_seeds=30,
        n_test=20,
        n_pool=40,
        level=0.95,
        alpha=0.05,
        rows=tuple(row(f, n, n / 100) for f in ("pcc", "srcc") for n in (10, 20, 30)),
        savings=(Saving(30, 40, 10, 2, float("nan"), True, False, False, False),),
        curves=(),
        finding="none",
        verdict="No evidence.",
        reach="",
    )


def test_table_4_names_thirds_and_has_no_nan():
    table = table_4([an_audit()])
    assert [row["share"] for row in table.rows[:3]] == ["33 %", "66 %", "100 %"]
    last = table.rows[2]
    assert (last["saved"], last["saved_low"], last["saved_high"]) == (10, 2, None)
    assert last[PRINTED] == printed.STRATEGY and table.rows[5][PRINTED] == NOT_AT_HAND
    assert json.loads(json.dumps(table.to_json(), allow_nan=False)) == table.to_json()
    assert table_4([], missing="Rate 3 more.").missing == "Rate 3 more."


def test_figure_2_turns_metrics_and_counts_only_clips_that_have_one():
    known, dice = judged()
    column = known.mos_N + 0.3 * dice.normal(size=40)
    column[:5] = np.nan
    values = np.stack([column, -known.mos_N], axis=1)
    good, bad = figure_2(["good", "bad"], values, values, known).rows
    assert good["n"] == 35 and 0.8 < good["pcc_low"] < good["pcc"] < 1
    assert (bad["pcc"], bad["srcc"]) == (-1.0, -1.0)


def test_gates_are_told_by_condition_and_unusual_ones_among_their_like():
    gates = np.tile([0.5, 0.3, 0.2], (12, 1))
    gates[3] = [0.1, 0.1, 0.8]
    gates[6:8] = [0.6, 0.4, 0.0]  # without the third; as usual as can be among their like
    conditions = ["clean"] * 6 + ["noise"] * 6
    table = gates_by_condition(gates, ["audio", "video", "text"], conditions)
    assert [row["name"] for row in table.rows] == ["all clips", "clean", "noise"]
    assert table.rows[1]["text"] == pytest.approx(0.3) and table.rows[1]["text_sd"] > 0.2
    clips = [{"name": f"c{n}", "condition": "x", "mos": None, "dubscore": 3.0} for n in range(12)]
    odd = unusual_gates(gates, ["audio", "video", "text"], clips)
    assert odd.rows[0]["name"] == "c3"
    assert {"c6", "c7"}.isdisjoint(row["name"] for row in odd.rows)
    same = unusual_gates(gates[:3], ["audio", "video", "text"], clips[:3])
    assert same.missing and not same.rows
    with pytest.raises(ValueError, match="do not fit 2 modalities"):
        unusual_gates(gates, ["audio", "video"], clips)


SPECS = (EncoderSpec("voice", "1", "audio", 8), EncoderSpec("words", "1", "text", 6))
TINY = FusionConfig(SPECS, width=16, layers=1, epochs_ws=2, epochs_ft=2, folds=2)


@pytest.fixture(scope="module")
def study():
    """Forty dubs of twenty sources; the first of three metrics follows MOS, the others do not."""
    dice = np.random.default_rng(1)
    mos = np.clip(3 + dice.normal(size=40), 1, 5)
    mos[36:] = np.nan
    metrics = dice.normal(size=(40, 3))
    metrics[:, 0] += np.nan_to_num(mos - 3) * 2
    vectors = {spec.name: dice.normal(size=(40, spec.width)).astype("float32") for spec in SPECS}
    nowhere = {name: np.full_like(x, np.nan) for name, x in vectors.items()}
    labels = Labels(mos, np.full(40, 0.1), np.arange(40) // 2, np.array(["a", "b", "c", "d"] * 10))
    inputs = Inputs(SPECS, vectors, nowhere)
    return Study.of(inputs, fill_missing(metrics), ("first", "second", "third"), labels, TINY)


def test_trials_train_every_choice_and_both_proxies_once_on_the_same_folds(study, tmp_path):
    told = []
    ablation = of_modalities(study, tmp_path, lambda frac, text: told.append(frac))
    assert [row["name"] for row in ablation] == ["A", "T", "AT"] and full_name(study) == "AT"
    assert told == sorted(told) and told[-1] == pytest.approx(1)
    trained = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("member-*")}
    stages = of_weights(study, tmp_path, lambda frac, text: None)
    assert {path: path.stat().st_mtime_ns for path in trained} == trained
    assert stages["al"] == network_rows(study, tmp_path / "AT")
    assert stages["al"][1]["pcc"] == ablation[-1]["pcc"]
    assert stages["ew"][0]["pcc"] != stages["al"][0]["pcc"]


def test_an_equal_weights_proxy_differs_in_its_weights_alone(study):
    equal = with_equal_weights(study)
    assert np.array_equal(equal.fold_N, study.fold_N)
    known = ~np.isnan(study.labels.mos_N)
    summed = study.filled.values.mean(axis=1)
    for fold, mos_N in enumerate(equal.proxy_FN):  # a line through the plain mean
        inside = (mos_N > 1) & (mos_N < 5)
        assert np.corrcoef(mos_N[inside], summed[inside])[0, 1] == pytest.approx(1)
        assert not np.allclose(mos_N, study.proxy_FN[fold])
    learned = simple_rows(study)[2]["pcc"]
    flat = equal.proxy_FN[equal.fold_N, np.arange(40)]
    assert learned > np.corrcoef(flat[known], study.labels.mos_N[known])[0, 1]


def test_a_table_is_the_same_after_it_was_stored():
    table = Table("t", "T: t", "Says.", [Column("name", "N"), Column("x", "X", 1)], [{"x": 1.0}])
    kept = json.loads(json.dumps(table.to_json()))
    assert Table.from_json(kept).to_json() == kept
    assert [asdict(cell) for row in Table.from_json(kept).cells for cell in row] == [
        asdict(cell) for row in table.cells for cell in row
    ]


def test_markdown_has_every_part_and_names_of_people_break_nothing():
    hostile = "a|b\n# not a heading"
    table = Table(
        "t",
        "Table 9: all",
        "Says.",
        [Column("name", "Name"), Column("x", "X", 2)],
        [{"name": hostile, "x": 0.5, "x_low": 0.25, "x_high": 0.75}],
        notes=["Note."],
        apart=["Apart."],
        odd=["Odd."],
    )
    assert table_markdown(table).splitlines()[2] == (
        "| a\\|b # not a heading | 0.50 (0.25 … 0.75) |"
    )
    lacking = [not_made(key, "Rate more.").to_json() for key in TITLES]
    words = as_markdown(
        {
            "title": hostile,
            "words": ["One."],
            "facts": [["seed", 3]],
            "tables": [table.to_json(), *lacking],
        }
    )
    assert [line for line in words.splitlines() if line.startswith("# ")] == [
        "# a|b # not a heading"
    ]
    assert words.count("**Not made.** Rate more.") == len(TITLES)
    parts = ["## Table 9: all", "* Note.", "* Apart.", "* Odd.", "* seed: 3"]
    assert all(part in words for part in parts)
