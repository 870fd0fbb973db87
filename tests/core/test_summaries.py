"""What is said of a set of ratings, and what is said where nothing can be computed."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mos.reliability import icc_forms
from mos.summaries import reliability
from mos.tally import Tally, n_islands

GAP = float("nan")


def of_table(rows, means=None):
    """Summarise a table: a row a clip, a column a rater."""
    table_NK = np.array(rows, dtype=float)
    clip_T, rater_T = np.nonzero(~np.isnan(table_NK))
    scores_T = table_NK[clip_T, rater_T]
    means_NA = np.empty((0, 6)) if means is None else np.array(means, dtype=float)
    ratings = scores_T.astype(np.int64), clip_T, rater_T
    return reliability(Tally.of(*ratings), n_islands(clip_T, rater_T), means_NA, ratings)


def by_name(found):
    return {row.name: row for row in found.coefficients}


SHROUT_FLEISS = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
]


def test_a_complete_table_has_the_six_forms_and_alpha_over_raters():
    rows = by_name(of_table(SHROUT_FLEISS))
    values = [round(row.value, 2) for name, row in rows.items() if name.startswith("ICC")]
    assert values == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    alpha = rows["Cronbach's alpha over raters"]
    assert alpha.value == pytest.approx(rows["ICC(3,k)"].value)
    assert (alpha.low, alpha.high) == (rows["ICC(3,k)"].low, rows["ICC(3,k)"].high)
    assert {(row.n, row.k) for row in rows.values() if row.value is not None} == {(6, 4)}


def test_a_table_with_gaps_has_no_six_forms_and_says_what_it_has_instead():
    found = of_table([[5, 4, GAP], [2, GAP, 1], [GAP, 3, 3], [4, 5, GAP], [1, GAP, 2]])
    rows = by_name(found)
    assert "0 of 5 clips have all 3 raters" in rows["ICC, the six forms"].reason
    assert {"ICC(2,1)", "ICC(2,k)", "ICC(3,k)"} <= set(rows) and "ICC(1,1)" not in rows
    assert all("variance components" in rows[f].over for f in ("ICC(2,1)", "ICC(2,k)"))
    assert rows["Cronbach's alpha over raters"].value is None
    assert found.missing_frac == pytest.approx(1 / 3)
    assert (rows["ICC(2,1)"].k, rows["ICC(2,k)"].k, found.n_islands) == (1, 2, 1)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (np.empty((0, 0)), "no ratings yet"),
        ([[4], [2]], "Only one rater"),
        ([[4, 2]], "Only one clip"),
        ([[3, 3], [3, 3]], "Every score so far is 3"),
        ([[3, GAP], [GAP, 3], [3, 3]], "Every score so far is 3"),
        ([[4, GAP], [GAP, 2]], "cannot be told apart"),
    ],
)
def test_where_agreement_is_undefined_the_reason_is_a_sentence(rows, reason):
    found = of_table(rows)
    assert any(reason in row.reason for row in found.coefficients)
    assert all(row.value is None and row.reason for row in found.coefficients)
    assert found.shares == []


def test_gaps_are_counted_even_where_nothing_else_can_be_said():
    assert of_table([[3, GAP], [GAP, 3]]).missing_frac == 0.5


def test_groups_that_share_no_rating_are_called_so():
    found = of_table([[1, 2, GAP, GAP], [2, 4, GAP, GAP], [GAP, GAP, 3, 5], [GAP, GAP, 1, 2]])
    assert found.n_islands == 2
    assert any("2 groups that share no rating" in note for note in found.notes)


def test_a_negative_coefficient_is_shown_negative_with_the_reason():
    found = of_table([[1, 4, 2], [3, 2, 3], [4, 1, 2], [2, 3, 4]])
    assert by_name(found)["ICC(3,1)"].value < 0
    assert any(note.startswith("Below 0: ICC(1,1)") for note in found.notes)


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 5], [5, 1]],
        [[1, 5], [5, 1], [3, 3]],
        [[4, 1], [2, 4]],
        [[1, 5], [5, 1], [3, 3], [3, 3]],
    ],
)
def test_a_form_that_divides_by_nothing_has_a_reason_and_no_value_above_1(rows):
    assert all(not icc.value > 1 for icc in icc_forms(rows).forms.values())
    row = by_name(of_table(rows))["ICC(2,k)"]
    assert row.value is None and "estimated at 0 or below" in row.reason


def test_an_interval_without_a_lower_end_has_only_an_upper_one():
    icc = icc_forms([[4, 3], [4, 1], [3, 4]]).forms["ICC(2,k)"]
    assert icc.value < icc.high < 1 and math.isnan(icc.low)


def test_alpha_over_aspects_stands_apart_and_says_what_it_lacks():
    rows = [[4, 5], [2, 1], [3, 3]]
    over = by_name(of_table(rows, means=[[4.5, 4], [1.5, 2], [3, 3.5]]))
    assert over["Cronbach's alpha over aspects"].k == 2
    assert "over the 2 aspects" in over["Cronbach's alpha over aspects"].over
    gaps = by_name(of_table(rows, means=[[4.5, GAP], [1.5, 2], [3, 3.5]]))
    assert "every aspect" in gaps["Cronbach's alpha over aspects"].reason
    alone = by_name(of_table(rows, means=[[4.5], [1.5], [3]]))
    assert "one aspect only" in alone["Cronbach's alpha over aspects"].reason


@st.composite
def tables(draw):
    """Tables of up to 5 by 5 with gaps, every clip and every rater in it at least once."""
    n, k = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    cell = st.sampled_from([1.0, 2.0, 3.0, 5.0, GAP])
    cells = draw(st.lists(cell, min_size=n * k, max_size=n * k))
    table_NK = np.array(cells).reshape(n, k)
    table_NK = table_NK[~np.isnan(table_NK).all(axis=1)]
    return table_NK[:, ~np.isnan(table_NK).all(axis=0)]


@settings(max_examples=200, deadline=None)
@given(tables())
@example(np.array([[1.0, 1.0, 5.0], [1.0, 5.0, 2.0]]))
def test_no_table_breaks_it_and_every_number_is_one_that_json_knows(table_NK):
    found = of_table(table_NK, means=np.nan_to_num(table_NK, nan=3.0))
    json.dumps(asdict(found), allow_nan=False)
    for row in found.coefficients:
        assert (row.value is None) == bool(row.reason)
        assert row.value is None or row.value <= 1 + 1e-9
        if row.low is not None:
            assert row.low - 1e-9 <= row.value <= row.high + 1e-9
