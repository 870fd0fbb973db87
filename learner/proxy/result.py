"""What is known of weights that were learned: the record that is kept, shown and predicted with.

Shape letters: N clips, M metrics.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.proxy.calibration import LEVEL, Calibration, Conformal, Line
from learner.proxy.verdict import Agreement

Floats = NDArray[np.float64]
Row = tuple[float, ...]


@dataclass(frozen=True)
class WeightFit:
    """Weights on the simplex, their intervals, how they were judged, and the way to MOS.

    Rows by metric have M entries; intervals are at 90 %.

    Args:
        method: The rule that was asked for.
        weights: Those that are used: learned ones mixed with equal ones, as `reason` says.
        learned, low, high: What the rule gives, with its interval over draws.
        importance, importance_low, importance_high: Share of each metric in the variance of the
            sum that is used; adds up to 1.
        pcc, pcc_low, pcc_high: Correlation of each metric alone with MOS.
        contradicts: Metrics whose correlation is below 0 with p below .05 over all metrics
            (Bonferroni): ratings say the opposite of their direction.
        constant: Metrics that are the same everywhere; their weight is 0.
        covariance: Of the weights used over draws, shape (M, M).
        share_learned: How much of the weights used is learned; the rest is equal.
        is_better: Whether learned weights are shown to be better than equal ones.
        reason: What was decided and why, in words for people.
        warnings: Sentences about metrics or labels that want a look.
        agreements: Correlation with MOS of equal weights, the best single metric, the learned and
            the used weights; but for the first all of clips left out.
        gain, gain_low, gain_high: Of learned over equal weights, in correlation.
        best_single: Which metric alone correlates best.
        line: From the sum to MOS.
        model_var: Variance of true quality that metrics cannot explain, in MOS points squared.
        rating_var: Variance of one rating about its clip.
        conformal: How far MOS of clips left out lay from what was predicted.
        calibration: Of normal intervals on clips left out; None without a line or draws.
        scale: Lowest and highest MOS.
        n, n_units: Clips with a MOS, and how many units were drawn as a whole.
    """

    method: str
    weights: Row
    learned: Row
    low: Row
    high: Row
    importance: Row
    importance_low: Row
    importance_high: Row
    pcc: Row
    pcc_low: Row
    pcc_high: Row
    contradicts: tuple[bool, ...]
    constant: tuple[bool, ...]
    covariance: tuple[Row, ...]
    share_learned: float
    is_better: bool
    reason: str
    warnings: tuple[str, ...]
    agreements: tuple[Agreement, ...]
    gain: float
    gain_low: float
    gain_high: float
    best_single: int
    line: Line
    model_var: float
    rating_var: float
    conformal: Conformal
    calibration: Calibration | None
    scale: tuple[float, float]
    n: int
    n_units: int

    def to_json(self) -> dict[str, Any]:
        """As stored: NaN becomes None."""
        plain: dict[str, Any] = _without_nan(asdict(self))
        return plain

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> WeightFit:
        """As it was stored."""
        own = _with_nan({field.name: kept[field.name] for field in fields(cls)})
        scores, n = kept["conformal"]["scores"], kept["conformal"]["n"]
        parts = {
            "covariance": tuple(tuple(row) for row in kept["covariance"]),
            "agreements": tuple(Agreement(**_with_nan(row)) for row in kept["agreements"]),
            "line": Line(**_with_nan(kept["line"])),
            "conformal": Conformal(tuple(scores), n),
            "calibration": kept["calibration"] and Calibration.from_json(kept["calibration"]),
        }
        return cls(**(own | parts))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _with_nan(kept: dict[str, Any]) -> dict[str, Any]:
    nan = float("nan")
    return {
        name: tuple(nan if part is None else part for part in value)
        if isinstance(value, list)
        else (nan if value is None else value)
        for name, value in kept.items()
    }


@dataclass(frozen=True)
class ProxyMOS:
    """The proxy MOS of clips.

    Args:
        mos_raw: On the scale of MOS, shape (N,).
        epistemic_var: From not knowing weights and line, and from missing metrics, in MOS points
            squared, shape (N,).
        total_var: And from what metrics cannot explain, and of a new MOS from its raters, shape
            (N,).
        low, high: Interval at `level`, on the scale, each of shape (N,).
        level: Chance that the interval holds.
        target: What it is an interval of.
    """

    mos_raw: Floats
    epistemic_var: Floats
    total_var: Floats
    low: Floats
    high: Floats
    level: float
    target: str


def proxy_mos(
    fit: WeightFit,
    normalised: ArrayLike,
    added_var: ArrayLike | None = None,
    *,
    k_ratings: float | None = None,
    level: float = LEVEL,
) -> ProxyMOS:
    r"""The proxy MOS :math:`a + b\sum_i w_i O_i`, with its variances and an interval.

    .. math:: v_{epi} = b^2 (z^\top\Sigma_w z + w_m^\top S_{m|o} w_m) + v_{line}, \quad
       v = v_{epi} + \sigma_m^2 + \sigma_e^2/k

    The interval reaches :math:`q\sqrt v` to either side, q by what clips left out needed.

    Source: the paper's eq. 5.

    Args:
        fit: Weights with a rising line to MOS.
        normalised: Shape (N, M), no holes.
        added_var: Variance that holes add to the sum, shape (N,).
        k_ratings: Of a new MOS of so many ratings; None for true quality. Where raters' noise is
            not known, neither can be told apart, and `target` says so.
        level: Of the interval.

    Raises:
        ValueError: the fit has no rising line, so that nothing can be said on the scale of MOS;
            or the number of ratings is below 1.
    """
    if fit.line.reason:
        raise ValueError(
            f"There is no proxy MOS. {fit.line.reason} Collect more ratings, or look at the "
            "directions of the metrics."
        )
    if k_ratings is not None and k_ratings < 1:
        raise ValueError(f"A MOS of {k_ratings} ratings cannot be: give 1 or more, or None.")
    z_NM = np.asarray(normalised, dtype=np.float64)
    sum_N = z_NM @ np.array(fit.weights)
    spread_N = np.einsum("nm,mk,nk->n", z_NM, np.array(fit.covariance), z_NM)
    hole_N = np.zeros(len(z_NM)) if added_var is None else np.asarray(added_var, dtype=np.float64)
    weights_N = fit.line.slope**2 * (np.maximum(spread_N, 0.0) + hole_N)
    epistemic_N = weights_N + fit.line.variance(sum_N)
    is_known = not np.isnan(fit.rating_var)
    rating_var = 0.0 if k_ratings is None or not is_known else fit.rating_var / k_ratings
    total_N = epistemic_N + fit.model_var + rating_var
    mean_N = fit.line.offset + fit.line.slope * sum_N
    reach_N = fit.conformal.reach(level) * np.sqrt(total_N)
    target = "true quality" if k_ratings is None else f"a new MOS of {k_ratings:g} ratings"
    return ProxyMOS(
        mos_raw=np.clip(mean_N, *fit.scale),
        epistemic_var=epistemic_N,
        total_var=total_N,
        low=np.clip(mean_N - reach_N, *fit.scale),
        high=np.clip(mean_N + reach_N, *fit.scale),
        level=level,
        target=target if is_known else "a new MOS of as many ratings as were learned from",
    )
