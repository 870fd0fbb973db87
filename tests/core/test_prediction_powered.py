"""Intervals that predictions make narrower still hold, and are those that the papers print."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mos.prediction_powered import FEWEST, powered_mean

CAMPAIGNS, OTHERS, TRUTH = 500, 200, 3.2


def campaign(random, n, r, others=OTHERS, sd=0.7):
    """MOS and predictions of n clips and predictions of others, which go with MOS as r says."""
    seen = random.normal(size=n + others)
    missed = random.normal(size=n)
    mos = TRUTH + sd * (r * seen[:n] + np.sqrt(1 - r**2) * missed)
    predicted = 3.4 + sd * (r or 0.6) * seen
    return mos, predicted[:n], predicted[n:]


def many(seed, n, r, **how):
    random = np.random.default_rng([seed, n, int(100 * r)])
    return [powered_mean(*campaign(random, n, r), **how) for _ in range(CAMPAIGNS)]


def held(found, truth=TRUTH):
    return np.mean([one.powered.low <= truth <= one.powered.high for one in found])


def ratio(found):
    return np.mean([one.powered.width for one in found]) / np.mean(
        [one.classical.width for one in found]
    )


@pytest.mark.parametrize("n", [10, 20, 40])
@pytest.mark.parametrize("r", [0.45, 0.76])
def test_intervals_hold_what_they_promise_and_are_as_narrow_as_theory_says(n, r):
    found = many(1, n, r)
    assert 0.93 <= held(found) <= 0.97
    assert ratio(found) == pytest.approx(np.sqrt(1 - r**2 * OTHERS / (n + OTHERS)), abs=0.05)
    means = np.array([one.powered.mean for one in found])
    assert abs(means.mean() - TRUTH) < 3 * means.std() / np.sqrt(CAMPAIGNS)
    classical = np.array([one.classical.mean for one in found])
    assert means.std() < classical.std()


def test_labels_saved_are_those_that_the_width_is_worth():
    found = many(2, 40, 0.76)
    for one in found[:20]:
        worth = one.n * (one.classical.width / one.powered.width) ** 2
        assert one.saved == pytest.approx(max(0, worth - one.n))
    assert 30 < np.median([one.saved for one in found]) < 45


def test_useless_predictions_cost_a_few_per_cent_and_save_nothing():
    for n, most in ((FEWEST, 1.08), (40, 1.03)):
        found = many(3, n, 0.0)
        assert 1.0 <= ratio(found) < most and 0.93 <= held(found) <= 0.97
        assert np.median([one.saved for one in found]) == 0
        assert min(one.saved for one in found) >= 0


def test_intervals_hold_for_means_of_three_ratings_on_the_scale():
    """Scores in thirds, piled up at 5, with predictions that bend."""
    random = np.random.default_rng(4)

    def mos_of(seen):
        return np.clip(np.round(3 * (4.1 + seen + 0.6 * random.normal(size=len(seen)))) / 3, 1, 5)

    truth, hits = mos_of(0.8 * random.normal(size=400_000)).mean(), []
    for _ in range(CAMPAIGNS):
        seen = 0.8 * random.normal(size=220)
        predicted = 5 - np.exp(-seen)
        one = powered_mean(mos_of(seen[:20]), predicted[:20], predicted[20:])
        hits.append(one.powered.low <= truth <= one.powered.high)
    assert 0.93 <= np.mean(hits) <= 0.97


def test_the_estimate_with_a_given_weight_is_that_of_the_paper():
    """Angelopoulos, Duchi and Zrnic (2023), PPI++ for a mean, but for Student's quantile."""
    mos, seen, other = campaign(np.random.default_rng(5), 15, 0.7)
    for lam in (0.3, 1.0):
        found = powered_mean(mos, seen, other, lam=lam)
        mean = mos.mean() + lam * (other.mean() - seen.mean())
        var = lam**2 * other.var(ddof=1) / len(other) + (mos - lam * seen).var(ddof=1) / 15
        half = stats.t.ppf(0.975, 14) * np.sqrt(var)
        assert found.powered.mean == pytest.approx(mean)
        assert (found.powered.low, found.powered.high) == pytest.approx((mean - half, mean + half))
        assert found.lam == pytest.approx(lam) and found.r == pytest.approx(
            np.corrcoef(mos, seen)[0, 1]
        )


def test_each_label_is_weighed_by_what_the_others_say():
    mos, seen, other = campaign(np.random.default_rng(6), 12, 0.7)
    lams, scores = [], []
    for i in range(12):
        y, f = np.delete(mos, i), np.delete(seen, i)
        best = np.cov(y, f)[0, 1] / (f.var(ddof=1) + 11 / len(other) * other.var(ddof=1))
        lams.append(np.clip(best, 0, 1))
        scores.append(mos[i] - lams[i] * (seen[i] - other.mean()))
    found = powered_mean(mos, seen, other)
    var = np.mean(lams) ** 2 * other.var(ddof=1) / len(other) + np.var(scores, ddof=1) / 12
    assert found.lam == pytest.approx(np.mean(lams))
    assert found.powered.mean == pytest.approx(np.mean(scores))
    assert found.powered.width == pytest.approx(2 * stats.t.ppf(0.975, 10) * np.sqrt(var))


def test_no_weight_gives_exactly_the_classical_mean():
    mos, seen, other = campaign(np.random.default_rng(7), 12, 0.7)
    found = powered_mean(mos, seen, other, 0.9, lam=0)
    half = stats.t.ppf(0.95, 11) * mos.std(ddof=1) / np.sqrt(12)
    assert found.powered == found.classical and found.saved == 0 and found.width_ratio == 1
    assert found.classical.mean == mos.mean() and found.classical.width == pytest.approx(2 * half)


def dubs(random, sources=50, each=4, n=40):
    """Dubs whose MOS and predictions share the luck of their source; n of them are labelled."""
    source = np.repeat(np.arange(sources), each)
    luck, seen = random.normal(size=sources)[source], 0.5 * random.normal(size=sources * each)
    mos = TRUTH + 0.6 * luck + seen + 0.4 * random.normal(size=len(source))
    predicted = 3 + 0.6 * luck + seen + 0.2 * random.normal(size=len(source))
    order = random.permutation(len(source))
    rows, rest = order[:n], order[n:]
    return (mos[rows], predicted[rows], predicted[rest]), (source[rows], source[rest])


def test_dubs_of_one_source_do_not_count_as_so_many_clips():
    random, by_source, by_clip = np.random.default_rng(8), [], []
    for _ in range(CAMPAIGNS):
        scores, (mine, others) = dubs(random)
        by_clip.append(powered_mean(*scores))
        by_source.append(powered_mean(*scores, sources_L=mine, sources_U=others))
    assert 0.93 <= held(by_source) <= 0.97
    assert held(by_clip) < 0.90


def test_a_source_counts_with_all_its_dubs_labelled_or_not():
    scores, (mine, others) = dubs(np.random.default_rng(9), sources=15, n=30)
    mos, seen, other = scores
    found = powered_mean(*scores, lam=0.6, sources_L=mine, sources_U=others)
    n, size_l, size_u = len(mos), len(set(mine)), len(set(others))
    score, squares = mos - 0.6 * seen, 0.0
    for source in set(mine) | set(others):
        own = (score[mine == source] - score.mean()).sum() / n
        share = 0.6 * (other[others == source] - other.mean()).sum() / len(other)
        squares += (
            own * np.sqrt(size_l / (size_l - 1)) + share * np.sqrt(size_u / (size_u - 1))
        ) ** 2
    half = stats.t.ppf(0.975, size_l - 1) * np.sqrt(squares)
    assert found.powered.width == pytest.approx(2 * half) and found.n_sources == size_l


def test_a_source_each_is_as_no_sources_at_all():
    scores = campaign(np.random.default_rng(10), 14, 0.6)
    names = [f"film-{i}" for i in range(14 + OTHERS)]
    plain = powered_mean(*scores)
    found = powered_mean(*scores, sources_L=names[:14], sources_U=names[14:])
    assert found.powered.low == pytest.approx(plain.powered.low) and found.lam == plain.lam


def test_predictions_of_an_ensemble_trained_on_the_very_labels_hold_out_of_fold():
    """Five members, each fitted without a fifth: own member for labelled clips, mean for others."""
    random, found = np.random.default_rng(11), []
    weights = np.array([0.5, 0.3, 0.0, 0.0])
    for _ in range(CAMPAIGNS):
        z = np.column_stack([np.ones(340), random.normal(size=(340, 4))])
        mos = TRUTH + z[:40, 1:] @ weights + 0.4 * random.normal(size=40)
        fold, said = np.arange(40) % 5, []
        for member in range(5):
            rows = z[:40][fold != member]
            around = rows.T @ rows + np.diag([0, 1, 1, 1, 1])
            said.append(z @ np.linalg.solve(around, rows.T @ mos[fold != member]))
        said = np.array(said)
        own = said[fold, np.arange(40)]
        found.append(powered_mean(mos, own, said[:, 40:].mean(axis=0)))
    assert 0.93 <= held(found) <= 0.97
    assert ratio(found) < 0.75


def test_seen_labels_would_have_made_it_lie():
    """The same with predictions that were fitted on the labels: why they must be out of fold."""
    random, found = np.random.default_rng(12), []
    for _ in range(CAMPAIGNS):
        z = np.column_stack([np.ones(320), random.normal(size=(320, 9))])
        mos = TRUTH + 0.5 * random.normal(size=20)
        said = z @ np.linalg.lstsq(z[:20], mos, rcond=None)[0]
        found.append(powered_mean(mos, said[:20], said[20:]))
    assert held(found) < 0.90


@pytest.mark.parametrize(
    ("mos", "seen", "other", "words"),
    [
        ([3.0] * 9 + [4.0], [3.0] * 10, [3.0, 4.0], "same prediction"),
        ([3.0] * 10, range(10), [3.0, 4.0], "Every label is the same"),
        ([3.0] * 8 + [4.0], range(9), [3.0, 4.0], "9 random labels"),
        ([3.0] * 9 + [4.0], range(10), [3.0], "of 1 sources"),
        ([3.0], [3.0], [3.0, 4.0], "1 random labels"),
    ],
)
def test_where_predictions_cannot_be_weighed_labels_are_left_alone(mos, seen, other, words):
    found = powered_mean(mos, list(seen), other)
    assert words in found.reason and found.saved == 0 and found.lam == 0
    assert found.powered is found.classical and found.classical.mean == np.mean(mos)
    has_interval = len(mos) > 1 and len(set(mos)) > 1
    assert np.isfinite(found.classical.low) == np.isfinite(found.width_ratio) == has_interval


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mos_L": []}, "0 MOS"),
        ({"predicted_L": [1.0]}, "1 predictions"),
        ({"mos_L": [1.0, np.nan]}, "the first is nan"),
        ({"predicted_U": [np.inf]}, "the first is inf"),
        ({"predicted_U": [[1.0]]}, r"\(1, 1\)"),
        ({"lam": 1.5}, "not 1.5"),
        ({"lam": np.nan}, "not nan"),
        ({"level": 95}, "not 95"),
        ({"sources_L": ["a", "b"]}, "or of none"),
        ({"sources_L": ["a"], "sources_U": ["b"]}, "1 and 1 sources for 2 and 2"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_value(fields, words):
    asked = {"mos_L": [1.0, 2.0], "predicted_L": [1.0, 2.0], "predicted_U": [1.0, 2.0], **fields}
    with pytest.raises(ValueError, match=words):
        powered_mean(**asked)


SCORES = st.lists(st.tuples(st.floats(1, 5), st.floats(1, 5)), min_size=10, max_size=30)


@settings(max_examples=100, deadline=None)
@given(SCORES, st.lists(st.floats(1, 5), min_size=2, max_size=30), st.floats(-3, 3))
def test_whatever_the_scores_the_weight_is_one_and_a_shift_shifts(pairs, others, shift):
    mos, seen = (np.array(each) for each in zip(*pairs, strict=True))
    found = powered_mean(mos, seen, others)
    assert 0 <= found.lam <= 1 and found.saved >= 0
    assert not found.powered.low > found.powered.mean
    moved = powered_mean(mos + shift, seen, others)
    assert moved.powered.mean == pytest.approx(found.powered.mean + shift, abs=1e-6)
