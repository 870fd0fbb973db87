"""Weights of the proxy MOS: exact where it can be known, honest where it cannot."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from learner.proxy.bag import best_single_bag, fit_bag
from learner.proxy.estimator import BaggedProxy
from learner.proxy.fit import fit_weights
from learner.proxy.normalise import fit_normalisation
from learner.proxy.result import WeightFit, proxy_mos
from learner.proxy.sums import MOST_UNITS, unit_sums, units_of
from learner.proxy.weightings import (
    RULES,
    best_single,
    equal_weights,
    from_clips,
    pearson,
    pearson_gradient,
    shrunk,
    simplex,
    simplex_nnls,
)


def problem(seed, n=40, m=4):
    random = np.random.default_rng(seed)
    z = random.normal(size=(n, m)) + random.normal(size=(n, 1))
    return z, z @ random.dirichlet(np.ones(m)) + random.normal(size=n)


def pcc(a, b):
    return float(np.corrcoef(a, b)[0, 1])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(2, 8))
def test_the_weights_are_those_of_an_independent_optimiser(seed, m):
    z, y = problem(seed, m=m)
    ours = simplex_nnls(z, y)
    best = max(
        (
            minimize(
                lambda w: -pcc(z @ w, y),
                start,
                bounds=[(0, 1)] * m,
                constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                method="SLSQP",
            )
            for start in [equal_weights(m), *np.eye(m) * 0.7 + 0.3 / m]
        ),
        key=lambda found: -found.fun,
    )
    assert pcc(z @ ours, y) == pytest.approx(-best.fun, abs=1e-5)
    assert ours.min() >= 0 and ours.sum() == pytest.approx(1)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_gradient_of_the_correlation_is_zero_at_its_optimum_and_only_there(seed):
    z, y = problem(seed)
    weights = pearson(from_clips(z, y))
    assert np.abs(pearson_gradient(weights, z, y)).max() < 1e-9
    assert np.abs(pearson_gradient(weights + [0.5, 0, 0, 0], z, y)).max() > 1e-6


def test_the_gradient_is_that_of_finite_differences():
    z, y = problem(3)
    weights, step = np.array([0.4, 0.1, 0.3, 0.2]), 1e-6
    for m in range(4):
        moved = weights + step * np.eye(4)[m]
        slope = (pcc(z @ moved, y) - pcc(z @ weights, y)) / step
        assert pearson_gradient(weights, z, y)[m] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("method", ["nnls", "pearson", "shrunk"])
@settings(deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(-5, 5), scale=st.floats(0.1, 9))
def test_scale_and_offset_of_mos_change_nothing(method, seed, shift, scale):
    z, y = problem(seed)
    moved = RULES[method](from_clips(z, shift + scale * y))
    assert moved == pytest.approx(RULES[method](from_clips(z, y)), abs=1e-6)


@pytest.mark.parametrize("method", sorted(RULES))
def test_adding_a_constant_metric_changes_nothing(method):
    z, y = problem(1)
    wider = np.column_stack([z, np.zeros(len(z))])
    fit, with_constant = (fit_weights(x, 3 + y / 3, method=method) for x in (z, wider))
    assert with_constant.weights[:4] == pytest.approx(fit.weights)
    assert with_constant.weights[4] == with_constant.learned[4] == 0
    assert with_constant.constant == (False,) * 4 + (True,)
    assert any("same for every clip" in words for words in with_constant.warnings)


def test_metrics_that_all_contradict_the_ratings_get_equal_weights():
    z = np.arange(20.0)[:, None] * [[1.0, 2.0]]
    assert simplex_nnls(z, -z[:, 0]).tolist() == [0.5, 0.5]


def test_two_metrics_that_are_twins_share_what_one_would_get():
    z, y = problem(5, m=3)
    twins = simplex_nnls(np.column_stack([z, z[:, 0]]), y)
    alone = simplex_nnls(z, y)
    assert twins[0] + twins[3] == pytest.approx(alone[0], abs=1e-4)


def test_shrinking_ends_at_equal_weights_where_they_are_true_and_at_free_ones_where_not():
    random = np.random.default_rng(2)
    truth = np.array([0.7, 0.2, 0.1, 0.0])
    z = random.normal(size=(5000, 4))
    noise = random.normal(size=5000)
    few = shrunk(from_clips(z[:60], z[:60].mean(axis=1) + 0.3 * noise[:60]))
    many = shrunk(from_clips(z, z @ truth + 0.3 * noise))
    assert np.abs(few - 0.25).max() < 0.03
    assert many == pytest.approx(simplex(from_clips(z, z @ truth + 0.3 * noise)), abs=0.01)


def test_learned_weights_are_used_where_one_metric_is_all_that_counts():
    random = np.random.default_rng(3)
    z = random.normal(size=(120, 4))
    fit = fit_weights(z, 3 + 0.7 * z[:, 2] + 0.3 * random.normal(size=120), seed=1)
    assert fit.is_better and fit.share_learned > 0.95 and fit.weights[2] > 0.8
    by_name = {row.name: row for row in fit.agreements}
    assert fit.gain_low > 0 and by_name["weights used"].pcc > by_name["equal weights"].pcc
    assert fit.best_single == 2 and fit.reason.startswith("Learned weights are better")
    assert sum(fit.importance) == pytest.approx(1)
    assert all(
        low <= w <= high for low, w, high in zip(fit.low, fit.learned, fit.high, strict=True)
    )


def test_where_learning_gains_nothing_it_is_said_and_equal_weights_come_in():
    random = np.random.default_rng(4)
    z = random.normal(size=(40, 4))
    fit = fit_weights(z, 3 + z.mean(axis=1) + 0.2 * random.normal(size=40), seed=1)
    assert not fit.is_better and fit.share_learned < 0.5
    assert "not" in fit.reason and "better" in fit.reason
    assert np.ptp(fit.weights) < np.ptp(fit.learned)


def test_equal_weights_alone_are_used_where_learning_loses_for_sure():
    random = np.random.default_rng(9)
    z = random.normal(size=(400, 30))
    rows = np.arange(60)
    y = z.mean(axis=1) * 5 + 0.4 * random.normal(size=400)
    fit = fit_weights(z[rows], y[rows], seed=1, scale=(-9, 9))
    assert fit.share_learned == 0 and fit.reason.startswith("Equal weights: learned ones are not")
    assert fit.weights == pytest.approx([1 / 30] * 30)


def test_who_wants_equal_weights_unless_learned_ones_are_better_gets_them():
    random = np.random.default_rng(4)
    z = random.normal(size=(120, 4))
    noise = 0.3 * random.normal(size=120)
    doubtful, sure = z.mean(axis=1) + noise, 0.7 * z[:, 2] + noise
    fit = fit_weights(z, 3 + doubtful, method="bagged_or_equal")
    assert fit.share_learned == 0 and fit.weights == (0.25,) * 4
    assert fit.reason.startswith("Equal weights")
    assert fit_weights(z, 3 + sure, method="bagged_or_equal").share_learned == 1


@pytest.mark.parametrize("n", [0, 1, 3, 7])
def test_too_few_clips_are_said_to_be_too_few(n):
    z, y = problem(5, n=max(n, 1))
    fit = fit_weights(z[:n], y[:n])
    assert fit.share_learned == 0 and f"{n} clips have a MOS" in fit.reason
    assert fit.weights == pytest.approx([0.25] * 4)


def test_a_metric_that_runs_against_the_ratings_is_flagged():
    random = np.random.default_rng(6)
    z = random.normal(size=(80, 3))
    y = 3 + 0.6 * z[:, 0] - 0.6 * z[:, 1] + 0.2 * random.normal(size=80)
    fit = fit_weights(z, y, names=["good", "turned", "idle"])
    assert fit.contradicts == (False, True, False) and fit.learned[1] == 0
    assert any(words.startswith("turned: direction contradicts") for words in fit.warnings)


def test_noisy_clips_count_less():
    random = np.random.default_rng(6)
    z = random.normal(size=(60, 2))
    y = z[:, 0].copy()
    y[30:] = z[30:, 1]
    noise = np.r_[np.full(30, 0.01), np.full(30, 9.0)]
    trusted = fit_weights(z, y, noise_var=noise, seed=2)
    assert trusted.learned[0] > fit_weights(z, y, seed=2).learned[0] + 0.1


def test_dubs_of_one_source_are_drawn_and_left_out_together():
    z, y = problem(7, n=90)
    sources = np.repeat(np.arange(30), 3)
    unit = units_of(sources, 90)
    bag = fit_bag(unit_sums([z, y], unit, np.ones(90)), unit, simplex, 50, np.random.default_rng(1))
    assert bag.is_out_DU.shape == (50, 30) and (bag.is_out_DU.sum(axis=1) == 6).all()
    draws, clip = bag.is_out_DU[:, unit[4]], 4
    expected = z[clip] @ bag.weights_DM[draws].mean(axis=0)
    assert bag.left_out_sums(z)[clip] == pytest.approx(expected)


def test_the_best_metric_of_all_draws_at_once_is_that_of_each():
    z, y = problem(11, n=40)
    unit = units_of(None, 40)
    sums = unit_sums([z, y], unit, np.ones(40))
    each = fit_bag(sums, unit, best_single, 50, np.random.default_rng(1))
    at_once = best_single_bag(sums, unit, 50, np.random.default_rng(1))
    assert np.array_equal(each.weights_DM, at_once.weights_DM)


def test_of_many_clips_blocks_are_drawn():
    assert len(np.unique(units_of(None, 12_345))) == MOST_UNITS
    assert units_of(np.arange(10) // 2, 10).tolist() == list(range(10))  # 5 sources are too few


def test_sums_over_units_are_those_of_the_clips():
    z, y = problem(8, n=50)
    count = np.random.default_rng(1).random(50)
    unit = np.arange(50) % 7
    whole = unit_sums([z, y], unit, count).sum(axis=0)
    full = np.column_stack([np.ones(50), z, y])
    assert whole == pytest.approx(full.T @ (count[:, None] * full))
    alone = unit_sums([z, y], np.arange(50), count).sum(axis=0)
    assert alone == pytest.approx(whole)


@pytest.mark.parametrize("n", [5, 60])
def test_a_fit_comes_back_from_json_as_it_was(n):
    z, y = problem(7, n=n)
    fit = fit_weights(z, 3 + y / 3, seed=1)
    kept = json.loads(json.dumps(fit.to_json()))
    assert WeightFit.from_json(kept).to_json() == fit.to_json()


def test_the_same_seed_gives_the_same_fit():
    z, y = problem(2)
    assert fit_weights(z, y, seed=4) == fit_weights(z, y, seed=4)
    assert fit_weights(z, y, seed=4).learned != fit_weights(z, y, seed=5).learned


def test_the_proxy_mos_stays_on_the_scale_and_says_how_sure_it_is():
    z, y = problem(8, n=80)
    fit = fit_weights(z, 3 + 0.5 * y, rating_var=0.6, seed=1)
    far = np.vstack([z, 9 * np.ones((1, 4)), -9 * np.ones((1, 4))])
    proxy = proxy_mos(fit, far, np.r_[np.zeros(81), 1.0])
    for values in (proxy.mos_raw, proxy.low, proxy.high):
        assert values.min() >= 1 and values.max() <= 5
    assert np.all(proxy.total_var >= proxy.epistemic_var)
    assert proxy.epistemic_var[-1] > proxy.epistemic_var[-2]
    of_three = proxy_mos(fit, far, k_ratings=3)
    assert of_three.total_var == pytest.approx(proxy_mos(fit, far).total_var + 0.2)
    assert of_three.target == "a new MOS of 3 ratings"
    with pytest.raises(ValueError, match="0 ratings"):
        proxy_mos(fit, far, k_ratings=0)


def test_no_proxy_mos_is_made_up_where_nothing_rises_with_mos():
    z = np.arange(20.0)[:, None] * [[1.0, 2.0]]
    fit = fit_weights(z, -z[:, 0])
    assert any("No proxy MOS" in words for words in fit.warnings)
    with pytest.raises(ValueError, match="fall as MOS rises"):
        proxy_mos(fit, z)


def test_the_estimator_is_unsure_before_it_has_seen_a_label():
    mean, sd = BaggedProxy().predict([[2.0, -2.0], [1.0, 1.0]], return_std=True)
    assert sd[0] > 10 * sd[1]
    assert np.all(np.isfinite(mean))


@pytest.mark.parametrize(
    ("z", "y", "more", "words"),
    [
        ([[1.0], [np.nan]], [1.0, 2.0], {}, "1 metrics are missing"),
        ([[1.0], [2.0]], [1.0, np.inf], {}, "1 MOS are missing or infinite"),
        ([[1.0], [2.0]], [1.0], {}, "do not fit"),
        (np.zeros((3, 0)), [1.0, 2.0, 3.0], {}, "0 metrics"),
        ([[1.0], [2.0]], [1.0, 2.0], {"noise_var": [0.1, -1.0]}, "cannot be below 0"),
        ([[1.0], [2.0]], [1.0, 2.0], {"method": "magic"}, "no weighting 'magic'"),
        ([[1.0], [2.0]], [1.0, 2.0], {"sources": ["a"]}, "do not fit 2 clips"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_by_name(z, y, more, words):
    with pytest.raises(ValueError, match=words):
        fit_weights(z, y, **more)


def test_where_equal_weights_are_as_good_the_product_says_so(real_data):
    table = pd.read_csv(real_data / "proxy" / "bvcc_1066x6_negative_control.csv")
    metrics = table.drop(columns=["item", "group", "human"])
    z = fit_normalisation(metrics, np.ones(metrics.shape[1])).transform(metrics)
    human = table["human"].to_numpy()
    random = np.random.default_rng(1)
    rows = [random.choice(len(z), 60, replace=False) for _ in range(20)]
    said = [fit_weights(z[r], human[r], seed=seed).is_better for seed, r in enumerate(rows)]
    assert sum(said) <= 2
    whole = fit_weights(z, human, sources=table["group"])
    assert not whole.is_better and "not" in whole.reason
