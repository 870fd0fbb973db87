"""Agreement on complete tables, against published values and a second implementation."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mos.reliability import FORMS, cronbach_alpha, icc_forms

# Shrout and Fleiss (1979), table 2: six clips, four raters.
SHROUT_FLEISS = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
]
PUBLISHED = [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
EXACT = [0.1657418, 0.2897638, 0.7148407, 0.4427971, 0.6200505, 0.9093155]


def test_the_published_table_of_shrout_and_fleiss():
    forms = icc_forms(SHROUT_FLEISS).forms
    values = [forms[form].value for form in FORMS]
    assert [round(value, 2) for value in values] == PUBLISHED
    assert values == pytest.approx(EXACT, abs=1e-6)


def test_f_tests_and_intervals_of_the_published_table():
    forms = icc_forms(SHROUT_FLEISS).forms
    one, two, three = (forms[form] for form in FORMS[:3])
    assert (one.f, one.df1, one.df2) == (pytest.approx(1.795, abs=1e-3), 5, 18)
    assert (two.f, two.df1, two.df2) == (pytest.approx(11.027, abs=1e-3), 5, 15)
    assert (one.low, one.high) == pytest.approx((-0.133, 0.723), abs=1e-3)
    assert (two.low, two.high) == pytest.approx((0.019, 0.761), abs=1e-3)
    assert (three.low, three.high) == pytest.approx((0.343, 0.946), abs=1e-3)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 20), k=st.integers(2, 6))
def test_every_form_equals_an_independent_implementation(seed, n, k):
    import pingouin

    random = np.random.default_rng(seed)
    table = random.normal(3, 1, (n, 1)) + random.normal(0, 0.5, (1, k)) + random.normal(size=(n, k))
    long = pd.DataFrame(
        {
            "clip": np.repeat(np.arange(n), k),
            "rater": np.tile(np.arange(k), n),
            "score": table.ravel(),
        }
    )
    theirs = pingouin.intraclass_corr(long, targets="clip", raters="rater", ratings="score")
    ours = [icc_forms(table).forms[form] for form in FORMS]
    assert [icc.value for icc in ours] == pytest.approx(theirs["ICC"].tolist(), abs=1e-10)
    assert [icc.f for icc in ours] == pytest.approx(theirs["F"].tolist(), rel=1e-8)


@given(seed=st.integers(0, 10_000), n=st.integers(3, 15), k=st.integers(2, 8))
def test_alpha_over_raters_is_icc_3_k(seed, n, k):
    table = np.random.default_rng(seed).integers(1, 6, (n, k)).astype(float)
    table[0] += np.arange(k)  # never constant
    if np.ptp(table.sum(axis=1)) == 0:
        return
    assert cronbach_alpha(table) == pytest.approx(icc_forms(table).forms["ICC(3,k)"].value)


def test_raters_who_differ_by_a_constant_agree_perfectly_but_for_their_level():
    forms = icc_forms([[1, 2], [3, 4], [4, 5]]).forms
    assert forms["ICC(3,1)"].value == pytest.approx(1.0)
    assert np.isnan(forms["ICC(3,1)"].low)
    assert forms["ICC(2,1)"].value < 1


def test_a_negative_correlation_stays_negative():
    assert icc_forms([[1, 5], [5, 1], [3, 3.5]]).forms["ICC(1,1)"].value < -0.5


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ([[1, 2]], "at least 2 clips"),
        ([[1], [2]], "at least 2 clips"),
        ([1, 2, 3], "at least 2 clips"),
        ([[1, 2], [3, float("nan")]], "1 of 4 cells are missing"),
        ([[3, 3], [3, 3]], "Every score is 3"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(table, word):
    for judge in (icc_forms, cronbach_alpha):
        with pytest.raises(ValueError, match=word):
            judge(table)


def test_alpha_is_refused_when_totals_do_not_differ():
    with pytest.raises(ValueError, match="same total"):
        cronbach_alpha([[1, 5], [5, 1], [3, 3]])


def read_table(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nflx_79x26.csv", [0.744, 0.745, 0.781, 0.987]),
        ("vqeghd3_72x24.csv", [0.660, 0.661, 0.739, 0.979]),
    ],
)
def test_real_ratings_give_the_known_coefficients(real_data, name, expected):
    table = read_table(real_data / "ratings" / name)
    item, rater, score = table.columns[0], "rater", table.columns[-1]
    wide = table.assign(score=table[score].astype(float)).pivot(
        index=item, columns=rater, values="score"
    )
    forms = icc_forms(wide.to_numpy()).forms
    got = [forms[form].value for form in FORMS[:4]]
    assert got == pytest.approx(expected, abs=6e-4)
