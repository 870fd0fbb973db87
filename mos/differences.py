"""Dubs beside their hidden references, and how raters' disagreement hangs on quality.

Shape letters: T ratings, G dubs, C clips, D draws.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mos.aggregate import HIGHEST, LOWEST
from mos.components import Interval
from mos.reliability import upper_quantile

Floats = NDArray[np.float64]
DRAWS = 1000
MOST_DRAWN = 1_000_000  # clips drawn at a time, so that memory stays small


@dataclass(frozen=True)
class DMOSTable:
    """One row a dub whose reference was rated by the same people.

    Args:
        keys: The dubs, sorted.
        dmos: Means of the differential scores; 5 is as good as the reference.
        sd: Between raters; NaN for one.
        n: Raters who rated both.
        low, high: Student's interval; NaN for one rater.
        n_unpaired: Ratings of dubs whose rater did not rate the reference, which do not count.
    """

    keys: list[Hashable]
    dmos: Floats
    sd: Floats
    n: NDArray[np.int64]
    low: Floats
    high: Floats
    n_unpaired: int


def dmos_table(
    scores: ArrayLike,
    clips: ArrayLike,
    raters: ArrayLike,
    reference_of: Mapping[Hashable, Hashable],
    *,
    level: float = 0.95,
    crushes: bool = True,
) -> DMOSTable:
    r"""Differential MOS with hidden reference (ACR-HR): each rater is his own yardstick.

    .. math:: DV = V(dub) - V(reference) + 5, \quad
       DV' = \frac{7 DV}{2 + DV} \ \text{where}\ DV > 5

    The second form keeps the rare dubs that are liked better than their source from weighing more
    than others.

    Source: ITU-T P.910 (2023), ACR-HR and crushing function.

    Args:
        scores: Shape (T,), 1 to 5.
        clips, raters: Shape (T,): labels. A rater rates a clip once.
        reference_of: Dub to its source.
        level: Of the intervals.
        crushes: Whether values above 5 are crushed.

    Raises:
        ValueError: lengths differ, a score is off the scale, a rater rated a clip twice, or no dub
            was rated by someone who rated its reference.

    >>> found = dmos_table([5, 3, 4, 4], ["s", "d", "s", "d"], [1, 1, 2, 2], {"d": "s"})
    >>> found.keys, found.dmos.tolist(), found.n.tolist()
    (['d'], [4.0], [2])
    """
    tail = upper_quantile(level)
    by_pair = _by_pair(scores, clips, raters)
    differences: dict[Hashable, list[float]] = {}
    n_unpaired = 0
    for (clip, rater), score in by_pair.items():
        if clip not in reference_of:
            continue
        reference = by_pair.get((reference_of[clip], rater))
        if reference is None:
            n_unpaired += 1
            continue
        value = score - reference + HIGHEST
        is_above = crushes and value > HIGHEST
        differences.setdefault(clip, []).append(7 * value / (2 + value) if is_above else value)
    if not differences:
        raise ValueError("Nobody rated a dub and its reference: there is no difference to tell.")
    keys = sorted(differences, key=str)
    n_G = np.array([len(differences[key]) for key in keys])
    dmos_G = np.array([np.mean(differences[key]) for key in keys])
    sd_G = np.array([_sd(differences[key]) for key in keys])
    half_G = scipy.stats.t.ppf(tail, np.maximum(n_G - 1, 1)) * sd_G / np.sqrt(n_G)
    return DMOSTable(keys, dmos_G, sd_G, n_G, dmos_G - half_G, dmos_G + half_G, n_unpaired)


@dataclass(frozen=True)
class GroupDMOS:
    """DMOS of a group of dubs; no interval with one."""

    name: str
    dmos: float
    low: float | None
    high: float | None
    n_clips: int
    n_ratings: int


def dmos_groups(
    table: DMOSTable, group_of: Mapping[Hashable, str], *, level: float = 0.95
) -> list[GroupDMOS]:
    """The mean of the dubs' DMOS in each group, best first, with Student's interval over dubs.

    Args:
        table: DMOS by dub.
        group_of: Dub to the name of its group.
        level: Of the intervals.

    >>> pairs = [5, 3, 4, 4], ["s", "d", "s", "d"], [1, 1, 2, 2]
    >>> dmos_groups(dmos_table(*pairs, {"d": "s"}), {"d": "acme"})[0].dmos
    4.0
    """
    tail = upper_quantile(level)
    places: dict[str, list[int]] = {}
    for place, key in enumerate(table.keys):
        places.setdefault(group_of[key], []).append(place)
    rows = []
    for name, of_group in places.items():
        values, n_ratings = table.dmos[of_group], int(table.n[of_group].sum())
        n, mean, low, high = len(values), float(values.mean()), None, None
        if n > 1:
            half = float(scipy.stats.t.ppf(tail, n - 1) * values.std(ddof=1) / np.sqrt(n))
            low, high = mean - half, mean + half
        rows.append(GroupDMOS(name, mean, low, high, n, n_ratings))
    return sorted(rows, key=lambda row: -row.dmos)


def _by_pair(
    scores: ArrayLike, clips: ArrayLike, raters: ArrayLike
) -> dict[tuple[Hashable, Hashable], float]:
    scores_T = np.asarray(scores, dtype=np.float64)
    clip_T, rater_T = np.asarray(clips), np.asarray(raters)
    if not scores_T.shape == clip_T.shape == rater_T.shape == (scores_T.size,):
        raise ValueError("scores, clips and raters must have one entry a rating.")
    off = scores_T[~((scores_T >= LOWEST) & (scores_T <= HIGHEST))]
    if len(off):
        raise ValueError(f"{len(off)} scores lie off the scale of 1 to 5, the first is {off[0]}.")
    pairs = list(zip(clip_T.tolist(), rater_T.tolist(), strict=True))
    found = dict(zip(pairs, scores_T.tolist(), strict=True))
    if len(found) < len(pairs):
        raise ValueError(f"{len(pairs) - len(found)} ratings are a rater's second of one clip.")
    return found


def _sd(values: list[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


@dataclass(frozen=True)
class SOS:
    """How far raters disagree: `a`, 0 where they never do, 1 where they say only 1 or 5."""

    a: float
    interval: Interval
    n_clips: int


def sos_parameter(mos: ArrayLike, sd: ArrayLike, *, level: float = 0.95, seed: int = 0) -> SOS:
    r"""The one number of the SOS hypothesis: raters disagree most in the middle of the scale.

    .. math:: s_c^2 = a\,(x_c - 1)(5 - x_c), \quad
       \hat a = \frac{\sum_c s_c^2 g_c}{\sum_c g_c^2}, \quad g_c = (x_c-1)(5-x_c)

    The interval is of percentiles over clips drawn with replacement.

    Source: Hossfeld, Schatz and Egger (2011), "SOS: the MOS is not enough!".

    Args:
        mos: Shape (C,), 1 to 5.
        sd: Standard deviations between ratings; clips where it is NaN are left out.
        level: Of the interval.
        seed: Of the draws.

    Raises:
        ValueError: lengths differ, or no clip between the ends of the scale has two ratings.

    >>> round(sos_parameter([2.0, 3.0, 4.0], [0.8, 0.9, 0.8]).a, 3)
    0.208
    """
    tail = upper_quantile(level)
    mos_C, sd_C = np.asarray(mos, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    if not mos_C.shape == sd_C.shape == (mos_C.size,):
        raise ValueError("mos and sd must have one entry a clip.")
    room_C = (mos_C - LOWEST) * (HIGHEST - mos_C)
    known_C = np.isfinite(sd_C) & (room_C > 0)
    if not known_C.any():
        raise ValueError("No clip between the ends of the scale has two ratings.")
    room_C, variance_C = room_C[known_C], sd_C[known_C] ** 2
    products_C, squares_C = variance_C * room_C, room_C**2
    random, at_once = np.random.default_rng(seed), max(1, MOST_DRAWN // len(room_C))
    drawn = []
    for first in range(0, DRAWS, at_once):
        drawn_DC = random.integers(0, len(room_C), (min(at_once, DRAWS - first), len(room_C)))
        drawn.append(products_C[drawn_DC].sum(axis=1) / squares_C[drawn_DC].sum(axis=1))
    low, high = np.quantile(np.concatenate(drawn), [1 - tail, tail])
    a = float(products_C.sum() / squares_C.sum())
    return SOS(a, Interval(float(low), float(high), level), int(known_C.sum()))
