"""What every query strategy is: modAL's callable, with reasons.

Shape letters: N clips of the pool, M metrics.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pick:
    """One clip that is asked about.

    Args:
        index: Its row in the pool.
        score: The strategy's, the higher the more wanted; None where chance decides.
        reason: A sentence for people.
        is_reserve: Picked at random, as part of the unbiased sample.
    """

    index: int
    score: float | None
    reason: str
    is_reserve: bool = False


@dataclass(frozen=True)
class Pool:
    """The clips that may be asked about.

    Args:
        z_NM: Normalised metrics.
        epistemic_var_N: Variance of the proxy MOS between committee members.
        residual_var: Variance of MOS that weights cannot explain.
        strata: Of each clip, what kind it is; clips of all kinds are wanted.
    """

    z_NM: Floats
    epistemic_var_N: Floats
    residual_var: float
    strata: Sequence[str]

    @property
    def entropy_N(self) -> Floats:
        r"""Entropy of the proxy MOS in nats: :math:`\frac12\ln(2\pi e\,(v_{epi}+s^2))`.

        With one residual variance for all clips its order is that of the committee's variance.
        """
        variance_N = self.epistemic_var_N + max(self.residual_var, 1e-12)
        return np.asarray(0.5 * np.log(2 * np.pi * np.e * variance_N))


class Strategy(ABC):
    """Base of the strategies; calling one speaks modAL's protocol."""

    card: ClassVar[Card]

    @abstractmethod
    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """At most n different clips of the pool, best first."""

    def __call__(
        self,
        learner: Any,
        pool_NM: Floats,
        n_instances: int = 1,
        *,
        strata: Sequence[str] | None = None,
        seed: int = 0,
    ) -> tuple[NDArray[np.int64], list[Pick]]:
        """Ask a learner about its pool: rows that are wanted, and the picks as metrics.

        Args:
            learner: An active learner whose `predict(X, return_std=True)` gives the committee's
                spread, and whose estimator knows its `residual_var`.
            pool_NM: Normalised metrics of the clips that have no label, without holes.
            n_instances: How many are wanted; all of the pool when it is smaller.
            strata: Kind of each clip; one kind if not given.
            seed: Of every random choice.

        Raises:
            ValueError: the pool is empty, or fewer than one clip is wanted.
        """
        z_NM = np.asarray(pool_NM, dtype=np.float64)
        if len(z_NM) == 0:
            raise ValueError("The pool is empty: every clip has been asked about.")
        if n_instances < 1:
            raise ValueError(f"{n_instances} clips cannot be picked: ask for 1 or more.")
        _, sd_N = learner.predict(z_NM, return_std=True)
        pool = Pool(
            z_NM=z_NM,
            epistemic_var_N=np.asarray(sd_N, dtype=np.float64) ** 2,
            residual_var=float(learner.estimator.residual_var),
            strata=list(strata) if strata is not None else [""] * len(z_NM),
        )
        picks = self.choose(pool, min(n_instances, len(z_NM)), np.random.default_rng(seed))
        return np.array([pick.index for pick in picks], dtype=np.int64), picks
