"""Keeping a random part of every budget apart, so that something stays unbiased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.strategies.protocol import Pick, Strategy


def pick_with_reserve(
    strategy: Strategy,
    learner: Any,
    pool_NM: NDArray[np.float64],
    n: int,
    *,
    strata: Sequence[str],
    reserve_frac: float,
    seed: int,
    seen: Sequence[str] = (),
    is_stratified: bool = False,
) -> list[Pick]:
    """The random reserve first, drawn from the whole pool, then the strategy's picks of the rest.

    Clips chosen for being uncertain tell nothing unbiased about means or correlations; the reserve
    does.

    Args:
        strategy: Which clips to ask about.
        learner: The active learner that holds the proxy.
        pool_NM: Normalised metrics of the pool, without holes.
        n: Clips in all; the whole pool when it is smaller.
        strata: Kind of each clip.
        reserve_frac: Share of n kept for chance, 0 to 1, rounded to whole clips.
        seed: Of every random choice.
        seen: Kinds of which there are labels.
        is_stratified: Whether the strategy's picks are shared out over the kinds; the reserve never
            is, so that it stays a plain sample.

    Raises:
        ValueError: the pool is empty, n is below 1, or the share is none.
    """
    if not 0 <= reserve_frac <= 1:
        raise ValueError(f"reserve_frac must lie between 0 and 1, not {reserve_frac}.")
    if len(pool_NM) == 0 or n < 1:
        raise ValueError(f"{n} clips cannot be picked from a pool of {len(pool_NM)}.")
    n = min(n, len(pool_NM))
    n_reserve = round(reserve_frac * n)
    drawn = np.random.default_rng([seed, 1]).permutation(len(pool_NM))[:n_reserve]
    words = "Drawn at random from the whole pool, for a sample without bias."
    picks = [Pick(int(index), None, words, is_reserve=True) for index in drawn]
    rest = np.setdiff1d(np.arange(len(pool_NM)), drawn)
    if n == n_reserve:
        return picks
    _, chosen = strategy(
        learner,
        pool_NM[rest],
        n - n_reserve,
        strata=[strata[index] for index in rest],
        seed=seed,
        seen=seen,
        is_stratified=is_stratified,
    )
    return picks + [replace(pick, index=int(rest[pick.index])) for pick in chosen]
