"""What all replays together say of a strategy.

Shape letters: J replays, L numbers of labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.audit.comparison import Comparison, compare
from learner.audit.figures import FIGURES, PRIMARY
from learner.audit.result import SeedResult, from_plain, to_plain
from learner.audit.saving import Saving, label_saving
from learner.audit.verdict import find, reach, sentence

Floats = NDArray[np.float64]

FEWEST = 30  # one run of random against random differs by 0.1 in PCC often enough
DRAWS = 2000


@dataclass(frozen=True)
class Curve:
    """Mean of one figure over replays at each number of labels; the strategy's ends earlier."""

    figure: str
    labels: tuple[int, ...]
    asked: tuple[float, ...]
    random: tuple[float, ...]


@dataclass(frozen=True)
class AuditReport:
    """A strategy judged against random.

    Args:
        strategy: Its name.
        n_seeds: Paired replays.
        n_test, n_pool: Clips for testing and for choosing from, in the mean over replays.
        level: Of all intervals.
        alpha: What a p after Holm may be for a claim.
        rows: Each figure at each budget.
        savings: In labels for the same PCC, at each budget.
        curves: For drawing.
        finding: `saves`, `gains`, `none`, `worse` or `mixed`.
        verdict: The same as a sentence.
        reach: Whether to expect it on other clips, as another; empty where nothing was found.
    """

    strategy: str
    n_seeds: int
    n_test: float
    n_pool: float
    level: float
    alpha: float
    rows: tuple[Comparison, ...]
    savings: tuple[Saving, ...]
    curves: tuple[Curve, ...]
    finding: str
    verdict: str
    reach: str

    def to_json(self) -> dict[str, Any]:
        """As stored: lists, and None for NaN."""
        return {name: to_plain(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> AuditReport:
        """As it was stored."""
        values = dict(kept)
        values["rows"] = tuple(Comparison(**_with_nan(row)) for row in kept["rows"])
        values["savings"] = tuple(Saving(**_with_nan(row)) for row in kept["savings"])
        values["curves"] = tuple(
            Curve(
                row["figure"],
                tuple(row["labels"]),
                from_plain(row["asked"]),
                from_plain(row["random"]),
            )
            for row in kept["curves"]
        )
        return cls(**values)


def audit_report(
    results: Sequence[SeedResult],
    level: float = 0.95,
    alpha: float = 0.05,
    *,
    draws: int = DRAWS,
) -> AuditReport:
    """Judge a strategy by paired replays: differences, label saving, and a verdict.

    Differences have Student's interval over replays, which speaks of these clips, and a wider one
    after Nadeau and Bengio for other clips. p comes from flipping signs of replays, adjusted by
    Holm over the budgets of a figure; PCC is the primary one. How many replays there are must be
    fixed before the first: who looks after each and stops when p is small always finds something.

    Source: Demšar (2006) and Nadeau and Bengio (2003) on comparing learners.

    Args:
        results: Paired replays of one plan on one set of clips, each of another seed.
        level: Of the intervals, between 0 and 1.
        alpha: What p may be, between 0 and 1.
        draws: Of the bootstrap of the label saving.

    Returns:
        The report, the same for any order of the replays.

    Raises:
        ValueError: fewer than 30 replays, a seed that comes twice, or replays of different plans or
            labels.

    >>> audit_report([])
    Traceback (most recent call last):
    ValueError: 0 replays are too few to tell a strategy from luck: 30 are needed.
    """
    if not (0 < level < 1 and 0 < alpha < 1):
        raise ValueError(f"level and alpha lie between 0 and 1, not {level} and {alpha}.")
    ordered = sorted(results, key=lambda result: result.seed)
    _check(ordered)
    rows = [row for figure in FIGURES for row in compare(ordered, figure, level)]
    primary = [row for row in rows if row.figure == PRIMARY]
    savings = _savings(ordered, level, draws)
    finding, at = find(primary, savings, alpha)
    first = ordered[0]
    return AuditReport(
        strategy=first.strategy,
        n_seeds=len(ordered),
        n_test=float(np.mean([result.n_test for result in ordered])),
        n_pool=float(np.mean([result.n_pool for result in ordered])),
        level=level,
        alpha=alpha,
        rows=tuple(rows),
        savings=tuple(savings),
        curves=tuple(_curve(ordered, figure) for figure in FIGURES),
        finding=finding,
        verdict=sentence(finding, at, first.strategy, len(ordered), primary, savings),
        reach=reach(at, primary),
    )


def _check(results: Sequence[SeedResult]) -> None:
    if len(results) < FEWEST:
        raise ValueError(
            f"{len(results)} replays are too few to tell a strategy from luck: {FEWEST} are needed."
        )
    if len({result.seed for result in results}) < len(results):
        raise ValueError("A seed comes twice: each replay must have its own.")
    keys = {one.key for one in results}
    if len(keys) > 1:
        raise ValueError(
            f"The replays are of {len(keys)} plans or sets of labels: judge each by itself."
        )


def _savings(results: Sequence[SeedResult], level: float, draws: int) -> list[Saving]:
    first = results[0]
    random_JL = np.array([result.random[PRIMARY] for result in results])
    return [
        label_saving(
            first.labels,
            random_JL,
            [result.asked[PRIMARY][first.labels.index(budget)] for result in results],
            budget,
            level=level,
            draws=draws,
            seed=0,
        )
        for budget in first.budgets
    ]


def _curve(results: Sequence[SeedResult], figure: str) -> Curve:
    return Curve(
        figure,
        results[0].labels,
        _means([result.asked[figure] for result in results]),
        _means([result.random[figure] for result in results]),
    )


def _means(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no replay has it, NaN is the answer
        return tuple(float(one) for one in np.nanmean(np.array(rows), axis=0))


def _with_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: float("nan") if value is None else value for key, value in row.items()}
