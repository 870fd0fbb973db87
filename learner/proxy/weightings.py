"""Rules that turn labelled clips into weights: the paper's eq. 6 and what it must be held against.

Every rule reads `Centred` sums, so that it costs the same for a hundred clips and a million.
Shape letters: N labelled clips, M metrics.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from learner.proxy.sums import Centred, centred, unit_sums

Floats = NDArray[np.float64]
Rule = Callable[[Centred], Floats]
RIDGE = 1e-10  # of the mean variance: enough to factorise twins, too little to be seen
# Strength of the pull to equal weights that is looked through, in clips.
PULLS = np.geomspace(0.3, 3000, 40)


def equal_weights(n_metrics: int) -> Floats:
    """The same weight for each, summing to 1.

    >>> equal_weights(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return np.full(n_metrics, 1 / n_metrics)


def best_single(known: Centred) -> Floats:
    """All weight on the metric that correlates best with MOS; equal weights where none varies."""
    pcc_M = known.correlations
    if np.isnan(pcc_M).all():
        return equal_weights(len(pcc_M))
    return np.asarray(np.eye(len(pcc_M))[int(np.nanargmax(pcc_M))])


def pearson(known: Centred) -> Floats:
    r"""Unconstrained weights of the highest correlation, as the paper prints it.

    .. math:: \max_w \mathrm{corr}(Zw, y) \Rightarrow w \propto S_{zz}^{-1} s_{zy}

    Source: the paper's eq. 6; the closed form is that of canonical correlation with one variable.
    A correlation has no scale: absolute weights are made to sum to 1, and may be negative.
    """
    weights_M = np.linalg.lstsq(known.gram, known.against, rcond=1e-12)[0]
    total = np.abs(weights_M).sum()
    return np.asarray(weights_M / total) if total > 0 else equal_weights(len(weights_M))


def simplex(known: Centred) -> Floats:
    r"""Weights at least 0, summing to 1, whose sum correlates best with MOS.

    .. math:: \max_{w\ge0} \mathrm{corr}(Zw, y) \quad\Leftrightarrow\quad
       \min_{w\ge0} |Z_cw-y_c|^2 \text{, then } w/\sum w

    Source: the paper's eq. 6; the equivalence holds because a correlation has no scale.

    Returns:
        Shape (M,); equal weights where no metric correlates positively.
    """
    return _on_simplex(known.gram, known.against)


def shrunk(known: Centred) -> Floats:
    r"""Simplex weights pulled to equal ones as strongly as the labels call for.

    .. math:: \min_{w\ge0} |y_c-Z_cw|^2 + \lambda|w-c\mathbf 1|^2, \quad
       c = \max\left(0, \frac{s^\top y_c}{s^\top s}\right),\ s = Z_c\mathbf 1

    :math:`\lambda` is that of the highest marginal likelihood of
    :math:`w \sim N(c\mathbf 1, \sigma^2/\lambda)` (empirical Bayes).

    Source: Efron and Morris (1973) for shrinking to a common value.

    Returns:
        Shape (M,), summing to 1.
    """
    ones = np.ones(len(known.against))
    across = float(ones @ known.gram @ ones)
    if across <= 0:
        return equal_weights(len(ones))
    centre = max(0.0, float(ones @ known.against) / across)
    pull = _pull(known, centre)
    return _on_simplex(known.gram + pull * np.eye(len(ones)), known.against + pull * centre)


def _pull(known: Centred, centre: float) -> float:
    """The strength of the highest marginal likelihood, from the eigenvalues of the Gram matrix."""
    size_M, vectors = np.linalg.eigh(known.gram)
    size_M = np.maximum(size_M, 0.0)
    left_M = known.against - centre * known.gram.sum(axis=1)
    against_M = vectors.T @ left_M
    is_there = size_M > 1e-9 * max(float(size_M.max()), 1e-300)
    explained_M = np.where(is_there, against_M**2 / np.where(is_there, size_M, 1.0), 0.0)
    total = known.total - 2 * centre * known.against.sum() + centre**2 * known.gram.sum()
    rest = max(total - float(explained_M.sum()), 1e-12 * max(total, 1e-300))
    free = max(known.n - 1, 1.0)
    stretch = 1 + size_M[:, None] / PULLS
    noise = ((explained_M[:, None] / stretch).sum(axis=0) + rest) / free
    loss = 0.5 * np.log(stretch).sum(axis=0) + 0.5 * free * np.log(noise)
    return float(PULLS[int(np.argmin(loss))])


def simplex_of_draws(gram_DMM: Floats, against_DM: Floats) -> Floats:
    """`simplex` of many draws, shape (D, M): factorised together, only the last step one by one."""
    n_metrics = against_DM.shape[1]
    weights_DM = np.full(against_DM.shape, 1 / n_metrics)
    rises = np.flatnonzero((against_DM > 0).any(axis=1))
    gram_DMM, against_DM = gram_DMM[rises], against_DM[rises]
    ridge_D = RIDGE * np.trace(gram_DMM, axis1=1, axis2=2) / n_metrics
    lower_DMM = np.linalg.cholesky(gram_DMM + ridge_D[:, None, None] * np.eye(n_metrics))
    target_DM = np.linalg.solve(lower_DMM, against_DM[:, :, None])[:, :, 0]
    for draw, lower, target in zip(rises, lower_DMM, target_DM, strict=True):
        found_M, _ = nnls(lower.T, target)
        total = found_M.sum()
        if total > 0:
            weights_DM[draw] = found_M / total
    return weights_DM


def _on_simplex(gram: Floats, against: Floats) -> Floats:
    """Non-negative least squares from its normal equations, scaled to sum to 1."""
    return np.asarray(simplex_of_draws(gram[None], against[None])[0])


# Of these the mean over many draws is taken, and guarded.
BAGGED = ("bagged", "bagged_or_equal")
# Name to rule.
RULES: dict[str, Rule] = {
    "equal": lambda known: equal_weights(len(known.against)),
    "best_single": best_single,
    "pearson": pearson,
    "nnls": simplex,
    "bagged": simplex,
    "bagged_or_equal": simplex,
    "shrunk": shrunk,
}
TITLES = {
    "equal": "equal weights",
    "best_single": "best single metric",
    "pearson": "Pearson maximised (eq. 6)",
    "nnls": "NNLS (w ≥ 0)",
    "bagged": "bagged NNLS",
    "bagged_or_equal": "bagged NNLS, or equal weights",
    "shrunk": "shrunk to equal weights",
}


def rule_of(method: str) -> Rule:
    """The rule of this name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    if method not in RULES:
        raise ValueError(f"There is no weighting {method!r}; there are: {', '.join(RULES)}.")
    return RULES[method]


def simplex_nnls(normalised: ArrayLike, mos: ArrayLike, counts: ArrayLike | None = None) -> Floats:
    """`simplex` of clips given as arrays: metrics (N, M), MOS (N,), and how much each counts (N,).

    >>> simplex_nnls([[1, 0], [2, 1], [3, -1], [4, 0]], [1, 2, 3, 4]).round(6).tolist()
    [1.0, 0.0]
    """
    return simplex(from_clips(normalised, mos, counts))


def from_clips(normalised: ArrayLike, mos: ArrayLike, counts: ArrayLike | None = None) -> Centred:
    """Centred sums of clips: metrics (N, M), MOS (N,), and how much each counts (N,), or all 1."""
    z_NM, y_N = np.asarray(normalised, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    count_N = np.ones(len(y_N)) if counts is None else np.asarray(counts, dtype=np.float64)
    return centred(unit_sums([z_NM, y_N], np.zeros(len(y_N), dtype=np.int64), count_N)[0])


def pearson_gradient(weights: ArrayLike, normalised: ArrayLike, mos: ArrayLike) -> Floats:
    r"""How the correlation changes with each weight.

    .. math:: \frac{\partial r}{\partial w} = \frac{Z_c^\top y_c}{|s||y_c|} -
       r\frac{Z_c^\top s}{|s|^2}, \quad s = Z_cw

    Source: derivative of the paper's eq. 6; zero at `pearson`.

    Args:
        weights: Shape (M,).
        normalised: Shape (N, M).
        mos: Shape (N,).

    Returns:
        Shape (M,); NaN where the sum or MOS does not vary.
    """
    w_M = np.asarray(weights, dtype=np.float64)
    known = from_clips(normalised, mos)
    size = float(w_M @ known.gram @ w_M)
    if size <= 0 or known.total <= 0:
        return np.full(len(w_M), np.nan)
    pcc = float(w_M @ known.against) / np.sqrt(size * known.total)
    return np.asarray(known.against / np.sqrt(size * known.total) - pcc * (known.gram @ w_M) / size)
