"""Whether learned weights are better than equal ones, and what is used when that is in doubt.

Shape letters: N labelled clips, B draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.proxy.calibration import LEVEL
from learner.proxy.sums import drawn_correlations, drawn_sums, unit_sums, widened_tails

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DRAWS = 400
# So many labels does the good name of equal weights count for (decision 0013).
PRIOR_CLIPS = 2


@dataclass(frozen=True)
class Agreement:
    """Correlation of one way of weighting with MOS, with its 90 % interval."""

    name: str
    pcc: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """What was found on clips left out, and what follows for the weights.

    Args:
        share_learned: How much of the weights used is learned, 0 to 1; the rest is equal.
        is_better: Whether the intervals of the gain and of the learned correlation lie above 0.
        reason: For people.
        agreements: Equal weights, best single metric, learned, used.
        gain, gain_low, gain_high: Of learned over equal weights, in correlation.
        used_N: Weighted sums by the weights used, of clips left out.
    """

    share_learned: float
    is_better: bool
    reason: str
    agreements: tuple[Agreement, ...]
    gain: float
    gain_low: float
    gain_high: float
    used_N: Floats


def no_verdict(reason: str, equal_N: Floats, y_N: Floats) -> Verdict:
    """Equal weights, because there is nothing to learn from."""
    nan = float("nan")
    unit_N, count_N = np.arange(len(y_N)), np.ones(len(y_N))
    drawn = _drawn([equal_N], y_N, unit_N, count_N, 0) if len(y_N) > 2 else np.full((2, 1), nan)
    equal = _agreement("equal weights", drawn[:, 0])
    return Verdict(0.0, False, f"Equal weights: {reason}.", (equal,), nan, nan, nan, equal_N)


def judge(
    *,
    left_out_N: Floats,
    equal_N: Floats,
    single_N: Floats,
    y_N: Floats,
    unit_N: Ints,
    count_N: Floats,
    guard: str,
    seed: int,
) -> Verdict:
    r"""Compare learned with equal weights on clips left out, drawing whole units.

    .. math:: d = \min(1, 2\Pr(\mathrm{gain}>0))\frac{n}{n+2}

    2 Pr is the two-sided chance that learning loses nothing. Where the interval of the gain lies
    below 0 nothing of the learned weights is used.

    Args:
        left_out_N: Sums by learned weights of draws that have not seen the clip; NaN where all
            have.
        equal_N: Sums by equal weights.
        single_N: By the metric that was best where the clip was not seen.
        y_N, unit_N, count_N: MOS, unit and count of each clip.
        guard: `mix` with equal weights by d; `choose` the learned ones where they are better and
            else equal ones; or `none`.
        seed: Of the draws.
    """
    rows = np.flatnonzero(~np.isnan(left_out_N + single_N))
    columns = [column[rows] for column in (equal_N, single_N, left_out_N)]
    kept = (y_N[rows], unit_N[rows], count_N[rows], seed)
    drawn_B3 = _drawn(columns, *kept)
    gains_B = np.nan_to_num(drawn_B3[:, 2] - drawn_B3[:, 0])
    tails = widened_tails(len(np.unique(kept[1])), LEVEL)
    low, high = np.quantile(gains_B[1:], tails)
    learned_low = float(np.nanquantile(drawn_B3[1:, 2], tails[0]))
    chance = float((gains_B[1:] > 0).mean())
    share = 1.0
    # Of metrics that tell nothing at all learned ones may lie above equal ones by luck alone: what
    # is better must correlate with MOS for sure.
    is_better = bool(low > 0 and learned_low > 0)
    if guard == "choose":
        share = float(is_better)
    elif guard == "mix":
        share = 0.0 if high <= 0 else min(1.0, 2 * chance) * len(y_N) / (len(y_N) + PRIOR_CLIPS)
    used_N = share * np.where(np.isnan(left_out_N), equal_N, left_out_N) + (1 - share) * equal_N
    used_B = _drawn([used_N[rows]], *kept)[:, 0]
    names = ("equal weights", "best single metric", "learned weights")
    agreements = [_agreement(name, drawn_B3[:, i]) for i, name in enumerate(names)]
    return Verdict(
        share_learned=share,
        is_better=is_better,
        reason=_words(share, float(low), float(high), len(y_N), is_better=is_better),
        agreements=(*agreements, _agreement("weights used", used_B)),
        gain=float(gains_B[0]),
        gain_low=float(low),
        gain_high=float(high),
        used_N=used_N,
    )


def _drawn(columns: list[Floats], y_N: Floats, unit_N: Ints, count_N: Floats, seed: int) -> Floats:
    """Correlation of each column with MOS: of the clips as they are, then of draws of the units."""
    units_N = np.unique(unit_N, return_inverse=True)[1]
    sums = unit_sums([*columns, y_N], units_N, count_N)
    random = np.random.default_rng([seed, 1])
    chance = np.vstack([np.ones(len(sums)), random.exponential(size=(DRAWS, len(sums)))])
    return drawn_correlations(drawn_sums(sums, chance))


def _agreement(name: str, drawn_B: Floats) -> Agreement:
    if np.isnan(drawn_B[1:]).all():
        return Agreement(name, float(drawn_B[0]), float("nan"), float("nan"))
    low, high = np.nanquantile(drawn_B[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Agreement(name, float(drawn_B[0]), float(low), float(high))


def _words(share: float, low: float, high: float, n: int, *, is_better: bool) -> str:
    span = f"{low:+.3f} to {high:+.3f} in correlation on clips left out ({n} clips)"
    if is_better:
        return f"Learned weights are better than equal ones: they gain {span}."
    if share == 0:
        return f"Equal weights: learned ones are not shown to be better, they gain {span}."
    if low > 0:
        return (
            f"Learned weights gain {span}, but are not shown to follow MOS at all: so they are not "
            "shown to be better than equal ones."
        )
    if share == 1:
        return f"Learned weights are not shown to be better than equal ones: they gain {span}."
    return (
        f"Learned weights are not shown to be better than equal ones: they gain {span}. "
        f"So {1 - share:.0%} of each weight is the equal one."
    )
