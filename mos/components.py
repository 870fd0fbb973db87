"""Agreement of raters on any design: crossed variance components in closed form.

Shape letters: T ratings, C clips, R raters, D ways of weighting them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mos.reliability import upper_quantile

Floats = NDArray[np.float64]
MOST_GROUPS = 100  # left out in turn for an interval


@dataclass(frozen=True)
class VarianceComponents:
    """How the variance of ratings splits between clips, raters and the rest.

    `clip`, `rater` and `residual` are the unbiased estimates and may be negative; coefficients use
    them with negative ones set to 0, which `is_clipped` tells.
    """

    clip: float
    rater: float
    residual: float
    n_ratings: int
    n_clips: int
    n_raters: int
    k_harmonic: float
    missing_frac: float
    n_islands: int

    @classmethod
    def of(
        cls,
        parts: Sequence[float] | Floats,
        per_clip_C: Floats,
        n_raters: int,
        missing_frac: float,
        n_islands: int,
    ) -> VarianceComponents:
        """From the solution of the three equations and the number of ratings of each clip.

        Raises:
            ValueError: the equations had no solution.
        """
        if np.isnan(parts[0]):
            raise ValueError(
                "Clips, raters and noise cannot be told apart: no clip was rated by two raters, or "
                "no rater rated two clips."
            )
        return cls(
            clip=float(parts[0]),
            rater=float(parts[1]),
            residual=float(parts[2]),
            n_ratings=int(per_clip_C.sum()),
            n_clips=len(per_clip_C),
            n_raters=n_raters,
            k_harmonic=float(len(per_clip_C) / (1 / per_clip_C).sum()),
            missing_frac=missing_frac,
            n_islands=n_islands,
        )

    @property
    def is_clipped(self) -> bool:
        """Whether a negative component counts as 0 in the coefficients."""
        return min(self.clip, self.rater, self.residual) < 0

    @property
    def is_connected(self) -> bool:
        """Whether chains of common clips join all raters; if not, raters and clips mix up."""
        return self.n_islands == 1

    @property
    def icc_single(self) -> float:
        r"""One rater, absolute: :math:`ICC(2,1)=v_c/(v_c+v_r+v_e)`."""
        return self.dependability(1.0)

    @property
    def icc_average(self) -> float:
        """The mean of k raters, absolute: ICC(2,k), with k the harmonic mean of raters a clip."""
        return self.dependability(self.k_harmonic)

    @property
    def icc_consistency(self) -> float:
        r"""The mean of k raters but for their own levels: :math:`v_c/(v_c+v_e/k)`, as ICC(3,k)."""
        clip, _, residual = self._kept
        return _share(clip, clip + residual / self.k_harmonic)

    def dependability(self, k: float) -> float:
        r"""Reliability of the mean of k raters: :math:`v_c/(v_c+(v_r+v_e)/k)`.

        Raises:
            ValueError: k is not above 0.
        """
        _check_raters(k)
        clip, rater, residual = self._kept
        return _share(clip, clip + (rater + residual) / k)

    @property
    def _kept(self) -> tuple[float, float, float]:
        return max(self.clip, 0.0), max(self.rater, 0.0), max(self.residual, 0.0)


@dataclass(frozen=True)
class Interval:
    """Where a quantity lies at the stated level."""

    low: float
    high: float
    level: float


def _check_raters(k: float) -> None:
    if not k > 0:
        raise ValueError(f"A mean is over a number of raters above 0, not {k:g}.")


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


@dataclass(frozen=True)
class _Design:
    """Ratings as sparse tables of clips by raters."""

    counts_CR: scipy.sparse.csr_array
    sums_CR: scipy.sparse.csr_array
    squares_CR: scipy.sparse.csr_array


def variance_components(
    scores: ArrayLike, clips: ArrayLike, raters: ArrayLike
) -> VarianceComponents:
    r"""Components of :math:`y_{cr}=\mu+a_c+b_r+e_{cr}` for any pattern of who rated what.

    With :math:`T_a=\sum S_c^2/n_c`, :math:`T_b=\sum S_r^2/n_r`, :math:`T_0=\sum y^2` and
    :math:`T_\mu=S^2/N` the expected values are linear in the components, so that three equations
    give the three of them. On a complete table the result is that of the analysis of variance.

    Source: Henderson (1953), method 1.

    Args:
        scores: Shape (T,): one number a rating.
        clips: Shape (T,): which clip, any labels.
        raters: Shape (T,): which rater, any labels. A rater may rate a clip more than once.

    Raises:
        ValueError: lengths differ, a score is missing or infinite, there are fewer than 2 clips or
            raters, or no clip was rated twice, so that clips and noise cannot be told apart.

    >>> parts = variance_components([1, 2, 3, 5], ["a", "a", "b", "b"], [1, 2, 1, 2])
    >>> round(parts.clip, 6), round(parts.rater, 6), round(parts.residual, 6)
    (3.0, 1.0, 0.25)
    """
    design = _design(scores, clips, raters)
    n_clips, n_raters = design.counts_CR.shape
    parts = _solve(design, np.ones((n_clips, 1)), np.ones((n_raters, 1)))[0]
    return VarianceComponents.of(
        parts,
        np.asarray(design.counts_CR.sum(axis=1), dtype=np.float64),
        n_raters,
        missing_frac=1 - design.counts_CR.nnz / (n_clips * n_raters),
        n_islands=_islands(design.counts_CR),
    )


def dependability_interval(
    scores: ArrayLike,
    clips: ArrayLike,
    raters: ArrayLike,
    *,
    k: float,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    r"""Interval of the reliability of k raters' mean, over other clips and other raters.

    Clips, raters and single ratings are left out in turn, at most 100 groups of each. What single
    ratings add is counted once with the clips and once with the raters, so it is taken off once.
    Drawing with replacement is no way here: a rater drawn twice agrees with himself, and the
    reliability comes out too high.

    .. math:: s_z^2 = \max(s_c^2, s_r^2, s_c^2 + s_r^2 - s_{cr}^2), \quad
       s_g^2 = \frac{G-1}{G} \sum_i (z_{(i)}-\bar z)^2, \quad z = \tanh^{-1} r

    Source: the delete-a-group jackknife, Shao and Tu (1995), combined over two ways as by Cameron,
    Gelbach and Miller (2011).

    Args:
        scores, clips, raters: As for `variance_components`.
        k: Raters in the mean; 1 for a single rater.
        level: Of the interval.
        seed: Of the grouping, where there are more than 100 clips or raters.

    Returns:
        The interval; NaN where leaving something out leaves nothing to estimate from: always with
        two raters, who say too little of other raters, or where the variance of the mean comes
        out at 0 or below.

    Raises:
        ValueError: as `variance_components` and `upper_quantile`, or k is not above 0.
    """
    return dependability_intervals(scores, clips, raters, ks=(k,), level=level, seed=seed)[0]


def dependability_intervals(
    scores: ArrayLike,
    clips: ArrayLike,
    raters: ArrayLike,
    *,
    ks: Sequence[float],
    level: float = 0.95,
    seed: int = 0,
) -> list[Interval]:
    """As `dependability_interval`, for means of several numbers of raters in one go."""
    for k in ks:
        _check_raters(k)
    tail = upper_quantile(level)
    design = _design(scores, clips, raters)
    n_clips, n_raters = design.counts_CR.shape
    random = np.random.default_rng(seed)
    every_C, every_R = np.ones((n_clips, 1)), np.ones((n_raters, 1))
    less_CD, less_RD = _leave_out(n_clips, random), _leave_out(n_raters, random)
    repeat_C = np.repeat(every_C, less_RD.shape[1], axis=1)
    repeat_R = np.repeat(every_R, less_CD.shape[1], axis=1)
    whole = _solve(design, every_C, every_R)
    without = (
        _solve(design, less_CD, repeat_R),
        _solve(design, repeat_C, less_RD),
        _without_ratings(design, random),
    )
    width = scipy.stats.t.ppf(tail, min(less_CD.shape[1], less_RD.shape[1]) - 1)
    found = []
    for k in ks:
        by_clip, by_rater, by_rating = (
            _jackknife_variance(_fisher(parts_D3, k)) for parts_D3 in without
        )
        # np.max passes NaN on; the built-in max would drop what cannot be told, and look narrower.
        variance = np.max([by_clip, by_rater, by_clip + by_rater - by_rating])
        centre, half = _fisher(whole, k)[0], width * np.sqrt(variance)
        found.append(Interval(float(np.tanh(centre - half)), float(np.tanh(centre + half)), level))
    return found


def _without_ratings(design: _Design, random: np.random.Generator) -> Floats:
    """Components with one group of cells left out at a time, shape (groups, 3)."""
    tables = (design.counts_CR, design.sums_CR, design.squares_CR)
    every_C, every_R = (np.ones((size, 1)) for size in tables[0].shape)
    kept_TD = _leave_out(tables[0].nnz, random)
    parts = []
    for kept_T in kept_TD.T:
        thinned = []
        for table in tables:
            less = table.copy()
            less.data = less.data * kept_T
            thinned.append(less)
        parts.append(_solve(_Design(*thinned), every_C, every_R)[0])
    return np.array(parts)


def _leave_out(n: int, random: np.random.Generator) -> Floats:
    """Weights of n things with one group left out at a time, shape (n, groups)."""
    groups = min(n, MOST_GROUPS)
    group_n = random.permutation(np.arange(n) % groups)
    return np.asarray(group_n[:, None] != np.arange(groups)[None, :], dtype=np.float64)


def _fisher(parts_D3: Floats, k: float) -> Floats:
    """Fisher's z of the reliability of k raters' mean; components as estimated, not clipped."""
    whole_D = parts_D3[:, 0] + (parts_D3[:, 1] + parts_D3[:, 2]) / k
    share_D = np.full(len(whole_D), np.nan)
    np.divide(parts_D3[:, 0], whole_D, out=share_D, where=whole_D > 0)
    return np.asarray(np.arctanh(np.clip(share_D, -0.9999, 0.9999)))


def _jackknife_variance(values_D: Floats) -> float:
    n = len(values_D)
    return float((n - 1) / n * ((values_D - values_D.mean()) ** 2).sum())


def _design(scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> _Design:
    scores_T = np.asarray(scores, dtype=np.float64)
    if not scores_T.shape == np.shape(clips) == np.shape(raters) == (scores_T.size,):
        raise ValueError("scores, clips and raters must have one entry a rating.")
    if np.isnan(scores_T).any():
        raise ValueError(f"{int(np.isnan(scores_T).sum())} scores are missing: leave them out.")
    if np.isinf(scores_T).any():
        raise ValueError("A score is infinite: correct it or leave it out.")
    clip_names, clip_T = np.unique(np.asarray(clips), return_inverse=True)
    rater_names, rater_T = np.unique(np.asarray(raters), return_inverse=True)
    shape = len(clip_names), len(rater_names)
    if min(shape) < 2:
        raise ValueError(
            f"Variance components need 2 clips and 2 raters, not {shape[0]} and {shape[1]}."
        )
    scores_T = scores_T - scores_T.mean()  # components do not depend on the level; rounding does
    return _Design(
        *(
            scipy.sparse.csr_array((values_T, (clip_T, rater_T)), shape=shape)
            for values_T in (np.ones_like(scores_T), scores_T, scores_T**2)
        )
    )


def _solve(design: _Design, weights_CD: Floats, weights_RD: Floats) -> Floats:
    """Components for each draw, shape (D, 3): clips, raters, residual; NaN where undetermined."""
    counts, sums, squares = design.counts_CR, design.sums_CR, design.squares_CR
    repeats = counts.multiply(counts).tocsr()
    n_CD, s_CD = counts @ weights_RD, sums @ weights_RD
    n_RD, s_RD = counts.T @ weights_CD, sums.T @ weights_CD
    n_D = (weights_CD * n_CD).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        over_clips = np.where(n_CD > 0, weights_CD / n_CD, 0.0)
        over_raters = np.where(n_RD > 0, weights_RD / n_RD, 0.0)
        t_mean_D = (weights_CD * s_CD).sum(axis=0) ** 2 / n_D
        q_clip_D = (weights_CD * n_CD**2).sum(axis=0) / n_D
        q_rater_D = (weights_RD * n_RD**2).sum(axis=0) / n_D
    t_clip_D = (over_clips * s_CD**2).sum(axis=0) - t_mean_D
    t_rater_D = (over_raters * s_RD**2).sum(axis=0) - t_mean_D
    t_all_D = (weights_CD * (squares @ weights_RD)).sum(axis=0) - t_mean_D
    clips_D = (weights_CD * (n_CD > 0)).sum(axis=0)
    raters_D = (weights_RD * (n_RD > 0)).sum(axis=0)
    k_clip_D = (over_clips * (repeats @ weights_RD)).sum(axis=0)
    k_rater_D = (over_raters * (repeats.T @ weights_CD)).sum(axis=0)
    system_D33 = np.array(
        [
            [n_D - q_clip_D, k_clip_D - q_rater_D, clips_D - 1],
            [k_rater_D - q_clip_D, n_D - q_rater_D, raters_D - 1],
            [n_D - q_clip_D, n_D - q_rater_D, n_D - 1],
        ]
    ).transpose(2, 0, 1)
    right_D3 = np.stack([t_clip_D, t_rater_D, t_all_D], axis=1)
    return solved(system_D33, right_D3)


def solved(system_D33: Floats, right_D3: Floats) -> Floats:
    """Solutions of three equations each, shape (D, 3); NaN where there is none."""
    solved_D3 = np.full_like(right_D3, np.nan)
    is_finite_D = np.asarray(np.isfinite(system_D33).all(axis=(1, 2)))
    scale_D = np.abs(system_D33).max(axis=(1, 2), initial=1.0, where=is_finite_D[:, None, None])
    scaled_D33 = np.where(is_finite_D[:, None, None], system_D33, 0.0) / scale_D[:, None, None]
    is_solvable_D = is_finite_D & (np.abs(np.linalg.det(scaled_D33)) > 1e-10)
    solved_D3[is_solvable_D] = np.linalg.solve(
        system_D33[is_solvable_D], right_D3[is_solvable_D][..., None]
    )[..., 0]
    return solved_D3


def _islands(counts_CR: scipy.sparse.csr_array) -> int:
    """Groups of clips and raters that no rating joins."""
    graph = scipy.sparse.block_array([[None, counts_CR], [counts_CR.T, None]])
    return int(scipy.sparse.csgraph.connected_components(graph, directed=False)[0])
