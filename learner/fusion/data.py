"""What a network is trained on, and which clips each member never sees.

Shape letters: N clips, F folds, M metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learner.fusion.config import FusionConfig
from learner.proxy.fit import fit_weights
from learner.proxy.missing import Filled
from learner.proxy.result import proxy_mos

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HASHED_ROWS = 65_536  # at a time, so that no array is copied whole
FEWEST_ASIDE = 40  # fewer clips set aside say less than they would teach
# Of a MOS in points squared: what no label tells, so that no clip rules alone.
OWN_VAR = 0.1


@dataclass(frozen=True)
class TrainingData:
    """Clips to train on.

    Args:
        features: Encoder name to vectors, shape (N, width), NaN rows where there is none.
        proxy_FN: Proxy MOS, 1 to 5, as known without the labels of each fold.
        proxy_var_FN: Its variance.
        mos_N: Human MOS, 1 to 5; NaN without ratings.
        mos_var_N: Variance of that mean from its raters; NaN without ratings.
        fold_N: Which fold leaves the clip out, 0 to F - 1; clips of one source in one fold.
        source_N: Number of what each clip was made from.
        blind_FN: Proxy MOS as known without the labels of each fold and of the clips that its
            member sets aside, to learn beside it how much the proxy is to count; NaN where none
            are set aside. Without it that is not learned.
    """

    features: Mapping[str, NDArray[np.float32]]
    proxy_FN: Floats
    proxy_var_FN: Floats
    mos_N: Floats
    mos_var_N: Floats
    fold_N: Ints
    source_N: Ints
    blind_FN: Floats | None = None

    def __post_init__(self) -> None:
        known = ~np.isnan(self.mos_N)
        for what, values in (("MOS", self.mos_N[known]), ("variance", self.mos_var_N[known])):
            if not np.isfinite(values).all():
                raise ValueError(f"a {what} of a clip with ratings is not a finite number")

    @property
    def n_folds(self) -> int:
        """How many members there will be."""
        return int(self.fold_N.max()) + 1

    @property
    def n(self) -> int:
        """How many clips."""
        return len(self.mos_N)

    def fingerprint(self) -> str:
        """Of everything that training reads: SHA-256, 64 digits."""
        digest = sha256()
        arrays: list[NDArray[Any]] = [self.features[name] for name in sorted(self.features)]
        arrays += [self.proxy_FN, self.proxy_var_FN, self.mos_N, self.mos_var_N]
        arrays += [] if self.blind_FN is None else [self.blind_FN]
        for array in [*arrays, self.fold_N, self.source_N]:
            for start in range(0, len(array), HASHED_ROWS):
                digest.update(np.ascontiguousarray(array[start : start + HASHED_ROWS]).tobytes())
        return digest.hexdigest()

    def only(self, rows: Ints) -> TrainingData:
        """The same of some clips."""
        return replace(
            self,
            features={name: x[rows] for name, x in self.features.items()},
            proxy_FN=self.proxy_FN[:, rows],
            proxy_var_FN=self.proxy_var_FN[:, rows],
            mos_N=self.mos_N[rows],
            mos_var_N=self.mos_var_N[rows],
            fold_N=self.fold_N[rows],
            source_N=self.source_N[rows],
            blind_FN=None if self.blind_FN is None else self.blind_FN[:, rows],
        )


@dataclass(frozen=True)
class Targets:
    """Clips of one stage of one member: rows, unit-scale targets, weights of mean 1."""

    rows: Tensor
    unit: Tensor
    weight: Tensor


def targets_of(
    data: TrainingData, fold: int, stage: str, aside_frac: float, seed: int
) -> tuple[Targets, Targets | None]:
    """What a stage trains on, and the clips set aside to tell when to stop.

    Proxy MOS of all clips outside the fold (`ws`), or human MOS of the rated ones among them
    (`ft`). Set aside are whole sources, the same ones in both stages; none where they would be
    fewer than 40 clips, or hold half of them.
    """
    value_N = data.proxy_FN[fold] if stage == "ws" else data.mos_N
    var_N = data.proxy_var_FN[fold] if stage == "ws" else data.mos_var_N
    rows = np.flatnonzero((data.fold_N != fold) & ~np.isnan(value_N))
    is_aside = set_aside(data.mos_N, data.fold_N, data.source_N, fold, aside_frac, seed)[rows]
    if not _is_telling(is_aside):
        return _targets(rows, value_N, var_N), None
    return (
        _targets(rows[~is_aside], value_N, var_N),
        _targets(rows[is_aside], value_N, var_N),
    )


def _targets(rows: Ints, value_N: Floats, var_N: Floats) -> Targets:
    weight = 1 / (OWN_VAR + var_N[rows])
    return Targets(
        torch.from_numpy(rows),
        torch.from_numpy((value_N[rows] - 1) / 4).float(),
        torch.from_numpy(weight * len(rows) / max(weight.sum(), 1e-12)).float(),
    )


def _is_telling(is_aside: NDArray[np.bool_]) -> bool:
    """Whether as many clips are set aside as can tell anything, and not too many of all."""
    return bool(is_aside.sum() >= FEWEST_ASIDE and is_aside.mean() < 0.5)


def set_aside(
    mos_N: Floats, fold_N: Ints, source_N: Ints, fold: int, share: float, seed: int
) -> NDArray[np.bool_]:
    """Whole sources outside a fold, until they hold that share of its labels."""
    outside_N = fold_N != fold
    random = np.random.default_rng([seed, fold, 7])
    sources = random.permutation(np.unique(source_N[outside_N]))
    labels = np.bincount(source_N, outside_N & ~np.isnan(mos_N), source_N.max() + 1)
    reached = np.cumsum(labels[sources])
    chosen = sources[: int(np.searchsorted(reached, share * reached[-1], side="left")) + 1]
    if share <= 0:
        chosen = chosen[:0]
    return np.asarray(outside_N & np.isin(source_N, chosen))


def blind_proxies(
    filled: Filled,
    mos_N: Floats,
    var_N: Floats,
    fold_N: Ints,
    source_N: Ints,
    config: FusionConfig,
    *,
    method: str = "bagged",
) -> Floats:
    """Proxy MOS learned without each fold and without what its member sets aside, shape (F, N).

    NaN where no labelled clips are set aside, or nothing rises with MOS without them.
    """
    n_folds = int(fold_N.max()) + 1
    share = config.aside_frac if config.patience else 0.0
    found_FN = np.full((n_folds, len(mos_N)), np.nan)
    for fold in range(n_folds):
        is_aside = set_aside(mos_N, fold_N, source_N, fold, share, config.seed)
        has_mos = ~np.isnan(mos_N)
        if _is_telling(is_aside[has_mos & (fold_N != fold)]):
            rows = np.flatnonzero(has_mos & (fold_N != fold) & ~is_aside)
            said = _proxy_of(filled, mos_N, var_N, source_N, rows, config.seed, method)
            found_FN[fold] = said[0]
    return found_FN


def proxies_without(
    filled: Filled,
    mos_N: Floats,
    var_N: Floats,
    fold_N: Ints,
    source_N: Ints,
    seed: int,
    *,
    method: str = "bagged",
) -> tuple[Floats, Floats]:
    """Proxy MOS and its variance, learned anew without the labels of each fold.

    Args:
        filled: Normal scores of metrics without holes, shape (N, M).
        mos_N, var_N: Human MOS and its noise; NaN without ratings.
        fold_N: Which fold leaves each clip out.
        source_N: What each was made from: drawn as a whole.
        seed: Of the draws.
        method: Of `weightings.RULES`.

    Returns:
        Two arrays of shape (F, N); NaN in a fold without whose labels nothing rises with MOS.
    """
    n_folds = int(fold_N.max()) + 1
    mos_FN = np.full((n_folds, len(mos_N)), np.nan)
    var_FN = np.full_like(mos_FN, np.nan)
    for fold in range(n_folds):
        rows = np.flatnonzero(~np.isnan(mos_N) & (fold_N != fold))
        said = _proxy_of(filled, mos_N, var_N, source_N, rows, seed, method)
        mos_FN[fold], var_FN[fold] = said
    return mos_FN, var_FN


def _proxy_of(
    filled: Filled,
    mos_N: Floats,
    var_N: Floats,
    source_N: Ints,
    rows: Ints,
    seed: int,
    method: str,
) -> tuple[Floats, Floats]:
    """Proxy MOS of every clip and its variance, learned from some; NaN where nothing rises."""
    fit = fit_weights(
        filled.values[rows],
        mos_N[rows],
        noise_var=var_N[rows],
        sources=source_N[rows],
        method=method,
        seed=seed,
    )
    if fit.line.reason:
        return np.full(len(mos_N), np.nan), np.full(len(mos_N), np.nan)
    said = proxy_mos(fit, filled.values, filled.added_variance(fit.weights))
    return said.mos_raw, said.total_var
