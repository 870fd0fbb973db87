"""The study of weightings on any table: what is read, how it is split, and what is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from learner.proxy.study import (
    FILLS,
    WEIGHTINGS,
    Columns,
    StudyPlan,
    StudyTable,
    as_text,
    holes_once,
    make_holes,
    mean_interval,
    point_weights,
    read_frame,
    run,
    run_study,
    smallest_pool,
    split_of,
    study_once,
    study_table,
    summarise,
    summarise_holes,
)
from learner.proxy.study.asking import MOST_ITEMS, audit_data

PLAN = StudyPlan(labels=(10, 20), repeats=4)


def made(n=60, n_groups=12, n_metrics=3, seed=1):
    """Metrics that follow quality, the first best; groups of unequal size."""
    random = np.random.default_rng(seed)
    quality = random.normal(size=n)
    noise = np.arange(1, n_metrics + 1) * random.normal(size=(n, n_metrics))
    return StudyTable(
        names=tuple("abcdefgh"[:n_metrics]),
        values_NM=quality[:, None] + noise,
        directions=(1,) * n_metrics,
        human_N=3 + 0.5 * quality + 0.2 * random.normal(size=n),
        group_N=random.integers(0, n_groups, n),
    )


def frame(n=50, **columns):
    random = np.random.default_rng(2)
    human = random.normal(size=n)
    base = {"human": human, "snr": human + random.normal(size=n), "lang": ["de"] * n}
    return pd.DataFrame({**base, "group": np.arange(n) % 10, **columns})


def refusal(table, *args, **columns):
    with pytest.raises(ValueError) as caught:
        study_table(table, Columns("human", **columns), *args)
    return str(caught.value)


def described(table):
    return {
        "path": "t.csv",
        "group": None,
        "n_items": len(table.human_N),
        "n_groups": table.n_groups,
        "metrics": table.names,
        "lower_is_better": (),
        "left_out": (),
    }


def test_no_group_lies_on_both_sides():
    table = made(200, 15)
    for seed in range(30):
        split = split_of(table.group_N, seed)
        assert not set(table.group_N[split.pool]) & set(table.group_N[split.test])
        assert sorted([*split.pool, *split.test]) == list(range(200))


def test_every_repeat_has_the_labels_that_are_said_to_fit():
    table = made(80, 9)
    pool = smallest_pool(table.group_N, range(20))
    assert pool == min(len(split_of(table.group_N, seed).pool) for seed in range(20))


def test_groups_of_very_unequal_size_are_refused():
    group_N = np.array([0] * 100 + [1, 2, 3, 4])
    with pytest.raises(ValueError, match="differ so much in size"):
        smallest_pool(group_N, range(20))


def test_one_repeat_has_every_weighting_at_every_number_of_labels():
    table = made()
    found = study_once(table, table.filled(), (10, 20, 500), seed=3, draws=20)
    assert list(found) == ["10", "20"]
    assert all(set(row["pcc"]) == set(WEIGHTINGS) for row in found.values())
    assert all(-1 <= value <= 1 for row in found.values() for value in row["pcc"].values())


def test_equal_scores_give_equal_weights():
    found = point_weights(np.random.default_rng(0).normal(size=(9, 4)), np.ones(9))
    assert set(found) == set(WEIGHTINGS) - {"bagged", "default"}
    assert all(np.allclose(weights, 0.25) for weights in found.values())


def test_a_summary_is_the_mean_over_repeats_and_pairs_them():
    table = made()
    z_NM = table.filled()
    repeats = [study_once(table, z_NM, (10, 20), seed, draws=20) for seed in range(5)]
    found = summarise(repeats)
    pcc = {name: np.array([one["20"]["pcc"][name] for one in repeats]) for name in WEIGHTINGS}
    at = found["by_labels"]["20"]
    assert at["pcc"]["nnls"] == pytest.approx(pcc["nnls"].mean())
    assert at["minus_equal"]["nnls"] == pytest.approx(mean_interval(pcc["nnls"] - pcc["equal"]))
    assert at["minus_equal"]["equal"] == (0, 0, 0)
    both = [found["by_labels"][n]["pcc"]["nnls"] for n in ("10", "20")]
    assert found["overall"]["nnls"] == pytest.approx(np.mean(both))
    ranked = sorted((v for k, v in found["overall"].items() if k != "default"), reverse=True)
    expected = found["overall"]["default"] - np.mean(ranked[:2])
    assert found["checks"]["default_minus_best_two"] == pytest.approx(expected)


def test_repeats_without_a_line_are_counted_and_leave_the_means_of_others():
    row = {"pcc": dict.fromkeys(WEIGHTINGS, 0.5), "says_better": False, "share_learned": 0.5}
    seen = {**row, "intervals": {"picp": 0.8}}
    found = summarise([{"9": seen}, {"9": {**row, "intervals": None}}])["by_labels"]["9"]
    assert found["intervals"] == {"level": 0.9, "without_line": 1, "picp": 0.8}
    none = summarise([{"9": {**row, "intervals": None}}] * 2)["by_labels"]["9"]
    assert none["intervals"] == {"level": 0.9, "without_line": 2}


@pytest.mark.parametrize("kind", ["rank-gauss", "z", "robust"])
def test_holes_are_filled_in_four_ways(kind):
    table = replace(made(), kind=kind)
    repeats = [holes_once(table, 20, seed) for seed in range(3)]
    found = summarise_holes(repeats, 20)
    assert set(found["pcc"]) == set(FILLS)
    assert set(found["conditional_mean_minus"]) == set(FILLS) - {"conditional_mean"}


def test_without_holes_to_make_all_ways_are_one():
    found = holes_once(made(), 20, seed=3, holes_frac=0.0)
    assert len({round(value, 12) for value in found.values()}) == 1


def test_a_metric_that_holes_would_make_constant_keeps_its_values():
    values_NM = np.column_stack([np.arange(50.0), [1.0, 2.0] + [np.nan] * 48])
    for seed in range(20):
        holed = make_holes(values_NM, 0.9, np.random.default_rng(seed))
        assert all(np.nanmin(holed[:, m]) < np.nanmax(holed[:, m]) for m in range(2))


def test_the_same_figures_on_any_number_of_cores():
    one, two = (run_study(made(), PLAN, jobs=jobs) for jobs in (1, 2))
    assert repr(one) == repr(two)


def test_another_seed_gives_other_repeats():
    plans = [replace(PLAN, seed=seed) for seed in (0, 1)]
    assert not set(plans[0].seeds(200)) & set(plans[1].seeds(200))
    first, second = (run_study(made(), plan)["weightings"]["overall"] for plan in plans)
    assert first != second


def test_labels_beyond_the_pool_are_left_out_with_a_sentence():
    found = run_study(made(), replace(PLAN, labels=(10, 400, 500)))
    assert list(found["weightings"]["by_labels"]) == ["10"]
    assert found["settings"]["labels"] == [10]
    (note,) = found["notes"]
    assert note.startswith("400, 500 labels are left out: some repeat has ")


def test_no_number_of_labels_that_fits_is_refused():
    with pytest.raises(ValueError, match="90 labels are more than the"):
        run_study(made(), replace(PLAN, labels=(90,)))


def test_one_metric_has_nothing_to_weigh_and_no_fillings():
    table = made(n_metrics=1)
    found = run_study(table, PLAN)
    assert found["holes"] is None and not found["verdict"]["is_better"]
    assert "nothing to weigh" in found["verdict"]["reason"]
    assert "HOLES are not looked at" in as_text({**found, "table": described(table)})


def test_metrics_that_fall_as_the_score_rises_are_warned_of():
    table = made(n=200)
    table = replace(table, values_NM=-table.values_NM)
    found = run_study(table, PLAN)
    assert sum("direction contradicts" in one for one in found["verdict"]["warnings"]) >= 1
    assert all(row["without_line"] == PLAN.repeats for row in found["intervals"].values())
    text = as_text({**found, "table": described(table)})
    assert "name it in --lower-is-better" in text


def test_a_direction_turns_the_metric_round():
    turned = made()
    turned = replace(turned, values_NM=-turned.values_NM, directions=(-1, -1, -1))
    np.testing.assert_allclose(turned.scores(), made().scores(), atol=1e-9)


def test_audits_get_a_sample_on_the_scale_of_mos():
    table = made(n=700, n_groups=30)
    data = audit_data(table, table.filled(), seed=4)
    assert data.n == MOST_ITEMS
    assert data.mos_N.min() >= 1 and data.mos_N.max() <= 5
    small = made()
    assert audit_data(small, small.filled(), seed=4).n == 60
    with_limits = replace(small, limits=(-10.0, 10.0))
    assert audit_data(with_limits, small.filled(), 4).mos_N.max() < 5


def test_a_strategy_that_cannot_be_audited_says_why(monkeypatch):
    def refuse(data, audit, seed):
        raise ValueError("9 clips are left for testing.")

    monkeypatch.setattr(run, "replay_seed", refuse)
    found = run_study(made(), replace(PLAN, strategies=("k_center",)))
    assert found["strategies"] == [
        {"strategy": "k_center", "reason": "9 clips are left for testing."}
    ]
    assert "k_center: no audit. 9 clips" in as_text({**found, "table": described(made())})


def test_every_numeric_column_is_a_metric_but_those_that_describe_an_item():
    table = frame(Item=range(50), sys=range(50), flat=1.0, empty=np.nan, clarity=range(50))
    found = study_table(table, Columns("human", group="group"))
    assert found.table.names == ("snr", "clarity")
    assert found.table.n_groups == 10
    assert found.left_out == (
        "lang is no metric: it is not of numbers.",
        "Item is no metric: by its name it describes an item.",
        "sys is no metric: by its name it describes an item.",
        "flat is left out: it is 1 for every item.",
        "empty is left out: it has no value.",
    )


def test_a_group_that_is_not_named_is_still_no_metric():
    assert "group" not in study_table(frame(), Columns("human")).table.names


def test_only_metrics_that_are_asked_for_even_by_an_odd_name():
    table = frame(index=np.arange(50.0), clarity=range(50))
    found = study_table(table, Columns("human", metrics=("index", "snr")))
    assert found.table.names == ("snr", "index")
    ignored = study_table(table, Columns("human", ignore=("snr",)))
    assert ignored.table.names == ("clarity",)
    assert "snr is no metric: it is to be ignored." in ignored.left_out


def test_items_without_score_or_any_metric_are_counted_and_left_out():
    table = frame()
    table.loc[:2, "human"] = np.nan
    table.loc[4, "snr"] = np.nan
    found = study_table(table, Columns("human"))
    assert len(found.table.human_N) == 46
    assert "3 items have no human and are left out." in found.left_out
    assert "1 item has no metric and is left out." in found.left_out


def test_an_item_without_a_group_is_a_group_of_its_own():
    table = frame(group=[None, None] + ["a", "b", "c", "d"] * 12)
    assert study_table(table, Columns("human", group="group")).table.n_groups == 6


def test_a_copy_of_the_score_is_pointed_at():
    found = study_table(frame(leak=frame()["human"] * 2 + 1), Columns("human"))
    assert "leak is kept, yet it all but equals human: is it made from it?" in found.left_out


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"group": "film"}, "No column is called 'film': there are human, snr, lang, group."),
        ({"metrics": ("film",)}, "No column is called 'film'"),
        ({"ignore": ("film",)}, "No column is called 'film'"),
        ({"group": "human"}, "human cannot be both the human score and the group."),
        ({"metrics": ("human",)}, "human is the human score or the group: it cannot be a metric"),
        ({"metrics": ("snr",), "ignore": ("snr",)}, "snr cannot be both a metric and ignored."),
        ({"metrics": ("lang",)}, "lang is not of numbers: row 1 has 'de'."),
        ({"lower_is_better": ("snrr",)}, "'snrr' is no metric: there are snr."),
        ({"lower_is_better": ("lang",)}, "'lang' is no metric: there are snr."),
        ({"ignore": ("snr",)}, "There is no metric beside human: snr is no metric"),
    ],
)
def test_columns_that_cannot_be_are_refused_by_name(columns, words):
    assert words in refusal(frame(), **columns)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (frame(human=["3"] * 49 + ["x"]), "human is no human score: row 50 has 'x'."),
        (frame(human=2.0), "human is 2 for every item: there is nothing to compare with."),
        (frame(snr=[np.inf] + [1.0] * 49), "snr is infinite in row 1 and 1 in all"),
        (frame(human=[-np.inf] + [1.0] * 49), "human is infinite in row 1"),
        (frame(snr=1.0), "No metric varies over the items: snr is left out: it is 1 for every"),
        (frame(39), "39 items have human and a metric; 40 are needed: rate more items."),
    ],
)
def test_values_that_cannot_be_are_refused(table, words):
    assert words in refusal(table)


def test_scores_beyond_the_scale_are_refused():
    assert "beyond the scale of 1 to 5" in refusal(frame(), "z", (1.0, 5.0))
    read = study_table(frame(), Columns("human"), limits=(-9.0, 9.0))
    assert read.table.scale == (-9.0, 9.0)


def test_few_groups_are_refused():
    words = refusal(frame(group=[1, 2] * 25), group="group")
    assert "2 groups cannot be split: 5 are needed at least." in words


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_the_same_table_in_three_kinds_of_file(tmp_path, suffix):
    path, table = tmp_path / f"t{suffix}", frame()
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    read = study_table(read_frame(path), Columns("human")).table
    np.testing.assert_allclose(read.human_N, table["human"])
    assert read.names == ("snr",)


def test_the_row_numbers_that_pandas_writes_are_no_metric(tmp_path):
    frame().to_csv(tmp_path / "t.csv")
    found = study_table(read_frame(tmp_path / "t.csv"), Columns("human"))
    assert found.table.names == ("snr",)
    assert "A column without a name is no metric: by its name it describes an item." in (
        found.left_out
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.xlsx", "a", "ends in '.xlsx'; tables end in .csv, .tsv, .tab, .parquet, .pq."),
        ("t", "a", "ends in 'no suffix'"),
        ("t.csv", "", "is empty: a table has a line of column names."),
        ("t.csv", "a,b\n", "is empty: it has 2 columns and no row."),
        ("t.csv", "a,b,a\n1,2,3\n", "has two columns 'a': rename or drop one."),
        ("t.csv", "a,b\n1,2,3\n", "is no table:"),
        ("t.csv", "a,b\n1,2\n1,2,3\n", "is no table:"),
        ("t.csv", b"\xff\xfe\x00a,\x00", "is no table:"),
        ("t.parquet", "a,b\n1,2\n", "is no table:"),
        ("t.parquet", "", "is no table:"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        read_frame(path)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(ValueError, match="cannot be read: No such file"):
            read_frame(tmp_path / name)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_frame(tmp_path / "d.csv")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"repeats": 1}, "1 repeat has no interval"),
        ({"repeats": 0}, "0 repeats have no interval"),
        ({"repeats": 10_001}, "10001 repeats are more than 10000"),
        ({"labels": (7, 30)}, "7 labels teach nothing: 8 are needed at least."),
        ({"labels": ()}, "0 labels teach nothing"),
        ({"seed": -1}, "A seed is 0 or above, not -1."),
        ({"strategies": ("oracle",)}, "No strategy is called 'oracle': there are d_optimal"),
        ({"strategies": ("random",)}, "No strategy is called 'random'"),
    ],
)
def test_plans_that_cannot_be_are_refused(asked, words):
    with pytest.raises(ValueError) as caught:
        StudyPlan(**asked)
    assert words in str(caught.value)
