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
from learner.strategies.d_optimal import Information
from learner.strategies.k_center import Nearest
from learner.strategies.lazy_greedy import lazy_greedy
from learner.strategies.reserve import pick_with_reserve
from learner.strategies.strata import Strata, leaders, quotas

NAMES = sorted(shelf("strategy").parts)
few = settings(max_examples=40, deadline=None)
pytestmark = pytest.mark.filterwarnings("ignore:'force_all_finite':FutureWarning")  # modAL's


def make_learner(name, labelled=20, seed=0):
    random = np.random.default_rng(seed)
    z = random.normal(size=(labelled, 3))
    mos = 3 + 0.6 * z[:, 0] + 0.3 * z[:, 1] + 0.2 * random.normal(size=labelled)
    strategy = shelf("strategy").get(name)()
    learner = ActiveLearner(estimator=BaggedProxy(draws=50), query_strategy=strategy)
    if labelled:
        learner.teach(z, mos)
    return learner


def make_untaught(name):
    strategy = shelf("strategy").get(name)()
    return ActiveLearner(estimator=BaggedProxy(draws=50), query_strategy=strategy)


def make_pool(n=60, seed=1):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, 3)), [f"kind-{i % 4}" for i in range(n)]


LEARNERS = {name: make_learner(name) for name in NAMES}


def test_the_papers_strategies_are_on_the_shelf():
    assert {"random", "uncertainty", "hybrid", "d_optimal", "k_center"} <= set(NAMES)


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
    assert all(pick.reason.endswith(".") and "nan" not in pick.reason for pick in picks)
    scores = [pick.score for pick in picks]
    assert scores == [None] * 12 if name == "random" else np.isfinite(scores).all()


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


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.data())
def test_quotas_add_up_and_ask_for_nothing_that_is_not_there(counts, data):
    n = data.draw(st.integers(0, sum(counts)))
    is_seen = data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts)))
    given_out = quotas(counts, n, is_seen)
    assert given_out.sum() == n
    assert (given_out <= counts).all()
    assert (abs(given_out - n * np.array(counts) / sum(counts)) < 1).all()


def test_kinds_that_nobody_has_seen_come_first():
    assert quotas([60, 39, 1], 4).tolist() == [2, 1, 1]
    assert quotas([60, 39, 1], 4, [False, False, True]).tolist() == [2, 2, 0]
    rows, _ = make_learner("random").query(
        np.ones((100, 3)), 4, strata=["a"] * 60 + ["b"] * 39 + ["c"], stratify=True, seen={"c"}
    )
    assert max(rows) < 99


@pytest.mark.parametrize("name", NAMES)
@few
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40), st.data())
def test_every_kind_gets_exactly_its_quota_when_asked_to(name, kinds, data):
    n = data.draw(st.integers(1, len(kinds)))
    levels = data.draw(st.integers(1, 3))  # few levels: many clips are alike
    pool = np.random.default_rng(n).integers(0, levels, size=(len(kinds), 3)).astype(float)
    rows, _ = LEARNERS[name].query(pool, n, strata=kinds, stratify=True, seed=n)
    names, counts = np.unique(kinds, return_counts=True)
    wanted = {kind: quota for kind, quota in zip(names, quotas(counts, n), strict=True) if quota}
    assert Counter(kinds[row] for row in rows) == wanted
    assert len(set(rows.tolist())) == n


@pytest.mark.parametrize("name", sorted({*NAMES} - {"hybrid"}))
def test_kinds_count_only_when_asked_to(name):
    learner, (pool, strata) = make_learner(name), make_pool()
    plain = learner.query(pool, 9, seed=2)[0]
    assert learner.query(pool, 9, seed=2, strata=strata)[0].tolist() == plain.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_holes_are_refused_and_counted(name):
    learner, (pool, _) = make_learner(name), make_pool()
    pool[3, 1], pool[3, 2], pool[8, 0] = np.nan, np.nan, np.inf
    with pytest.raises(ValueError, match="2 of 60 clips of the pool have a metric that is NaN"):
        learner.query(pool, n_instances=5)


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_fit_is_refused_in_words(name):
    learner, (pool, strata) = make_learner(name), make_pool()
    with pytest.raises(ValueError, match="59 kinds for 60 clips"):
        learner.query(pool, 5, strata=strata[1:])
    with pytest.raises(ValueError, match="0 clips cannot be picked"):
        learner.query(pool, 0)
    with pytest.raises(ValueError, match="has 2 metrics, labelled clips have 3"):
        learner.query(pool[:, :2], 5)
    with pytest.raises(ValueError, match=r"not \(60,\)"):
        learner.query_strategy(learner, pool[:, 0], 5)


@pytest.mark.parametrize("name", NAMES)
def test_kinds_may_come_as_an_array_and_are_named_in_the_reasons(name):
    learner, (pool, strata) = make_learner(name), make_pool()
    how = {"stratify": True, "return_metrics": True}
    rows, _, picks = learner.query(pool, 8, strata=np.array(strata), **how)
    assert rows.tolist() == learner.query(pool, 8, strata=strata, **how)[0].tolist()
    assert all(f"“{strata[pick.index]}”" in pick.reason for pick in picks)


@pytest.mark.parametrize("name", NAMES)
def test_round_after_round_no_clip_is_asked_about_twice(name):
    learner, (pool, strata) = make_learner(name, labelled=0), make_pool(40)
    left, asked = np.arange(40), []
    for number in range(4):
        kinds = [strata[row] for row in left]
        rows, instances = learner.query(pool[left], 10, strata=kinds, seed=number)
        learner.teach(instances, 3 + instances[:, 0])
        asked += left[rows].tolist()
        left = np.delete(left, rows)
    assert sorted(asked) == list(range(40))
    assert len(learner.X_training) == 40


@pytest.mark.parametrize("name", ["random", "d_optimal", "k_center"])
def test_the_committee_is_asked_only_by_strategies_that_need_it(name, monkeypatch):
    learner, (pool, _) = make_learner(name), make_pool()
    monkeypatch.setattr(learner, "predict", None)
    assert len(learner.query(pool, 5)[0]) == 5


def log_det(labelled, picked):
    """Of the information with a unit ridge, by the definition."""
    x = np.column_stack([np.ones(len(labelled) + len(picked)), np.vstack([labelled, picked])])
    return np.linalg.slogdet(x.T @ x + np.eye(x.shape[1]))[1]


@few
@given(st.integers(0, 2**31), st.integers(0, 6), st.integers(1, 4))
def test_each_d_optimal_pick_is_the_best_of_all_by_brute_force(seed, labelled, n_metrics):
    random = np.random.default_rng(seed)
    known, pool = random.normal(size=(labelled, n_metrics)), random.normal(size=(9, n_metrics))
    rows, gains = lazy_greedy(Information(known), pool, Strata.one(9, 6))
    for at, (row, gain) in enumerate(zip(rows, gains, strict=True)):
        before = pool[rows[:at]]
        left = [other for other in range(9) if other not in rows[:at]]
        found = [log_det(known, np.vstack([before, pool[other]])) for other in left]
        assert row == left[int(np.argmax(found))]
        assert np.log1p(gain) == pytest.approx(max(found) - log_det(known, before))


def plain_d_optimal(known, pool, n):
    """Every clip looked at for every pick, and the inverse updated by Sherman and Morrison."""
    x, taken = np.column_stack([np.ones(len(pool)), pool]), []
    known = np.column_stack([np.ones(len(known)), known])
    inverse = np.linalg.inv(known.T @ known + np.eye(x.shape[1]))
    for _ in range(n):
        q = ((x @ inverse) * x).sum(axis=1)
        q[taken] = -1
        taken.append(int(q.argmax()))
        u = inverse @ x[taken[-1]]
        inverse -= np.outer(u, u) / (1 + x[taken[-1]] @ u)
    return taken


def plain_farthest_first(known, pool, n):
    """Every distance to every centre for every pick."""
    taken = []
    for _ in range(n):
        centres = np.vstack([known, pool[taken]])
        far = np.linalg.norm(pool[:, None] - centres[None], axis=2).min(axis=1)
        far[taken] = -1
        taken.append(int(far.argmax()))
    return taken


@pytest.mark.parametrize("block", [1, 7, 100, 10_000])
@pytest.mark.parametrize("labelled", [1, 40])
@pytest.mark.parametrize(
    ("objective", "plain"), [(Information, plain_d_optimal), (Nearest, plain_farthest_first)]
)
def test_the_lazy_choice_is_the_plain_one(objective, plain, labelled, block):
    random = np.random.default_rng(block + labelled)
    known, pool = random.normal(size=(labelled, 4)), random.standard_t(3, size=(3000, 4))
    rows, gains = lazy_greedy(objective(known), pool, Strata.one(3000, 90), block)
    assert rows == plain(known, pool, 90)
    assert (np.diff(gains) <= 1e-9).all()


@few
@given(st.integers(0, 2**31), st.integers(1, 60), st.sampled_from([Information, Nearest]))
def test_of_equals_the_first_of_the_pool_is_taken_whatever_the_block(seed, block, objective):
    random = np.random.default_rng(seed)
    pool = random.integers(-1, 2, size=(60, 2)).astype(float)
    pools = [lazy_greedy(objective(pool[:1]), pool, Strata.one(60, 40), b)[0] for b in (block, 60)]
    assert pools[0] == pools[1]
    ranks = {}  # alike clips in the order of their rows
    for row in pools[0]:
        assert ranks.get(tuple(pool[row]), -1) < row
        ranks[tuple(pool[row])] = row


@pytest.mark.parametrize("block", [1, 20, 1000])
@pytest.mark.parametrize("objective", [Information, Nearest])
def test_the_lazy_choice_keeps_to_quotas_as_the_plain_one_would(objective, block):
    random = np.random.default_rng(3)
    known, pool = random.normal(size=(5, 3)), random.normal(size=(600, 3))
    kinds = np.where(np.linalg.norm(pool, axis=1) > 2.5, "far", "near").tolist()
    strata = Strata.of(kinds, 30)
    rows, gains = lazy_greedy(objective(known), pool, strata, block)
    left, plain = dict(zip(strata.names, strata.quota_G, strict=True)), objective(known)
    for row, gain in zip(rows, gains, strict=True):
        is_open = [left[kind] > 0 for kind in kinds]
        worth = np.where(is_open, plain.gains(pool, np.full(600, np.inf), 0), -1.0)
        worth[rows[: rows.index(row)]] = -1
        assert row == worth.argmax() and gain == pytest.approx(worth.max())
        plain.take(pool[row])
        plain._last = None  # all anew, never a step on
        left[kinds[row]] -= 1


def test_k_center_starts_from_what_is_labelled_and_says_how_far():
    learner, (pool, _) = make_learner("k_center"), make_pool()
    rows, _, picks = learner.query(pool, 8, return_metrics=True)
    assert rows.tolist() == plain_farthest_first(learner.X_training, pool, 8)
    gap = np.linalg.norm(learner.X_training - pool[rows[0]], axis=1).min()
    assert picks[0].score == pytest.approx(gap) and f"{gap:.2f} away" in picks[0].reason


def test_without_labels_k_center_starts_from_the_middle_of_the_pool():
    learner, (pool, _) = make_learner("k_center", labelled=0), make_pool()
    rows, _, picks = learner.query(pool, 3, return_metrics=True)
    assert rows.tolist() == plain_farthest_first(pool.mean(axis=0, keepdims=True), pool, 3)
    assert picks[0].reason.startswith("Nothing is labelled yet")


def test_d_optimal_takes_both_sides_since_mos_has_an_offset():
    pool = np.array([[2.0], [1.9], [-1.8], [0.1]])
    rows, _, picks = make_untaught("d_optimal").query(pool, 2, return_metrics=True)
    assert rows.tolist() == [0, 2]
    assert "shrinks the region they may lie in by 59% (1.79 nats)" in picks[0].reason


def test_leaders_of_a_kind_are_its_highest():
    score = np.array([5.0, 1.0, 4.0, 3.0, 9.0])
    strata = Strata(("a", "b"), np.array([0, 0, 1, 1, 0], dtype=np.int32), np.array([2, 1]))
    assert leaders(score, strata, np.random.default_rng(0)).tolist() == [4, 0, 2]


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

    assert all(reserve(name) == reserve("random") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_beside_the_reserve_kinds_get_their_quotas_and_no_clip_comes_twice(name):
    learner, (pool, _) = make_learner(name), make_pool(90)
    strata = ["rare"] * 3 + ["often"] * 87
    picks = pick_with_reserve(
        shelf("strategy").get(name)(),
        learner,
        pool,
        30,
        strata=strata,
        reserve_frac=0.2,
        seed=1,
        stratify=True,
        seen={"often"},
    )
    assert len({pick.index for pick in picks}) == 30
    drawn = Counter(strata[pick.index] for pick in picks if pick.is_reserve)
    left = np.array([87, 3]) - [drawn["often"], drawn["rare"]]
    wanted = quotas(left, 24, [True, drawn["rare"] > 0])
    chosen = Counter(strata[pick.index] for pick in picks if not pick.is_reserve)
    assert [chosen["often"], chosen["rare"]] == wanted.tolist()


def test_a_reserve_of_everything_asks_no_strategy():
    pool, strata = make_pool()
    picks = pick_with_reserve(None, None, pool, 9, strata=strata, reserve_frac=1, seed=0)
    assert len(picks) == 9 and all(pick.is_reserve for pick in picks)
