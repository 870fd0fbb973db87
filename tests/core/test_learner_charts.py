"""Charts of the learner: whatever the numbers, every mark stays in its drawing."""

from __future__ import annotations

import dataclasses
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.charts import (
    forest,
    interval_row,
    learning_curve,
    metric_radar,
    mos_scatter,
    pool_map,
    project_2d,
    reliability_diagram,
    weight_bars,
)
from learner.charts.frame import reach, rounded_out, spread_evenly, steps_within
from learner.charts.learning import LABEL_GAP
from learner.charts.pool import MOST_POOL

ANY = st.floats(allow_nan=True, allow_infinity=True)
ODD = [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 0.0, -0.0, 1e16, 1e16 + 2]


def places(chart):
    """Every place in percent and every corner of an outline, as numbers."""
    if isinstance(chart, str):
        if re.fullmatch(r"-?[\d.]+%|-?nan%|-?inf%", chart):
            yield float(chart[:-1])
        elif re.fullmatch(r"(\S+,\S+ ?)+", chart):
            yield from (float(number) for pair in chart.split() for number in pair.split(","))
    elif isinstance(chart, list | tuple):
        for part in chart:
            yield from places(part)
    elif dataclasses.is_dataclass(chart):
        for field in dataclasses.fields(chart):
            yield from places(getattr(chart, field.name))


def assert_inside(chart):
    for place in places(chart):
        assert -0.01 <= place <= 100.01, place


def a_weight(weight=0.2, low=0.1, high=0.3, equal=0.25):
    return SimpleNamespace(
        title="a", weight=weight, low=low, high=high, equal=equal, importance=0.5
    )


@given(st.lists(st.tuples(ANY, ANY, ANY, ANY), max_size=8))
def test_weights_stay_in_their_rows(rows):
    chart = weight_bars([a_weight(*row) for row in rows])
    assert_inside(chart)
    assert len(chart.rows) == len(rows)


@given(st.lists(st.tuples(ANY, ANY, ANY, ANY, st.just("words"), st.just("")), max_size=8))
def test_dots_of_a_scatter_stay_in_their_square(points):
    chart = mos_scatter(points, "MOS", "DubScore")
    assert_inside(chart)
    assert len(chart.dots) + chart.n_without + chart.n_left_out == len(points)


@given(st.lists(st.tuples(ANY, ANY), max_size=8))
def test_coverage_stays_in_its_square(pairs):
    assert_inside(reliability_diagram([e for e, _ in pairs], [o for _, o in pairs]))


@settings(max_examples=200)
@given(st.lists(st.lists(st.tuples(ANY, ANY, ANY, ANY), max_size=6), max_size=4))
def test_curves_stay_in_their_drawing(series):
    chart = learning_curve([(str(i), points) for i, points in enumerate(series)], "labels", "PCC")
    assert_inside(chart)
    assert len(chart.x_ticks) <= 7
    assert len(chart.y_ticks) <= 9
    assert len(chart.series) + len(chart.without) == len(series)


@given(st.lists(st.tuples(st.just("a"), ANY | st.none(), ANY | st.none()), max_size=9))
def test_a_wheel_stays_in_its_drawing(rows):
    assert_inside(metric_radar(rows))


@given(
    st.lists(st.tuples(ANY, ANY, st.sampled_from(["pool", "labelled", "picked"])), max_size=9),
)
def test_a_map_holds_all_its_clips(points):
    chart = pool_map([(x, y, kind, "words", "id", None, False) for x, y, kind in points])
    assert_inside(chart)
    n_drawn = len(chart.pool) + len(chart.labelled) + len(chart.picked)
    assert n_drawn + chart.n_without == len(points)


@given(ANY, ANY | st.none(), ANY | st.none())
def test_an_interval_stays_in_its_row(value, low, high):
    assert_inside(interval_row(value, low, high, -1.0, 1.0))


@given(st.lists(st.lists(st.tuples(ANY, ANY | st.none(), ANY), max_size=3), max_size=6))
def test_a_forest_stays_in_its_rows(rows):
    chart = forest([("a", ways) for ways in rows])
    assert_inside(chart)
    assert [len(row.marks) for row in chart.rows] == [len(ways) for ways in rows]


@pytest.mark.parametrize("lo", ODD)
@pytest.mark.parametrize("hi", ODD)
def test_ticks_are_few_and_lie_within(lo, hi):
    lo, hi = reach([lo, hi])
    assert lo < hi
    low, high = rounded_out(lo, hi)
    for values in (steps_within(lo, hi), steps_within(low, high, most=7) if low < high else []):
        assert len(values) <= 8
        assert all(digits >= 0 and math.isfinite(value) for value, digits in values)


def test_one_point_is_drawn_in_the_middle():
    chart = learning_curve([("random", [(30, 0.6, None, None)])], "ratings", "PCC")
    assert (chart.series[0].end.x, chart.series[0].band) == ("50.00%", "")
    dot = pool_map([(3.0, 7.0, "picked", "a", "id", 1, False)]).picked[0]
    assert (dot.x, dot.y) == ("50.00%", "50.00%")


def test_labels_are_counted_in_whole_numbers():
    (tick,) = learning_curve([("random", [(30, 0.6, 0.5, 0.7)])], "ratings", "PCC").x_ticks
    assert (tick.value, tick.digits, tick.place) == (30, 0, "50.00%")
    points = [(1, 0.1, None, None), (2, 0.2, None, None)]
    chart = learning_curve([("random", points)], "ratings", "PCC")
    assert [(tick.value, tick.digits) for tick in chart.x_ticks] == [(1, 0), (2, 0)]


def test_a_missing_point_is_left_out_of_its_line():
    points = [(10, 0.2, None, None), (20, math.nan, None, None), (30, 0.4, 0.3, 0.5)]
    (line,) = learning_curve([("random", points)], "ratings", "PCC").series
    assert [point.labels for point in line.points] == [10, 30]
    assert line.points[0].low is None
    assert line.points[1].low == 0.3


def test_names_at_the_ends_of_lines_do_not_overlap():
    series = [(name, [(0, 0.1, None, None), (9, 0.5, None, None)]) for name in "abcd"]
    series[0] = ("a", [(0, 0.0, None, None), (9, 1.0, None, None)])
    chart = learning_curve(series, "ratings", "PCC")
    ys = sorted(float(one.label_y[:-1]) for one in chart.series)
    assert all(
        after - before >= LABEL_GAP - 0.02 for before, after in zip(ys, ys[1:], strict=False)
    )


def test_more_series_than_dashes_are_refused():
    with pytest.raises(ValueError, match="5 series"):
        learning_curve([(str(i), []) for i in range(5)], "ratings", "PCC")


def test_a_scale_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no scale"):
        interval_row(0.1, 0.0, 0.2, 1.0, 1.0)
    with pytest.raises(ValueError, match="no scale"):
        mos_scatter([], "MOS", "DubScore", lo=5.0, hi=1.0)


def test_an_interval_says_whether_it_holds_zero_and_whether_it_goes_on():
    clear, unclear = interval_row(0.3, 0.1, 3.0, -1, 1), interval_row(0.3, -0.1, 0.7, -1, 1)
    assert (clear.is_clear, clear.is_beyond_high, clear.is_beyond_low) == (True, True, False)
    assert (unclear.is_clear, unclear.is_beyond_high) == (False, False)


def test_an_unknown_value_has_no_dot_and_no_interval():
    row = interval_row(math.nan, -0.1, 0.1, -1, 1)
    assert (row.x, row.low_x, row.zero_x) == (None, None, "50.00%")


def test_weights_share_one_scale():
    small, large = weight_bars([a_weight(0.1, equal=0.1), a_weight(0.9, high=1.0)]).rows
    assert small.x == small.equal_x == "13.20%"
    assert large.high_x == "96.00%"


def test_intervals_that_hold_too_little_lie_below_the_diagonal():
    chart = reliability_diagram([0.9, 0.5], [0.7, 0.3])
    assert chart.mean_gap == pytest.approx(-20)
    assert [dot.expected_percent for dot in chart.dots] == [50, 90]
    assert chart.line.startswith("0.00,100.00 ")
    assert chart.line.endswith(" 100.00,0.00")
    with pytest.raises(ValueError, match="1 expected"):
        reliability_diagram([0.5], [])


def test_without_intervals_there_is_no_diagram():
    chart = reliability_diagram([], [])
    assert (chart.dots, chart.line, chart.mean_gap) == ([], "", None)


def test_a_negative_coefficient_is_said_and_drawn_as_nought():
    chart = metric_radar([("a", -0.4, 0.0), ("b", 0.5, 0.5), ("c", None, 1.0)])
    first, _, last = chart.spokes
    assert first.is_negative
    assert first.pcc_at == first.srcc_at
    assert chart.has_negative
    assert last.pcc_at is None
    assert last.srcc_at is not None


@pytest.mark.parametrize(("n", "is_wheel"), [(0, False), (2, False), (3, True)])
def test_a_wheel_needs_three_spokes(n, is_wheel):
    assert metric_radar([("a", 0.1, 0.2)] * n).is_wheel is is_wheel


def test_of_a_large_pool_the_same_clips_are_drawn_each_time():
    points = [(i % 70, i % 31, "pool", f"clip {i}", "", None, False) for i in range(5000)]
    points += [(1.0, 1.0, "picked", "picked", "", 1, False)]
    chart, again = pool_map(points), pool_map(points)
    assert chart == again
    assert (len(chart.pool), chart.n_left_out, len(chart.picked)) == (MOST_POOL, 3000, 1)


@given(st.integers(0, 500), st.integers(1, 100))
def test_an_even_choice_is_of_different_things(n, most):
    chosen = spread_evenly(n, most)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(n, most)
    assert all(0 <= i < n for i in chosen)


def test_one_step_is_as_long_across_as_down():
    corners = [(0, 0), (4, 0), (0, 1), (1, 0)]
    chart = pool_map([(x, y, "pool", "", "", None, False) for x, y in corners])
    at = [(float(dot.x[:-1]), float(dot.y[:-1])) for dot in chart.pool]
    assert chart.shape == "widest"
    across, down = at[3][0] - at[0][0], at[0][1] - at[2][1]
    assert across * 2.4 == pytest.approx(down, abs=0.05)


def test_picked_clips_come_by_rank_and_only_the_first_are_numbered():
    ranks = [40, 2, 1, None]
    chart = pool_map([(0, i, "picked", "", "", rank, False) for i, rank in enumerate(ranks)])
    assert [(dot.rank, dot.is_numbered) for dot in chart.picked] == [
        (1, True),
        (2, True),
        (40, False),
        (None, False),
    ]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="odd"):
        pool_map([(0, 0, "odd", "", "", None, False)])


def test_a_projection_keeps_the_distances_of_a_plane():
    rng = np.random.default_rng(5)
    plane, basis = rng.normal(size=(40, 2)), np.linalg.qr(rng.normal(size=(6, 2)))[0]
    found = project_2d(plane @ basis.T)
    before = np.linalg.norm(plane[:, None] - plane[None], axis=-1)
    after = np.linalg.norm(found.xy_N2[:, None] - found.xy_N2[None], axis=-1)
    np.testing.assert_allclose(after, before, atol=1e-9)
    assert sum(found.explained_2) == pytest.approx(1)
    assert found.explained_2[0] >= found.explained_2[1]


def test_a_projection_is_that_of_scikit_learn_but_for_its_signs():
    from sklearn.decomposition import PCA

    z = np.random.default_rng(6).normal(size=(50, 7)) * np.arange(1, 8)
    model, found = PCA(2), project_2d(z)
    np.testing.assert_allclose(np.abs(found.xy_N2), np.abs(model.fit_transform(z)), atol=1e-8)
    np.testing.assert_allclose(found.explained_2, model.explained_variance_ratio_, atol=1e-10)


def test_the_order_of_clips_does_not_turn_the_map():
    z = np.random.default_rng(7).normal(size=(30, 5))
    order = np.random.default_rng(8).permutation(30)
    np.testing.assert_allclose(project_2d(z[order]).xy_N2, project_2d(z).xy_N2[order], atol=1e-9)


@pytest.mark.parametrize(
    "z",
    [
        np.ones((5, 3)),
        np.zeros((5, 3)),
        np.ones((1, 3)),
        np.full((4, 2), 0.1),
        np.full((4, 2), 1e308) * [[1], [-1], [1], [-1]],
        np.arange(4.0)[:, None],
        np.array([[1.0, np.nan], [2.0, 3.0], [np.inf, 4.0]]),
    ],
)
def test_a_projection_has_no_odd_numbers(z):
    found = project_2d(z)
    assert found.xy_N2.shape == (len(z), 2)
    assert np.isfinite(found.xy_N2).all()
    assert all(0 <= share <= 1 + 1e-9 for share in found.explained_2)


def test_what_does_not_vary_has_no_spread():
    found = project_2d(np.full((6, 3), 0.1))
    assert (found.xy_N2.tolist(), found.explained_2) == ([[0.0, 0.0]] * 6, (0.0, 0.0))
    assert project_2d(np.arange(4.0)[:, None]).xy_N2[:, 1].tolist() == [0.0] * 4


def test_a_clip_without_any_value_has_no_place():
    found = project_2d([[np.nan, np.nan], [0.0, 1.0], [2.0, 3.0]])
    assert np.isnan(found.xy_N2[0]).all()
    assert np.isfinite(found.xy_N2[1:]).all()
    for empty in (np.empty((0, 3)), np.empty((3, 0))):
        assert project_2d(empty).explained_2 == (0.0, 0.0)
    with pytest.raises(ValueError, match="table"):
        project_2d([1.0, 2.0])
