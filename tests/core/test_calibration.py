"""What is said of errors is held against errors, and against an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from learner.proxy.calibration import Calibration, Conformal, calibration, fit_line
from learner.proxy.fit import fit_weights
from learner.proxy.normalise import fit_normalisation
from learner.proxy.result import proxy_mos


def predictions(seed=1, n=500, told=1.0):
    random = np.random.default_rng(seed)
    mean, sd = random.uniform(1, 5, n), random.uniform(0.3, 0.9, n)
    return mean, (told * sd) ** 2, mean + sd * random.normal(size=n)


def test_the_figures_are_those_of_uncertainty_toolbox():
    import uncertainty_toolbox as toolbox

    mean, var, y = predictions()
    found = calibration(mean, 0.3 * var, var, y)
    sd = np.sqrt(var)
    assert found.ece == pytest.approx(
        toolbox.mean_absolute_calibration_error(mean, sd, y, num_bins=99), abs=0.01
    )
    assert found.crps == pytest.approx(toolbox.crps_gaussian(mean, sd, y), rel=1e-9)


def test_crps_is_the_integral_that_defines_it():
    found = calibration([3.0], [0.1], [0.49], [3.4])
    below = integrate.quad(lambda x: stats.norm.cdf(x, 3.0, 0.7) ** 2, -5, 3.4)[0]
    above = integrate.quad(lambda x: (1 - stats.norm.cdf(x, 3.0, 0.7)) ** 2, 3.4, 12)[0]
    assert found.crps == pytest.approx(below + above, rel=1e-5)


def test_true_variances_hold_what_they_promise_and_false_ones_are_found_out():
    true, told_too_little = (
        calibration(m, v / 2, v, y) for m, v, y in (predictions(), predictions(told=0.4))
    )
    assert true.holds and true.ece < 0.03 and true.picp_low < 0.9 < true.picp_high
    assert not told_too_little.holds and told_too_little.ece > 0.15
    assert true.mpiw_frac == pytest.approx(true.mpiw / 4)
    assert true.apv_epistemic == pytest.approx(true.apv_total / 2)


def test_a_calibration_comes_back_from_json_as_it_was():
    mean, var, y = predictions(n=40)
    found = calibration(mean, var, var, y)
    assert Calibration.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("var", "mos", "words"), [([0.0], [1.0], "above 0"), ([1.0], [1.0, 2.0], "do not fit")]
)
def test_predictions_that_cannot_be_judged_are_refused(var, mos, words):
    with pytest.raises(ValueError, match=words):
        calibration([3.0], [0.0], var, mos)


def test_the_conformal_quantile_counts_one_clip_more_than_there_is():
    scores = np.arange(1, 100.0)
    assert Conformal.fit(scores, np.ones(99)).reach(0.9) == 90
    assert Conformal.fit([1.0, 2.0], [1.0, 1.0]).reach(0.9) == pytest.approx(1.645, abs=1e-3)


def test_of_many_clips_quantiles_are_kept_and_give_the_same():
    errors = np.random.default_rng(1).normal(size=50_000)
    kept = Conformal.fit(errors, np.ones(50_000))
    assert len(kept.scores) == 2001
    assert kept.reach(0.9) == pytest.approx(np.quantile(np.abs(errors), 0.9), abs=0.005)


def test_the_line_is_that_of_least_squares_and_its_errors_leave_the_clip_out():
    random = np.random.default_rng(2)
    x = random.normal(size=30)
    y = 3 + 0.5 * x + 0.2 * random.normal(size=30)
    line = fit_line(x, y)
    slope, offset = np.polyfit(x, y, 1)
    assert (line.slope, line.offset) == (pytest.approx(slope), pytest.approx(offset))
    without = np.polyfit(np.delete(x, 3), np.delete(y, 3), 1)
    assert line.errors(x, y, np.ones(30))[3] == pytest.approx(y[3] - np.polyval(without, x[3]))


@pytest.mark.parametrize(
    ("sums", "mos", "words"),
    [
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], "fall as MOS rises"),
        ([1.0, 1.0, 1.0], [3.0, 2.0, 1.0], "same for every clip"),
        ([1.0, 2.0], [1.0, 2.0], "2 clips"),
    ],
)
def test_no_line_is_drawn_where_none_rises(sums, mos, words):
    line = fit_line(sums, mos)
    assert words in line.reason and np.isnan(line.slope)


def test_intervals_at_90_percent_hold_on_new_clips(real_data):
    import pandas as pd

    table = pd.read_csv(real_data / "proxy" / "realsumm_2500x14.csv")
    metrics = table.drop(columns=["item", "group", "sys", "human"])
    z = fit_normalisation(metrics, np.ones(14)).transform(metrics)
    human, group = table["human"].to_numpy(), table["group"].to_numpy()
    random, held = np.random.default_rng(3), []
    for seed in range(40):
        test = np.isin(group, random.choice(np.unique(group), 40, replace=False))
        rows = random.choice(np.flatnonzero(~test), 60, replace=False)
        fit = fit_weights(z[rows], human[rows], seed=seed, scale=(0, 1))
        said = proxy_mos(fit, z[test])
        held.append(((said.low <= human[test]) & (human[test] <= said.high)).mean())
    assert 0.87 <= np.mean(held) <= 0.93


def test_intervals_of_true_quality_and_of_a_new_mos_each_hold_their_own_target():
    """Raters' noise is part of a new MOS and no part of true quality."""
    random, held = np.random.default_rng(4), {"true": [], "new": []}
    for seed in range(40):
        z = random.normal(size=(1060, 4))
        truth = 3 + z @ [0.4, 0.2, 0.1, 0.0] * 0.8 + 0.25 * random.normal(size=1060)
        mos = truth + np.sqrt(0.6 / 3) * random.normal(size=1060)
        rows, new = np.arange(60), np.arange(60, 1060)
        fit = fit_weights(
            z[rows], mos[rows], noise_var=np.full(60, 0.2), rating_var=0.6, seed=seed, scale=(-9, 9)
        )
        for name, target, k in (("true", truth, None), ("new", mos, 3)):
            said = proxy_mos(fit, z[new], k_ratings=k)
            held[name].append(((said.low <= target[new]) & (target[new] <= said.high)).mean())
    assert 0.86 <= np.mean(held["true"]) <= 0.96, held["true"]
    assert 0.87 <= np.mean(held["new"]) <= 0.93
