"""Krippendorff's alpha from sums, and Cronbach's without one item, against second opinions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mos.alphas import alpha_if_dropped, krippendorff_alpha, krippendorff_interval
from mos.reliability import cronbach_alpha

NO = np.nan
# The example of three coders and fifteen units; interval metric .811.
THREE_CODERS = [
    [NO, NO, NO, NO, NO, 3, 4, 1, 2, 1, 1, 3, 3, NO, 3],
    [1, NO, 2, 1, 3, 3, 4, 3, NO, NO, NO, NO, NO, NO, NO],
    [NO, NO, 2, 1, 3, 4, 4, NO, 2, 1, 1, 3, 3, NO, 4],
]
# Krippendorff (2011): four observers and twelve units; interval metric .849.
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NO, NO, NO],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NO, 3],
    [NO, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NO],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NO],
]


def sums(table_RC):
    """n, sum and sum of squares by clip of a table of raters by clips."""
    table_RC = np.array(table_RC, dtype=float)
    return (
        (~np.isnan(table_RC)).sum(axis=0),
        np.nansum(table_RC, axis=0),
        np.nansum(table_RC**2, axis=0),
    )


@pytest.mark.parametrize(
    ("table", "alpha"), [(THREE_CODERS, 0.8108448928), (FOUR_OBSERVERS, 0.849107)]
)
def test_the_published_examples(table, alpha):
    assert krippendorff_alpha(*sums(table)) == pytest.approx(alpha, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 15), k=st.integers(2, 6))
def test_any_table_with_gaps_gives_what_another_implementation_gives(seed, n, k):
    import krippendorff

    random = np.random.default_rng(seed)
    table_RC = random.integers(1, 6, (k, n)).astype(float)
    table_RC[random.random((k, n)) < 0.3] = np.nan
    paired = (~np.isnan(table_RC)).sum(axis=0) > 1
    if not paired.any() or np.ptp(table_RC[:, paired][~np.isnan(table_RC[:, paired])]) == 0:
        return
    theirs = krippendorff.alpha(table_RC, level_of_measurement="interval")
    assert krippendorff_alpha(*sums(table_RC)) == pytest.approx(theirs, abs=1e-10)


def test_the_interval_holds_the_value_and_narrows_with_clips():
    random = np.random.default_rng(0)
    quality = random.normal(3, 1, 400)
    table_RC = np.clip((quality + random.normal(0, 0.7, (4, 400))).round(), 1, 5)
    few, many = sums(table_RC[:, :40]), sums(table_RC)
    wide, narrow = krippendorff_interval(*few), krippendorff_interval(*many)
    assert wide.low < krippendorff_alpha(*few) < wide.high
    assert narrow.high - narrow.low < 0.5 * (wide.high - wide.low)
    assert krippendorff_interval(*few, seed=3) == krippendorff_interval(*few, seed=3)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    def drawn(seed, n_clips):
        random = np.random.default_rng(seed)
        scores = random.normal(3, 0.8, n_clips) + random.normal(0, 0.8, (5, n_clips))
        return sums(scores)

    truth = krippendorff_alpha(*drawn(0, 200_000))
    found = [krippendorff_interval(*drawn(seed, 80)) for seed in range(1, 201)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.9 <= covered <= 0.99


@pytest.mark.parametrize(
    ("table", "words"),
    [([[1, 2, NO], [NO, NO, 3]], "rated twice"), ([[4, 4, 4], [4, 4, 4]], "Every rating is")],
)
def test_what_tells_nothing_is_refused(table, words):
    with pytest.raises(ValueError, match=words):
        krippendorff_alpha(*sums(table))


def test_without_the_item_that_does_not_fit_alpha_rises():
    random = np.random.default_rng(0)
    quality = random.normal(3, 1, (60, 1))
    table = np.hstack([quality + random.normal(0, 0.5, (60, 4)), random.normal(3, 1, (60, 1))])
    found = alpha_if_dropped(table, ["sync", "voice", "clarity", "emotion", "noise"])
    whole = cronbach_alpha(table)
    assert [name for name, alpha in found.items() if alpha > whole] == ["noise"]
    assert found["noise"] == cronbach_alpha(table[:, :4])


def test_others_without_variance_have_no_alpha():
    found = alpha_if_dropped([[1, 3, 3], [2, 3, 3], [5, 3, 3]], "abc")
    assert np.isnan(found["a"])


@pytest.mark.parametrize("names", ["ab", "abcd"])
def test_two_items_or_other_names_are_refused(names):
    with pytest.raises(ValueError, match="at least 3 items"):
        alpha_if_dropped([[1, 2], [3, 4]] if names == "ab" else [[1, 2, 3], [3, 4, 4]], names)
