"""The audit of active learning finds what is there, and nothing where nothing is."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import r2_score

from learner.audit import (
    AuditData,
    AuditPlan,
    AuditReport,
    SeedResult,
    audit_report,
    replay_key,
    replay_seed,
    split,
)
from learner.audit.comparison import compare, paired_interval
from learner.audit.figures import judge
from learner.audit.saving import Saving, label_saving, labels_needed
from learner.audit.verdict import find, sentence
from learner.strategies.protocol import Pick
from learner.strategies.random import Random
from mos.agreement.comparison import holm, sign_flip_test

SEEDS = range(30)


class Line:
    """A least-squares line with the spread of its ends: cheap to teach, and it knows its doubts."""

    residual_var = 0.25

    def __init__(self, draws: int, seed: int) -> None:
        self.draws, self.seed = draws, seed

    def fit(self, X, y):  # noqa: N803
        x = np.column_stack([np.ones(len(X)), X])
        self.known = np.linalg.inv(x.T @ x + 0.1 * np.eye(x.shape[1]))
        self.weights = self.known @ x.T @ y
        return self

    def predict(self, X, return_std=False):  # noqa: N803
        x = np.column_stack([np.ones(len(X)), X])
        mos = x @ self.weights
        return (mos, np.sqrt(np.einsum("nm,mk,nk->n", x, self.known, x))) if return_std else mos


def cheap(strategy, **changes):
    return AuditPlan(strategy, estimator=Line, **changes)


def plain_clips(n=80, seed=0, a_source=2):
    """Nothing to be clever about: all clips tell alike."""
    random = np.random.default_rng([seed, 99])
    z = random.normal(size=(n, 3))
    mos = 3 + 0.4 * z[:, 0] + 0.3 * z[:, 1] + 0.5 * random.normal(size=n)
    sources = tuple(f"source-{i // a_source}" for i in range(n))
    return AuditData(z, mos, sources, tuple(f"kind-{i % 3}" for i in range(n)))


def rare_clips(n=240, seed=0):
    """Most clips hardly vary in any metric; one in six carries nearly all that can be learned."""
    random = np.random.default_rng([seed, 98])
    size = np.where(random.random(n) < 1 / 6, 2.0, 0.1)
    z = random.normal(size=(n, 8)) * size[:, None]
    mos = 3 + z @ np.linspace(0.05, 0.3, 8) + 0.5 * random.normal(size=n)
    return AuditData(z, mos, tuple(f"source-{i // 2}" for i in range(n)), ("",) * n)


def replays(data, plan, seeds=SEEDS):
    return [replay_seed(data, plan, seed) for seed in seeds]


def made_up(gaps, *, random=(0.4, 0.5, 0.6, 0.65), budgets=(20, 30), strategy="d_optimal", noise=1):
    """Replays by hand: gaps of the strategy's PCC over random's at each budget."""
    labels, chance = (10, *budgets, 60), np.random.default_rng(5)
    results = []
    for seed in SEEDS:
        drawn = tuple(float(one) for one in random + 0.004 * noise * chance.normal(size=4))
        asked = (
            drawn[0],
            *(
                drawn[at + 1] + gap + 0.01 * noise * float(chance.normal())
                for at, gap in enumerate(gaps)
            ),
        )
        results.append(
            SeedResult(
                key="by hand",
                seed=seed,
                strategy=strategy,
                n_test=40,
                n_pool=60,
                start=10,
                budgets=budgets,
                labels=labels,
                asked=dict.fromkeys(("pcc", "srcc", "r2"), asked),
                random=dict.fromkeys(("pcc", "srcc", "r2"), drawn),
            )
        )
    return results


# One replay


@pytest.mark.parametrize("strategy", ["random", "uncertainty", "hybrid"])
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(strategy):
    data, plan = plain_clips(), AuditPlan(strategy, draws=5, steps=3, has_tail=False)
    assert replay_seed(data, plan, 7) == replay_seed(data, plan, 7)
    assert replay_seed(data, plan, 7).random != replay_seed(data, plan, 8).random


def test_a_replay_leaves_global_chance_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    replay_seed(plain_clips(), cheap("uncertainty"), 0)
    assert np.random.get_state()[1].tolist() == before


def test_a_replay_that_was_kept_and_resumed_is_as_if_undisturbed():
    data, plan = plain_clips(), cheap("uncertainty")
    kept = [json.dumps(one.to_json()) for one in replays(data, plan, range(20))]
    data, plan = pickle.loads(pickle.dumps((data, plan)))
    resumed = [SeedResult.from_json(json.loads(one)) for one in kept]
    resumed += replays(data, plan, range(20, 30))
    undisturbed = replays(data, plan)
    assert resumed == undisturbed
    assert audit_report(resumed) == audit_report(undisturbed)


def test_an_undefined_figure_is_kept_as_none():
    result = made_up((0, 0))[0]
    odd = replace(result, asked=result.asked | {"pcc": (float("nan"), 0.5, 0.6)})
    text = json.dumps(odd.to_json(), allow_nan=False)
    assert np.isnan(SeedResult.from_json(json.loads(text)).asked["pcc"][0])


def test_all_dubs_of_a_source_lie_on_one_side():
    data = plain_clips(100, a_source=5)
    sources = np.array(data.sources_N)
    for seed in SEEDS:
        parts = split(data, cheap("random"), seed)
        assert not set(sources[parts.test]) & set(sources[parts.pool])
        assert sorted([*parts.test, *parts.pool]) == list(range(100))
        assert set(parts.start) <= set(parts.pool)
        assert len(parts.test) == 40


def test_sources_of_odd_sizes_never_leave_less_of_a_pool_than_the_plan_counts_on():
    random = np.random.default_rng(4)
    sources = tuple(f"s{random.zipf(1.6) % 40}" for _ in range(120))
    data = replace(plain_clips(120), sources_N=sources)
    for seed in range(20):
        parts = split(data, cheap("random"), seed)
        assert 10 <= len(parts.test) <= 48
        assert len(parts.pool) >= cheap("random").grid(120).n_pool


class Seen(Line):
    """Notes what it was taught and asked."""

    notes: list[tuple[str, np.ndarray]] = []

    def fit(self, X, y):  # noqa: N803
        self.notes.append(("taught", X.copy()))
        return super().fit(X, y)

    def predict(self, X, return_std=False):  # noqa: N803
        if not return_std:
            self.notes.append(("judged", X.copy()))
        return super().predict(X, return_std)


def test_both_arms_begin_with_the_same_clips_and_are_judged_on_the_same():
    Seen.notes = []
    data, plan = plain_clips(), AuditPlan("uncertainty", estimator=Seen, has_tail=False)
    result, parts = replay_seed(data, plan, 2), split(data, plan, 2)
    taught = [x for what, x in Seen.notes if what == "taught"]
    judged = [x for what, x in Seen.notes if what == "judged"]
    asked, drawn = taught[1 : len(result.labels)], taught[len(result.labels) :]
    assert [len(x) for x in asked] == [len(x) for x in drawn] == [*result.labels[1:]]
    assert np.array_equal(taught[0], data.z_NM[parts.start])
    for arm in (asked, drawn):
        assert np.array_equal(arm[0][: result.start], data.z_NM[parts.start])
    assert all(np.array_equal(x, data.z_NM[parts.test]) for x in judged)
    assert not np.array_equal(asked[0], drawn[0])
    test = {tuple(row) for row in data.z_NM[parts.test]}
    assert all(not test & {tuple(row) for row in x} for x in taught)
    assert all(len(np.unique(x, axis=0)) == len(x) for x in taught)


def test_random_against_itself_draws_other_clips():
    result = replay_seed(plain_clips(), cheap("random"), 0)
    assert result.asked["pcc"][0] == result.random["pcc"][0]
    assert result.asked["pcc"][1:] != result.random["pcc"][1 : len(result.asked["pcc"])]


def test_random_goes_on_to_the_whole_pool():
    data, plan = plain_clips(200), cheap("uncertainty")
    result = replay_seed(data, plan, 0)
    assert result.labels[-1] == result.n_pool == 120
    assert result.budgets == (25, 39, 52)
    assert result.labels[len(result.asked["pcc"]) - 1] == 52


def test_figures_are_those_of_scipy_and_scikit_learn():
    random = np.random.default_rng(0)
    mos = random.normal(size=60).round(1)
    guess = (mos + random.normal(size=60)).round(1)
    figures = judge(guess, mos)
    assert figures["pcc"] == pytest.approx(stats.pearsonr(guess, mos).statistic, abs=1e-12)
    assert figures["srcc"] == pytest.approx(stats.spearmanr(guess, mos).statistic, abs=1e-12)
    assert figures["r2"] == pytest.approx(r2_score(mos, guess), abs=1e-12)


def test_what_does_not_vary_has_no_correlation():
    figures = judge([0.1 + 0.2, 0.3, 0.3], [1, 2, 3])
    assert np.isnan(figures["pcc"])
    assert figures["r2"] < 0
    assert all(np.isnan(value) for value in judge([1, 2, 3], [3, 3, 3]).values())


# What is refused


def test_too_few_clips_are_refused_with_the_number_and_the_cure():
    with pytest.raises(ValueError, match="39 clips have a MOS and 40 are needed.*rate 1 more"):
        plain_clips(39)


def test_too_few_clips_for_testing_are_refused_with_the_number_and_the_cure():
    with pytest.raises(ValueError, match="0 clips are left for testing and 10 are needed.*sources"):
        replay_seed(plain_clips(60, a_source=30), cheap("random"), 0)
    with pytest.raises(ValueError, match="8 clips are left for testing"):
        replay_seed(plain_clips(40), cheap("random", test_frac=0.2), 0)


def test_forty_clips_are_enough():
    result = replay_seed(plain_clips(40), cheap("uncertainty"), 0)
    assert result.n_test == 16
    assert result.budgets == (11, 13, 16)


@pytest.mark.parametrize("field", ["z_NM", "mos_N"])
def test_a_missing_value_is_refused(field):
    data = plain_clips()
    value = getattr(data, field).copy()
    value[3] = np.nan
    with pytest.raises(ValueError, match="1 clips have a metric or MOS that is missing"):
        replace(data, **{field: value})


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="one entry a clip"):
        replace(plain_clips(), strata_N=("",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget": 60}, "must leave some of a pool of 48 unasked"),
        ({"start": 0}, "must leave"),
        ({"budget": 2}, "has no 3 parts"),
        ({"test_frac": 1.0}, "test_frac"),
        ({"shares": (0.5,)}, "shares must ascend"),
        ({"steps": 0}, "1 step or more"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        replay_seed(plain_clips(), cheap("random", **changes), 0)


def test_an_unknown_strategy_and_a_seed_below_0_are_refused():
    with pytest.raises(ValueError, match="there is no strategy 'oracle'"):
        replay_seed(plain_clips(), cheap("oracle"), 0)
    with pytest.raises(ValueError, match="not -1"):
        replay_seed(plain_clips(), cheap("random"), -1)


class Greedy(Random):
    """Asks for one clip more than it may."""

    def choose(self, pool, n, random):
        picks = super().choose(pool, n, random)
        taken = {pick.index for pick in picks}
        spare = next(row for row in range(len(pool.z_NM)) if row not in taken)
        return [*picks, Pick(spare, None, "One more.")]


def test_a_strategy_that_takes_more_than_its_budget_is_refused():
    with pytest.raises(ValueError, match="was asked for 3 clips of 40 and gave 4"):
        replay_seed(plain_clips(), cheap("greedy", query=Greedy()), 0)


def test_fewer_than_30_replays_are_no_audit():
    with pytest.raises(ValueError, match="29 replays are too few .* 30 are needed"):
        audit_report(made_up((0, 0))[:29])


def test_a_replay_counted_twice_and_replays_of_other_labels_are_refused():
    results = made_up((0, 0))
    with pytest.raises(ValueError, match="comes twice"):
        audit_report([*results, results[0]])
    with pytest.raises(ValueError, match="2 plans or sets of labels"):
        audit_report([*results, replace(results[0], seed=99, key="another")])


def test_one_more_rating_or_another_plan_changes_the_key():
    data, plan = plain_clips(), cheap("uncertainty")
    mos = data.mos_N.copy()
    mos[0] += 0.1
    keys = {
        replay_key(data, plan),
        replay_key(replace(data, mos_N=mos), plan),
        replay_key(replace(data, strata_N=("",) * 80), plan),
        replay_key(data, replace(plan, strategy="random")),
        replay_key(data, replace(plan, test_frac=0.41)),
        replay_key(data, replace(plan, draws=51)),
        replay_key(data, AuditPlan("uncertainty")),
    }
    assert len(keys) == 7
    assert replay_seed(data, plan, 3).key == replay_key(plain_clips(), cheap("uncertainty"))


# Label saving


def test_labels_needed_lie_on_the_line_between_two_points():
    assert labels_needed([10, 20, 40], [0.2, 0.4, 0.5], 0.3) == 15
    assert labels_needed([10, 20, 40], [0.2, 0.4, 0.5], 0.5) == 40


def test_a_dip_of_the_curve_is_smoothed_and_a_flat_part_counts_from_its_beginning():
    assert labels_needed([10, 20, 30, 40], [0.2, 0.5, 0.4, 0.6], 0.45) == 20
    assert labels_needed([10, 20, 30, 40], [0.2, 0.4, 0.4, 0.6], 0.4) == 20


def saving_of(target, at=20):
    random = np.array([[0.2, 0.4, 0.5]] * 30)
    return label_saving([10, 20, 40], random, [target] * 30, at, level=0.95, draws=200, seed=0)


def test_saving_has_the_known_answer():
    saving = saving_of(0.45)
    assert (saving.needed, saving.saved, saving.low, saving.high) == (30, 10, 10, 10)
    assert not (saving.is_at_least or saving.is_at_most or saving.is_high_at_least)


def test_beyond_the_last_label_saving_is_at_least():
    saving = saving_of(0.7)
    assert (saving.needed, saving.saved) == (40, 20)
    assert saving.is_at_least and saving.is_high_at_least


def test_where_the_strategy_is_worse_labels_are_lost():
    assert saving_of(0.3).saved == -5
    assert saving_of(0.1).saved == -10
    assert saving_of(0.1).is_at_most and saving_of(0.1).is_low_at_most


def test_the_interval_of_the_saving_holds_it_and_narrows_with_replays():
    chance = np.random.default_rng(1)

    def width(n):
        random = np.array([0.2, 0.4, 0.6]) + 0.02 * chance.normal(size=(n, 3))
        asked = 0.5 + 0.02 * chance.normal(size=n)
        one = label_saving([10, 20, 40], random, asked, 20, level=0.95, draws=500, seed=0)
        assert one.low < one.saved < one.high
        return one.high - one.low

    assert width(400) < 0.5 * width(30)


# The report


def test_p_is_that_of_flipped_signs_and_adjusted_over_the_budgets():
    results = made_up((0.002, 0.006))
    rows = [row for row in audit_report(results).rows if row.figure == "pcc"]
    expected = [
        sign_flip_test(
            [one.asked["pcc"][at] for one in results],
            [one.random["pcc"][at] for one in results],
            list(SEEDS),
        ).p
        for at in (1, 2)
    ]
    assert [row.p for row in rows] == expected
    assert [row.p_holm for row in rows] == holm(expected).tolist()
    assert rows[1].p_holm > rows[1].p


def test_differences_are_means_of_pairs_with_students_interval_and_a_wider_one():
    results = made_up((0.01, 0.02))
    row = audit_report(results).rows[0]
    gaps = [one.asked["pcc"][1] - one.random["pcc"][1] for one in results]
    theirs = stats.ttest_rel(
        [one.asked["pcc"][1] for one in results], [one.random["pcc"][1] for one in results]
    ).confidence_interval(0.95)
    assert row.difference == pytest.approx(np.mean(gaps))
    assert (row.low, row.high) == pytest.approx((theirs.low, theirs.high))
    wider = np.sqrt((1 / 30 + 40 / 60) * 30)
    assert row.wide_high - row.wide_low == pytest.approx(wider * (row.high - row.low))
    assert paired_interval(gaps, 0.95, 40 / 60) == pytest.approx((row.wide_low, row.wide_high))


def test_a_replay_without_a_correlation_is_left_out_and_counted():
    results = made_up((0.01, 0.02))
    nan = (0.4, float("nan"), 0.6)
    results[0] = replace(results[0], asked=results[0].asked | {"pcc": nan})
    row = compare(results, "pcc", 0.95)[0]
    assert row.n == 29
    assert np.isfinite(row.p)
    assert audit_report(results).rows[3].n == 30


def test_where_nothing_is_defined_nothing_is_claimed():
    nothing = {name: (float("nan"),) * 4 for name in ("pcc", "srcc", "r2")}
    results = [
        replace(one, asked={k: v[:3] for k, v in nothing.items()}, random=nothing)
        for one in made_up((0, 0))
    ]
    report = audit_report(results)
    assert report.finding == "none"
    assert report.rows[0].n == 0
    json.dumps(report.to_json(), allow_nan=False)


def test_the_order_of_the_replays_does_not_matter_and_a_report_is_kept_whole():
    results = made_up((0.03, 0.03))
    report = audit_report(results)
    assert audit_report(results[::-1]) == report
    assert AuditReport.from_json(json.loads(json.dumps(report.to_json()))) == report


# The verdict


def test_a_saving_is_told_with_its_interval_and_p():
    verdict = audit_report(made_up((0.05, 0.02))).verdict
    assert verdict == (
        "Active learning saved 10 labels [9, 12] at 30 labels on these clips "
        "(d-optimal, 30 replays, p < .001 after Holm)."
    )


def test_a_saving_beyond_the_last_label_is_at_least():
    verdict = audit_report(made_up((0.05, 0.2))).verdict
    assert "saved at least 30 labels [30, at least 30] at 30 labels" in verdict


def test_without_evidence_the_advice_is_random():
    report = audit_report(made_up((0, 0)))
    assert report.finding == "none"
    assert report.verdict == ("No evidence on your data that d-optimal beats random: use random.")


def test_where_random_is_better_it_is_said():
    report = audit_report(made_up((0, -0.03)))
    assert report.finding == "worse"
    assert report.verdict == "On your data random did better than d-optimal: use random."


def test_better_here_and_worse_there_is_no_saving():
    report = audit_report(made_up((0.05, -0.05)))
    assert report.finding == "mixed"
    assert "better than random at 20 labels and worse at another" in report.verdict


def test_a_gain_whose_saving_may_be_nothing_is_no_saving():
    results = made_up((0.05, 0.05))
    rows = compare(results, "pcc", 0.95)
    savings = [Saving(at, at + 9, 9, -1, 20, False, False, False, False) for at in (20, 30)]
    assert find(rows, savings, 0.05) == ("gains", 1)
    words = sentence("gains", 1, "d_optimal", 30, rows, savings)
    assert "no saving of labels is sure: use random" in words


def test_a_saving_whose_difference_may_be_luck_is_no_saving():
    rows = [replace(row, p_holm=0.06) for row in compare(made_up((0.05, 0.05)), "pcc", 0.95)]
    savings = [Saving(at, at + 9, 9, 5, 20, False, False, False, False) for at in (20, 30)]
    assert find(rows, savings, 0.05) == ("none", None)
    assert find(rows, savings, 0.10) == ("saves", 1)


def test_how_far_a_finding_reaches_is_said_beside_it():
    assert audit_report(made_up((0.05, 0.05))).reach == (
        "The difference is large enough to expect it on other clips like these."
    )
    near = audit_report(made_up((0.012, 0.012)))
    assert near.finding == "saves"
    assert near.reach.startswith("On other clips it may be otherwise: ")
    assert near.reach.endswith(" PCC, holds 0.")
    assert audit_report(made_up((0, 0))).reach == ""


class Whim(Random):
    """Picks by digits that mean nothing, and the same clips whenever it is asked."""

    def choose(self, pool, n, random):
        order = (np.abs(pool.z_NM[:, 2]) * 1e6 % 1).argsort()
        return [Pick(int(row), None, "On a whim.") for row in order[:n]]


def test_luck_with_these_clips_is_not_taken_for_a_rule():
    plan = cheap("whim", query=Whim(), steps=2, shares=(0.5, 1.0), has_tail=False)
    found = [compare(replays(plain_clips(60, seed), plan), "pcc", 0.95) for seed in range(20)]
    wide = [row.wide_low > 0 or row.wide_high < 0 for rows in found for row in rows]
    assert not any(wide)


# Power and its absence


def test_where_few_clips_carry_the_signal_asking_saves_labels():
    report = audit_report(replays(rare_clips(), cheap("uncertainty")))
    assert report.finding == "saves"
    assert report.verdict.startswith("Active learning saved")
    assert all(saving.low > 0 for saving in report.savings)


@pytest.mark.slow
def test_random_seldom_beats_random():
    plan = cheap("random", steps=2, shares=(0.5, 1.0), has_tail=False)
    found = [
        min(row.p_holm for row in compare(replays(plain_clips(60, seed), plan), "pcc", 0.95))
        for seed in range(200)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.07
