"""Normalised metrics and their weights: exact where it can be known, honest where it cannot."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize

from learner.proxy.estimator import BaggedProxy
from learner.proxy.normalise import RankGauss, fill_missing
from learner.proxy.weights import (
    WeightFit,
    correlation,
    equal_weights,
    fit_weights,
    proxy_mos,
    simplex_nnls,
)


def problem(seed, n=40, m=4):
    random = np.random.default_rng(seed)
    z = random.normal(size=(n, m)) + random.normal(size=(n, 1))
    return z, z @ random.dirichlet(np.ones(m)) + random.normal(size=n)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_weights_are_those_of_an_independent_optimiser(seed):
    z, y = problem(seed)
    ours = simplex_nnls(z, y)
    best = max(
        (
            minimize(
                lambda w: -correlation(z @ w, y),
                start,
                bounds=[(0, 1)] * 4,
                constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                method="SLSQP",
            )
            for start in [equal_weights(4), *np.eye(4) * 0.7 + 0.075]
        ),
        key=lambda found: -found.fun,
    )
    assert correlation(z @ ours, y) >= -best.fun - 1e-5
    assert ours.min() >= 0 and ours.sum() == pytest.approx(1)


@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5), scale=st.floats(0.1, 9))
def test_scale_and_offset_of_mos_change_nothing(seed, shift, scale):
    z, y = problem(seed)
    assert simplex_nnls(z, shift + scale * y) == pytest.approx(simplex_nnls(z, y), abs=1e-6)


def test_a_metric_that_is_constant_gets_no_weight():
    z, y = problem(1)
    with_constant = np.column_stack([z, np.zeros(len(z))])
    assert simplex_nnls(with_constant, y)[:4] == pytest.approx(simplex_nnls(z, y))
    assert simplex_nnls(with_constant, y)[4] == 0


def test_metrics_that_all_contradict_the_ratings_get_equal_weights():
    z = np.arange(20.0)[:, None] * [[1.0, 2.0]]
    assert simplex_nnls(z, -z[:, 0]).tolist() == [0.5, 0.5]


def test_learned_weights_are_used_where_one_metric_is_all_that_counts():
    random = np.random.default_rng(3)
    z = random.normal(size=(120, 4))
    y = 3 + 0.7 * z[:, 2] + 0.3 * random.normal(size=120)
    fit = fit_weights(z, y, seed=1)
    assert not fit.is_equal and fit.weights[2] > 0.8
    assert fit.gain_low > 0 and fit.pcc_fitted > fit.pcc_equal
    assert fit.best_single == 2
    assert "gain" in fit.reason


def test_equal_weights_are_kept_and_said_where_learning_gains_nothing():
    random = np.random.default_rng(4)
    z = random.normal(size=(30, 4))
    fit = fit_weights(z, 3 + z.mean(axis=1) + 0.3 * random.normal(size=30), seed=1)
    assert fit.is_equal and fit.weights == (0.25,) * 4
    assert fit.reason.startswith("Equal weights")


@pytest.mark.parametrize("n", [0, 3, 7])
def test_too_few_clips_are_said_to_be_too_few(n):
    z, y = problem(5, n=max(n, 1))
    fit = fit_weights(z[:n], y[:n])
    assert fit.is_equal and f"{n} clips have a MOS" in fit.reason


def test_noisy_clips_count_less():
    random = np.random.default_rng(6)
    z = random.normal(size=(60, 2))
    y = z[:, 0].copy()
    y[30:] = z[30:, 1]
    noise = np.r_[np.full(30, 0.01), np.full(30, 9.0)]
    trusted = fit_weights(z, y, noise_var=noise, seed=2)
    assert trusted.fitted[0] > fit_weights(z, y, seed=2).fitted[0] + 0.1


def test_a_fit_comes_back_from_json_as_it_was():
    fit = fit_weights(*problem(7), seed=1)
    assert WeightFit.from_json(json.loads(json.dumps(fit.to_json()))) == fit


def test_the_proxy_mos_stays_on_the_scale_and_says_how_sure_it_is():
    z, y = problem(8, n=80)
    fit = fit_weights(z, 3 + 0.5 * y, seed=1)
    far = np.vstack([z, 9 * np.ones((1, 4)), -9 * np.ones((1, 4))])
    proxy = proxy_mos(fit, far, np.r_[np.zeros(81), 1.0])
    assert proxy.mos_raw.min() >= 1 and proxy.mos_raw.max() <= 5
    assert np.all(proxy.total_var >= proxy.epistemic_var)
    assert proxy.epistemic_var[-1] > proxy.epistemic_var[-2]


def test_no_proxy_mos_is_made_up_where_nothing_rises_with_mos():
    z = np.arange(20.0)[:, None] * [[1.0, 2.0]]
    fit = fit_weights(z, -z[:, 0])
    with pytest.raises(ValueError, match="do not rise with MOS"):
        proxy_mos(fit, z)


def test_the_estimator_is_unsure_before_it_has_seen_a_label():
    mean, sd = BaggedProxy().predict([[2.0, -2.0], [1.0, 1.0]], return_std=True)
    assert sd[0] > 10 * sd[1]
    assert np.all(np.isfinite(mean))


def test_holes_are_refused():
    with pytest.raises(ValueError, match="no holes"):
        fit_weights([[1.0], [np.nan]], [1.0, 2.0])


# Normalisation


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=50, unique=True))
def test_normal_scores_keep_the_order_and_the_direction_turns_it(values):
    column = np.array(values)[:, None]
    up = RankGauss.fit(column, [1]).transform(column)[:, 0]
    down = RankGauss.fit(column, [-1]).transform(column)[:, 0]
    if np.ptp(column) > 1e-6 * np.abs(column).max():
        assert stats.spearmanr(up, values).statistic > 0.99
    assert down == pytest.approx(-up)


def test_scores_of_old_clips_do_not_move_and_outliers_stay_at_the_ends():
    norm = RankGauss.fit(np.arange(100.0)[:, None], [1])
    again = RankGauss.from_json(json.loads(json.dumps(norm.to_json())))
    asked = [[-1e9], [50.0], [1e9], [np.nan]]
    assert np.array_equal(norm.transform(asked), again.transform(asked), equal_nan=True)
    low, middle, high, hole = again.transform(asked)[:, 0]
    assert low == pytest.approx(-high) and abs(middle) < 0.05 and np.isnan(hole)


def test_tied_values_share_their_rank_and_a_constant_metric_says_nothing():
    values = np.column_stack([[1.0, 1, 1, 5], np.full(4, 7.0)])
    norm = RankGauss.fit(values, [1, 1])
    scores = norm.transform(values)
    assert scores[0, 0] == scores[2, 0] < scores[3, 0]
    assert norm.constant == [1] and np.all(scores[:, 1] == 0)


@pytest.mark.parametrize(
    ("values", "directions", "word"),
    [
        ([[1.0]], [1, 1], "do not fit"),
        ([[1.0]], [0], "must be"),
        ([[np.nan]], [1], "no value"),
    ],
)
def test_what_cannot_be_normalised_is_refused(values, directions, word):
    with pytest.raises(ValueError, match=word):
        RankGauss.fit(values, directions)


def test_missing_metrics_are_expected_from_those_that_are_there():
    random = np.random.default_rng(1)
    shared = random.normal(size=2000)
    full = np.column_stack([shared + 0.3 * random.normal(size=2000) for _ in range(3)])
    holed = full.copy()
    holes = random.random(full.shape) < 0.2
    holed[holes] = np.nan
    filled = fill_missing(holed)
    assert np.abs(filled.values[holes] - full[holes]).mean() < 0.6 * np.abs(full[holes]).mean()
    assert not np.isnan(filled.values).any()
    whole = ~holes.any(axis=1)
    added = filled.added_variance([1 / 3] * 3)
    assert np.all(added[whole] == 0) and np.all(added[~whole] > 0)


# Real tables


def test_where_equal_weights_are_as_good_the_product_says_so(real_data):
    table = pd.read_csv(real_data / "proxy" / "bvcc_1066x6_negative_control.csv")
    human = next(name for name in ("human", "mos", "MOS") if name in table.columns)
    metrics = table.drop(columns=[human]).select_dtypes("number")
    norm = RankGauss.fit(metrics, np.ones(metrics.shape[1], dtype=int))
    z = norm.transform(metrics)
    random = np.random.default_rng(1)
    equal = [
        fit_weights(z[rows], table[human].to_numpy()[rows], seed=seed).is_equal
        for seed in range(8)
        for rows in [random.choice(len(z), 60, replace=False)]
    ]
    assert sum(equal) >= 6
