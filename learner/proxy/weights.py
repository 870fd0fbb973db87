"""Weights of the proxy MOS: the paper's eq. 5 and 6, made safe for few labels.

Shape letters: N labelled clips, M metrics, D bootstrap draws.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]
DRAWS = 200
FEWEST_CLIPS = 8
LEVEL = 0.90


@dataclass(frozen=True)
class WeightFit:
    """Weights on the simplex with all that is known of how good they are.

    Args:
        weights, low, high: Mean over the draws and 90 % interval, shape (M,).
        fitted: Mean of the draws even where equal weights are used, shape (M,).
        importance: Share of each metric in the variance of the sum, shape (M,).
        covariance: Of the draws, shape (M, M).
        is_equal: Equal weights are used; `reason` says why.
        reason: In words for people.
        pcc_fitted, pcc_equal, pcc_best_single: Correlation with MOS; the first out of bag, the
            others need no fitting. NaN where they cannot be had.
        gain_low, gain_high: 90 % interval of the out-of-bag gain over equal weights.
        best_single: Which metric alone correlates best.
        offset, slope: MOS = offset + slope · sum; NaN where no rising line fits.
        residual_var: Variance of MOS about that line.
        n: Labelled clips.
    """

    weights: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    fitted: tuple[float, ...]
    importance: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    is_equal: bool
    reason: str
    pcc_fitted: float
    pcc_equal: float
    pcc_best_single: float
    best_single: int
    gain_low: float
    gain_high: float
    offset: float
    slope: float
    residual_var: float
    n: int

    def to_json(self) -> dict[str, Any]:
        """As stored: NaN becomes None."""
        return {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> WeightFit:
        """As it was stored."""
        lists = ("weights", "low", "high", "fitted", "importance")
        values: dict[str, Any] = {
            name: float("nan") if value is None else value for name, value in kept.items()
        }
        values.update({name: tuple(kept[name]) for name in lists})
        values["covariance"] = tuple(tuple(row) for row in kept["covariance"])
        return cls(**values)


@dataclass(frozen=True)
class ProxyMOS:
    """The proxy MOS of clips.

    Args:
        mos_raw: 1 to 5, shape (N,).
        epistemic_var: From not knowing the weights, in MOS points squared, shape (N,).
        total_var: And from what weights cannot explain, shape (N,).
    """

    mos_raw: Floats
    epistemic_var: Floats
    total_var: Floats


def equal_weights(n_metrics: int) -> Floats:
    """The same weight for each, summing to 1.

    >>> equal_weights(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return np.full(n_metrics, 1 / n_metrics)


def simplex_nnls(normalised: ArrayLike, mos: ArrayLike, counts: ArrayLike | None = None) -> Floats:
    r"""Weights at least 0, summing to 1, whose sum correlates best with MOS.

    .. math:: \max_w \mathrm{corr}(Zw, y)\ \text{s.t.}\ w\ge0 \quad\Leftrightarrow\quad
       \min_{w\ge0} |Z_cw-y_c|^2 \text{, then } w/\sum w

    Source: the paper's eq. 6; the equivalence holds because a correlation has no scale.

    Args:
        normalised: Shape (N, M), the better the higher.
        mos: Shape (N,).
        counts: How much each clip counts, shape (N,); equally if not given.

    Returns:
        Shape (M,); equal weights where no metric correlates positively.

    >>> simplex_nnls([[1, 0], [2, 1], [3, -1], [4, 0]], [1, 2, 3, 4]).round(6).tolist()
    [1.0, 0.0]
    """
    z_NM, y_N = np.asarray(normalised, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    count_N = np.ones(len(y_N)) if counts is None else np.asarray(counts, dtype=np.float64)
    share_N = count_N / count_N.sum()
    root_N = np.sqrt(share_N)
    centred = (z_NM - share_N @ z_NM) * root_N[:, None]
    weights_M, _ = nnls(centred, (y_N - share_N @ y_N) * root_N)
    total = weights_M.sum()
    return weights_M / total if total > 0 else equal_weights(z_NM.shape[1])


def fit_weights(
    normalised: ArrayLike,
    mos: ArrayLike,
    *,
    noise_var: ArrayLike | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> WeightFit:
    """Bagged simplex weights: the mean of many refits, falling back to equal weights.

    Each draw weights the clips at random (Bayesian bootstrap) and leaves a third of them out for
    judging it. Where the gain over equal weights on clips left out may as well be nothing, equal
    weights are used and the reason is said.

    Source: the paper's eq. 5 and 6; Rubin (1981) for the draws; Dawes (1979) for equal weights.

    Args:
        normalised: Metrics as normal scores, no holes, shape (N, M).
        mos: Mean opinion scores, 1 to 5, shape (N,).
        noise_var: Variance of each MOS from the raters, shape (N,); noisy clips count less.
        draws: Bootstrap draws.
        seed: Of the draws.

    Raises:
        ValueError: shapes differ or a value is missing.
    """
    z_NM, y_N = np.asarray(normalised, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    if z_NM.ndim != 2 or len(z_NM) != len(y_N) or np.isnan(z_NM).any() or np.isnan(y_N).any():
        raise ValueError(f"{z_NM.shape} metrics and {y_N.shape} MOS must fit and have no holes.")
    count_N = _counts(y_N, noise_var)
    random = np.random.default_rng(seed)
    if len(y_N) < FEWEST_CLIPS or np.ptp(y_N) == 0 or z_NM.shape[1] == 1:
        return _fallback(z_NM, y_N, count_N)
    draws_DM, scores = _bag(z_NM, y_N, count_N, draws, random)
    fitted_M = draws_DM.mean(axis=0)
    pcc_fitted, gains = _judge(z_NM, y_N, scores)
    gain_low, gain_high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    is_equal = bool(gain_low <= 0)
    weights_M = equal_weights(z_NM.shape[1]) if is_equal else fitted_M
    reason = _words(is_equal, float(gain_low), float(gain_high), len(y_N))
    return _describe(
        z_NM,
        y_N,
        count_N,
        weights_M,
        draws_DM,
        is_equal,
        reason,
        pcc_fitted,
        float(gain_low),
        float(gain_high),
    )


def _counts(y_N: Floats, noise_var: ArrayLike | None) -> Floats:
    """How much each clip counts: less where its MOS is noisier."""
    if noise_var is None:
        return np.ones(len(y_N))
    noise_N = np.asarray(noise_var, dtype=np.float64)
    spread = max(float(np.var(y_N)) - float(noise_N.mean()), 0.1 * float(np.var(y_N)), 1e-6)
    counts: Floats = 1 / (spread + noise_N)
    return np.asarray(counts / counts.mean())


def _bag(
    z_NM: Floats, y_N: Floats, count_N: Floats, draws: int, random: np.random.Generator
) -> tuple[Floats, list[tuple[NDArray[np.int64], Floats]]]:
    """Weights of each draw, and with each the clips left out and their sums."""
    weights, scores = [], []
    for _ in range(draws):
        left_out = random.permutation(len(y_N))[: max(2, len(y_N) // 3)]
        chance_N = random.exponential(size=len(y_N)) * count_N
        chance_N[left_out] = 0.0
        drawn_M = simplex_nnls(z_NM, y_N, chance_N)
        weights.append(drawn_M)
        scores.append((left_out, z_NM[left_out] @ drawn_M))
    return np.array(weights), scores


def _judge(
    z_NM: Floats, y_N: Floats, scores: list[tuple[NDArray[np.int64], Floats]]
) -> tuple[float, Floats]:
    """Correlation of the out-of-bag sums, and its gain over equal weights in resampled clips."""
    total_N, seen_N = np.zeros(len(y_N)), np.zeros(len(y_N))
    for left_out, sums in scores:
        total_N[left_out] += sums
        seen_N[left_out] += 1
    has_N = seen_N > 0
    bagged_N = total_N[has_N] / seen_N[has_N]
    equal_N, truth_N = z_NM[has_N].mean(axis=1), y_N[has_N]
    random = np.random.default_rng(len(y_N))
    gains = []
    for _ in range(400):
        rows = random.integers(0, len(truth_N), len(truth_N))
        gains.append(
            correlation(bagged_N[rows], truth_N[rows]) - correlation(equal_N[rows], truth_N[rows])
        )
    return correlation(bagged_N, truth_N), np.nan_to_num(np.array(gains))


def _fallback(z_NM: Floats, y_N: Floats, count_N: Floats) -> WeightFit:
    if len(y_N) < FEWEST_CLIPS:
        reason = f"Equal weights: {len(y_N)} clips have a MOS, {FEWEST_CLIPS} are needed to learn."
    elif z_NM.shape[1] == 1:
        reason = "Equal weights: one metric alone has values, so there is nothing to weigh."
    else:
        reason = "Equal weights: every clip has the same MOS, so there is nothing to learn from."
    weights_M, nan = equal_weights(z_NM.shape[1]), float("nan")
    return _describe(z_NM, y_N, count_N, weights_M, weights_M[None], True, reason, nan, nan, nan)


def _words(is_equal: bool, low: float, high: float, n: int) -> str:
    span = f"{low:+.3f} to {high:+.3f} in correlation on clips left out, {n} clips"
    if is_equal:
        return f"Equal weights: learned ones gain {span}, which may as well be nothing."
    return f"Learned weights: they gain {span}."


def _describe(
    z_NM: Floats,
    y_N: Floats,
    count_N: Floats,
    weights_M: Floats,
    draws_DM: Floats,
    is_equal: bool,
    reason: str,
    pcc_fitted: float,
    gain_low: float,
    gain_high: float,
) -> WeightFit:
    low_M, high_M = np.quantile(draws_DM, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    singles = np.array([correlation(column, y_N) for column in z_NM.T])
    best = int(np.nanargmax(singles)) if not np.isnan(singles).all() else 0
    covariance = np.cov(draws_DM.T, ddof=0).reshape(len(weights_M), len(weights_M))
    offset, slope, residual_var = _line(z_NM @ weights_M, y_N, count_N)
    return WeightFit(
        weights=tuple(weights_M.tolist()),
        low=tuple(low_M.tolist()),
        high=tuple(high_M.tolist()),
        fitted=tuple(draws_DM.mean(axis=0).tolist()),
        importance=tuple(_importance(z_NM, weights_M).tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        is_equal=is_equal,
        reason=reason,
        pcc_fitted=pcc_fitted,
        pcc_equal=correlation(z_NM.mean(axis=1), y_N),
        pcc_best_single=float(singles[best]),
        best_single=best,
        gain_low=gain_low,
        gain_high=gain_high,
        offset=offset,
        slope=slope,
        residual_var=residual_var,
        n=len(y_N),
    )


def _importance(z_NM: Floats, weights_M: Floats) -> Floats:
    """Share of each metric in the variance of the sum; zeros where the sum does not vary."""
    if len(z_NM) < 2:
        return np.zeros(len(weights_M))
    covariance = np.cov(z_NM.T).reshape(len(weights_M), len(weights_M))
    total = float(weights_M @ covariance @ weights_M)
    return weights_M * (covariance @ weights_M) / total if total > 0 else np.zeros(len(weights_M))


def _line(sum_N: Floats, y_N: Floats, count_N: Floats) -> tuple[float, float, float]:
    """Offset, slope and residual variance of MOS on the sum; NaN where no line rises."""
    if len(y_N) < 3 or np.ptp(sum_N) == 0:
        return float("nan"), float("nan"), float("nan")
    share_N = count_N / count_N.sum()
    x_N, t_N = sum_N - share_N @ sum_N, y_N - share_N @ y_N
    slope = float((share_N * x_N) @ t_N / ((share_N * x_N) @ x_N))
    if slope <= 0:
        return float("nan"), float("nan"), float("nan")
    residual = float(((t_N - slope * x_N) ** 2).sum() / (len(y_N) - 2))
    return float(share_N @ y_N - slope * (share_N @ sum_N)), slope, residual


def proxy_mos(
    fit: WeightFit, normalised: ArrayLike, added_var: ArrayLike | None = None
) -> ProxyMOS:
    r"""The proxy MOS :math:`a + b\sum_i w_i O_i`, kept inside 1 to 5, with its variances.

    Source: the paper's eq. 5; epistemic variance :math:`b^2\,z^\top\Sigma_w z`.

    Args:
        fit: Weights with a rising line to MOS.
        normalised: Shape (N, M), no holes.
        added_var: Variance that holes add to the sum, shape (N,).

    Raises:
        ValueError: the fit has no rising line: nothing can be said on the scale of MOS.
    """
    if np.isnan(fit.slope):
        raise ValueError(
            "The weighted metrics do not rise with MOS, so there is no proxy MOS: collect more "
            "ratings, or check the directions of the metrics."
        )
    z_NM = np.asarray(normalised, dtype=np.float64)
    sum_N = z_NM @ np.array(fit.weights)
    spread_N = np.einsum("nm,mk,nk->n", z_NM, np.array(fit.covariance), z_NM)
    hole_N = np.zeros(len(z_NM)) if added_var is None else np.asarray(added_var, dtype=np.float64)
    epistemic_N = fit.slope**2 * (np.maximum(spread_N, 0.0) + hole_N)
    mos_N = np.clip(fit.offset + fit.slope * sum_N, 1.0, 5.0)
    return ProxyMOS(mos_N, epistemic_N, epistemic_N + fit.residual_var)


def correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Pearson's correlation; NaN with fewer than 3 pairs or where one side does not vary.

    >>> correlation([1, 2, 3], [2, 4, 6.0])
    1.0
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1].round(15))
