"""Keeping a random part of every budget apart, so that something stays unbiased."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    stratify: bool = False,
    seen: Collection[str] = (),
) -> list[Pick]:
    """The random reserve first, drawn from the whole pool, then the strategy's picks of the rest.

    Clips chosen for being uncertain tell nothing unbiased about means or correlations; the reserve
    does. It depends on the seed and on the size of the pool, not on the strategy.

    Args:
        strategy: Which clips to ask about.
        learner: The active learner that holds the proxy.
        pool_NM: Normalised metrics of the pool, without holes.
        n: Clips in all; the whole pool when it is smaller.
        strata: Kind of each clip.
        reserve_frac: Share of n kept for chance, 0 to 1, rounded to whole clips.
        seed: Of every random choice.
        stratify: Give every kind its quota of the strategy's picks; the reserve stays plain chance.
        seen: Kinds of which clips are labelled already; those of the reserve count too.

    Raises:
        ValueError: the pool is empty, n is below 1, the share is none, or kinds do not fit.
    """
    if not 0 <= reserve_frac <= 1:
        raise ValueError(f"reserve_frac must lie between 0 and 1, not {reserve_frac}.")
    if len(pool_NM) == 0 or n < 1:
        raise ValueError(f"{n} clips cannot be picked from a pool of {len(pool_NM)}.")
    if len(strata) != len(pool_NM):
        raise ValueError(f"There are {len(strata)} kinds for {len(pool_NM)} clips.")
    n = min(n, len(pool_NM))
    n_reserve = round(reserve_frac * n)
    drawn = np.random.default_rng([seed, 1]).choice(len(pool_NM), size=n_reserve, replace=False)
    words = (
        f"Drawn at random from all {len(pool_NM)} clips not asked about, for a sample without bias."
    )
    picks = [Pick(int(index), None, words, is_reserve=True) for index in drawn]
    if n == n_reserve:
        return picks
    is_left = np.ones(len(pool_NM), dtype=bool)
    is_left[drawn] = False
    rest = np.flatnonzero(is_left)
    _, chosen = strategy(
        learner,
        pool_NM[rest],
        n - n_reserve,
        strata=np.asarray(strata, dtype=object)[rest].tolist(),
        stratify=stratify,
        seen={*seen, *(strata[index] for index in drawn)},
        seed=seed,
    )
    return picks + [replace(pick, index=int(rest[pick.index])) for pick in chosen]
