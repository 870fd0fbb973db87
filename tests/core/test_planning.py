"""The D-study against simulation and real raters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mos.components import VarianceComponents, variance_components
from mos.planning import budget_plan, plan, raters_needed

KNOWN = VarianceComponents(
    clip=0.64,
    rater=0.16,
    residual=0.8,
    n_ratings=1350,
    n_clips=450,
    n_raters=30,
    k_harmonic=3.0,
    missing_frac=0.9,
    n_islands=1,
)
positive = st.floats(0.01, 5)


def crossed(seed, clips, raters, parts=KNOWN):
    """True qualities, and what raters who all rate everything say of them."""
    random = np.random.default_rng(seed)
    quality = random.normal(0, np.sqrt(parts.clip), clips)
    level = random.normal(0, np.sqrt(parts.rater), raters)
    noise = random.normal(0, np.sqrt(parts.residual), (clips, raters))
    return quality, quality[:, None] + level + noise


@given(clip=positive, rater=positive, residual=positive, target=st.floats(0.05, 0.95))
def test_the_raters_asked_for_reach_the_target_and_one_less_does_not(clip, rater, residual, target):
    parts = replace(KNOWN, clip=clip, rater=rater, residual=residual)
    needed = raters_needed(parts, target)
    assert parts.dependability(needed.k_exact) == pytest.approx(target)
    assert parts.dependability(needed.k) >= target - 1e-9
    assert needed.k == 1 or parts.dependability(needed.k - 1) < target


def test_the_relative_form_leaves_the_level_of_raters_out():
    absolute, relative = (raters_needed(KNOWN, 0.8, relative=is_so) for is_so in (False, True))
    assert (absolute.k_exact, relative.k_exact) == pytest.approx((6.0, 5.0))
    assert (absolute.k, relative.k) == (6, 5)  # and not 7: 4 * 0.96 / 0.64 is a little above 6
    assert (absolute.is_relative, relative.is_relative) == (False, True)


def test_raters_who_never_err_are_needed_once():
    assert raters_needed(replace(KNOWN, rater=0.0, residual=0.0), 0.99).k == 1


def test_a_negative_component_counts_as_nothing_and_is_named():
    parts = replace(KNOWN, rater=-0.02)
    needed = raters_needed(parts, 0.8)
    assert needed.k_exact == pytest.approx(raters_needed(KNOWN, 0.8, relative=True).k_exact)
    said = "Came out below 0 and counts as 0: variance of raters -0.02."
    assert needed.note == plan(parts).note == budget_plan(parts, 90).plan.note == said
    assert plan(KNOWN).note == raters_needed(KNOWN, 0.8).note == ""
    both = plan(replace(KNOWN, clip=-0.1, rater=-0.02))
    assert both.note.endswith("variance of clips -0.1, raters -0.02.")
    assert np.all(both.dependability == 0) and np.all(both.pcc_ceiling == 0)


def test_where_nothing_varies_no_reliability_is_told():
    table = plan(replace(KNOWN, clip=0.0, rater=0.0, residual=0.0), 3)
    assert np.isnan(table.dependability).all() and np.isnan(table.pcc_ceiling).all()
    assert table.half_width[1:].tolist() == [0.0, 0.0]


@given(clip=positive, rater=positive, residual=positive)
def test_each_row_is_the_coefficient_of_so_many_raters(clip, rater, residual):
    parts = replace(KNOWN, clip=clip, rater=rater, residual=residual)
    table = plan(parts, 12)
    assert table.k.tolist() == list(range(1, 13))
    assert table.dependability == pytest.approx([parts.dependability(k) for k in range(1, 13)])
    assert table.consistency == pytest.approx(
        [replace(parts, k_harmonic=k).icc_consistency for k in range(1, 13)]
    )
    assert table.pcc_ceiling == pytest.approx(np.sqrt(table.dependability))
    assert np.all(table.pcc_ceiling <= table.pcc_ceiling_same_raters)
    assert np.all(np.diff(table.dependability) > 0)


@pytest.mark.parametrize("k", [2, 3, 8, 30])
def test_planned_half_widths_are_what_student_gives_on_average(k):
    random = np.random.default_rng(k)
    draws = random.normal(0, np.sqrt(KNOWN.rater + KNOWN.residual), (40_000, k))
    half = stats.t.ppf(0.975, k - 1) * draws.std(axis=1, ddof=1) / np.sqrt(k)
    error = half.std() / np.sqrt(len(half))
    table = plan(KNOWN, 30)
    assert table.half_width[k - 1] == pytest.approx(half.mean(), abs=4 * error)
    assert np.isnan(table.half_width[0])


@pytest.mark.parametrize("k", [1, 3, 10])
def test_a_score_that_knows_the_truth_reaches_the_ceiling_and_no_more(k):
    quality, same = crossed(k, clips=60_000, raters=k)
    random = np.random.default_rng(100 + k)  # not the draws that made the qualities
    own = quality + random.normal(0, np.sqrt((KNOWN.rater + KNOWN.residual) / k), len(quality))
    table = plan(KNOWN, 10)
    assert np.corrcoef(quality, own)[0, 1] == pytest.approx(table.pcc_ceiling[k - 1], abs=0.01)
    assert np.corrcoef(quality, same.mean(axis=1))[0, 1] == pytest.approx(
        table.pcc_ceiling_same_raters[k - 1], abs=0.01
    )


@pytest.mark.parametrize("k", [1, 3, 15])
def test_the_error_of_the_mean_over_clips_is_that_of_simulated_campaigns(k):
    budget = budget_plan(KNOWN, 90, n_raters=15)
    n = int(budget.n_clips[k - 1])
    found = []
    for seed in range(3000):
        quality, table = crossed(seed, n, 15)
        turns = (np.arange(n * k) % 15).reshape(n, k)  # every rater gets as many
        found.append(np.take_along_axis(table, turns, axis=1).mean())
    assert np.std(found) == pytest.approx(budget.mean_se[k - 1], rel=0.06)


def test_a_budget_buys_many_clips_or_many_raters():
    budget = budget_plan(KNOWN, 100, n_raters=12)
    assert budget.plan.k.tolist() == list(range(1, 13))
    assert budget.n_clips.tolist() == [100, 50, 33, 25, 20, 16, 14, 12, 11, 10, 9, 8]
    assert np.all(budget.n_spent <= 100) and budget.n_spent[2] == 99
    assert np.all(np.diff(budget.plan.dependability) > 0)
    assert budget.mean_se.argmin() == 0
    assert budget_plan(KNOWN, 450).n_raters == 30


def test_a_budget_stops_at_the_clips_there_are_and_at_the_last_rating():
    budget = budget_plan(KNOWN, 100, n_raters=12, most_clips=30)
    assert budget.n_clips[:4].tolist() == [30, 30, 30, 25]
    assert budget.n_spent[:4].tolist() == [30, 60, 90, 100]
    assert budget_plan(KNOWN, 5).plan.k.tolist() == [1, 2, 3, 4, 5]
    # Five ratings are of five raters at most, however many there are.
    one = budget_plan(KNOWN, 5).mean_se[0]
    assert one == pytest.approx(np.sqrt((0.64 + 0.16 + 0.8) / 5))


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda: raters_needed(KNOWN, 1.0), "1 does not"),
        (lambda: raters_needed(KNOWN, float("nan")), "nan does not"),
        (lambda: raters_needed(replace(KNOWN, clip=-0.1), 0.8), "came out at -0.1"),
        (lambda: raters_needed(replace(KNOWN, clip=0.0), 0.8), "no number of raters reaches 0.8"),
        (lambda: plan(KNOWN, 0), "not 0"),
        (lambda: plan(KNOWN, level=95), "between 0 and 1"),
        (lambda: budget_plan(KNOWN, 0), "ratings must be 1 or more, not 0"),
        (lambda: budget_plan(KNOWN, 9, n_raters=0), "n_raters must be 1 or more, not 0"),
        (lambda: budget_plan(KNOWN, 9, most_clips=-2), "most_clips must be 1 or more, not -2"),
    ],
)
def test_plans_that_cannot_be_made_are_refused(ask, word):
    with pytest.raises(ValueError, match=word):
        ask()


def test_halves_of_real_raters_agree_as_planned(real_data):
    table = pd.read_csv(real_data / "ratings" / "nflx_79x26.csv")
    parts = variance_components(table["rating"], table["item"], table["rater"])
    wide = table.pivot(index="item", columns="rater", values="rating").to_numpy()
    planned, random = plan(parts, 13), np.random.default_rng(0)
    for k in (2, 5, 13):
        found = []
        for _ in range(200):
            order = random.permutation(26)
            halves = wide[:, order[:k]].mean(axis=1), wide[:, order[k : 2 * k]].mean(axis=1)
            found.append(np.corrcoef(halves)[0, 1])
        assert np.mean(found) == pytest.approx(planned.consistency[k - 1], abs=0.01)
