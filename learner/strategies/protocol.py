"""What every query strategy is: modAL's callable, with reasons.

Shape letters: N clips of the pool, L labelled clips, M metrics.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.registry import Card
from learner.strategies.strata import Strata

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


@dataclass(frozen=True, eq=False)
class Pool:
    """The clips that may be asked about.

    Args:
        z_NM: Normalised metrics.
        labelled_LM: The same of the clips that have a label; L may be 0.
        residual_var: Variance of MOS that weights cannot explain.
        strata: What kind each clip is and how many of each kind are wanted, which a strategy keeps
            to. Where kinds do not matter there is one, of which all picks are.
        spread: The committee's standard deviation of the proxy MOS, of metrics of shape (B, M).
    """

    z_NM: Floats
    labelled_LM: Floats
    residual_var: float
    strata: Strata
    spread: Callable[[Floats], ArrayLike]

    @cached_property
    def epistemic_var_N(self) -> Floats:
        """Variance of the proxy MOS between committee members; asked for only where it is used."""
        return np.asarray(self.spread(self.z_NM), dtype=np.float64) ** 2

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
    is_stratified: ClassVar[bool] = False  # whether kinds get their quotas without being asked to

    @abstractmethod
    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """Exactly n different clips of the pool, best first, of each kind as many as its quota."""

    def __call__(
        self,
        learner: Any,
        pool_NM: ArrayLike,
        n_instances: int = 1,
        *,
        strata: Sequence[str] | None = None,
        stratify: bool = False,
        seen: Collection[str] = (),
        seed: int = 0,
    ) -> tuple[NDArray[np.int64], list[Pick]]:
        """Ask a learner about its pool: rows that are wanted, and the picks as metrics.

        Args:
            learner: An active learner whose `predict(X, return_std=True)` gives the committee's
                spread, whose estimator knows its `residual_var`, and whose `X_training` holds the
                metrics of labelled clips.
            pool_NM: Normalised metrics of the clips that have no label, without holes.
            n_instances: How many are wanted; all of the pool when it is smaller.
            strata: Kind of each clip; one kind if not given.
            stratify: Give every kind its quota; some strategies always do.
            seen: Kinds of which clips are labelled already: others come first.
            seed: Of every random choice.

        Raises:
            ValueError: the pool is empty or has holes, fewer than one clip is wanted, or kinds or
                labelled clips do not fit the pool.
        """
        z_NM, labelled_LM = _metrics(learner, pool_NM)
        if n_instances < 1:
            raise ValueError(f"{n_instances} clips cannot be picked: ask for 1 or more.")
        if strata is not None and len(strata) != len(z_NM):
            raise ValueError(f"There are {len(strata)} kinds for {len(z_NM)} clips.")
        n = min(n_instances, len(z_NM))
        kinds = strata if stratify or self.is_stratified else None
        pool = Pool(
            z_NM=z_NM,
            labelled_LM=labelled_LM,
            residual_var=float(learner.estimator.residual_var),
            strata=Strata.one(len(z_NM), n) if kinds is None else Strata.of(kinds, n, seen),
            spread=lambda z_BM: learner.predict(z_BM, return_std=True)[1],
        )
        picks = self.choose(pool, n, np.random.default_rng(seed))
        return np.array([pick.index for pick in picks], dtype=np.int64), picks


def _metrics(learner: Any, pool_NM: ArrayLike) -> tuple[Floats, Floats]:
    """Metrics of the pool and of the labelled clips, looked through."""
    z_NM = np.asarray(pool_NM, dtype=np.float64)
    if len(z_NM) == 0:
        raise ValueError("The pool is empty: every clip has been asked about.")
    if z_NM.ndim != 2:
        raise ValueError(f"Metrics come in shape (clips, metrics), not {z_NM.shape}.")
    taught = getattr(learner, "X_training", None)
    if taught is None:
        labelled_LM = np.empty((0, z_NM.shape[1]))
    else:
        labelled_LM = np.asarray(taught, dtype=np.float64)
    if z_NM.shape[1:] != labelled_LM.shape[1:]:
        raise ValueError(
            f"The pool has {z_NM.shape[1]} metrics, labelled clips have {labelled_LM.shape[1]}."
        )
    _refuse_holes(z_NM, "of the pool")
    _refuse_holes(labelled_LM, "with labels")
    return z_NM, labelled_LM


def _refuse_holes(z_NM: Floats, which: str) -> None:
    is_number_NM = np.isfinite(z_NM)
    if not is_number_NM.all():
        holes = int((~is_number_NM.all(axis=1)).sum())
        raise ValueError(
            f"{holes} of {len(z_NM)} clips {which} have a metric that is NaN or infinite: fill "
            "holes before asking."
        )
