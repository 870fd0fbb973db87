"""Learning the weights of the proxy MOS from rated clips.

Shape letters: N labelled clips, M metrics, D draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from learner.proxy.bag import DRAWS, best_single_bag, fit_bag
from learner.proxy.calibration import (
    LEVEL,
    SCALE,
    Calibration,
    Conformal,
    Line,
    calibration,
    fit_line,
)
from learner.proxy.result import Row, WeightFit
from learner.proxy.sums import (
    centred,
    drawn_correlations,
    drawn_sums,
    unit_sums,
    units_of,
    widened_tails,
)
from learner.proxy.verdict import Verdict, judge, no_verdict
from learner.proxy.weightings import BAGGED, from_clips, rule_of, shrunk

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FEWEST_CLIPS = 8
LEAST_SHARE = 0.05  # of the variance about the line is the model's, however noisy raters are
CORRELATION_DRAWS = 400
CONTRADICTION = 0.05  # chance that any metric is called so by luck


@dataclass(frozen=True)
class _Labels:
    """Labelled clips, checked."""

    z_NM: Floats
    y_N: Floats
    noise_N: Floats
    unit_N: Ints
    is_live_M: NDArray[np.bool_]

    @property
    def equal_M(self) -> Floats:
        """Equal weights of the metrics that vary, 0 of those that do not."""
        return np.asarray(self.is_live_M / max(int(self.is_live_M.sum()), 1))


@dataclass(frozen=True)
class _Learned:
    """What a rule made of the labels: its weights, those of each draw, and the verdict on them."""

    weights_M: Floats
    draws_DM: Floats
    count_N: Floats
    verdict: Verdict
    has_draws: bool


def fit_weights(
    normalised: ArrayLike,
    mos: ArrayLike,
    *,
    noise_var: ArrayLike | None = None,
    rating_var: float = 0.0,
    sources: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    method: str = "bagged",
    is_guarded: bool = True,
    draws: int = DRAWS,
    seed: int = 0,
    scale: tuple[float, float] = SCALE,
) -> WeightFit:
    r"""Learn weights from rated clips, judge them on clips left out, and say what came of it.

    Each draw counts the sources at random (Bayesian bootstrap) and leaves a fifth of them out;
    `bagged` weights are the mean over draws of the exact solution of eq. 6 with w ≥ 0. Their gain
    over equal weights is judged on what was left out. Guarded weights are

    .. math:: w = d\,\bar w + (1-d)\frac1M\mathbf 1, \quad
       d = \min(1, 2\Pr(\mathrm{gain}>0))\frac{n}{n+2}

    and equal ones alone where the gain lies below 0 with its whole interval. Clips count by
    :math:`1/(\sigma_m^2 + \sigma_e^2/k_i)`.

    Source: the paper's eq. 5 and 6; Rubin (1981) for the draws; Dawes (1979) for equal weights.

    Args:
        normalised: Metrics on one scale, the better the higher, no holes, shape (N, M).
        mos: Mean opinion scores, shape (N,).
        noise_var: Variance of each MOS from its raters, shape (N,); 0 if not given.
        rating_var: Variance of one rating about its clip, to foretell a MOS of k ratings; NaN where
            no clip has two ratings, so that nobody knows: `noise_var` is 0 then.
        sources: Source of each clip, any labels, shape (N,): dubs of one source are alike.
        names: Of the metrics, for warnings.
        method: A name of `weightings.RULES`.
        is_guarded: Whether `bagged` weights are mixed with equal ones, and `bagged_or_equal` ones
            replaced by them where they are not shown to be better.
        draws: Bootstrap draws.
        seed: Of the draws.
        scale: Lowest and highest MOS; proxy MOS and its intervals are kept inside.

    Raises:
        ValueError: shapes differ, a value is missing or infinite, there is no metric, or the method
            is unknown.
    """
    rule_of(method)
    labels = _checked(normalised, mos, noise_var, sources)
    reason = _nothing_to_learn(labels)
    learned = _equal(labels, reason) if reason else _learn(labels, method, is_guarded, draws, seed)
    n_metrics = labels.z_NM.shape[1]
    called = list(names) if names is not None else [f"Metric {m + 1}" for m in range(n_metrics)]
    return _described(labels, learned, method, called, rating_var, scale, seed)


def _checked(
    normalised: ArrayLike, mos: ArrayLike, noise_var: ArrayLike | None, sources: ArrayLike | None
) -> _Labels:
    z_NM, y_N = np.asarray(normalised, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    if z_NM.ndim != 2 or y_N.shape != (len(z_NM),):
        raise ValueError(f"Metrics {z_NM.shape} and MOS {y_N.shape} do not fit.")
    if z_NM.shape[1] == 0:
        raise ValueError("There are 0 metrics: weights need at least one.")
    noise_N = np.zeros(len(y_N)) if noise_var is None else np.asarray(noise_var, dtype=np.float64)
    if noise_N.shape != y_N.shape:
        raise ValueError(f"Noise variances {noise_N.shape} and MOS {y_N.shape} do not fit.")
    for name, values in (("metrics", z_NM), ("MOS", y_N), ("noise variances", noise_N)):
        if bad := int((~np.isfinite(values)).sum()):
            raise ValueError(f"{bad} {name} are missing or infinite: there must be no holes.")
    if (noise_N < 0).any():
        raise ValueError(f"A noise variance is {noise_N.min():g}; it cannot be below 0.")
    is_live_M = np.ptp(z_NM, axis=0) > 0 if len(y_N) > 1 else np.ones(z_NM.shape[1], dtype=bool)
    return _Labels(z_NM, y_N, noise_N, units_of(sources, len(y_N)), is_live_M)


def _nothing_to_learn(labels: _Labels) -> str:
    """Why equal weights are all there is; empty where there is something to learn from."""
    n, live = len(labels.y_N), int(labels.is_live_M.sum())
    if n < FEWEST_CLIPS:
        return f"{n} clips have a MOS, {FEWEST_CLIPS} are needed to learn"
    if live == 0:
        return "every metric is the same for all clips"
    if live == 1:
        return "one metric alone has values that differ, so there is nothing to weigh"
    if np.ptp(labels.y_N) == 0:
        return "every clip has the same MOS, so there is nothing to learn from"
    return ""


def _equal(labels: _Labels, reason: str) -> _Learned:
    verdict = no_verdict(reason, labels.z_NM @ labels.equal_M, labels.y_N)
    count_N = np.ones(len(labels.y_N))
    return _Learned(labels.equal_M, labels.equal_M[None], count_N, verdict, has_draws=False)


def _learn(labels: _Labels, method: str, is_guarded: bool, draws: int, seed: int) -> _Learned:
    """Weights by a rule, and by its draws; metrics that do not vary take no part."""
    live, rule, count_N = labels.is_live_M, rule_of(method), _counts(labels)
    z_NM = labels.z_NM[:, live]
    sums = unit_sums([z_NM, labels.y_N], labels.unit_N, count_N)
    random = np.random.default_rng(seed)
    bag = fit_bag(sums, labels.unit_N, rule, draws, random)
    single = best_single_bag(sums, labels.unit_N, draws, random)
    is_mean = method in BAGGED
    point = bag.weights_DM.mean(axis=0) if is_mean else rule(centred(sums.sum(axis=0)))
    verdict = judge(
        left_out_N=bag.left_out_sums(z_NM),
        equal_N=labels.z_NM @ labels.equal_M,
        single_N=single.left_out_sums(z_NM),
        y_N=labels.y_N,
        unit_N=labels.unit_N,
        count_N=count_N,
        guard=_guard(method) if is_guarded else "none",
        seed=seed,
    )
    draws_DM = np.zeros((draws, len(live)))
    draws_DM[:, live] = bag.weights_DM
    weights_M = np.zeros(len(live))
    weights_M[live] = point
    return _Learned(weights_M, draws_DM, count_N, verdict, has_draws=True)


def _guard(method: str) -> str:
    return {"bagged": "mix", "bagged_or_equal": "choose"}.get(method, "none")


def _counts(labels: _Labels) -> Floats:
    """How much each clip counts: less where its MOS is noisier than what metrics cannot explain."""
    if np.ptp(labels.noise_N) == 0:
        return np.ones(len(labels.y_N))
    line = fit_line(labels.z_NM @ shrunk(from_clips(labels.z_NM, labels.y_N)), labels.y_N)
    variance = float(np.var(labels.y_N))
    around = variance if line.reason else line.residual_var
    model_var = max(around - float(labels.noise_N.mean()), LEAST_SHARE * variance)
    counts = 1 / (model_var + labels.noise_N)
    return np.asarray(counts / counts.mean())


def _described(
    labels: _Labels,
    learned: _Learned,
    method: str,
    names: list[str],
    rating_var: float,
    scale: tuple[float, float],
    seed: int,
) -> WeightFit:
    verdict, n_metrics = learned.verdict, labels.z_NM.shape[1]
    share, rest_M = verdict.share_learned, (1 - verdict.share_learned) * labels.equal_M
    used_M, used_DM = share * learned.weights_M + rest_M, share * learned.draws_DM + rest_M
    covariance = np.cov(used_DM.T, ddof=0).reshape(n_metrics, n_metrics)
    importance_DM = _importance(np.vstack([used_M, used_DM]), labels.z_NM)
    n_units = len(np.unique(labels.unit_N))
    importance_low, importance_high = _ends(importance_DM[1:], n_units)
    pcc_DM = _single_correlations(labels, learned.count_N, seed)
    pcc_low, pcc_high = _fisher_ends(pcc_DM, n_units, (1 - LEVEL) / 2)
    # Many metrics are looked at, and one of them is often below 0 by luck.
    contradicts_M = _fisher_ends(pcc_DM, n_units, CONTRADICTION / max(n_metrics, 1))[1] < 0
    low_M, high_M = _ends(learned.draws_DM, n_units)
    line, model_var, conformal, judged = _to_mos(labels, learned, covariance, scale)
    return WeightFit(
        method=method,
        weights=_row(used_M),
        learned=_row(learned.weights_M),
        low=_row(low_M),
        high=_row(high_M),
        importance=_row(importance_DM[0]),
        importance_low=_row(importance_low),
        importance_high=_row(importance_high),
        pcc=_row(pcc_DM[0]),
        pcc_low=_row(pcc_low),
        pcc_high=_row(pcc_high),
        contradicts=tuple(contradicts_M.tolist()),
        constant=tuple((~labels.is_live_M).tolist()),
        covariance=tuple(_row(row) for row in covariance),
        share_learned=share,
        is_better=verdict.is_better,
        reason=verdict.reason,
        warnings=_warnings(names, contradicts_M, ~labels.is_live_M, line, rating_var),
        agreements=verdict.agreements,
        gain=verdict.gain,
        gain_low=verdict.gain_low,
        gain_high=verdict.gain_high,
        best_single=int(np.argmax(np.nan_to_num(pcc_DM[0], nan=-2.0))),
        line=line,
        model_var=model_var,
        rating_var=rating_var,
        conformal=conformal,
        calibration=judged,
        scale=scale,
        n=len(labels.y_N),
        n_units=n_units,
    )


def _row(values: Floats) -> Row:
    return tuple(np.asarray(values, dtype=np.float64).tolist())


def _ends(values_DM: Floats, n_units: int) -> tuple[Floats, Floats]:
    """90 % interval over draws, each of shape (M,), wider for few units."""
    tails = widened_tails(n_units, LEVEL) if n_units > 1 else (0.0, 1.0)
    low_M, high_M = np.quantile(values_DM, tails, axis=0)
    return low_M, high_M


def _fisher_ends(pcc_DM: Floats, n_units: int, outside: float) -> tuple[Floats, Floats]:
    r"""Interval of correlations: :math:`\tanh(\mathrm{artanh}\,r \mp t\,s)`, s over the draws."""
    if n_units < 3 or np.isnan(pcc_DM).all():
        unknown_M = np.full(pcc_DM.shape[1], np.nan)
        return unknown_M, unknown_M
    z_DM = np.arctanh(np.clip(pcc_DM, -1 + 1e-12, 1 - 1e-12))
    reach_M = z_DM[1:].std(axis=0) * np.sqrt(n_units / (n_units - 1))
    reach_M *= scipy.stats.t.isf(outside, n_units - 1)
    return np.tanh(z_DM[0] - reach_M), np.tanh(z_DM[0] + reach_M)


def _importance(weights_DM: Floats, z_NM: Floats) -> Floats:
    r"""Share of each metric in the variance of the sum: :math:`w_i\,cov(z_i,s)/var(s)`."""
    if len(z_NM) < 2:
        return np.zeros_like(weights_DM)
    spread = np.cov(z_NM.T).reshape(z_NM.shape[1], z_NM.shape[1])
    along_DM = weights_DM @ spread
    total_D = np.einsum("dm,dm->d", weights_DM, along_DM)[:, None]
    varies = total_D > 1e-24
    return np.where(varies, weights_DM * along_DM / np.where(varies, total_D, 1.0), 0.0)


def _single_correlations(labels: _Labels, count_N: Floats, seed: int) -> Floats:
    """Of each metric with MOS: as the clips are, then in draws of the units; NaN of few clips."""
    if len(labels.y_N) < FEWEST_CLIPS:
        return np.full((2, labels.z_NM.shape[1]), np.nan)
    sums = unit_sums([labels.z_NM, labels.y_N], labels.unit_N, count_N)
    random = np.random.default_rng([seed, 2])
    drawn = random.exponential(size=(CORRELATION_DRAWS, len(sums)))
    return drawn_correlations(drawn_sums(sums, np.vstack([np.ones(len(sums)), drawn])))


def _to_mos(
    labels: _Labels, learned: _Learned, covariance: Floats, scale: tuple[float, float]
) -> tuple[Line, float, Conformal, Calibration | None]:
    """The line to MOS, the model's own variance, and how predictions of clips left out came out."""
    x_N, y_N, z_NM = learned.verdict.used_N, labels.y_N, labels.z_NM
    line = fit_line(x_N, y_N, learned.count_N)
    if line.reason:
        return line, float("nan"), Conformal((), 0), None
    weights_var_N = np.einsum("nm,mk,nk->n", z_NM, covariance, z_NM)
    epistemic_N = line.slope**2 * np.maximum(weights_var_N, 0.0) + line.variance(x_N)
    known_var = float(labels.noise_N.mean() + epistemic_N.mean())
    model_var = _model_var(line, known_var) + 1e-9 * (scale[1] - scale[0]) ** 2
    total_N = epistemic_N + model_var + labels.noise_N
    mean_N = y_N - line.errors(x_N, y_N, learned.count_N)
    conformal = Conformal.fit(y_N - mean_N, np.sqrt(total_N))
    if not learned.has_draws:
        return line, model_var, conformal, None
    judged = calibration(mean_N, epistemic_N, total_N, y_N, scale=scale)
    return line, model_var, conformal, judged


def _model_var(line: Line, known_var: float) -> float:
    r"""What is left of the variance about the line when raters' and weights' are taken off.

    The variance about the line is itself not known: it may be
    :math:`(n-2)s^2/\chi^2_{n-2}`. Over that the mean is taken, so that raters as noisy as all there
    is to see do not make the model look perfect.
    """
    free = max(line.n - 2, 1)
    shares = np.arange(1, 100) / 100
    around = line.residual_var * free / scipy.stats.chi2.ppf(shares, free)
    floor = LEAST_SHARE * line.residual_var
    return float(np.maximum(around - known_var, floor).mean())


def _warnings(
    names: list[str],
    contradicts_M: NDArray[np.bool_],
    constant_M: NDArray[np.bool_],
    line: Line,
    rating_var: float,
) -> tuple[str, ...]:
    """Sentences about what wants a look."""
    found = [
        f"{name}: direction contradicts the ratings. Its correlation with MOS is below 0 for sure, "
        "though several metrics are looked at."
        for name, is_so in zip(names, contradicts_M, strict=True)
        if is_so
    ]
    found += [
        f"{name} is the same for every clip: its weight is 0."
        for name, is_so in zip(names, constant_M, strict=True)
        if is_so
    ]
    if np.isnan(rating_var):
        found.append(
            "No clip has two ratings, so the noise of raters is not known: intervals are of a new "
            "MOS of as many ratings, not of true quality."
        )
    return (*found, f"No proxy MOS. {line.reason}") if line.reason else tuple(found)
