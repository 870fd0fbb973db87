"""What stands in for metrics that are missing, and how unsure it makes the sum.

Shape letters: N clips, M metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
OWN_FRAC = 0.03  # of the mean variance
PATTERNS_AT_A_TIME = 1000  # so that a thousand patterns, not a million, lie in memory at once


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of normalised metrics over a corpus, frozen with the normalisation.

    Args:
        mean: Shape (M,).
        covariance: Shape (M, M), positive definite.
    """

    mean: Floats
    covariance: Floats

    @classmethod
    def fit(cls, normalised: ArrayLike) -> Moments:
        """From clips of shape (N, M), NaN where missing: over pairs of metrics that are both there.

        >>> Moments.fit([[0.0, 1.0], [2.0, float("nan")]]).mean.tolist()
        [1.0, 1.0]
        """
        values_NM = np.asarray(normalised, dtype=np.float64)
        there_NM = ~np.isnan(values_NM)
        counts_M = np.maximum(there_NM.sum(axis=0), 1)
        mean_M = np.where(there_NM, values_NM, 0.0).sum(axis=0) / counts_M
        centred_NM = np.where(there_NM, values_NM - mean_M, 0.0)
        pairs = there_NM.T.astype(np.float64) @ there_NM
        covariance = centred_NM.T @ centred_NM / np.maximum(pairs - 1, 1)
        # Pairwise sums need not fit together, and metrics that are near twins make the solution
        # wild: what is not positive is cut off, and each metric has a little of its own.
        eigenvalues, vectors = np.linalg.eigh(covariance)
        fitting = (vectors * np.maximum(eigenvalues, 0.0)) @ vectors.T
        own = OWN_FRAC * max(float(np.trace(fitting)) / len(fitting), 1e-6)
        return cls(mean_M, fitting + own * np.eye(len(fitting)))

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {"mean": self.mean.tolist(), "covariance": self.covariance.tolist()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Moments:
        """As it was stored."""
        return cls(np.array(kept["mean"]), np.array(kept["covariance"]))


@dataclass(frozen=True)
class Filled:
    """Normalised metrics without holes.

    Args:
        values: Shape (N, M).
        covariances: For each of the P patterns of holes, the added covariance, shape (P, M, M).
        pattern: For each clip, which pattern, shape (N,).
        coverage_frac: For each clip, the share of its metrics that were there, shape (N,).
    """

    values: Floats
    covariances: Floats
    pattern: NDArray[np.int64]
    coverage_frac: Floats

    def added_variance(self, weights: ArrayLike) -> Floats:
        """Variance that the holes add to a weighted sum, shape (N,)."""
        weights_M = np.asarray(weights, dtype=np.float64)
        each_P = np.einsum("m,pmk,k->p", weights_M, self.covariances, weights_M)
        return np.asarray(np.maximum(each_P, 0.0)[self.pattern])


def fill_missing(normalised: ArrayLike, moments: Moments | None = None) -> Filled:
    r"""Expected values of missing metrics given those that are there, under a normal model.

    .. math:: E[z_m|z_o] = \mu_m + S_{mo}S_{oo}^{-1}(z_o-\mu_o), \quad
       V = S_{mm}-S_{mo}S_{oo}^{-1}S_{om}

    A clip without any metric gets the means, and all of the variance.

    Args:
        normalised: Shape (N, M), NaN where missing.
        moments: Of the corpus, frozen; those of these clips if not given.

    >>> fill_missing([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [1.5, float("nan")]]).values[3].round(1)
    array([1.5, 1.4])
    """
    values_NM = np.array(normalised, dtype=np.float64)
    missing_NM = np.isnan(values_NM)
    known = moments or Moments.fit(values_NM)
    patterns, pattern_N = np.unique(missing_NM, axis=0, return_inverse=True)
    pattern_N = pattern_N.ravel()
    moved_NM = np.where(missing_NM, 0.0, values_NM - known.mean)
    added = []
    for start in range(0, len(patterns), PATTERNS_AT_A_TIME):
        gains, left = _conditional(known.covariance, patterns[start : start + PATTERNS_AT_A_TIME])
        added.append(left)
        rows = np.flatnonzero((pattern_N >= start) & (pattern_N < start + len(gains)))
        expected = np.einsum("nij,nj->ni", gains[pattern_N[rows] - start], moved_NM[rows])
        values_NM[rows] = np.where(missing_NM[rows], known.mean + expected, values_NM[rows])
    covariances = np.concatenate(added) if added else np.zeros((0, *known.covariance.shape))
    return Filled(values_NM, covariances, pattern_N, 1 - missing_NM.mean(axis=1))


def _conditional(covariance: Floats, holes_PM: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """How the missing follow from those that are there, and what covariance is left, (P, M, M).

    Rows and columns of the missing become those of the identity, so that all patterns are solved
    together.
    """
    there_PM = (~holes_PM).astype(np.float64)
    both = covariance * there_PM[:, :, None] * there_PM[:, None, :]
    both += np.einsum("pm,mk->pmk", 1 - there_PM, np.eye(len(covariance)))
    across = covariance * (1 - there_PM)[:, :, None] * there_PM[:, None, :]
    gains = across @ np.linalg.inv(both)
    own = covariance * (1 - there_PM)[:, :, None] * (1 - there_PM)[:, None, :]
    return gains, own - gains @ across.transpose(0, 2, 1)
