"""Many draws of the labelled clips, the weights of each, and what they say of clips left out.

Shape letters: N labelled clips, M metrics, U units, D draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.proxy.sums import centred, drawn_correlations, drawn_sums
from learner.proxy.weightings import Rule, simplex, simplex_of_draws

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS = 200
LEFT_OUT_FRAC = 0.2  # so that 40 of 200 draws judge each clip, by four fifths of the labels


@dataclass(frozen=True)
class Bag:
    """Draws of a Bayesian bootstrap, each of which left a fifth of the units out.

    Args:
        weights_DM: Of each draw.
        is_out_DU: Which units each draw has not seen.
        unit_N: Unit of each clip.
    """

    weights_DM: Floats
    is_out_DU: NDArray[np.bool_]
    unit_N: Ints

    def left_out_sums(self, z_NM: Floats) -> Floats:
        """Weighted sums by draws that have not seen the clip, shape (N,).

        The mean over draws of a weighted sum is the sum by their mean weights: one pass over the
        clips. NaN for a clip that every draw has seen.
        """
        times_U = self.is_out_DU.sum(axis=0)
        total_UM = self.is_out_DU.T.astype(np.float64) @ self.weights_DM
        mean_UM = total_UM / np.where(times_U > 0, times_U, np.nan)[:, None]
        return np.asarray(np.einsum("nm,nm->n", z_NM, mean_UM[self.unit_N]))


def draw_chances(
    n_units: int, draws: int, random: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """How much each draw counts each unit, and which it leaves out, each of shape (D, U).

    Source: Rubin (1981) for exponential weights.
    """
    n_out = min(max(1, round(LEFT_OUT_FRAC * n_units)), n_units - 2)
    order_DU = np.argsort(random.random((draws, n_units)), axis=1)
    is_out_DU = np.zeros((draws, n_units), dtype=bool)
    np.put_along_axis(is_out_DU, order_DU[:, :n_out], True, axis=1)
    chance_DU = random.exponential(size=(draws, n_units))
    chance_DU[is_out_DU] = 0.0
    return chance_DU, is_out_DU


def fit_bag(
    sums_UKK: Floats, unit_N: Ints, rule: Rule, draws: int, random: np.random.Generator
) -> Bag:
    """The weights that a rule gives to each draw."""
    sums_DKK, is_out_DU = _drawn(sums_UKK, draws, random)
    if rule is simplex:
        return Bag(_simplex(sums_DKK), is_out_DU, unit_N)
    return Bag(np.array([rule(centred(sums)) for sums in sums_DKK]), is_out_DU, unit_N)


def _simplex(sums_DKK: Floats) -> Floats:
    """`simplex` of all draws at once: centring them one by one would take as long as the rest."""
    first_DK = sums_DKK[:, 0, 1:]
    moved = sums_DKK[:, 1:, 1:] - (
        first_DK[:, :, None] * first_DK[:, None, :] / sums_DKK[:, :1, :1]
    )
    return simplex_of_draws(moved[:, :-1, :-1], moved[:, :-1, -1])


def best_single_bag(sums_UKK: Floats, unit_N: Ints, draws: int, random: np.random.Generator) -> Bag:
    """What `fit_bag` gives with the rule `best_single`, of all draws at once."""
    sums_DKK, is_out_DU = _drawn(sums_UKK, draws, random)
    pcc_DM = np.nan_to_num(drawn_correlations(sums_DKK), nan=-2.0)
    return Bag(np.eye(pcc_DM.shape[1])[pcc_DM.argmax(axis=1)], is_out_DU, unit_N)


def _drawn(
    sums_UKK: Floats, draws: int, random: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """Sums of each draw, counting as many clips as it has seen, and what it has not seen."""
    chance_DU, is_out_DU = draw_chances(len(sums_UKK), draws, random)
    seen_D = (~is_out_DU) @ sums_UKK[:, 0, 0]  # for rules that weigh labels against a prior
    sums_DKK = drawn_sums(sums_UKK, chance_DU)
    return sums_DKK * (seen_D / sums_DKK[:, 0, 0])[:, None, None], is_out_DU
