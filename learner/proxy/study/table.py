"""The table that is studied, and how its items are parted.

Shape letters: N items, M metrics.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.proxy.missing import fill_missing
from learner.proxy.normalise import fit_normalisation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
TEST_FRAC = 0.4
FEWEST_GROUPS = 5
FEWEST_TEST = 10  # a correlation over fewer items is noise
SPLITTING = 6  # no stream of chance that a fit of the same seed draws from


@dataclass(frozen=True)
class StudyTable:
    """Items with metrics and a human score.

    Args:
        names: Of the metrics, M.
        values_NM: As measured; NaN where missing.
        directions: +1 where more is better, -1 where less is, M.
        human_N: Scores by people, on any scale.
        group_N: What items have in common; items of one group are never on both sides of a split.
        kind: Of normalisation.
        limits: Lowest and highest score people could give; those they gave if not given.

    Raises:
        ValueError: a human score is missing or all are equal, there are fewer than 5 groups, or a
            score lies beyond the limits.
    """

    names: tuple[str, ...]
    values_NM: Floats
    directions: tuple[int, ...]
    human_N: Floats
    group_N: Ints
    kind: str = "rank-gauss"
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if np.isnan(self.human_N).any() or np.ptp(self.human_N) == 0:
            raise ValueError(
                "Human scores must be there for every item, and must not be all equal."
            )
        if self.n_groups < FEWEST_GROUPS:
            raise ValueError(
                f"{self.n_groups} groups cannot be split: {FEWEST_GROUPS} are needed at least. "
                "Leave the groups out if items have little in common."
            )
        low, high = self.scale
        if self.human_N.min() < low or self.human_N.max() > high:
            raise ValueError(
                f"Human scores go from {self.human_N.min():g} to {self.human_N.max():g}, beyond "
                f"the scale of {low:g} to {high:g}: give a scale that holds them."
            )

    @property
    def scale(self) -> tuple[float, float]:
        """Lowest and highest human score."""
        return self.limits or (float(self.human_N.min()), float(self.human_N.max()))

    @property
    def n_groups(self) -> int:
        """Groups; as many as items where none are known."""
        return len(np.unique(self.group_N))

    def scores(self, values_NM: Floats | None = None) -> Floats:
        """Normal scores, NaN where missing, shape (N, M)."""
        values = self.values_NM if values_NM is None else values_NM
        return fit_normalisation(values, self.directions, self.kind).transform(values)

    def filled(self) -> Floats:
        """Normal scores with holes filled by what the other metrics let expect, shape (N, M)."""
        return fill_missing(self.scores()).values


@dataclass(frozen=True)
class Split:
    """Rows that may be labelled, in random order, and rows to be judged on."""

    pool: Ints
    test: Ints


def split_rows(group_N: Ints, random: np.random.Generator) -> Split:
    """Two fifths of the groups are for judging; the rest is shuffled, to be labelled in order."""
    groups = np.unique(group_N)
    judged = random.choice(groups, max(1, round(TEST_FRAC * len(groups))), replace=False)
    is_test = np.isin(group_N, judged)
    return Split(random.permutation(np.flatnonzero(~is_test)), np.flatnonzero(is_test))


def split_of(group_N: Ints, seed: int) -> Split:
    """The split of one repeat."""
    return split_rows(group_N, np.random.default_rng([seed, SPLITTING]))


def smallest_pool(group_N: Ints, seeds: Iterable[int]) -> int:
    """Items that may be labelled in every repeat: groups differ in size, and so do pools.

    Raises:
        ValueError: some repeat has fewer than 10 items to be judged on.
    """
    splits = [split_of(group_N, seed) for seed in seeds]
    fewest = min(len(one.test) for one in splits)
    if fewest < FEWEST_TEST:
        raise ValueError(
            f"Groups differ so much in size that a repeat is left with {fewest} items to judge on; "
            f"{FEWEST_TEST} are needed. Leave the groups out, or name finer ones."
        )
    return min(len(one.pool) for one in splits)
