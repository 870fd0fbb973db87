"""What every query strategy is: modAL's callable, with reasons.

Shape letters: N clips of the pool, L labelled clips, M metrics.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learner.registry import Card
from learner.strategies._shares import Places

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
    """The clips that may be asked about, and what is known.

    Args:
        z_NM: Normalised metrics.
        labelled_LM: Those of clips that have a label, maybe none.
        strata: Of each clip, what kind it is; None where all are of one kind.
        seen: Kinds of labelled clips.
        spread: Gives the committee's variance of the proxy MOS of each clip, asked for at most
            once: a million clips cost time, and not every strategy wants to know.
        residual_var: Variance of MOS that weights cannot explain.
        is_stratified: Whether kinds are to get their shares.
    """

    z_NM: Floats
    labelled_LM: Floats
    strata: Sequence[str] | None
    seen: frozenset[str]
    spread: Callable[[], Floats]
    residual_var: float
    is_stratified: bool = False

    @cached_property
    def epistemic_var_N(self) -> Floats:
        """Variance of the proxy MOS between committee members."""
        return self.spread()

    @property
    def entropy_N(self) -> Floats:
        r"""Entropy of the proxy MOS in nats: :math:`\frac12\ln(2\pi e\,(v_{epi}+s^2))`.

        With one residual variance for all clips its order is that of the committee's variance.
        """
        variance_N = self.epistemic_var_N + max(self.residual_var, 1e-12)
        return np.asarray(0.5 * np.log(2 * np.pi * np.e * variance_N))

    def places(self, n: int, *, is_stratified: bool | None = None) -> Places:
        """How many picks each kind may have, of n in all."""
        wanted = self.is_stratified if is_stratified is None else is_stratified
        strata = self.strata if wanted else None
        return Places.share_out(strata, len(self.z_NM), n, self.seen)

    def kind(self, index: int) -> str:
        """What kind of clip it is, as words for a reason; empty where that is not known."""
        name = self.strata[index] if self.strata is not None else ""
        return f" of the kind “{name}”" if name else ""


class Strategy(ABC):
    """Base of the strategies; calling one speaks modAL's protocol."""

    card: ClassVar[Card]

    @abstractmethod
    def choose(self, pool: Pool, n: int, random: np.random.Generator) -> list[Pick]:
        """n different clips of the pool, best first."""

    def __call__(
        self,
        learner: Any,
        pool_NM: Floats,
        n_instances: int = 1,
        *,
        strata: Sequence[str] | None = None,
        seen: Sequence[str] = (),
        is_stratified: bool = False,
        seed: int = 0,
    ) -> tuple[NDArray[np.int64], list[Pick]]:
        """Ask a learner about its pool: rows that are wanted, and the picks as metrics.

        Args:
            learner: An active learner that keeps `X_training`, whose
                `predict(X, return_std=True)` gives the committee's spread, and whose estimator
                knows its `residual_var`.
            pool_NM: Normalised metrics of the clips that have no label, without holes.
            n_instances: How many are wanted; all of the pool when it is smaller.
            strata: Kind of each clip; one kind if not given.
            seen: Kinds of which there are labels: the others come first where shares are equal.
            is_stratified: Whether each kind gets its share; `hybrid` gives it always.
            seed: Of every random choice.

        Raises:
            ValueError: the pool is empty, has holes or not one kind a clip, or fewer than one clip
                is wanted.
        """
        z_NM = np.ascontiguousarray(pool_NM, dtype=np.float64)
        _check(z_NM, strata, n_instances)
        labelled = getattr(learner, "X_training", None)
        pool = Pool(
            z_NM=z_NM,
            labelled_LM=np.zeros((0, z_NM.shape[1])) if labelled is None else np.asarray(labelled),
            strata=strata,
            seen=frozenset(seen),
            spread=lambda: np.asarray(learner.predict(z_NM, return_std=True)[1] ** 2),
            residual_var=float(learner.estimator.residual_var),
            is_stratified=is_stratified,
        )
        picks = self.choose(pool, min(n_instances, len(z_NM)), np.random.default_rng(seed))
        return np.array([pick.index for pick in picks], dtype=np.int64), picks


def _check(z_NM: Floats, strata: Sequence[str] | None, n_instances: int) -> None:
    if len(z_NM) == 0:
        raise ValueError("The pool is empty: every clip has been asked about.")
    if n_instances < 1:
        raise ValueError(f"{n_instances} clips cannot be picked: ask for 1 or more.")
    if strata is not None and len(strata) != len(z_NM):
        raise ValueError(f"{len(strata)} kinds do not fit a pool of {len(z_NM)} clips.")
    if not np.isfinite(z_NM).all():
        bad = int((~np.isfinite(z_NM)).any(axis=1).sum())
        raise ValueError(f"{bad} clips of the pool have a metric that is missing: fill them first.")
