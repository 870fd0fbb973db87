"""Every strategy keeps one contract, inside a real active learner."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from modAL.models import ActiveLearner

from learner.proxy.estimator import BaggedProxy
from learner.registry import shelf
from learner.strategies.hybrid import quotas
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
    assert {"random", "uncertainty", "hybrid"} <= set(NAMES)


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
    given_out = quotas(kinds, kinds, n)
    assert sum(given_out.values()) == n
    assert all(given_out[kind] <= kinds.count(kind) for kind in given_out)
    assert all(abs(given_out[k] - n * kinds.count(k) / len(kinds)) < 1 for k in given_out)


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

    assert reserve("random") == reserve("hybrid") == reserve("uncertainty")
