"""Agreement on complete tables, against published values and a second implementation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mos.reliability import FORMS, cronbach_alpha, icc_forms, mean_squares, upper_quantile

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
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 20), k=st.integers(2, 6))
@example(seed=89, n=5, k=2)  # ICC(2,k) is not defined
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
    for icc, value in zip(ours, theirs["ICC"], strict=True):
        if np.isnan(icc.value):
            assert value > 1  # theirs divides by a negative variance, which is no reliability
        else:
            # A value far below 0 is one over a small difference, whose rounding it carries.
            assert icc.value == pytest.approx(value, abs=1e-12 * max(1.0, value**2))
    assert [icc.f for icc in ours] == pytest.approx(theirs["F"].tolist(), rel=1e-8)
    assert [icc.p for icc in ours] == pytest.approx(theirs["pval"].tolist(), abs=1e-10)
    assert [(icc.df1, icc.df2) for icc in ours] == list(
        zip(theirs["df1"], theirs["df2"], strict=True)
    )
    for icc, (low, high) in zip(ours, theirs["CI95"], strict=True):  # theirs are rounded to .01
        for our_end, their_end in ((icc.low, low), (icc.high, high)):
            assert np.isnan(our_end) or our_end == pytest.approx(their_end, abs=0.0051)


@given(seed=st.integers(0, 10_000), n=st.integers(3, 12), k=st.integers(2, 6))
def test_icc_1_1_is_above_icc_2_1_only_where_raters_vary_less_than_chance(seed, n, k):
    table = np.random.default_rng(seed).normal(size=(n, k))
    table += np.linspace(0, 4, n)[:, None]  # clips differ, so that the order is a matter of raters
    ms, forms = mean_squares(table), icc_forms(table).forms
    if ms.clips <= ms.error:
        return
    is_above = forms["ICC(1,1)"].value > forms["ICC(2,1)"].value
    assert is_above == (ms.raters < ms.error)


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
        ([[1, 2], [3, float("inf")]], "infinite"),
        ([[3, 3], [3, 3]], "Every score is 3"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(table, word):
    for judge in (icc_forms, cronbach_alpha):
        with pytest.raises(ValueError, match=word):
            judge(table)


@pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        upper_quantile(level)
    with pytest.raises(ValueError, match="between 0 and 1"):
        icc_forms(SHROUT_FLEISS, level=level)


def test_a_wider_level_gives_wider_intervals():
    usual, wide = icc_forms(SHROUT_FLEISS).forms, icc_forms(SHROUT_FLEISS, level=0.99).forms
    assert all(wide[f].low < usual[f].low and usual[f].high < wide[f].high for f in FORMS)


def test_alpha_is_refused_when_totals_do_not_differ():
    with pytest.raises(ValueError, match="same total"):
        cronbach_alpha([[1, 5], [5, 1], [3, 3]])


def rater_table(path):
    table = pd.read_csv(path)
    return table.pivot(index="item", columns="rater", values="rating").to_numpy()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nflx_79x26.csv", {"ICC(1,1)": 0.744, "ICC(2,1)": 0.745, "ICC(3,1)": 0.781}),
        ("nflx_79x26.csv", {"ICC(1,k)": 0.987}),
        ("nflx_79x30_last4_bad.csv", {"ICC(1,1)": 0.583}),
        ("vqeghd3_72x24.csv", {"ICC(1,1)": 0.660, "ICC(2,1)": 0.661, "ICC(3,1)": 0.739}),
        ("vqeghd3_72x24.csv", {"ICC(1,k)": 0.979}),
    ],
)
def test_real_ratings_give_the_known_coefficients(real_data, name, expected):
    forms = icc_forms(rater_table(real_data / "ratings" / name)).forms
    assert {form: forms[form].value for form in expected} == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [
        ("Relevance", 0.138),
        ("Coherence", -0.055),
        ("Empathy", 0.116),
        ("Surprise", 0.051),
        ("Engagement", 0.180),
        ("Complexity", 0.278),
    ],
)
def test_one_way_forms_of_real_slots_are_shown_even_below_zero(real_data, aspect, expected):
    ratings = pd.read_csv(real_data / "ratings" / "hanna_1056x3x6.csv")
    mine = ratings[ratings["aspect"] == aspect]
    slots = mine.pivot(index="item", columns="slot", values="rating").to_numpy()
    assert slots.shape == (1056, 3)
    assert icc_forms(slots).forms["ICC(1,1)"].value == pytest.approx(expected, abs=6e-4)


def test_alpha_over_aspects_of_real_means_is_the_known_one(real_data):
    ratings = pd.read_csv(real_data / "ratings" / "hanna_1056x3x6.csv")
    means = ratings.groupby(["item", "aspect"])["rating"].mean().unstack("aspect")
    assert cronbach_alpha(means.to_numpy()) == pytest.approx(0.904, abs=6e-4)


@pytest.mark.parametrize("parts", [3, 7, 9, 11])
def test_totals_that_differ_by_rounding_alone_are_the_same_total(parts):
    """Means of `parts` raters over six aspects, with 18 as the total of every clip."""
    shares_NK = np.random.default_rng(5).integers(parts, 5 * parts + 1, (200, 5))
    table = np.hstack([shares_NK, 18 * parts - shares_NK.sum(axis=1, keepdims=True)]) / parts
    table = table[(table[:, -1] >= 1) & (table[:, -1] <= 5)]
    assert 0 < np.ptp(table.sum(axis=1)) < 1e-12
    with pytest.raises(ValueError, match="same total"):
        cronbach_alpha(table)


def test_totals_that_differ_in_one_score_have_an_alpha():
    table = np.full((1000, 6), 3.0)
    table[0, 0] = 4.0
    assert cronbach_alpha(table) == pytest.approx(0.0)
