"""Mean opinion scores against hand and library."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mos.aggregate import bounded_interval, mos_table

scores = st.lists(st.integers(1, 5), min_size=1, max_size=40)


@given(scores)
def test_one_group_is_its_mean_with_students_interval(values):
    table = mos_table(values, ["g"] * len(values))
    assert table.mos_raw[0] == pytest.approx(np.mean(values))
    if len(values) > 1:
        assert table.sd[0] == pytest.approx(np.std(values, ddof=1))
    if not table.is_bounded[0] and len(values) > 1:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert (table.low[0], table.high[0]) == pytest.approx((low, high))


@given(scores)
def test_no_interval_leaves_the_scale(values):
    table = mos_table(values, ["g"] * len(values))
    if len(values) > 1:
        assert 1 <= table.low[0] <= table.mos_raw[0] + 1e-9
        assert table.mos_raw[0] - 1e-9 <= table.high[0] <= 5
    else:
        assert np.isnan(table.low[0]) and np.isnan(table.high[0])


def test_groups_are_kept_apart():
    table = mos_table([1, 5, 5, 2, 4], ["b", "a", "a", "b", "b"])
    assert table.keys == ["a", "b"]
    assert table.mos_raw.tolist() == pytest.approx([5, 7 / 3])
    assert table.n.tolist() == [2, 3]


def test_the_bounded_interval_covers_means_of_few_ratings():
    random = np.random.default_rng(1)
    chances = [0.02, 0.08, 0.3, 0.4, 0.2]  # as ratings of one clip spread: SD 0.9
    truth = np.dot(chances, np.arange(1, 6))
    draws = random.choice(np.arange(1, 6), size=(4000, 4), p=chances)
    low, high = bounded_interval(draws.mean(axis=1), np.full(4000, 4))
    assert np.mean((low <= truth) & (truth <= high)) >= 0.93


def test_the_bounded_interval_covers_the_mean_where_raters_fall_into_camps():
    random = np.random.default_rng(1)
    chances = [0.4, 0.1, 0.0, 0.1, 0.4]
    draws = random.choice(np.arange(1, 6), size=(4000, 6), p=chances)
    means, sds = draws.mean(axis=1), draws.std(axis=1, ddof=1)
    low, high = bounded_interval(means, np.full(4000, 6), sd=sds)
    assert np.mean((low <= 3) & (high >= 3)) >= 0.93
    low, high = bounded_interval(means, np.full(4000, 6))
    assert np.mean((low <= 3) & (high >= 3)) < 0.85  # what it would be without the spread


def test_more_spread_never_narrows_the_bounded_interval():
    low, high = bounded_interval(np.full(5, 3.0), np.full(5, 4), sd=[0, 1, 1.3, 1.6, 1.9])
    widths = high - low
    assert widths[0] == widths[1]  # spread below the binomial's is no certainty
    assert np.all(np.diff(widths[1:]) > 0)


def test_only_extreme_scores_count_as_one_trial_each():
    low, high = bounded_interval([3.0], [4], sd=[np.std([1, 1, 5, 5], ddof=1)])
    share = stats.binomtest(2, 4).proportion_ci(method="exact")
    assert (low[0], high[0]) == pytest.approx((1 + 4 * share.low, 1 + 4 * share.high))


def test_nothing_to_average_is_an_empty_table():
    table = mos_table([], [])
    assert (table.keys, len(table.mos_raw), len(table.low)) == ([], 0, 0)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        mos_table([3, 4], ["a", "a"], level=level)


@pytest.mark.parametrize("value", [0, 6, float("nan")])
def test_a_score_off_the_scale_is_refused(value):
    with pytest.raises(ValueError, match="off the scale"):
        mos_table([3, value], ["a", "a"])


def test_scores_without_groups_are_refused():
    with pytest.raises(ValueError, match="2 scores but 1 groups"):
        mos_table([3, 4], ["a"])


def test_real_ratings_give_the_known_means(real_data):
    table = pd.read_csv(real_data / "ratings" / "nflx_79x26.csv")
    found = mos_table(table["rating"], table["item"])
    by_item = dict(zip(found.keys, found.mos_raw, strict=True))
    assert by_item[0] == pytest.approx(4.884615, abs=1e-6)
    assert by_item[10] == pytest.approx(2.076923, abs=1e-6)
    assert found.mos_raw.mean() == pytest.approx(3.544791, abs=1e-6)
