"""One paired replay: a strategy and chance spend the same budget on the same clips.

Shape letters: N labelled clips, M metrics.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.audit.data import FEWEST_TEST, AuditData, AuditPlan, Grid
from learner.audit.figures import FIGURES, judge
from learner.audit.result import SeedResult
from learner.registry import shelf
from learner.strategies.protocol import Strategy
from learner.strategies.random import Random

Ints = NDArray[np.int64]
# Chance comes from (seed, one of these), so no two share a stream; from 1, for numpy takes
# (seed, 0) and seed alone for one, and data may have been made from a seed alone.
SPLITTING, TEACHING, ASKING, DRAWING = range(1, 5)


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of the clips of one replay.

    Args:
        test: On which both arms are judged.
        pool: From which both draw, the first ones among them.
        start: With which both begin.
    """

    test: Ints
    pool: Ints
    start: Ints


def split(data: AuditData, plan: AuditPlan, seed: int) -> Split:
    """Part clips at random into test and pool, all dubs of a source on one side.

    Sources are taken in random order, each that still fits, so the test set never holds more than
    its share and the pool is as large in every replay as the plan counts on.

    Args:
        data: What is parted.
        plan: What share is for testing, and how many clips both arms begin with.
        seed: Of the parting.

    Raises:
        ValueError: fewer than 10 clips for testing.
    """
    chance = _chance(seed, SPLITTING)
    names, source_N = np.unique(np.asarray(data.sources_N), return_inverse=True)
    size_G, room = np.bincount(source_N), data.n - plan.grid(data.n).n_pool
    is_test_G = np.zeros(len(names), dtype=bool)
    for source in chance.permutation(len(names)):
        if size_G[source] <= room:
            is_test_G[source], room = True, room - size_G[source]
    test, pool = np.flatnonzero(is_test_G[source_N]), np.flatnonzero(~is_test_G[source_N])
    if len(test) < FEWEST_TEST:
        raise ValueError(
            f"{len(test)} clips are left for testing and {FEWEST_TEST} are needed: rate more "
            f"clips, and of more sources than {len(names)}, or raise test_frac."
        )
    start = chance.permutation(pool)[: plan.grid(data.n).start]
    return Split(test, pool, start)


def replay_seed(data: AuditData, plan: AuditPlan, seed: int) -> SeedResult:
    """Let a strategy and random choice label the same pool, and judge both on the same test clips.

    Both arms begin with the same random clips, teach the same estimator from the same seed, and go
    through the same active learner; they differ by which clips are chosen alone. Each draws from a
    random stream of its own, so `random` against itself is a fair coin.

    Source: the paper's table 4, which showed one run.

    Args:
        data: The labels collected so far.
        plan: The same for all seeds.
        seed: 0 or above; the same seed gives the same numbers.

    Raises:
        ValueError: there is no such strategy, too few clips, a seed below 0, or a strategy that
            asks for other than what it was asked for.
    """
    if seed < 0:
        raise ValueError(f"A seed is 0 or above, not {seed}.")
    key, parts, grid = replay_key(data, plan), split(data, plan, seed), plan.grid(data.n)
    query = plan.query or _strategy(plan.strategy)
    with warnings.catch_warnings():
        # modAL's, of a name that scikit-learn has changed: thousands of lines in a job's log.
        warnings.filterwarnings("ignore", "'force_all_finite' was renamed", FutureWarning)
        begun = _begin(data, plan, parts, _number(_chance(seed, TEACHING)))
        asked_at = grid.labels[: grid.n_asked]
        first = [_judged(begun, data, parts)]
        asked = first + _play(begun, data, parts, query, asked_at, _chance(seed, ASKING))
        drawn = first + _play(begun, data, parts, Random(), grid.labels, _chance(seed, DRAWING))
    return _result(key, plan, parts, grid, seed, asked, drawn)


def replay_key(data: AuditData, plan: AuditPlan) -> str:
    """What clips and plan are known by: a resumed audit must find the key it began with.

    While an audit runs a rating may come in, and replays of other labels are another audit.

    Raises:
        ValueError: there is no such strategy, or too few clips for the plan.
    """
    card = (plan.query or _strategy(plan.strategy)).card
    maker = getattr(plan.estimator, "__qualname__", type(plan.estimator).__name__)
    words = (card.name, card.version, plan.test_frac, plan.grid(data.n), plan.draws, maker)
    digest = sha256(repr((words, data.sources_N, data.strata_N)).encode())
    digest.update(data.z_NM.tobytes())
    digest.update(data.mos_N.tobytes())
    return digest.hexdigest()[:16]


def _result(
    key: str,
    plan: AuditPlan,
    parts: Split,
    grid: Grid,
    seed: int,
    asked: list[dict[str, float]],
    drawn: list[dict[str, float]],
) -> SeedResult:
    return SeedResult(
        key=key,
        seed=seed,
        strategy=plan.strategy,
        n_test=len(parts.test),
        n_pool=len(parts.pool),
        start=grid.start,
        budgets=grid.budgets,
        labels=grid.labels,
        asked={name: tuple(point[name] for point in asked) for name in FIGURES},
        random={name: tuple(point[name] for point in drawn) for name in FIGURES},
    )


def _begin(data: AuditData, plan: AuditPlan, parts: Split, seed: int) -> Any:
    """The active learner as both arms find it."""
    from modAL.models import ActiveLearner  # here, for pages that show reports need it not

    return ActiveLearner(
        estimator=plan.estimator(plan.draws, seed),
        query_strategy=Random(),
        X_training=data.z_NM[parts.start],
        y_training=data.mos_N[parts.start],
    )


def _play(
    begun: Any,
    data: AuditData,
    parts: Split,
    query: Strategy,
    labels: Sequence[int],
    chance: np.random.Generator,
) -> list[dict[str, float]]:
    """One arm: figures at each number of labels after the first."""
    learner = deepcopy(begun)  # the other arm must not learn from this one
    learner.query_strategy = query
    left = np.setdiff1d(parts.pool, parts.start)
    figures = []
    for wanted in np.diff(labels):
        strata = [data.strata_N[row] for row in left]
        rows, _ = learner.query(
            data.z_NM[left], n_instances=int(wanted), strata=strata, seed=_number(chance)
        )
        _check(rows, int(wanted), len(left))
        learner.teach(data.z_NM[left[rows]], data.mos_N[left[rows]])
        left = np.delete(left, rows)
        figures.append(_judged(learner, data, parts))
    return figures


def _judged(learner: Any, data: AuditData, parts: Split) -> dict[str, float]:
    return judge(learner.predict(data.z_NM[parts.test]), data.mos_N[parts.test])


def _check(rows: Ints, wanted: int, n_left: int) -> None:
    """More labels than the other arm has, or one twice, would not be a fair comparison."""
    inside = [int(row) for row in rows if 0 <= row < n_left]
    if len(rows) != wanted or len(set(inside)) != wanted:
        raise ValueError(
            f"The strategy was asked for {wanted} clips of {n_left} and gave {len(set(inside))}."
        )


def _strategy(name: str) -> Strategy:
    made: Strategy = shelf("strategy").get(name)()
    return made


def _chance(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream])


def _number(chance: np.random.Generator) -> int:
    return int(chance.integers(2**31))
