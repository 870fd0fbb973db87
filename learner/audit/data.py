"""What an audit replays, and how.

Shape letters: N labelled clips, M metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.strategies.protocol import Strategy

Floats = NDArray[np.float64]

FEWEST_CLIPS = 40
FEWEST_TEST = 10
FEWEST_START = 8  # with fewer the proxy does not learn, and both arms would start alike for nothing
START_FRAC = 0.1
POOL_TO_BUDGET = 3  # at the whole pool both arms hold the same clips, and nothing can be told
TAIL_GROWTH = 1.5
TEST_FRAC = 0.4
SHARES = (1 / 3, 2 / 3, 1.0)  # the paper's table 4
STEPS = 6
DRAWS = 50


@dataclass(frozen=True, eq=False)
class AuditData:
    """Clips whose MOS is known.

    Args:
        z_NM: Normalised metrics, more is better, no holes.
        mos_N: MOS, 1 to 5.
        sources_N: The source each clip is a dub of; a clip without one needs a label of its own,
            for clips with the same label never lie on both sides of a split.
        strata_N: What kind of clip each is, as strategies see it.

    Raises:
        ValueError: lengths differ, a value is missing or infinite, all MOS are the same, or there
            are fewer than 40 clips.

    >>> AuditData(np.zeros((9, 2)), np.arange(9), tuple("abcdefghi"), ("",) * 9)
    Traceback (most recent call last):
    ValueError: 9 clips have a MOS and 40 are needed to replay them: rate 31 more.
    """

    z_NM: Floats
    mos_N: Floats
    sources_N: tuple[str, ...]
    strata_N: tuple[str, ...]

    def __post_init__(self) -> None:
        z_NM, mos_N = np.asarray(self.z_NM, np.float64), np.asarray(self.mos_N, np.float64)
        sizes = {len(z_NM), mos_N.size, len(self.sources_N), len(self.strata_N)}
        if z_NM.ndim != 2 or mos_N.ndim != 1 or len(sizes) != 1:
            raise ValueError(
                f"Metrics {z_NM.shape}, MOS {mos_N.shape}, {len(self.sources_N)} sources and "
                f"{len(self.strata_N)} strata must have one entry a clip."
            )
        bad = int((~np.isfinite(z_NM).all(axis=1) | ~np.isfinite(mos_N)).sum())
        if bad:
            raise ValueError(f"{bad} clips have a metric or MOS that is missing: leave them out.")
        if len(mos_N) and np.ptp(mos_N) == 0:
            raise ValueError(
                f"Every clip has the same MOS, {mos_N[0]:g}: there is nothing to learn, and no "
                "correlation to compare."
            )
        if len(mos_N) < FEWEST_CLIPS:
            raise ValueError(
                f"{len(mos_N)} clips have a MOS and {FEWEST_CLIPS} are needed to replay them: "
                f"rate {FEWEST_CLIPS - len(mos_N)} more."
            )
        for name, value in (
            ("z_NM", z_NM),
            ("mos_N", mos_N),
            ("sources_N", tuple(str(one) for one in self.sources_N)),
            ("strata_N", tuple(str(one) for one in self.strata_N)),
        ):
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Clips."""
        return len(self.mos_N)


def bagged_proxy(draws: int, seed: int) -> Any:
    """The estimator that campaigns use; with fewer draws than theirs, for it is fitted often."""
    from learner.proxy.estimator import BaggedProxy  # here, for pages need no scikit-learn

    return BaggedProxy(draws=draws, seed=seed)


@dataclass(frozen=True)
class AuditPlan:
    """How labels are replayed; fixed before the first replay and the same for all.

    Args:
        strategy: Name on the shelf of strategies.
        test_frac: Share of clips on which both arms are judged, at most.
        start: Random clips both arms begin with; by default a tenth of the pool, 8 at least.
        budget: Labels the strategy may ask for beyond those; by default a third of the pool, so
            that there is something to choose.
        shares: Of the budget, at which the arms are compared, ascending to 1.
        steps: Batches in which the budget is asked for, and so points of the curve.
        has_tail: Random goes on to the whole pool, to find how many labels it needs for what the
            strategy reached.
        draws: Members of the committee.
        estimator: Makes an untaught estimator from draws and a seed; its `predict` takes
            `return_std` and it knows its `residual_var`. A function of a module, where replays
            run in other processes.
        query: In place of the shelf's strategy.

    Raises:
        ValueError: a share or count is out of its range.

    >>> AuditPlan("uncertainty").grid(450)
    Grid(n_pool=270, start=27, budgets=(57, 87, 117), n_asked=7, \
labels=(27, 42, 57, 72, 87, 102, 117, 139, 173, 224, 270))
    """

    strategy: str
    test_frac: float = TEST_FRAC
    start: int | None = None
    budget: int | None = None
    shares: tuple[float, ...] = SHARES
    steps: int = STEPS
    has_tail: bool = True
    draws: int = DRAWS
    estimator: Callable[[int, int], Any] = bagged_proxy
    query: Strategy | None = None

    def __post_init__(self) -> None:
        if not 0 < self.test_frac < 1:
            raise ValueError(f"test_frac must lie between 0 and 1, not {self.test_frac}.")
        shares = tuple(self.shares)
        if not shares or list(shares) != sorted(set(shares)) or shares[0] <= 0 or shares[-1] != 1:
            raise ValueError(f"shares must ascend from above 0 to 1, not {shares}.")
        if self.steps < 1:
            raise ValueError(f"A budget is asked for in 1 step or more, not {self.steps}.")

    def grid(self, n: int) -> Grid:
        """Numbers of labels at which arms are judged, for n clips.

        Raises:
            ValueError: the pool is too small for start and budget, or two budgets are one.
        """
        n_pool = n - floor(self.test_frac * n)
        start, budget = self.start, self.budget
        if start is None:
            start = max(FEWEST_START, ceil(START_FRAC * n_pool))
        if budget is None:
            budget = n_pool // POOL_TO_BUDGET
        last = start + budget
        if min(start, budget) < 1 or last >= n_pool:
            raise ValueError(
                f"{start} clips to begin with and {budget} to ask for must leave some of a pool "
                f"of {n_pool} unasked: take fewer, or rate more clips."
            )
        budgets = tuple(start + round(share * budget) for share in self.shares)
        if len({start, *budgets}) != len(budgets) + 1:
            raise ValueError(f"A budget of {budget} has no {len(budgets)} parts: take fewer.")
        steps = {start + round(budget * step / self.steps) for step in range(self.steps + 1)}
        asked = sorted(steps | set(budgets))
        tail = _tail(last, max(1, budget // self.steps), n_pool) if self.has_tail else []
        return Grid(n_pool, start, budgets, len(asked), (*asked, *tail))


@dataclass(frozen=True)
class Grid:
    """Numbers of labels, the random ones of the beginning among them.

    Args:
        n_pool: Clips in the pool, at least.
        start: What both arms begin with.
        budgets: Where the arms are compared.
        n_asked: So many of `labels` are reached by the strategy, the others by random alone.
        labels: Where an arm is judged, ascending.
    """

    n_pool: int
    start: int
    budgets: tuple[int, ...]
    n_asked: int
    labels: tuple[int, ...]


def _tail(last: int, step: float, n_pool: int) -> list[int]:
    """Ever larger steps to the whole pool, where the curve is flat anyway."""
    labels: list[int] = []
    while last < n_pool:
        step *= TAIL_GROWTH
        last = n_pool if last + 1.5 * step >= n_pool else last + round(step)
        labels.append(last)
    return labels
