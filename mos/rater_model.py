r"""MOS recovered from who rated what: raters' levels taken out, unreliable raters counted less.

A score is taken as :math:`u_{cr} = \psi_c + b_r + v_r \epsilon`: the quality of the clip, the level
of the rater, and noise as large as the rater is inconsistent. Shape letters: T ratings, C clips, R
raters.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

METHODS = ("shrunk", "plain", "bias_removed", "mean")
TOLERANCE = 1e-8  # ITU-T P.910 (2023), annex E
MOST_ITERATIONS = 1000
# How many ratings' worth the raters' common spread weighs in one rater's own, and 0 for his level.
SPREAD_WEIGHT, LEVEL_WEIGHT = 20.0, 1.0
LEAST_INCONSISTENCY = 1e-3  # a rater who always agrees would else be the only one who counts


@dataclass(frozen=True)
class RecoveredMOS:
    """MOS of clips and the raters behind it.

    Args:
        clips, raters: Labels, sorted.
        mos: Shape (C,), on the scale of the scores.
        se: Standard errors of these; NaN where a single rating tells none.
        bias: Shape (R,): how far above (positive) or below the others; averages 0.
        inconsistency: Shape (R,): standard deviation of a rater's noise; NaN where not estimated.
        n_iterations: Until `mos` stood still.
        has_converged: Whether it did.
    """

    clips: list[Hashable]
    raters: list[Hashable]
    mos: Floats
    se: Floats
    bias: Floats
    inconsistency: Floats
    n_iterations: int
    has_converged: bool


def recover_mos(
    scores: ArrayLike, clips: ArrayLike, raters: ArrayLike, method: str = "shrunk"
) -> RecoveredMOS:
    r"""MOS of every clip by one of four methods.

    `mean`: the plain mean. `bias_removed`: the mean of :math:`u_{cr}-b_r` with :math:`b_r` the mean
    of :math:`u_{cr}-\mathrm{MOS}_c` over a rater's clips. `plain`: alternating projection,

    .. math:: \psi_c = \frac{\sum_r w_r (u_{cr}-b_r)}{\sum_r w_r}, \quad
       b_r = \overline{u_{cr}-\psi_c}, \quad
       v_r^2 = \overline{(u_{cr}-\psi_c-b_r)^2}, \quad w_r = v_r^{-2}

    with the biases centred each time, until :math:`\psi` moves less than 1e-8. `shrunk`:
    the same with :math:`v_r^2 = (\sum e^2 + 20 s_0^2)/(n_r+20)` and
    :math:`b_r = \sum (u_{cr}-\psi_c)/(n_r+1)`, where :math:`s_0` is all raters' spread: with three
    ratings a clip the plain one recovers less than the plain mean does, and this one more.

    Source: ITU-T P.913 (2021), 12.4; ITU-T P.910 (2023), annex E; the shrinkage is ours.

    Args:
        scores: Shape (T,).
        clips, raters: Shape (T,): labels. A rater may rate a clip more than once.
        method: One of `METHODS`.

    Raises:
        ValueError: lengths differ, there is no score, one is missing or infinite, or the method is
            not known.

    >>> found = recover_mos([5, 4, 3, 2], [0, 0, 1, 1], ["a", "b", "a", "b"], "bias_removed")
    >>> found.mos.tolist(), found.bias.tolist()
    ([4.5, 2.5], [0.5, -0.5])
    """
    if method not in METHODS:
        raise ValueError(f"No method is called {method!r}: choose one of {', '.join(METHODS)}.")
    ratings = _ratings(scores, clips, raters)
    if method in ("mean", "bias_removed"):
        return _without_weights(ratings, removes_bias=method == "bias_removed")
    return _projected(ratings, is_shrunk=method == "shrunk")


@dataclass(frozen=True)
class _Ratings:
    scores_T: Floats
    clip_T: Ints
    rater_T: Ints
    clips: list[Hashable]
    raters: list[Hashable]

    def by_clip(self, values_T: Floats) -> Floats:
        """Sums over the ratings of each clip."""
        return np.bincount(self.clip_T, values_T, len(self.clips)).astype(np.float64)

    def by_rater(self, values_T: Floats) -> Floats:
        """Sums over the ratings of each rater."""
        return np.bincount(self.rater_T, values_T, len(self.raters)).astype(np.float64)

    @property
    def ones_T(self) -> Floats:
        """For counting."""
        return np.ones_like(self.scores_T)


def _ratings(scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> _Ratings:
    scores_T = np.asarray(scores, dtype=np.float64)
    if not scores_T.shape == np.shape(clips) == np.shape(raters) == (scores_T.size,):
        raise ValueError("scores, clips and raters must have one entry a rating.")
    if not scores_T.size:
        raise ValueError("There is no rating: MOS needs one at least.")
    wrong_T = ~np.isfinite(scores_T)
    if wrong_T.any():
        raise ValueError(
            f"{int(wrong_T.sum())} scores are missing or infinite, the first is "
            f"{scores_T[wrong_T][0]}: leave them out."
        )
    clip_names, clip_T = np.unique(np.asarray(clips), return_inverse=True)
    rater_names, rater_T = np.unique(np.asarray(raters), return_inverse=True)
    return _Ratings(scores_T, clip_T, rater_T, clip_names.tolist(), rater_names.tolist())


def _without_weights(ratings: _Ratings, *, removes_bias: bool) -> RecoveredMOS:
    n_C = ratings.by_clip(ratings.ones_T)
    mos_C = ratings.by_clip(ratings.scores_T) / n_C
    apart_T = ratings.scores_T - mos_C[ratings.clip_T]
    bias_R = ratings.by_rater(apart_T) / ratings.by_rater(ratings.ones_T)
    level_T = ratings.scores_T
    if removes_bias:
        level_T = ratings.scores_T - bias_R[ratings.rater_T]
        mos_C = ratings.by_clip(level_T) / n_C
    around_C = ratings.by_clip((level_T - mos_C[ratings.clip_T]) ** 2)
    free_C = n_C * (n_C - 1)
    se_C = np.sqrt(np.divide(around_C, free_C, out=np.full(len(n_C), np.nan), where=n_C > 1))
    unknown_R = np.full(len(bias_R), np.nan)
    return RecoveredMOS(ratings.clips, ratings.raters, mos_C, se_C, bias_R, unknown_R, 1, True)


def _projected(ratings: _Ratings, *, is_shrunk: bool) -> RecoveredMOS:
    n_R = ratings.by_rater(ratings.ones_T)
    psi_C = ratings.by_clip(ratings.scores_T) / ratings.by_clip(ratings.ones_T)
    bias_R, spread_R = np.zeros(len(n_R)), np.ones(len(n_R))
    moved, iteration = np.inf, 0
    while moved >= TOLERANCE and iteration < MOST_ITERATIONS:
        iteration += 1
        apart_T = ratings.scores_T - psi_C[ratings.clip_T]
        bias_R = ratings.by_rater(apart_T) / (n_R + LEVEL_WEIGHT * is_shrunk)
        bias_R -= bias_R.mean()  # what all have in common is the clips'
        squares_T = (apart_T - bias_R[ratings.rater_T]) ** 2
        common = float(squares_T.mean()) * SPREAD_WEIGHT * is_shrunk
        spread_R = (ratings.by_rater(squares_T) + common) / (n_R + SPREAD_WEIGHT * is_shrunk)
        spread_R = np.maximum(spread_R, LEAST_INCONSISTENCY**2)
        weight_T = (1 / spread_R)[ratings.rater_T]
        weight_C = ratings.by_clip(weight_T)
        level_T = weight_T * (ratings.scores_T - bias_R[ratings.rater_T])
        before_C, psi_C = psi_C, ratings.by_clip(level_T) / weight_C
        moved = float(np.linalg.norm(psi_C - before_C))
    return RecoveredMOS(
        clips=ratings.clips,
        raters=ratings.raters,
        mos=psi_C,
        se=1 / np.sqrt(weight_C),
        bias=bias_R,
        inconsistency=np.sqrt(spread_R),
        n_iterations=iteration,
        has_converged=moved < TOLERANCE,
    )
