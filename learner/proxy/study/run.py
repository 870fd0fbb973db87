"""The whole study: all repeats of all parts, on as many cores as are given.

Every repeat draws from a seed of its own and computes on one thread, so that the figures are the
same on any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from learner.audit import FEWEST, AuditPlan, replay_seed
from learner.proxy.fit import FEWEST_CLIPS
from learner.proxy.study.asking import audit_data, judged
from learner.proxy.study.holes import HOLES_LABELS, MOST_REPEATS, holes_once, summarise_holes
from learner.proxy.study.once import study_once
from learner.proxy.study.summary import summarise
from learner.proxy.study.table import StudyTable, smallest_pool
from learner.proxy.study.whole import verdict_on
from learner.registry import shelf

Floats = NDArray[np.float64]
One = TypeVar("One")
# Given an iterator, how many it yields and what is done: the same, with progress told.
Told = Callable[[Iterator[Any], int, str], Iterable[Any]]
LABELS = (15, 30, 60, 120, 240)
REPEATS = 200
FEWEST_REPEATS, MOST = 2, 10_000
BASELINE = "random"


@dataclass(frozen=True)
class StudyPlan:
    """What is compared, and how often.

    Args:
        labels: Numbers of labels to learn from.
        repeats: Splits of the table.
        seed: Of everything; seeds share no repeat.
        strategies: To be audited against random.

    Raises:
        ValueError: fewer than 2 repeats or more than 10 000, fewer than 8 labels, a seed below 0,
            or a strategy that is not on the shelf.

    >>> StudyPlan(repeats=1)
    Traceback (most recent call last):
    ValueError: 1 repeat has no interval: 2 are needed at least.
    """

    labels: tuple[int, ...] = LABELS
    repeats: int = REPEATS
    seed: int = 0
    strategies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.repeats < FEWEST_REPEATS:
            count = "1 repeat has" if self.repeats == 1 else f"{self.repeats} repeats have"
            raise ValueError(f"{count} no interval: {FEWEST_REPEATS} are needed at least.")
        if self.repeats > MOST:
            raise ValueError(f"{self.repeats} repeats are more than {MOST}: ask for fewer.")
        if not self.labels or min(self.labels) < FEWEST_CLIPS:
            few = min(self.labels, default=0)
            raise ValueError(f"{few} labels teach nothing: {FEWEST_CLIPS} are needed at least.")
        if self.seed < 0:
            raise ValueError(f"A seed is 0 or above, not {self.seed}.")
        known = [name for name in shelf("strategy").names() if name != BASELINE]
        for name in self.strategies:
            if name not in known:
                raise ValueError(f"No strategy is called {name!r}: there are {', '.join(known)}.")

    def seeds(self, n: int) -> list[int]:
        """Of the first n repeats."""
        return [self.seed * MOST + k for k in range(n)]


def _in_silence(repeats: Iterator[Any], n: int, part: str) -> Iterable[Any]:
    return repeats


def run_study(
    table: StudyTable, plan: StudyPlan, *, jobs: int = 1, told: Told = _in_silence
) -> dict[str, Any]:
    """Weightings, verdict, intervals, fillings and strategies.

    Args:
        table: What is studied.
        plan: How.
        jobs: Processes.
        told: Wraps repeats as they end, to tell of them.

    Returns:
        `settings`, `weightings`, `verdict`, `intervals`, `holes`, `strategies`, and sentences as
        `notes`.

    Raises:
        ValueError: groups that leave too few items to judge on, or no number of labels that fits.
    """
    pool = smallest_pool(table.group_N, plan.seeds(plan.repeats))
    labels, notes = fitting(plan.labels, pool)
    with threadpool_limits(1):
        z_NM = table.filled()
        verdict = verdict_on(table, z_NM, plan.seed)
        once = partial(study_once, table, z_NM, labels)
        repeats = _played(once, plan.seeds(plan.repeats), jobs, told, "weightings")
        found = summarise(repeats)
        intervals = {n: row.pop("intervals") for n, row in found["by_labels"].items()}
        holes = _holes(table, plan, pool, jobs, told)
        strategies, more = _strategies(table, z_NM, plan, jobs, told)
    settings = {
        **asdict(plan),
        "labels": labels,
        "normalisation": table.kind,
        "scale": table.scale,
    }
    return {
        "settings": settings,
        "weightings": found,
        "verdict": verdict,
        "intervals": intervals,
        "holes": holes,
        "strategies": strategies,
        "notes": [*notes, *more],
    }


def fitting(labels: Iterable[int], pool: int) -> tuple[list[int], list[str]]:
    """Numbers of labels that every repeat has, ascending, and a sentence about the others.

    >>> fitting((30, 15, 60), 40)
    ([15, 30], ['60 labels are left out: some repeat has 40 items to label.'])

    Raises:
        ValueError: none fits.
    """
    wanted = sorted(set(labels))
    fits, beyond = [n for n in wanted if n <= pool], [n for n in wanted if n > pool]
    if not fits:
        raise ValueError(
            f"{wanted[0]} labels are more than the {pool} items that a repeat has to label: ask "
            "for fewer, or give more items."
        )
    said = f"{', '.join(map(str, beyond))} labels are left out: some repeat has {pool} items to"
    return fits, [f"{said} label."] if beyond else []


def _holes(
    table: StudyTable, plan: StudyPlan, pool: int, jobs: int, told: Told
) -> dict[str, Any] | None:
    """None where there is one metric: nothing could stand in for it."""
    if len(table.names) < 2:
        return None
    n_labels = min(HOLES_LABELS, pool)
    seeds = plan.seeds(min(plan.repeats, MOST_REPEATS))
    once = partial(holes_once, table, n_labels)
    return summarise_holes(_played(once, seeds, jobs, told, "holes"), n_labels)


def _strategies(
    table: StudyTable, z_NM: Floats, plan: StudyPlan, jobs: int, told: Told
) -> tuple[list[dict[str, Any]], list[str]]:
    if not plan.strategies:
        return [], []
    data = audit_data(table, z_NM, plan.seed)
    found = []
    for name in plan.strategies:
        replay = partial(replay_seed, data, AuditPlan(name))
        try:
            found.append(judged(_played(replay, plan.seeds(FEWEST), jobs, told, name), data))
        except ValueError as refusal:  # too few items, or of too few groups, for a replay
            found.append({"strategy": name, "reason": str(refusal)})
    if data.n == len(z_NM):
        return found, []
    return found, [f"Strategies are audited on {data.n} items drawn from {len(z_NM)}, for time."]


def _played(
    once: Callable[[int], One], seeds: list[int], jobs: int, told: Told, part: str
) -> list[One]:
    """One repeat a seed, in the order of the seeds."""
    if jobs == 1:
        return list(told(map(once, seeds), len(seeds), part))
    with parallel_config(backend="loky", inner_max_num_threads=1):
        runs = Parallel(n_jobs=jobs, return_as="generator")(delayed(once)(seed) for seed in seeds)
        return list(told(runs, len(seeds), part))
