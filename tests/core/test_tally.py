"""Sums kept a rating at a time give what all ratings together give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mos.aggregate import mos_table
from mos.components import variance_components
from mos.from_sums import clip_mos, components, mean_squares
from mos.reliability import icc_forms, icc_table
from mos.reliability import mean_squares as mean_squares_of_table
from mos.tally import Tally, n_islands

CELLS = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 4)), st.integers(1, 5), min_size=1, max_size=30
)


def columns(cells):
    """Scores, clips and raters of a dictionary of cells."""
    keys = np.array(list(cells), dtype=np.int64)
    return np.array(list(cells.values()), dtype=np.int64), keys[:, 0], keys[:, 1]


def figures(tally, clips, raters):
    """Everything that follows from sums, or why not."""
    try:
        return components(tally, tally.islands(clips, raters))
    except ValueError as reason:
        return str(reason)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=40
    )
)
def test_after_any_order_of_ratings_and_revisions_sums_are_those_of_all_at_once(changes):
    tally, cells = Tally(), {}
    for clip, rater, score in changes:
        if (clip, rater) in cells:
            tally.replace([cells[clip, rater]], [score], [clip], [rater])
        else:
            tally.add([score], [clip], [rater])
        cells[clip, rater] = score
        scores_T, clip_T, rater_T = columns(cells)
        whole = Tally.of(scores_T, clip_T, rater_T)
        for name in ("n_C", "sum_C", "squares_C", "n_R", "sum_R", "squares_R"):
            assert getattr(tally, name).tolist() == getattr(whole, name).tolist()
        assert tally.islands(clip_T, rater_T) == n_islands(clip_T, rater_T)
        assert figures(tally, clip_T, rater_T) == figures(whole, clip_T, rater_T)


@settings(max_examples=150, deadline=None)
@given(cells=CELLS)
def test_components_from_sums_equal_those_of_ratings(cells):
    scores_T, clip_T, rater_T = columns(cells)
    try:
        whole = variance_components(scores_T, clip_T, rater_T)
    except ValueError as reason:
        with pytest.raises(ValueError, match="told apart|need 2 clips"):
            components(Tally.of(scores_T, clip_T, rater_T), 1)
        assert "told apart" in str(reason) or "need 2" in str(reason)
        return
    found = components(Tally.of(scores_T, clip_T, rater_T), n_islands(clip_T, rater_T))
    for name in vars(whole):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), abs=1e-8), name


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 9), k=st.integers(2, 6))
def test_mean_squares_from_sums_give_the_same_six_forms(seed, n, k):
    table_NK = np.random.default_rng(seed).integers(1, 6, (n, k))
    if np.ptp(table_NK) == 0:
        return
    clips, raters = np.indices((n, k)).reshape(2, -1)
    found = mean_squares(Tally.of(table_NK.ravel(), clips, raters))
    assert vars(found) == pytest.approx(vars(mean_squares_of_table(table_NK)), abs=1e-12)
    ours, theirs = icc_table(found).forms, icc_forms(table_NK).forms
    for form in theirs:
        assert ours[form].value == pytest.approx(
            theirs[form].value, rel=1e-9, abs=1e-12, nan_ok=True
        )


@settings(max_examples=100, deadline=None)
@given(cells=CELLS)
def test_mos_from_sums_equals_mos_of_ratings(cells):
    scores_T, clip_T, rater_T = columns(cells)
    places, found = clip_mos(Tally.of(scores_T, clip_T, rater_T))
    whole = mos_table(scores_T, clip_T)
    assert places.tolist() == whole.keys
    for name in ("mos_raw", "sd", "low", "high"):
        ours, theirs = getattr(found, name), getattr(whole, name)
        np.testing.assert_allclose(ours, theirs, atol=1e-12, err_msg=name)
    assert found.is_bounded.tolist() == whole.is_bounded.tolist()


def test_what_was_added_is_taken_away_without_a_trace():
    random = np.random.default_rng(0)
    scores_T, clip_T, rater_T = random.integers(1, 6, 5000), *random.integers(0, 3000, (2, 5000))
    tally = Tally.of(scores_T, clip_T, rater_T)
    tally.take_away(scores_T, clip_T, rater_T)
    assert tally.n_ratings == 0 and not tally.sum_C.any() and not tally.squares_R.any()


def test_agreement_without_a_flaw_leaves_exactly_no_residual():
    assert mean_squares(Tally.of([1, 2, 3, 2, 3, 4], [0, 1, 2] * 2, [0] * 3 + [1] * 3)).error == 0


@pytest.mark.parametrize(
    ("scores", "clips", "raters", "words"),
    [
        ([2.5], [0], [0], "not 2.5"),
        ([2], [-1], [0], "not -1"),
        ([2, 3], [0], [0, 1], "one entry a rating"),
    ],
)
def test_what_is_no_rating_is_refused(scores, clips, raters, words):
    with pytest.raises(ValueError, match=words):
        Tally.of(scores, clips, raters)


def test_more_than_was_added_is_not_taken_away():
    tally = Tally.of([3], [0], [0])
    with pytest.raises(ValueError, match="More ratings"):
        tally.take_away([3, 3], [0, 0], [0, 0])
    assert tally.n_ratings == 1 and tally.sum_C.tolist() == [3]
