"""Agreement of scores with MOS, against scipy, by hand, and against its own promise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mos.agreement import FIGURES, agreement_table
from mos.agreement.figures import Pairs, figures

TRUE_PCC, SCORE_SD, MOS_SD, BIAS = 0.7, 0.8, 0.7, 0.2
TRUE = {
    "pcc": TRUE_PCC,
    "srcc": 6 / np.pi * np.arcsin(TRUE_PCC / 2),
    "kendall_tau_b": 2 / np.pi * np.arcsin(TRUE_PCC),
    "bias": BIAS,
    "mse": BIAS**2 + SCORE_SD**2 + MOS_SD**2 - 2 * TRUE_PCC * SCORE_SD * MOS_SD,
    "mse_mapped": MOS_SD**2 * (1 - TRUE_PCC**2),
}


def dubbed(seed, sources, dubs, alike=0.5):
    """Normal scores and MOS of so many dubs of each source, which are so much alike."""
    random = np.random.default_rng(seed)
    root = np.linalg.cholesky([[1, TRUE_PCC], [TRUE_PCC, 1]])
    source = np.repeat(np.arange(sources), dubs)
    common = (random.normal(size=(sources, 2)) @ root.T)[source]
    own = random.normal(size=(len(source), 2)) @ root.T
    both = np.sqrt(alike) * common + np.sqrt(1 - alike) * own
    return 3 + BIAS + SCORE_SD * both[:, 0], 3 + MOS_SD * both[:, 1], source


def ordinal(seed, n):
    """Scores and MOS with many ties, on few sources."""
    random = np.random.default_rng(seed)
    mos = random.integers(2, 11, n) / 2
    score = np.round(np.clip(mos + random.normal(0, 1, n), 1, 5))
    return score, mos, random.uniform(0.2, 1.5, n), random.integers(0, 4, n)


def tau_b(x, y):
    """Kendall's tau-b by looking at every pair."""
    sign_x, sign_y = (np.sign(np.subtract.outer(v, v)) for v in (x, y))
    pairs = np.sqrt((sign_x**2).sum() * (sign_y**2).sum())
    return (sign_x * sign_y).sum() / pairs


def by_hand(score, mos, half, line):
    """The figures one by one, from libraries or from their definitions."""
    error, mapped = score - mos, np.polyval(line, score) - mos
    return {
        "pcc": stats.pearsonr(score, mos).statistic,
        "srcc": stats.spearmanr(score, mos).statistic,
        "kendall_tau_b": tau_b(score, mos),
        "mse": np.mean(error**2),
        "rmse": np.sqrt(np.mean(error**2)),
        "bias": np.mean(error),
        "r2": 1 - np.sum(error**2) / np.sum((mos - mos.mean()) ** 2),
        "mse_mapped": np.sum(mapped**2) / (len(mos) - 2),
        "rmse_mapped": np.sqrt(np.sum(mapped**2) / (len(mos) - 2)),
        "outlier_frac": np.mean(np.abs(error) > half),
        "outlier_frac_mapped": np.mean(np.abs(mapped) > half),
    }


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 40))
def test_each_figure_is_its_definition_however_often_sources_count(seed, n):
    score, mos, half, source = ordinal(seed, n)
    pairs = Pairs.of(score, mos, source, half)
    counts = np.random.default_rng(seed).integers(1, 4, (3, pairs.n_sources))
    counts[0] = 1
    if np.ptp(score) == 0 or np.ptp(mos) == 0:
        return
    line = np.polyfit(score, mos, 1)
    for found, times in zip(figures(pairs, counts), counts[:, pairs.source_N], strict=True):
        many = [np.repeat(values, times) for values in (score, mos, half)]
        assert dict(zip(FIGURES, found, strict=True)) == pytest.approx(by_hand(*many, line))


def test_intervals_are_those_of_a_loop_that_draws_sources():
    score, mos, source = dubbed(3, sources=12, dubs=4)
    half = np.full(len(mos), 0.5)
    table = agreement_table(score, mos, source, half_widths=half, draws=300, seed=9)
    line, random = np.polyfit(score, mos, 1), np.random.default_rng(9)
    drawn = []
    for counts in random.multinomial(12, np.full(12, 1 / 12), size=300):
        clips = np.concatenate([np.flatnonzero(source == g) for g in np.repeat(range(12), counts)])
        drawn.append(by_hand(score[clips], mos[clips], half[clips], line))
    outside = stats.norm.sf(np.sqrt(12 / 11) * stats.t.ppf(0.975, 11))
    for name, figure in table.figures.items():
        ends = np.quantile([draw[name] for draw in drawn], [outside, 1 - outside])
        assert (figure.low, figure.high) == pytest.approx(tuple(ends)), name
        assert figure.reason == ""


def test_the_line_to_mos_is_told_and_explains_the_square_of_pcc():
    score, mos, source = dubbed(1, sources=20, dubs=3)
    table = agreement_table(10 - 2 * score, mos, source)
    assert (table.slope, table.offset) == pytest.approx(tuple(np.polyfit(10 - 2 * score, mos, 1)))
    assert table.slope < 0 and table.figures["pcc"].value < 0
    left = table.figures["mse_mapped"].value * (table.n - 2) / table.n
    assert 1 - left / np.var(mos) == pytest.approx(table.figures["pcc"].value ** 2)


@given(seed=st.integers(0, 10_000), n=st.integers(3, 30))
@settings(max_examples=40, deadline=None)
def test_no_score_explains_more_than_the_square_of_its_correlation(seed, n):
    score, mos, _, _ = ordinal(seed, n)
    every_clip = np.ones((1, n), dtype=np.int64)
    values = figures(Pairs.of(score, mos, np.arange(n)), every_clip)[0]
    found = dict(zip(FIGURES, values, strict=True))
    if not np.isnan(found["pcc"]):
        assert found["r2"] <= found["pcc"] ** 2 + 1e-12


def test_scale_and_offset_of_a_score_change_neither_rank_nor_mapped_figures():
    score, mos, source = dubbed(2, sources=10, dubs=2)
    half = np.full(len(mos), 0.4)
    one = agreement_table(score, mos, source, half_widths=half).figures
    other = agreement_table(1000 * score - 7, mos, source, half_widths=half).figures
    for name in ("pcc", "srcc", "kendall_tau_b", "rmse_mapped", "outlier_frac_mapped"):
        assert (one[name].value, one[name].low) == pytest.approx(
            (other[name].value, other[name].low), abs=1e-9
        )
    assert other["rmse"].value > 1000


def test_the_same_clips_ten_times_over_are_no_more_evidence():
    score, mos, source = dubbed(4, sources=15, dubs=2)
    once = agreement_table(score, mos, source).figures["pcc"]
    often = agreement_table(*(np.repeat(v, 10) for v in (score, mos, source))).figures["pcc"]
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high))


def held_share(sources, dubs, alike, repeats, label=lambda source: source):
    """How often the intervals at 95 % hold the truth."""
    held = dict.fromkeys(TRUE, 0)
    for seed in range(repeats):
        score, mos, source = dubbed(seed, sources, dubs, alike)
        table = agreement_table(score, mos, label(source), draws=250, seed=seed)
        for name, truth in TRUE.items():
            held[name] += table.figures[name].low <= truth <= table.figures[name].high
    return {name: count / repeats for name, count in held.items()}


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = held_share(sources=20, dubs=3, alike=0.5, repeats=150)
    assert all(0.91 <= held[name] <= 0.99 for name in ("pcc", "srcc", "kendall_tau_b", "bias"))
    assert all(0.82 <= held[name] <= 0.97 for name in ("mse", "mse_mapped"))


@pytest.mark.slow
def test_drawing_clips_where_dubs_are_alike_would_promise_too_much():
    design = {"sources": 20, "dubs": 6, "alike": 0.9, "repeats": 60}
    by_source = held_share(**design)
    by_clip = held_share(**design, label=lambda source: np.arange(len(source)))
    assert by_source["pcc"] >= 0.9 and by_source["bias"] >= 0.9
    assert by_clip["pcc"] < 0.75 and by_clip["bias"] < 0.75


def test_the_seed_alone_decides_the_draws():
    data = dubbed(5, sources=9, dubs=3)
    one, same, other = (agreement_table(*data, seed=seed).figures["pcc"] for seed in (1, 1, 2))
    assert (one.low, one.high) == (same.low, same.high)
    assert (one.low, one.high) != (other.low, other.high)
    assert one.value == other.value


def test_a_higher_level_is_wider():
    data = dubbed(6, sources=30, dubs=2)
    usual, wide = (agreement_table(*data, level=level).figures for level in (0.9, 0.99))
    for name in TRUE:
        assert wide[name].low < usual[name].low < usual[name].high < wide[name].high


def test_a_clip_without_an_interval_counts_neither_as_outlier_nor_as_none():
    mos, half = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 0.5, np.nan, 0.5])
    table = agreement_table(mos + [0.6, 0.4, 9.0, 0.5], mos, list("abcd"), half_widths=half)
    figure = table.figures["outlier_frac"]
    assert (figure.value, figure.n) == (pytest.approx(1 / 3), 3)
    assert table.figures["mse"].n == 4


def reasons(scores, mos, sources=None, **options):
    sources = list(range(len(mos))) if sources is None else sources
    table = agreement_table(scores, mos, sources, **options)
    return {name: (figure.value, figure.reason) for name, figure in table.figures.items()}


def test_two_clips_have_errors_but_nothing_that_needs_a_line():
    found = reasons([1, 2], [2, 2.5], half_widths=[0.6, 0.6])
    for name in ("pcc", "srcc", "kendall_tau_b", "r2", "mse_mapped", "outlier_frac_mapped"):
        assert np.isnan(found[name][0]) and found[name][1] == "3 clips are needed, not 2.", name
    assert found["mse"][0] == pytest.approx(0.625) and found["outlier_frac"][0] == 0.5


def test_scores_that_do_not_vary_have_no_correlation_and_say_so():
    found = reasons([0.1 * 3] * 9, np.linspace(1, 5, 9))
    for name in ("pcc", "srcc", "kendall_tau_b", "rmse_mapped"):
        assert np.isnan(found[name][0])
        assert found[name][1] == "Every score is 0.3: it tells no clip from another."
    assert found["r2"][0] < 0 and found["r2"][1] == ""


def test_mos_that_do_not_vary_leave_nothing_to_agree_with():
    found = reasons(np.linspace(1, 5, 9), [3.3] * 9)
    for name in ("pcc", "srcc", "kendall_tau_b", "r2"):
        assert np.isnan(found[name][0])
        assert found[name][1] == "Every MOS is 3.3: there is nothing to agree with."
    assert found["mse_mapped"][0] == pytest.approx(0, abs=1e-20)


def test_without_half_widths_there_are_no_outliers_to_count():
    found = reasons(np.linspace(1, 5, 9), np.linspace(1, 4, 9))
    assert np.isnan(found["outlier_frac"][0])
    assert found["outlier_frac"][1] == "The interval of no MOS is known."


@pytest.mark.parametrize("sources", [1, 7])
def test_few_sources_give_values_without_intervals(sources):
    score, mos, source = dubbed(1, sources=sources, dubs=9)
    for figure in agreement_table(score, mos, source).figures.values():
        assert np.isnan(figure.low) and np.isnan(figure.high)
        if not figure.name.startswith("outlier"):
            assert not np.isnan(figure.value)
            assert figure.reason == f"No interval: 8 sources are needed, not {sources}."


def test_what_no_draw_changes_is_no_certainty():
    score, mos, source = dubbed(1, sources=10, dubs=2)
    table = agreement_table(2 * mos, mos, source, half_widths=np.full(len(mos), 9.0))
    for name in ("pcc", "outlier_frac"):
        figure = table.figures[name]
        assert figure.value == pytest.approx({"pcc": 1.0, "outlier_frac": 0.0}[name])
        assert np.isnan(figure.low)
        assert figure.reason == "No interval: every draw gives the same value."


def test_draws_that_leave_nothing_to_correlate_are_not_passed_over():
    score = [1.0] * 27 + [5.0]
    table = agreement_table(score, np.linspace(1, 5, 28), list(range(28)))
    figure = table.figures["pcc"]
    assert figure.value > 0 and np.isnan(figure.low)
    lost = int(figure.reason.split()[2])
    assert figure.reason == f"No interval: {lost} of 2000 draws have no value."
    assert 600 < lost < 850  # (27/28)^28 of them lack the one clip that differs


def test_ends_beyond_all_draws_are_not_made_up():
    score, mos, source = dubbed(1, sources=8, dubs=2)
    figure = agreement_table(score, mos, source, level=0.999).figures["pcc"]
    assert figure.reason == "No interval: its ends lie beyond all 2000 draws: take more."


@pytest.mark.parametrize(
    ("scores", "mos", "sources", "options", "word"),
    [
        ([], [], [], {}, "There are 0 clips"),
        ([1, 2], [1, 2, 3], [1, 2, 3], {}, "one entry a clip"),
        ([1, 2], [1, 2], [1], {}, "one entry a clip"),
        ([[1], [2]], [[1], [2]], [[1], [2]], {}, "one entry a clip"),
        ([1, 2], [1, 2], [1, 2], {"half_widths": [1]}, "one entry a clip"),
        ([1, np.nan], [1, 2], [1, 2], {}, "1 scores are missing or infinite"),
        ([1, 2], [np.inf, np.nan], [1, 2], {}, "2 MOS are missing or infinite"),
        ([1, 2], [1, 2], [1, 2], {"half_widths": [1, -0.5]}, "Half an interval is -0.5 wide"),
        ([1, 2], [1, 2], [1, 2], {"half_widths": [np.inf, 1]}, "Half an interval is inf wide"),
        ([1, 2], [1, 2], [1, 2], {"level": 95}, "between 0 and 1"),
        ([1, 2], [1, 2], [1, 2], {"draws": 20}, "20 draws are too few"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(scores, mos, sources, options, word):
    with pytest.raises(ValueError, match=word):
        agreement_table(scores, mos, sources, **options)


def test_real_metrics_against_real_scores(real_data):
    table = pd.read_csv(real_data / "proxy" / "realsumm_2500x14.csv")
    score, human = table["rouge_1_f_score"], table["human"]
    found = agreement_table(score, human, table["group"], draws=400)
    assert (found.n, found.n_sources) == (2500, table["group"].nunique())
    assert found.figures["pcc"].value == pytest.approx(score.corr(human))
    assert found.figures["srcc"].value == pytest.approx(score.corr(human, method="spearman"))
    assert found.figures["kendall_tau_b"].value == pytest.approx(
        stats.kendalltau(score, human).statistic
    )
    for name in ("pcc", "srcc", "kendall_tau_b"):
        figure = found.figures[name]
        assert figure.low < figure.value < figure.high
    by_clip = agreement_table(score, human, table["item"], draws=400).figures["pcc"]
    by_document = found.figures["pcc"]
    assert by_document.high - by_document.low > by_clip.high - by_clip.low
