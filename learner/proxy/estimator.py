"""The proxy MOS as an estimator of scikit-learn, so that active learners can hold and teach it.

Shape letters: N clips, M metrics, D bootstrap draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin

from learner.proxy.bag import DRAWS
from learner.proxy.fit import fit_weights
from learner.proxy.result import WeightFit

Floats = NDArray[np.float64]
# Before a line to MOS is known: one normal score of the sum is worth about as much as MOS spreads.
PRIOR_SLOPE, PRIOR_RESIDUAL_VAR, PRIOR_MOS = 0.7, 0.49, 3.0


class BaggedProxy(RegressorMixin, BaseEstimator):
    """Bagged simplex weights over normalised metrics.

    Before it has seen a label it is a committee of random weights: it knows nothing, and is least
    sure of clips on which the metrics disagree.

    Args:
        draws: Members of the committee.
        seed: Of the draws.
    """

    def __init__(self, draws: int = DRAWS, seed: int = 0) -> None:
        self.draws = draws
        self.seed = seed

    def fit(
        self,
        X: ArrayLike,  # noqa: N803 (scikit-learn's names)
        y: ArrayLike,
        noise_var: ArrayLike | None = None,
    ) -> BaggedProxy:
        """Learn weights from clips with a MOS: X of shape (N, M); y, and its noise, of (N,)."""
        self.fit_: WeightFit = fit_weights(
            X, y, noise_var=noise_var, draws=self.draws, seed=self.seed
        )
        return self

    def predict(
        self,
        X: ArrayLike,  # noqa: N803
        return_std: bool = False,
    ) -> Floats | tuple[Floats, Floats]:
        """Proxy MOS, and on demand the committee's standard deviation, each of shape (N,)."""
        z_NM = np.asarray(X, dtype=np.float64)
        weights_M, covariance, offset, slope = self._parts(z_NM.shape[1])
        mos_N = offset + slope * (z_NM @ weights_M)
        if not return_std:
            return mos_N
        spread_N = np.einsum("nm,nm->n", z_NM @ covariance, z_NM)
        return mos_N, slope * np.sqrt(np.maximum(spread_N, 0.0))

    @property
    def residual_var(self) -> float:
        """Variance of MOS that weights cannot explain, in MOS points squared."""
        fit = getattr(self, "fit_", None)
        return PRIOR_RESIDUAL_VAR if fit is None or fit.line.reason else float(fit.model_var)

    def _parts(self, n_metrics: int) -> tuple[Floats, Floats, float, float]:
        fit = getattr(self, "fit_", None)
        offset, slope = PRIOR_MOS, PRIOR_SLOPE
        if fit is not None and not fit.line.reason:
            offset, slope = fit.line.offset, fit.line.slope
        if fit is None or not np.any(fit.covariance):
            draws_DM = np.random.default_rng(self.seed).dirichlet(np.ones(n_metrics), self.draws)
            covariance = np.cov(draws_DM.T).reshape(n_metrics, n_metrics)
            return draws_DM.mean(axis=0), covariance, offset, slope
        return np.array(fit.weights), np.array(fit.covariance), offset, slope
