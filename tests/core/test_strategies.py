"""Every strategy keeps one contract, inside a real active learner."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modAL.models import ActiveLearner

from learner.proxy.estimator import BaggedProxy
from learner.registry import shelf
from learner.strategies import _greedy
from learner.strategies._shares import quotas
from learner.strategies.reserve import pick_with_reserve

NAMES = sorted(shelf("strategy").parts)


def make_learner(name, labelled=20, seed=0):
    random = np.random.default_rng(seed)
    z = random.normal(size=(labelled, 3))
    mos = 3 + 0.6 * z[:, 0] + 0.3 * z[:, 1] + 0.2 * random.normal(size=labelled)
    strategy = shelf("strategy").get(name)()
    learner = ActiveLearner(estimator=BaggedProxy(draws=50), query_strategy=strategy)
    if labelled:
        learner.teach(z, mos)
    return learner


def make_pool(n=60, seed=1):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, 3)), [f"kind-{i % 4}" for i in range(n)]


def test_the_papers_strategies_are_on_the_shelf():
    assert set(NAMES) == {"random", "uncertainty", "hybrid", "d_optimal", "k_center"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labelled", [0, 20])
def test_a_query_gives_the_number_asked_for_without_doubles_and_with_reasons(name, labelled):
    learner, (pool, strata) = make_learner(name, labelled), make_pool()
    rows, instances, picks = learner.query(
        pool, n_instances=12, strata=strata, seed=3, return_metrics=True
    )
    assert len(set(rows.tolist())) == 12
    assert np.array_equal(instances, pool[rows])
    assert [pick.index for pick in picks] == rows.tolist()
    assert all(pick.reason.endswith(".") for pick in picks)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_clips(name):
    learner, (pool, strata) = make_learner(name), make_pool()
    first = learner.query(pool, n_instances=7, strata=strata, seed=5)[0]
    again = learner.query(pool, n_instances=7, strata=strata, seed=5)[0]
    assert first.tolist() == again.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_smaller_than_asked_for_is_taken_whole(name):
    learner, (pool, strata) = make_learner(name), make_pool(5)
    rows, _ = learner.query(pool, n_instances=99, strata=strata)
    assert sorted(rows.tolist()) == list(range(5))


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_pool_is_an_error_in_words(name):
    with pytest.raises(ValueError, match="pool is empty"):
        make_learner(name).query(np.zeros((0, 3)), n_instances=1)


@pytest.mark.parametrize("name", NAMES)
def test_identical_clips_do_not_confuse_it(name):
    rows, _ = make_learner(name).query(np.ones((10, 3)), n_instances=6)
    assert len(set(rows.tolist())) == 6


def test_uncertainty_takes_where_the_committee_spreads_most():
    learner, (pool, _) = make_learner("uncertainty"), make_pool()
    rows, _ = learner.query(pool, n_instances=5)
    _, sd = learner.predict(pool, return_std=True)
    assert set(rows.tolist()) == set(np.argsort(-sd)[:5].tolist())


def test_hybrid_gives_every_kind_its_share():
    learner, (pool, strata) = make_learner("hybrid"), make_pool(80)
    rows, _ = learner.query(pool, n_instances=8, strata=strata)
    assert Counter(strata[row] for row in rows) == {f"kind-{i}": 2 for i in range(4)}


def test_hybrid_spreads_wider_than_uncertainty():
    pool, _ = make_pool(200)

    def nearest(name):
        rows, _ = make_learner(name).query(pool, n_instances=15)
        gaps = np.linalg.norm(pool[rows][:, None] - pool[rows][None], axis=2)
        return np.sort(gaps, axis=1)[:, 1].mean()

    assert nearest("hybrid") > nearest("uncertainty")


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30), st.data())
def test_quotas_add_up_and_ask_for_nothing_that_is_not_there(kinds, data):
    n = data.draw(st.integers(1, len(kinds)))
    have = Counter(kinds)
    given_out = quotas(have, n)
    assert sum(given_out.values()) == n
    assert all(given_out[kind] <= have[kind] for kind in have)
    assert all(abs(given_out[kind] - n * have[kind] / len(kinds)) < 1 for kind in have)


def test_of_equal_kinds_one_without_labels_comes_first():
    assert quotas({"a": 5, "b": 5, "c": 5}, 1, frozenset("ab")) == {"a": 0, "b": 0, "c": 1}


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=15)
@given(kinds=st.lists(st.sampled_from("abcd"), min_size=4, max_size=40), data=st.data())
def test_every_kind_gets_exactly_its_share_where_that_is_asked_for(name, kinds, data):
    n = data.draw(st.integers(1, len(kinds)))
    pool = np.random.default_rng(len(kinds)).normal(size=(len(kinds), 3))
    rows, _ = make_learner(name).query(
        pool, n_instances=n, strata=kinds, is_stratified=True, seed=2
    )
    got = Counter(kinds[row] for row in rows)
    assert {k: got[k] for k in set(kinds)} == quotas(Counter(kinds), n)
    assert len(set(rows.tolist())) == n


@pytest.mark.parametrize("name", NAMES)
def test_a_pool_with_holes_is_refused_with_their_number(name):
    pool, _ = make_pool()
    pool[[3, 5], 1] = np.nan
    with pytest.raises(ValueError, match="2 clips of the pool have a metric that is missing"):
        make_learner(name).query(pool, n_instances=3)


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_for_each_clip_is_asked_for(name):
    with pytest.raises(ValueError, match="2 kinds do not fit a pool of 60"):
        make_learner(name).query(make_pool()[0], n_instances=3, strata=["a", "b"])


def plain_d_optimal(pool, known, n):
    """Each step tries every clip and looks at the determinant itself."""
    information, picked = known.T @ known + np.eye(pool.shape[1]), []
    for _ in range(n):
        gains = [
            -np.inf
            if i in picked
            else np.linalg.slogdet(information + np.outer(pool[i], pool[i]))[1]
            for i in range(len(pool))
        ]
        picked.append(int(np.argmax(gains)))
        information += np.outer(pool[picked[-1]], pool[picked[-1]])
    return picked


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), labelled=st.sampled_from([0, 20]))
def test_d_optimal_takes_what_brute_force_would(seed, labelled):
    learner, (pool, _) = make_learner("d_optimal", labelled), make_pool(25, seed)
    known = learner.X_training if labelled else np.zeros((0, 3))
    rows, _ = learner.query(pool, n_instances=8)
    assert rows.tolist() == plain_d_optimal(pool, known, 8)


def test_the_gain_that_d_optimal_names_is_that_of_the_determinant():
    learner, (pool, _) = make_learner("d_optimal"), make_pool()
    _, _, picks = learner.query(pool, n_instances=1, return_metrics=True)
    known = learner.X_training
    before = np.linalg.slogdet(known.T @ known + np.eye(3))[1]
    z = pool[picks[0].index]
    after = np.linalg.slogdet(known.T @ known + np.eye(3) + np.outer(z, z))[1]
    assert np.log1p(picks[0].score) == pytest.approx(after - before)


@pytest.mark.parametrize("block", [3, 10, 1000])
def test_looking_at_a_block_alone_picks_what_looking_at_all_does(block, monkeypatch):
    learner, (pool, strata) = make_learner("d_optimal", 0), make_pool(300, 4)
    ask = {"n_instances": 40, "strata": strata, "is_stratified": True}
    expected = learner.query(pool, **ask)[0].tolist()
    monkeypatch.setattr(_greedy, "BLOCK", block)
    monkeypatch.setattr(_greedy.greedy, "__defaults__", (block,))
    assert learner.query(pool, **ask)[0].tolist() == expected


def test_k_center_is_plain_farthest_first():
    learner, (pool, _) = make_learner("k_center"), make_pool(80)
    rows, _ = learner.query(pool, n_instances=10)
    centres, expected = list(learner.X_training), []
    for _ in range(10):
        nearest = [min(np.linalg.norm(z - c) for c in centres) for z in pool]
        expected.append(int(np.argmax(nearest)))
        centres.append(pool[expected[-1]])
    assert rows.tolist() == expected


def test_strategies_that_do_not_look_at_the_committee_do_not_ask_it():
    class Silent:
        X_training = None
        estimator = BaggedProxy()

        def predict(self, *_args, **_kwargs):
            raise AssertionError("asked")

    for name in ("d_optimal", "k_center", "random"):
        assert len(shelf("strategy").get(name)()(Silent(), make_pool()[0], 3)[0]) == 3


@pytest.mark.parametrize("name", NAMES)
def test_the_reserve_is_random_and_marked(name):
    learner, (pool, strata) = make_learner(name), make_pool()
    picks = pick_with_reserve(
        shelf("strategy").get(name)(), learner, pool, 10, strata=strata, reserve_frac=0.2, seed=4
    )
    assert sum(pick.is_reserve for pick in picks) == 2
    assert len({pick.index for pick in picks}) == 10


def test_the_reserve_does_not_depend_on_the_strategy():
    pool, strata = make_pool()

    def reserve(name):
        learner = make_learner(name)
        picks = pick_with_reserve(
            shelf("strategy").get(name)(),
            learner,
            pool,
            10,
            strata=strata,
            reserve_frac=0.3,
            seed=4,
        )
        return [pick.index for pick in picks if pick.is_reserve]

    assert len({tuple(reserve(name)) for name in NAMES}) == 1
