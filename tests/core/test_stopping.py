"""Intervals that may be looked at as often as one likes, looked at as often as one likes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mos.aggregate import mos_table
from mos.planning import sequence_half_width, watch_differences, watch_means

RATINGS = {  # chance of each score from 1 to 5
    "about the middle": [0.05, 0.2, 0.4, 0.25, 0.1],
    "near an end": [0, 0.05, 0.2, 0.5, 0.25],
    "all but the best": [0, 0, 0, 0.05, 0.95],
}


def sequences(chances, runs=2000, length=500, seed=1):
    """Means and standard deviations after each rating of many runs, and the true mean."""
    random, scores = np.random.default_rng(seed), np.arange(1, 6.0)
    if chances is None:
        drawn, truth = random.normal(3, 0.9, (runs, length)), 3.0
    else:
        drawn, truth = random.choice(scores, (runs, length), p=chances), float(scores @ chances)
    n = np.broadcast_to(np.arange(1, length + 1), drawn.shape)
    mean = np.cumsum(drawn, axis=1) / n
    squares = np.cumsum((drawn - truth) ** 2, axis=1) - n * (mean - truth) ** 2
    sd = np.sqrt(np.maximum(squares, 0) / np.maximum(n - 1, 1))
    return mean, sd, n, truth


@pytest.mark.parametrize("chances", [None, *RATINGS.values()], ids=["normal", *RATINGS])
def test_looking_after_every_rating_misses_the_mean_no_more_than_promised(chances):
    mean, sd, n, truth = sequences(chances)
    is_missed = np.abs(mean - truth) > sequence_half_width(sd, n)
    assert is_missed.any(axis=1).mean() <= 0.05
    half = stats.t.ppf(0.975, np.maximum(n - 1, 1)) * sd / np.sqrt(n)
    by_student = (np.abs(mean - truth) > half)[:, 14:]
    assert by_student.any(axis=1).mean() > 0.3  # what a page would do that shows it live


@pytest.mark.parametrize("level", [0.8, 0.9, 0.99])
def test_each_level_is_kept(level):
    mean, sd, n, truth = sequences(RATINGS["about the middle"])
    is_missed = np.abs(mean - truth) > sequence_half_width(sd, n, level=level)
    assert is_missed.any(axis=1).mean() <= 1 - level


def test_stopping_where_it_is_narrow_enough_keeps_the_promise():
    mean, sd, n, truth = sequences(RATINGS["near an end"], length=300)
    runs = np.arange(len(mean))
    watch = watch_means(mean.ravel(), sd.ravel(), n.ravel(), target=0.3)
    first = watch.is_settled.reshape(n.shape).argmax(axis=1)
    assert watch.is_settled.reshape(n.shape).any(axis=1).all()
    assert np.mean(np.abs(mean[runs, first] - truth) <= 0.3) >= 0.95


def test_stopping_as_soon_as_two_equal_systems_look_apart_seldom_happens():
    random, found, by_student = np.random.default_rng(3), 0, 0
    for _ in range(400):
        mos_a, mos_b = (random.choice(np.arange(1, 5.1, 0.5), (150, 1)) for _ in range(2))
        until = np.tril(np.ones((150, 150))).T  # column s: the first s sources
        a, b = (np.where(until > 0, mos, np.nan) for mos in (mos_a, mos_b))
        watch = watch_differences(a, b, target=0.1)
        found += bool(((watch.low > 0) | (watch.high < 0)).any())
        gap = (mos_a - mos_b)[:, 0]
        p = [stats.ttest_1samp(gap[:s], 0).pvalue for s in range(15, 151, 5)]
        by_student += min(p) < 0.05
    assert found / 400 <= 0.05
    assert by_student / 400 > 0.15


def test_with_the_widest_spread_it_holds_for_any_ratings_from_the_first():
    rare = [0.03, 0, 0, 0, 0.97]
    mean, sd, n, truth = sequences(rare)
    widest = sequence_half_width(np.full(n.shape, 2.0), n, first_n=1)
    assert (np.abs(mean - truth) > widest).any(axis=1).mean() <= 0.05
    own = sequence_half_width(sd, n)
    assert (np.abs(mean - truth) > own).any(axis=1).mean() > 0.05  # as its docstring warns


def test_equal_ratings_are_no_certainty():
    half = sequence_half_width([0.0, 0.0], [15, 60])
    assert 0.4 < half[0] < 0.8 and 0.1 < half[1] < half[0]


def mixture(n, rho2, alpha):
    grown = n * rho2 + 1
    return np.sqrt(2 * grown / (n**2 * rho2) * np.log(np.sqrt(grown) / alpha))


@pytest.mark.parametrize(("level", "planned_n"), [(0.95, 30), (0.9, 100), (0.99, 15)])
def test_it_is_narrowest_where_planned(level, planned_n):
    tried = np.geomspace(0.001, 10, 20_001)
    best = mixture(planned_n, tried, 1 - level).min()
    settings = {"level": level, "planned_n": planned_n, "first_n": 1}
    ours = sequence_half_width([2.0], [planned_n], **settings)[0] / 2
    assert ours == pytest.approx(best, rel=1e-6)
    elsewhere = {**settings, "planned_n": 4 * planned_n}
    assert sequence_half_width([2.0], [planned_n], **elsewhere)[0] / 2 > best


def test_the_boundary_is_that_of_the_paper():
    """With the approximation of rho that the paper gives beside the exact one."""
    alpha, n = 0.05, 200
    rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / n
    ours = sequence_half_width([2.0], [n], planned_n=n)[0] / 2
    assert ours == pytest.approx(mixture(n, rho2, alpha), rel=1e-3)


def test_the_two_ratings_at_the_ends_are_spread_and_nothing_else():
    scores = np.random.default_rng(1).integers(1, 6, 40).astype(float)
    mean, sd = scores.mean(), scores.std(ddof=1)
    with_ends = np.append(scores - mean, [-2.0, 2.0])
    spread = np.sqrt(np.sum(with_ends**2) / 41)
    ours, unit = sequence_half_width([sd, 2.0], [40, 40])
    assert ours / unit == pytest.approx(spread / 2)


def test_nothing_is_said_before_the_first_ratings():
    watch = watch_means([np.nan, 4.0, 4.0], [np.nan, np.nan, 0.5], [0, 1, 14], target=5.0)
    assert np.isinf(watch.half_width).all() and not watch.is_settled.any()
    assert watch.low[1] == -np.inf and watch.high[1] == np.inf


def test_a_table_of_mos_can_be_watched_as_it_is():
    random = np.random.default_rng(2)
    clip = np.repeat(["calm", "torn", "new"], [40, 40, 3])
    scores = np.concatenate(
        [random.choice([3, 4], 40), random.choice([1, 5], 40), random.choice([3, 4], 3)]
    )
    table = mos_table(scores, clip)
    watch = watch_means(table.mos_raw, table.sd, table.n, target=0.5)
    assert dict(zip(table.keys, watch.is_settled.tolist(), strict=True)) == {
        "calm": True,
        "new": False,
        "torn": False,
    }
    assert watch.n.tolist() == [40, 3, 40]


def test_differences_are_the_means_over_sources_that_both_systems_have():
    random = np.random.default_rng(4)
    a, b = random.uniform(1, 5, (40, 2)), random.uniform(1, 5, (40, 2))
    a[:5, 0], b[3:9, 1] = np.nan, np.nan
    watch = watch_differences(a, b, target=0.5)
    for pair, kept in enumerate((slice(5, None), np.r_[0:3, 9:40])):
        gap = a[kept, pair] - b[kept, pair]
        alone = watch_means([gap.mean()], [gap.std(ddof=1)], [len(gap)], target=0.5)
        assert watch.mean[pair] == pytest.approx(alone.mean[0])
        assert watch.low[pair] == pytest.approx(alone.low[0])
        assert watch.n[pair] == len(gap)


def test_systems_without_a_common_source_are_not_compared():
    watch = watch_differences([4.0, np.nan], [np.nan, 3.0], target=0.5)
    assert np.isnan(watch.mean[0]) and watch.n[0] == 0 and not watch.is_settled[0]
    assert len(watch_differences([], [], target=0.5).mean) == 1


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda: sequence_half_width([1], [20], level=95), "between 0 and 1"),
        (lambda: sequence_half_width([1], [20], planned_n=0), "planned_n must be 1 or more, not 0"),
        (lambda: sequence_half_width([1], [20], first_n=0), "first_n must be 1 or more, not 0"),
        (lambda: sequence_half_width([1, 2], [20]), "must have one shape"),
        (lambda: sequence_half_width([np.nan], [20]), "A spread is nan"),
        (lambda: sequence_half_width([-1], [20]), "A spread is -1"),
        (lambda: sequence_half_width([np.inf], [20]), "A spread is inf"),
        (lambda: watch_means([3], [1], [20], target=0), "0 is not"),
        (lambda: watch_means([3, 4], [1], [20], target=0.5), "must have one shape"),
        (lambda: watch_differences([3], [3, 4], target=0.5), "one entry a source"),
        (lambda: watch_differences(3, 4, target=0.5), "one entry a source"),
    ],
)
def test_what_cannot_be_watched_is_refused(ask, word):
    with pytest.raises(ValueError, match=word):
        ask()
