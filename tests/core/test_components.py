"""Variance components on any design: exact where a second way is known, unbiased elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mos.components import dependability_interval, variance_components
from mos.reliability import icc_forms, mean_squares


def long(table):
    table = np.asarray(table, dtype=float)
    clips, raters = np.indices(table.shape)
    return table.ravel(), clips.ravel(), raters.ravel()


@given(seed=st.integers(0, 10_000), n=st.integers(3, 12), k=st.integers(2, 7))
def test_on_a_complete_table_it_is_the_analysis_of_variance(seed, n, k):
    random = np.random.default_rng(seed)
    table = 3 * random.normal(size=(n, 1)) + random.normal(size=(1, k)) + random.normal(size=(n, k))
    parts, forms, ms = (
        variance_components(*long(table)),
        icc_forms(table).forms,
        mean_squares(table),
    )
    by_anova = [(ms.clips - ms.error) / k, (ms.raters - ms.error) / n, ms.error]
    assert [parts.clip, parts.rater, parts.residual] == pytest.approx(by_anova, abs=1e-10)
    if parts.is_clipped:
        return
    assert parts.icc_single == pytest.approx(forms["ICC(2,1)"].value, abs=1e-10)
    assert parts.icc_average == pytest.approx(forms["ICC(2,k)"].value, abs=1e-10)
    assert parts.icc_consistency == pytest.approx(forms["ICC(3,k)"].value, abs=1e-10)


def sparse_design(seed, clips=450, raters=30, each=45):
    """Thirty raters, each with 45 of 450 clips: the paper's numbers."""
    random = np.random.default_rng(seed)
    rater = np.repeat(np.arange(raters), each)
    clip = np.concatenate([random.choice(clips, each, replace=False) for _ in range(raters)])
    scores = (
        3
        + 0.8 * random.normal(size=clips)[clip]
        + 0.4 * random.normal(size=raters)[rater]
        + 0.9 * random.normal(size=len(clip))
    )
    return scores, clip, rater


def test_on_sparse_designs_it_is_unbiased():
    found = []
    for seed in range(300):
        parts = variance_components(*sparse_design(seed))
        found.append([parts.clip, parts.rater, parts.residual])
    truth, errors = np.array([0.64, 0.16, 0.81]), np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - truth) < 4 * errors)
    assert np.mean(found, axis=0) == pytest.approx(truth, abs=0.03)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), ratings=st.integers(25, 80))
def test_on_any_design_with_repeats_it_is_exactly_unbiased(seed, ratings):
    """Each component is quadratic in the scores, so its mean is a sum over unit effects."""
    random = np.random.default_rng(seed)
    clip, rater = random.integers(0, 8, ratings), random.integers(0, 5, ratings)

    def mean_for(effects):
        parts = [variance_components(effect, clip, rater) for effect in effects]
        return np.sum([[p.clip, p.rater, p.residual] for p in parts], axis=0)

    by_clip = [(clip == c).astype(float) for c in np.unique(clip)]
    by_rater = [(rater == r).astype(float) for r in np.unique(rater)]
    assert mean_for(by_clip) == pytest.approx([1, 0, 0], abs=1e-8)
    assert mean_for(by_rater) == pytest.approx([0, 1, 0], abs=1e-8)
    assert mean_for(np.eye(ratings)) == pytest.approx([0, 0, 1], abs=1e-8)


def test_the_design_is_told_with_the_result():
    parts = variance_components(*sparse_design(1))
    assert (parts.n_ratings, parts.n_raters) == (1350, 30)
    assert 0.85 < parts.missing_frac < 0.95
    assert parts.is_connected


def test_level_and_labels_change_nothing():
    scores, clips, raters = sparse_design(2)
    named = variance_components(scores + 1e6, [f"c{c}" for c in clips], [f"r{r}" for r in raters])
    plain = variance_components(scores, clips, raters)
    assert named.clip == pytest.approx(plain.clip, rel=1e-6)
    assert named.residual == pytest.approx(plain.residual, rel=1e-6)


def test_repeated_ratings_are_allowed_and_still_unbiased():
    found = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        clip, rater = random.integers(0, 25, 200), random.integers(0, 8, 200)
        scores = (
            0.8 * random.normal(size=25)[clip]
            + 0.4 * random.normal(size=8)[rater]
            + 0.9 * random.normal(size=200)
        )
        parts = variance_components(scores, clip, rater)
        found.append([parts.clip, parts.rater, parts.residual])
    errors = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - [0.64, 0.16, 0.81]) < 4 * errors)


def test_islands_are_counted():
    scores = [1, 2, 3, 4, 5, 4, 3, 1]
    clips = ["a", "a", "b", "b", "x", "x", "y", "y"]
    raters = [1, 2, 1, 2, 8, 9, 8, 9]
    parts = variance_components(scores, clips, raters)
    assert (parts.n_islands, parts.is_connected) == (2, False)


def test_a_negative_component_is_kept_and_said():
    parts = variance_components(*long([[1, 5, 1], [5, 1, 5], [1, 5, 2]]))
    assert parts.is_clipped
    assert parts.icc_single == 0.0


@pytest.mark.parametrize(
    ("scores", "clips", "raters", "word"),
    [
        ([1, 2], ["a", "b"], [1, 1], "2 clips and 2 raters"),
        ([1, 2, 3, 4], ["a", "b", "c", "d"], [1, 2, 1, 2], "told apart"),
        ([1, float("nan")], ["a", "b"], [1, 2], "1 scores are missing"),
        ([1, 2, 3, np.inf], list("aabb"), [1, 2, 1, 2], "infinite"),
        ([1, 2, 3], ["a", "b"], [1, 2], "one entry a rating"),
        ([[1], [2], [3], [4]], list("aabb"), [1, 2, 1, 2], "one entry a rating"),
        ([], [], [], "not 0 and 0"),
    ],
)
def test_designs_that_cannot_tell_are_refused_with_the_reason(scores, clips, raters, word):
    with pytest.raises(ValueError, match=word):
        variance_components(scores, clips, raters)


def test_the_interval_holds_the_estimate_and_is_the_same_again():
    data = sparse_design(3)
    parts = variance_components(*data)
    first = dependability_interval(*data, k=1, seed=5)
    again = dependability_interval(*data, k=1, seed=5)
    assert first == again
    assert first.low < parts.icc_single < first.high
    assert first.low > 0 and first.high < 1


def test_the_interval_is_the_jackknife_done_by_hand():
    scores, clips, raters = sparse_design(4, clips=9, raters=5, each=6)
    k, n = 3.0, len(scores)

    def z(keep):
        parts = variance_components(scores[keep], clips[keep], raters[keep])
        noise = (parts.rater + parts.residual) / k
        return np.arctanh(np.clip(parts.clip / (parts.clip + noise), -0.9999, 0.9999))

    def variance(labels):
        left = np.array([z(labels != label) for label in np.unique(labels)])
        return (len(left) - 1) * left.var()

    by_clip, by_rater, by_rating = variance(clips), variance(raters), variance(np.arange(n))
    spread = np.sqrt(max(by_clip, by_rater, by_clip + by_rater - by_rating))
    half, centre = stats.t.ppf(0.975, 4) * spread, z(np.full(n, True))
    found = dependability_interval(scores, clips, raters, k=k)
    assert (found.low, found.high) == pytest.approx(np.tanh([centre - half, centre + half]))


def test_two_raters_say_too_little_of_other_raters_for_an_interval():
    random = np.random.default_rng(0)
    table = random.normal(size=(40, 1)) + random.normal(size=(40, 2))
    interval = dependability_interval(*long(table), k=1)
    assert np.isnan(interval.low) and np.isnan(interval.high)


@pytest.mark.parametrize("k", [0, -1, float("nan")])
def test_a_mean_of_no_raters_is_refused(k):
    data = sparse_design(1)
    with pytest.raises(ValueError, match="above 0"):
        variance_components(*data).dependability(k)
    with pytest.raises(ValueError, match="above 0"):
        dependability_interval(*data, k=k)


def test_an_interval_refuses_a_level_that_is_no_share():
    with pytest.raises(ValueError, match="between 0 and 1"):
        dependability_interval(*sparse_design(1), k=1, level=95)


def test_real_ratings_give_the_known_coefficients_by_either_way(real_data):
    table = pd.read_csv(real_data / "ratings" / "nflx_79x26.csv")
    parts = variance_components(table["rating"], table["item"], table["rater"])
    assert parts.icc_single == pytest.approx(0.745, abs=6e-4)
    wide = table.pivot(index="item", columns="rater", values="rating").to_numpy()
    forms = icc_forms(wide).forms
    assert parts.icc_single == pytest.approx(forms["ICC(2,1)"].value, abs=1e-10)
    assert parts.icc_consistency == pytest.approx(forms["ICC(3,k)"].value, abs=1e-10)
    assert (parts.k_harmonic, parts.missing_frac, parts.n_islands) == (pytest.approx(26), 0, 1)


@pytest.mark.parametrize(
    "design", [{"clips": 60, "raters": 12, "each": 20}, {"clips": 150, "raters": 20, "each": 30}]
)
def test_the_interval_covers_the_truth_about_as_often_as_it_says(design):
    truth = 0.64 / (0.64 + 0.16 + 0.81)
    inside = 0
    for seed in range(100):
        interval = dependability_interval(*sparse_design(seed, **design), k=1)
        inside += interval.low <= truth <= interval.high
    assert 88 <= inside <= 100
