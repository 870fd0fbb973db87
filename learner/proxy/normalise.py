"""Metrics on one scale, and what stands in for those that are missing.

Shape letters: N clips, M metrics, Q quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]
QUANTILES = 1001


@dataclass(frozen=True)
class RankGauss:
    """Normal scores of each metric, frozen over one corpus so that old clips' scores never move.

    Args:
        quantiles: For each metric, its values at 1001 even shares of the corpus.
        directions: +1 where more is better, -1 where less is; metadata, never learned.
        n: Clips it was fitted on.
    """

    quantiles: tuple[tuple[float, ...], ...]
    directions: tuple[int, ...]
    n: int

    @classmethod
    def fit(cls, values: ArrayLike, directions: ArrayLike) -> RankGauss:
        """Freeze the ranks of a corpus.

        Args:
            values: Shape (N, M); NaN where a metric has no value.
            directions: Shape (M,), +1 or -1.

        Raises:
            ValueError: shapes differ, a direction is neither, or a metric has no value at all.

        >>> norm = RankGauss.fit([[1.0], [2.0], [4.0]], [-1])
        >>> norm.transform([[1.0], [4.0]]).round(2).tolist()
        [[0.97], [-0.97]]
        """
        values_NM = np.asarray(values, dtype=np.float64)
        signs = tuple(int(sign) for sign in np.asarray(directions))
        if values_NM.ndim != 2 or values_NM.shape[1] != len(signs):
            raise ValueError(f"{values_NM.shape} values do not fit {len(signs)} directions.")
        if set(signs) - {1, -1}:
            raise ValueError(f"directions must be +1 or -1, not {signs}.")
        empty = [m for m in range(len(signs)) if np.isnan(values_NM[:, m]).all()]
        if empty:
            raise ValueError(f"the metrics in columns {empty} have no value: leave them out.")
        shares = np.linspace(0, 1, QUANTILES)
        columns = (column[~np.isnan(column)] for column in values_NM.T)
        quantiles = tuple(tuple(np.quantile(column, shares).tolist()) for column in columns)
        return cls(quantiles, signs, len(values_NM))

    def transform(self, values: ArrayLike) -> Floats:
        r"""Normal scores :math:`\Phi^{-1}(F(x))`, the better the higher, shape (N, M).

        Tied values get their mean rank, values outside the corpus that of its ends, a metric that
        is constant over the corpus 0, and NaN stays NaN.
        """
        values_NM = np.asarray(values, dtype=np.float64)
        if values_NM.shape[1] != len(self.directions):
            raise ValueError(f"{values_NM.shape[1]} metrics, but {len(self.directions)} are known.")
        edge = 0.5 / max(self.n, 1)
        columns = []
        for column_N, known, sign in zip(values_NM.T, self.quantiles, self.directions, strict=True):
            if known[0] == known[-1]:
                columns.append(np.where(np.isnan(column_N), np.nan, 0.0))
                continue
            share_N = np.clip(_share(np.array(known), column_N), edge, 1 - edge)
            columns.append(sign * stats.norm.ppf(share_N))
        return np.stack(columns, axis=1)

    @property
    def constant(self) -> list[int]:
        """Columns that tell nothing, being the same everywhere."""
        return [m for m, known in enumerate(self.quantiles) if known[0] == known[-1]]

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {
            "kind": "rank-gauss",
            "n": self.n,
            "directions": list(self.directions),
            "quantiles": [list(known) for known in self.quantiles],
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> RankGauss:
        """As it was stored."""
        quantiles = tuple(tuple(known) for known in kept["quantiles"])
        return cls(quantiles, tuple(kept["directions"]), kept["n"])


def _share(known_Q: Floats, column_N: Floats) -> Floats:
    """Share of the corpus below each value; the middle of the step where values are tied."""
    spread = np.linspace(0, 1, len(known_Q))
    steps, first = np.unique(known_Q, return_index=True)
    last = np.append(first[1:], len(known_Q)) - 1
    middles = (spread[first] + spread[last]) / 2
    share_N: Floats = np.interp(column_N, steps, middles)
    return np.where(np.isnan(column_N), np.nan, share_N)


@dataclass(frozen=True)
class Filled:
    """Normalised metrics without holes.

    Args:
        values: Shape (N, M).
        covariances: For each pattern of holes, the added covariance, shape (M, M).
        pattern: For each clip, which pattern, shape (N,).
        coverage_frac: For each clip, the share of its metrics that were there, shape (N,).
    """

    values: Floats
    covariances: list[Floats]
    pattern: NDArray[np.int64]
    coverage_frac: Floats

    def added_variance(self, weights: ArrayLike) -> Floats:
        """Variance that the holes add to a weighted sum, shape (N,)."""
        weights_M = np.asarray(weights, dtype=np.float64)
        each = np.array([weights_M @ added @ weights_M for added in self.covariances])
        return each[self.pattern]


def fill_missing(normalised: ArrayLike) -> Filled:
    r"""Expected values of missing metrics given those that are there, under a normal model.

    .. math:: E[z_m|z_o] = \mu_m + S_{mo}S_{oo}^{-1}(z_o-\mu_o), \quad
       V = S_{mm}-S_{mo}S_{oo}^{-1}S_{om}

    A clip without any metric gets the means, and all of the variance.

    Args:
        normalised: Shape (N, M), NaN where missing.

    >>> fill_missing([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [1.5, float("nan")]]).values[3].round(1)
    array([1.5, 1.4])
    """
    values_NM = np.array(normalised, dtype=np.float64)
    missing_NM = np.isnan(values_NM)
    mean_M, covariance = _moments(values_NM)
    patterns, pattern_N = np.unique(missing_NM, axis=0, return_inverse=True)
    pattern_N = pattern_N.ravel()
    added = []
    for index, hole_M in enumerate(patterns):
        rows = np.flatnonzero(pattern_N == index)
        there_M = ~hole_M
        gain = covariance[np.ix_(hole_M, there_M)] @ np.linalg.pinv(
            covariance[np.ix_(there_M, there_M)]
        )
        known = values_NM[np.ix_(rows, there_M)] - mean_M[there_M]
        values_NM[np.ix_(rows, hole_M)] = mean_M[hole_M] + known @ gain.T
        full = np.zeros_like(covariance)
        full[np.ix_(hole_M, hole_M)] = (
            covariance[np.ix_(hole_M, hole_M)] - gain @ covariance[np.ix_(there_M, hole_M)]
        )
        added.append(full)
    return Filled(values_NM, added, pattern_N, 1 - missing_NM.mean(axis=1))


def _moments(values_NM: Floats) -> tuple[Floats, Floats]:
    """Means and a covariance of pairs that are both there, a little ridged to be invertible."""
    there_NM = ~np.isnan(values_NM)
    mean_M = np.array(
        [
            column[known].mean() if known.any() else 0.0
            for column, known in zip(values_NM.T, there_NM.T, strict=True)
        ]
    )
    centred_NM = np.where(there_NM, values_NM - mean_M, 0.0)
    pairs = there_NM.T.astype(float) @ there_NM
    covariance = centred_NM.T @ centred_NM / np.maximum(pairs - 1, 1)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    floor = 1e-6 * max(1.0, float(eigenvalues.max(initial=0.0)))
    return mean_M, (vectors * np.maximum(eigenvalues, floor)) @ vectors.T
