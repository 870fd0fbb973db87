"""Metrics on one scale: order kept, old scores still, holes filled by what the others tell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from learner.proxy.missing import Moments, fill_missing
from learner.proxy.normalise import KINDS, fit_normalisation, normalisation_from_json


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=3, max_size=50, unique=True))
def test_scores_keep_the_order_and_the_direction_turns_it(kind, values):
    column = np.array(values, dtype=float)[:, None]
    up = fit_normalisation(column, [1], kind).transform(column)[:, 0]
    down = fit_normalisation(column, [-1], kind).transform(column)[:, 0]
    assert stats.spearmanr(up, values).statistic == pytest.approx(1)
    assert down == pytest.approx(-up)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_old_clips_do_not_move_and_outliers_stay_at_the_ends(kind):
    norm = fit_normalisation(np.arange(100.0)[:, None], [1], kind)
    again = normalisation_from_json(json.loads(json.dumps(norm.to_json())))
    asked = [[-1e9], [0.0], [49.5], [99.0], [1e9], [np.nan]]
    assert np.array_equal(norm.transform(asked), again.transform(asked), equal_nan=True)
    low, first, middle, last, high, hole = again.transform(asked)[:, 0]
    assert (low, high) == (first, last) and low == pytest.approx(-high)
    assert abs(middle) < 0.05 and np.isnan(hole)
    assert again.outside(asked)[:, 0].tolist() == [True, False, False, False, True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_metric_says_nothing(kind):
    values = np.column_stack([[1.0, 1, 1, 5], np.full(4, 7.0)])
    norm = fit_normalisation(values, [1, 1], kind)
    scores = norm.transform(np.vstack([values, [3.0, 9.0]]))
    assert scores[0, 0] == scores[2, 0] < scores[3, 0]
    assert norm.constant == [1] and np.all(scores[:, 1] == 0)


def test_tied_values_share_their_mean_rank():
    values = np.repeat([1.0, 2.0, 3.0], [200, 600, 200])[:, None]
    scores = fit_normalisation(values, [1]).transform([[1.0], [2.0], [3.0]])[:, 0]
    assert scores == pytest.approx(stats.norm.ppf([0.1, 0.5, 0.9]), abs=0.02)


def test_a_robust_scale_is_not_moved_by_one_wild_clip():
    values = np.r_[np.arange(99.0), 1e6][:, None]
    robust, z = (fit_normalisation(values, [1], kind) for kind in ("robust", "z"))
    assert np.ptp(robust.transform([[0.0], [98.0]])) > 2 > np.ptp(z.transform([[0.0], [98.0]]))


@pytest.mark.parametrize(
    ("values", "directions", "kind", "word"),
    [
        ([[1.0]], [1, 1], "z", "do not fit"),
        ([[1.0]], [0], "z", "must be"),
        ([[np.nan]], [1], "rank-gauss", "no value"),
        ([[np.inf]], [1], "robust", "infinite"),
        ([[1.0]], [1], "minmax", "no normalisation 'minmax'"),
    ],
)
def test_what_cannot_be_normalised_is_refused(values, directions, kind, word):
    with pytest.raises(ValueError, match=word):
        fit_normalisation(values, directions, kind)


def test_another_number_of_metrics_is_refused_by_name():
    norm = fit_normalisation([[1.0, 2.0], [2.0, 3.0]], [1, 1])
    with pytest.raises(ValueError, match="do not fit 2 metrics"):
        norm.transform([[1.0]])


def holed(seed=1, n=2000, m=3):
    random = np.random.default_rng(seed)
    shared = random.normal(size=n)
    full = np.column_stack([shared + 0.3 * random.normal(size=n) for _ in range(m)])
    holes = random.random(full.shape) < 0.2
    return full, np.where(holes, np.nan, full), holes


def test_missing_metrics_are_expected_from_those_that_are_there():
    full, given_, holes = holed()
    filled = fill_missing(given_)
    assert np.abs(filled.values[holes] - full[holes]).mean() < 0.6 * np.abs(full[holes]).mean()
    assert not np.isnan(filled.values).any()
    whole = ~holes.any(axis=1)
    added = filled.added_variance([1 / 3] * 3)
    assert np.all(added[whole] == 0) and np.all(added[~whole] > 0)


def test_what_stands_in_for_a_hole_is_the_conditional_mean_of_a_normal():
    full, given_, holes = holed(seed=2, n=300)
    moments = Moments.fit(given_)
    filled = fill_missing(given_, moments)
    row = int(np.flatnonzero(holes.sum(axis=1) == 1)[0])
    hole, there = holes[row], ~holes[row]
    s = moments.covariance
    gain = s[np.ix_(hole, there)] @ np.linalg.inv(s[np.ix_(there, there)])
    expected = moments.mean[hole] + gain @ (full[row, there] - moments.mean[there])
    assert filled.values[row, hole] == pytest.approx(expected)
    left = s[np.ix_(hole, hole)] - gain @ s[np.ix_(there, hole)]
    weights = np.array([0.5, 0.3, 0.2])
    assert filled.added_variance(weights)[row] == pytest.approx(weights[hole] ** 2 @ left[0])


def test_with_frozen_moments_a_clip_is_filled_the_same_whoever_comes_later():
    _, given_, _ = holed(n=400)
    moments = Moments.from_json(json.loads(json.dumps(Moments.fit(given_).to_json())))
    alone = fill_missing(given_[:5], moments).values
    assert alone == pytest.approx(fill_missing(given_, moments).values[:5])


def test_a_clip_without_any_metric_gets_the_means_and_all_the_variance():
    filled = fill_missing([[0.0, 1.0], [2.0, 3.0], [np.nan, np.nan]])
    assert filled.values[2] == pytest.approx([1.0, 2.0])
    assert filled.added_variance([0.5, 0.5])[2] == pytest.approx(2.0, rel=0.05)
    assert filled.coverage_frac.tolist() == [1, 1, 0]
