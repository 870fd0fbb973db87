"""What so many raters a clip would give: the D-study of generalizability theory.

Shape letters: K numbers of raters a clip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from mos.components import VarianceComponents
from mos.reliability import upper_quantile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RatersNeeded:
    """Raters a clip for a target; `note` says which negative component counts as 0."""

    k: int
    k_exact: float
    target: float
    is_relative: bool
    note: str


@dataclass(frozen=True)
class Plan:
    """What the mean of k raters is worth, one entry for each k.

    Args:
        k: Raters a clip.
        dependability: Reliability where each clip has raters of its own, as ICC(2,k).
        consistency: Reliability where the same raters rate every clip, as ICC(3,k).
        half_width: Expected half-width of a clip's interval, in MOS points; NaN for one rater.
        pcc_ceiling: The most that any score can correlate with MOS, each clip having raters of its
            own.
        pcc_ceiling_same_raters: The same where all clips have the same raters.
        level: Of the intervals.
        note: Which negative component counts as 0, or nothing.
    """

    k: Ints
    dependability: Floats
    consistency: Floats
    half_width: Floats
    pcc_ceiling: Floats
    pcc_ceiling_same_raters: Floats
    level: float
    note: str


@dataclass(frozen=True)
class Budget:
    """Ways of spending the same ratings, one entry for each k of `plan`.

    Args:
        plan: What k raters a clip are worth.
        n_clips: Clips that can have k raters.
        n_spent: Ratings that takes; the rest would not fill one more clip.
        mean_se: Standard error of the mean over clips, in MOS points.
        ratings: In all.
        n_raters: People who share them.
    """

    plan: Plan
    n_clips: Ints
    n_spent: Ints
    mean_se: Floats
    ratings: int
    n_raters: int


@dataclass(frozen=True)
class _Kept:
    """Components with negative ones at 0, and a sentence that says so."""

    clip: float
    rater: float
    residual: float
    note: str

    @classmethod
    def of(cls, parts: VarianceComponents) -> _Kept:
        found = {"clips": parts.clip, "raters": parts.rater, "residual": parts.residual}
        below = [f"{name} {value:.3g}" for name, value in found.items() if value < 0]
        note = f"Came out below 0 and counts as 0: variance of {', '.join(below)}." if below else ""
        clip, rater, residual = (max(value, 0.0) for value in found.values())
        return cls(clip, rater, residual, note)


def raters_needed(
    parts: VarianceComponents, target: float, *, relative: bool = False
) -> RatersNeeded:
    r"""How many raters a clip give MOS of a wanted reliability.

    .. math:: k = \frac{G}{1-G}\,\frac{v_r+v_e}{v_c}

    and without :math:`v_r` where the same raters rate every clip, so that their own levels cancel.

    Source: Cronbach, Gleser, Nanda and Rajaratnam (1972); Brennan (2001).

    Args:
        parts: Variance components of earlier ratings of such clips.
        target: G, above 0 and below 1.
        relative: Whether the same raters will rate every clip.

    Returns:
        `k_exact` as the equation gives it, `k` the whole number to ask for, 1 at least. It is as
        uncertain as the components: `dependability_interval` shows how much.

    Raises:
        ValueError: a target that is no share, or clips that do not differ.

    >>> parts = VarianceComponents(0.64, 0.16, 0.8, 1350, 450, 30, 3.0, 0.9, 1)
    >>> raters_needed(parts, 0.8).k, raters_needed(parts, 0.8, relative=True).k
    (6, 5)
    """
    if not 0 < target < 1:
        raise ValueError(f"A reliability to reach lies between 0 and 1, and {target:g} does not.")
    kept = _Kept.of(parts)
    if kept.clip == 0:
        raise ValueError(
            f"The variance between clips came out at {parts.clip:.3g}: where clips do not differ, "
            f"no number of raters reaches {target:g}. Rate other clips first."
        )
    noise = kept.residual if relative else kept.rater + kept.residual
    k_exact = target / (1 - target) * noise / kept.clip
    # Less a rounding error, so that 4 raters are not called 4.0000000001 and then 5.
    k = max(1, math.ceil(k_exact * (1 - 1e-12)))
    return RatersNeeded(k, k_exact, target, relative, kept.note)


def plan(parts: VarianceComponents, most_raters: int = 30, level: float = 0.95) -> Plan:
    r"""What 1, 2, ... raters a clip would give.

    .. math:: G_k = \frac{v_c}{v_c+(v_r+v_e)/k}, \quad
       E\rho^2_k = \frac{v_c}{v_c+v_e/k}, \quad
       PCC_{max} = \sqrt{G_k}, \quad
       E h_k = t_{(1+level)/2,\,k-1}\, c_4(k) \sqrt{\frac{v_r+v_e}{k}}

    :math:`c_4(k)` is how much smaller the standard deviation of k normal ratings comes out on
    average than it is. A score that knew the true quality of every clip would correlate with MOS by
    :math:`PCC_{max}`; beyond that lies only luck with one set of clips.

    Source: Brennan (2001), for the coefficients; Spearman (1904) for the ceiling.

    Args:
        parts: Variance components of earlier ratings of such clips.
        most_raters: Last row.
        level: Of the intervals.

    Returns:
        Coefficients and ceilings from 0 to 1, NaN where no component is above 0. Half-widths are
        Student's; for few ratings the pages show `bounded_interval`, which is narrower.

    Raises:
        ValueError: no row, or a level that is no share.

    >>> table = plan(VarianceComponents(0.64, 0.16, 0.8, 1350, 450, 30, 3.0, 0.9, 1), 6)
    >>> table.dependability.round(2).tolist()
    [0.4, 0.57, 0.67, 0.73, 0.77, 0.8]
    >>> table.half_width.round(2).tolist()
    [nan, 7.02, 2.16, 1.44, 1.14, 0.98]
    """
    if most_raters < 1:
        raise ValueError(f"A plan needs 1 rater a clip at least, not {most_raters}.")
    tail = upper_quantile(level)
    kept, k_K = _Kept.of(parts), np.arange(1, most_raters + 1)
    noise = kept.rater + kept.residual
    dependability_K = _share(kept.clip, noise / k_K)
    consistency_K = _share(kept.clip, kept.residual / k_K)
    return Plan(
        k=k_K,
        dependability=dependability_K,
        consistency=consistency_K,
        half_width=_half_width(noise, k_K, tail),
        pcc_ceiling=np.sqrt(dependability_K),
        pcc_ceiling_same_raters=np.sqrt(consistency_K),
        level=level,
        note=kept.note,
    )


def _share(part: float, rest_K: Floats) -> Floats:
    return np.asarray(part / (part + rest_K)) if part > 0 else np.where(rest_K > 0, 0.0, np.nan)


def _half_width(noise: float, k_K: Ints, tail: float) -> Floats:
    df_K = np.maximum(k_K - 1, 1).astype(np.float64)
    c4_K = np.sqrt(2 / df_K) * np.exp(
        scipy.special.gammaln((df_K + 1) / 2) - scipy.special.gammaln(df_K / 2)
    )
    half_K = scipy.stats.t.ppf(tail, df_K) * c4_K * np.sqrt(noise / k_K)
    return np.where(k_K > 1, half_K, np.nan)


def budget_plan(
    parts: VarianceComponents,
    ratings: int,
    *,
    n_raters: int | None = None,
    most_clips: int | None = None,
    level: float = 0.95,
) -> Budget:
    r"""Many clips with few raters, or few clips with many, for so many ratings in all.

    With n clips of k raters each, shared evenly by R people, or by fewer where there are fewer
    ratings:

    .. math:: n = \lfloor ratings / k \rfloor, \quad
       SE^2 = \frac{v_c}{n} + \frac{v_r}{R} + \frac{v_e}{nk}

    What single clips are worth grows with k, by `plan`. The mean over clips, the weights of the
    proxy MOS and all else that is fitted over clips gain more from n, and are best at 1 to 3
    raters; yet with 1 rater everywhere clips and noise cannot be told apart, nor any reliability
    be known.

    Source: Brennan (2001), for clips and raters crossed at random.

    Args:
        parts: Variance components of earlier ratings of such clips.
        ratings: In all.
        n_raters: People who share them, R; as many as in `parts` where not given. Where two systems
            are compared by the same raters, :math:`v_r/R` cancels.
        most_clips: Clips there are, if that is a limit.
        level: Of the intervals in `plan`.

    Returns:
        A row for each k up to R, or to all ratings.

    Raises:
        ValueError: no ratings, raters or clips, or a level that is no share.

    >>> parts = VarianceComponents(0.64, 0.16, 0.8, 1350, 450, 30, 3.0, 0.9, 1)
    >>> budget = budget_plan(parts, 450)
    >>> budget.n_clips[[0, 2, 29]].tolist(), budget.mean_se[[0, 2, 29]].round(3).tolist()
    ([450, 150, 15], [0.092, 0.107, 0.223])
    """
    sharing = parts.n_raters if n_raters is None else n_raters
    limits = {"ratings": ratings, "n_raters": sharing}
    if most_clips is not None:
        limits["most_clips"] = most_clips
    for name, number in limits.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, not {number}.")
    table, kept = plan(parts, min(sharing, ratings), level), _Kept.of(parts)
    n_K = ratings // table.k
    if most_clips is not None:
        n_K = np.minimum(n_K, most_clips)
    n_spent_K = n_K * table.k
    rater_K = kept.rater / np.minimum(sharing, n_spent_K)
    variance_K = kept.clip / n_K + rater_K + kept.residual / n_spent_K
    return Budget(table, n_K, n_spent_K, np.sqrt(variance_K), ratings, sharing)
