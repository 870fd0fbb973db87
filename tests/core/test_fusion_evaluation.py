"""How scores are judged: as the libraries do, by sources, and honest where nothing is defined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from learner.fusion.doubt import Known, Reach
from learner.fusion.evaluation import Judged, agreement, best_single, draw_units, gain
from learner.fusion.study import SHORT, subsets


def judged(mos, sources=None, systems=None):
    n = len(mos)
    return Judged(
        np.asarray(mos, dtype=float),
        np.arange(n) if sources is None else np.asarray(sources),
        np.array([""] * n) if systems is None else np.asarray(systems),
    )


def made(n=60, seed=0):
    random = np.random.default_rng(seed)
    mos = np.clip(3 + random.normal(size=n), 1, 5)
    return mos, mos + 0.5 * random.normal(size=n) + 0.2


def test_figures_are_those_of_the_libraries():
    mos, score = made()
    row = agreement("x", score, judged(mos))
    assert row["pcc"] == pytest.approx(np.corrcoef(score, mos)[0, 1], abs=1e-6)
    assert row["srcc"] == pytest.approx(stats.spearmanr(score, mos).statistic, abs=1e-6)
    assert row["mse"] == pytest.approx(np.mean((score - mos) ** 2), abs=1e-6)
    assert row["bias"] == pytest.approx(np.mean(score - mos), abs=1e-6)
    assert row["r2"] == pytest.approx(1 - row["mse"] / np.var(mos), abs=1e-5)
    line = stats.linregress(score, mos)
    mapped = np.mean((line.intercept + line.slope * score - mos) ** 2)
    assert row["mse_mapped"] == pytest.approx(mapped, abs=1e-6)
    assert row["pcc_low"] < row["pcc"] < row["pcc_high"]


def test_what_is_not_on_the_scale_has_no_error_but_after_a_line():
    mos, score = made()
    row = agreement("x", 100 * score, judged(mos), is_on_scale=False)
    assert row["mse"] is row["r2"] is row["bias"] is None
    assert row["mse_mapped"] == agreement("x", score, judged(mos))["mse_mapped"]


def test_intervals_are_wider_where_clips_share_sources():
    random = np.random.default_rng(3)
    source = np.repeat(np.arange(12), 10)
    luck = random.normal(size=12)[source]
    mos = np.clip(3 + 0.5 * random.normal(size=120), 1, 5)
    score = mos + luck
    alone, together = (agreement("x", score, judged(mos, s)) for s in (None, source))
    width = {
        name: row["mse_high"] - row["mse_low"]
        for name, row in (("alone", alone), ("together", together))
    }
    assert width["together"] > 1.5 * width["alone"]


def test_intervals_over_sources_hold():
    held, random = [], np.random.default_rng(5)
    for _ in range(60):
        source = np.repeat(np.arange(12), 6)
        mos = 3 + 0.6 * random.normal(size=12)[source] + 0.6 * random.normal(size=72)
        score = mos + 0.5 * random.normal(size=12)[source] + 0.5 * random.normal(size=72)
        row = agreement("x", score, judged(mos, source))
        held.append(row["mse_low"] <= 0.5 <= row["mse_high"])
    assert 0.85 <= np.mean(held) <= 1.0


@pytest.mark.parametrize(
    ("score", "mos"), [([], []), ([3.0], [3.0]), ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])]
)
def test_what_is_not_defined_is_none_and_no_number(score, mos):
    row = agreement("x", score, judged(mos))
    assert row["pcc"] is None and row["srcc"] is None and row["pcc_low"] is None


def test_infinite_and_missing_scores_are_left_out():
    row = agreement("x", [1.0, np.nan, 3.0, np.inf, 4.0], judged([1.0, 2, 3, 4, np.nan]))
    assert row["n"] == 2 and row["mse"] == 0


def test_scores_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"scores of shape \(2,\) do not fit \(3,\) MOS"):
        agreement("x", [1.0, 2.0], judged([1.0, 2, 3]))


def test_systems_are_judged_by_their_means_from_three_on():
    mos, score = made()
    systems = np.array(["a", "b", "c", ""] * 15)
    row = agreement("x", score, judged(mos, systems=systems))
    means = [(score[systems == s].mean(), mos[systems == s].mean()) for s in "abc"]
    assert row["systems"]["n"] == 3
    assert row["systems"]["pcc"] == pytest.approx(np.corrcoef(np.array(means).T)[0, 1], abs=1e-6)
    assert agreement("x", score, judged(mos, systems=["a", "b"] * 30))["systems"] is None


def test_a_gain_is_paired_and_signed():
    mos, score = made(200)
    worse = score + np.random.default_rng(9).normal(size=200)
    found = gain(worse, score, judged(mos))
    assert found["pcc"] > 0 and found["pcc_low"] > 0 and found["mse"] < 0 and found["mse_high"] < 0
    same = gain(score, score, judged(mos))
    assert same["pcc"] == same["pcc_low"] == same["pcc_high"] == 0


def test_the_best_single_column_is_found_where_some_do_not_vary():
    mos, score = made()
    assert best_single(np.column_stack([np.ones(60), -score, score]), mos) == 2


def test_whole_units_are_drawn():
    draws = draw_units(np.repeat(np.arange(6), 4), seed=1, draws=50)
    assert draws.shape == (50, 24)
    assert (draws.reshape(50, 6, 4).std(axis=2) == 0).all()
    assert (draws[:, ::4].sum(axis=1) == 6).all()
    assert len(draw_units(np.arange(4), seed=1)) == 0  # too few to say


def test_every_choice_of_modalities_single_ones_first():
    names = ["".join(SHORT[m] for m in s) for s in subsets(("audio", "video", "text"))]
    assert names == ["A", "V", "T", "AV", "AT", "VT", "AVT"]


def test_intervals_reach_as_far_as_clips_out_of_fold_needed():
    random = np.random.default_rng(2)
    score, var = np.full(400, 3.0), np.full(400, 0.25)
    reach = Reach.fit(score, var, 3 + 0.5 * random.normal(size=400))
    low, high = reach.ends(score, var)
    fresh = 3 + 0.5 * random.normal(size=4000)
    assert np.mean((low[0] <= fresh) & (fresh <= high[0])) == pytest.approx(0.9, abs=0.03)
    assert Reach.from_json(reach.to_json()) == reach


def test_a_clip_like_none_that_was_trained_on_is_far(tmp_path):
    random = np.random.default_rng(4)
    tokens, source = random.normal(size=(200, 8)), np.repeat(np.arange(40), 5)
    known = Known.fit(tokens, source)
    assert np.mean(known.distance(random.normal(size=(500, 8))) > 1) < 0.05
    assert (known.distance(np.full((3, 8), 9.0)) > 1).all()
    known.save(tmp_path / "known.safetensors")
    again = Known.load(tmp_path / "known.safetensors")
    assert np.array_equal(again.distance(tokens), known.distance(tokens))
    (tmp_path / "known.safetensors").write_bytes(b"x")
    with pytest.raises(ValueError, match="cannot be read as safetensors"):
        Known.load(tmp_path / "known.safetensors")


def test_of_one_source_nothing_tells_what_is_far():
    known = Known.fit(np.random.default_rng(0).normal(size=(9, 4)), np.zeros(9, dtype=int))
    assert np.isnan(known.distance(np.full((2, 4), 1e6))).all()
