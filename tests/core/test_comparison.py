"""Whether one score beats another: published values, brute force and behaviour under chance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mos.agreement import holm, sign_flip_test, williams_test


def test_the_published_example_of_williams_test():
    test = williams_test(0.4, 0.5, 0.1, 103)
    assert (test.t, test.p) == (pytest.approx(-0.8913, abs=5e-5), pytest.approx(0.3749, abs=5e-5))
    assert (test.df, test.reason) == (100, "")


@pytest.mark.parametrize(("n", "p"), [(9, 0.59), (54, 0.10), (90, 0.031), (135, 0.008)])
def test_how_many_clips_it_takes_to_tell_82_from_76(n, p):
    assert williams_test(0.82, 0.76, 0.90, n).p == pytest.approx(p, abs=0.005 if p > 0.05 else 5e-4)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 60))
def test_williams_t_from_the_matrix_of_correlations(seed, n):
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(n, 3)) @ random.normal(size=(3, 3))
    matrix = np.corrcoef(mixed.T)
    a, b, ab = matrix[0, 1], matrix[0, 2], matrix[1, 2]
    test, mirrored = williams_test(a, b, ab, n), williams_test(b, a, ab, n)
    noise = 2 * np.linalg.det(matrix) * (n - 1) / (n - 3) + ((a + b) / 2) ** 2 * (1 - ab) ** 3
    t = (a - b) * np.sqrt((n - 1) * (1 + ab) / noise)
    assert test.t == pytest.approx(t, rel=1e-6)
    assert test.p == pytest.approx(2 * stats.t.cdf(-abs(t), n - 3), rel=1e-6)
    assert (mirrored.t, mirrored.p) == pytest.approx((-test.t, test.p))


def test_williams_test_finds_a_difference_by_chance_as_often_as_it_says():
    random, found = np.random.default_rng(1), 0
    for _ in range(2000):
        quality = random.normal(size=40)
        a, b = (quality + random.normal(size=40) for _ in range(2))
        r = np.corrcoef([quality, a, b])
        found += williams_test(r[0, 1], r[0, 2], r[1, 2], 40).p < 0.05
    assert 0.035 <= found / 2000 <= 0.065


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((0.4, 0.5, 0.1, 3), "4 clips are needed, not 3."),
        ((0.4, float("nan"), 0.1, 50), "A correlation is not defined."),
        ((0.4, 0.4, 1.0, 50), "The two scores are one and the same, but for scale."),
        ((0.4, -0.4, -1.0, 50), "The two scores are one and the same, but for scale."),
    ],
)
def test_williams_test_says_why_it_has_no_answer(arguments, reason):
    test = williams_test(*arguments)
    assert np.isnan(test.t) and np.isnan(test.p) and test.reason == reason


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((1.2, 0.5, 0.1, 50), "1.2 does not"),
        ((0.4, 0.5, -7, 50), "-7 does not"),
        ((0.9, 0.9, -0.9, 50), "No three variables correlate by 0.9, 0.9 and -0.9"),
    ],
)
def test_correlations_that_cannot_be_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        williams_test(*arguments)


def losses(seed, sources, dubs=2, better=0.0):
    random = np.random.default_rng(seed)
    source = np.repeat(np.arange(sources), dubs)
    common = random.normal(size=sources)[source]
    a, b = common + random.normal(size=len(source)), random.normal(size=len(source))
    return a**2, b**2 + better, source


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), sources=st.integers(2, 9), dubs=st.integers(1, 3))
def test_the_exact_p_is_that_of_all_ways_of_swapping_sources(seed, sources, dubs):
    a, b, source = losses(seed, sources, dubs)
    test = sign_flip_test(a, b, source)
    reached = 0
    for signs in product([1, -1], repeat=sources):
        swapped = (a - b) * np.array(signs)[source]
        reached += abs(swapped.mean()) >= abs((a - b).mean()) - 1e-12
    assert test.p == pytest.approx(reached / 2**sources)
    assert test.difference == pytest.approx((a - b).mean())
    assert (test.is_exact, test.flips, test.least_p) == (True, 2 ** (sources - 1), 2 / 2**sources)


def test_the_exact_p_is_that_of_scipy_where_each_source_has_one_clip():
    a, b, source = losses(3, sources=10, dubs=1)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_test(a, b, source).p == pytest.approx(theirs.pvalue)


def test_equal_whole_numbers_tie_whatever_the_order_of_adding():
    test = sign_flip_test([0.1, 0.2, 0.3], [0.4, 0.5, 0.6], ["x", "y", "z"])
    assert test.p == 2 / 8
    assert sign_flip_test([0.1, 0.2], [0.3, 0.1], ["x", "x"]).n_sources == 1
    assert sign_flip_test([0.3, 0.1, 0.7], [0.1, 0.2, 0.8], ["x", "y", "z"]).p == 1.0


def test_many_sources_are_drawn_and_come_close_to_all_ways():
    a, b, source = losses(11, sources=21, better=1.5)
    test = sign_flip_test(a, b, source, draws=20_000, seed=4)
    gaps = np.bincount(source, a - b)
    sums = np.zeros(1)
    for gap in gaps:
        sums = np.concatenate([sums + gap, sums - gap])
    exact = np.mean(np.abs(sums) >= abs(gaps.sum()) - 1e-9)
    assert not test.is_exact and test.flips == 20_000
    assert 0.001 < exact < 0.5
    assert test.p == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))
    assert test.p == sign_flip_test(a, b, source, draws=20_000, seed=4).p
    assert test.p != sign_flip_test(a, b, source, draws=20_000, seed=5).p


def test_a_drawn_p_is_never_nothing():
    test = sign_flip_test(np.zeros(200), np.ones(200), np.arange(200), draws=999)
    assert (test.p, test.least_p, test.difference) == (1 / 1000, 1 / 1000, -1.0)


@pytest.mark.parametrize("sources", [12, 40])
def test_swapping_finds_a_difference_by_chance_as_often_as_it_says(sources):
    found = 0
    for seed in range(600):
        random = np.random.default_rng(seed)
        source = np.repeat(np.arange(sources), 4)
        gap = random.normal(size=sources)[source] + 0.3 * random.normal(size=len(source))
        found += sign_flip_test(gap, np.zeros(len(gap)), source, draws=400, seed=seed).p <= 0.05
    assert 0.025 <= found / 600 <= 0.075


def test_swapping_clips_where_dubs_are_alike_would_find_too_much():
    found = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        gap = np.repeat(random.normal(size=12), 4) + 0.3 * random.normal(size=48)
        found += sign_flip_test(gap, np.zeros(48), np.arange(48), draws=400, seed=seed).p <= 0.05
    assert found / 200 > 0.2


def test_scores_that_err_alike_differ_by_nothing():
    a, _, source = losses(1, sources=30)
    test = sign_flip_test(a, a, source, draws=500)
    assert (test.difference, test.p) == (0.0, 1.0)


def test_one_source_can_show_nothing():
    test = sign_flip_test([1, 2, 3], [2, 3, 5], ["a", "a", "a"])
    assert np.isnan(test.p) and test.reason == "2 sources are needed, not 1."
    assert test.difference == pytest.approx(-4 / 3)


@pytest.mark.parametrize(
    ("a", "b", "source", "draws", "word"),
    [
        ([], [], [], 500, "0 clips"),
        ([1, 2], [1], [1, 2], 500, "one entry a clip"),
        ([1, 2], [1, 2], [1], 500, "one entry a clip"),
        ([1, np.nan], [1, 2], [1, 2], 500, "1 clips have a loss"),
        ([1, 2], [np.inf, 2], [1, 2], 500, "1 clips have a loss"),
        ([1, 2], [1, 2], [1, 2], 10, "10 draws"),
    ],
)
def test_losses_that_cannot_be_paired_are_refused(a, b, source, draws, word):
    with pytest.raises(ValueError, match=word):
        sign_flip_test(a, b, source, draws=draws)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_another_library(p_values):
    import pingouin

    _, theirs = pingouin.multicomp(p_values, method="holm")
    assert holm(p_values) == pytest.approx(theirs)


def test_holm_leaves_the_best_of_three_tests_at_nine_hundredths():
    assert holm([0.18, 0.07, 0.03]) == pytest.approx([0.18, 0.14, 0.09])


def test_a_test_that_could_not_be_made_counts_as_none():
    assert holm([0.04, float("nan"), 0.01]) == pytest.approx(
        [0.04, float("nan"), 0.02], nan_ok=True
    )
    assert np.isnan(holm([float("nan")])).all() and holm([]).shape == (0,)


@pytest.mark.parametrize(("p_values", "word"), [([0.1, 1.5], "1.5 does not"), (0.1, "one row")])
def test_what_is_no_p_value_is_refused(p_values, word):
    with pytest.raises(ValueError, match=word):
        holm(p_values)
