r"""Raters who may not be worth counting: flags with reasons, never a deletion.

A flag is a question to a researcher. Shape letters: T ratings, C clips, R raters.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class ScreeningRules:
    """Where a rater is flagged.

    Args:
        extreme_share: BT.500: share of own votes far from the clip's mean, above which ...
        extreme_balance: ... and below which imbalance between far above and far below. A rater
            who is always too high has a level; one who is far off on both sides does not look.
        correlation: Leave-one-out correlation at most this, and at most the mean of all raters
            less one standard deviation.
        fewest_clips: With fewer clips that others rated too, correlation says nothing.
        least_variance: Of a rater's own scores: P.910's toolkit.
        least_time: Share of the clip's duration that a rating takes at least.
        least_watched: Share of the clip that must have been played.
        fast_share, unwatched_share: Of a rater's ratings that may be so.
    """

    extreme_share: float = 0.05
    extreme_balance: float = 0.3
    correlation: float = 0.7
    fewest_clips: int = 8
    least_variance: float = 0.15
    least_time: float = 1.0
    least_watched: float = 0.9
    fast_share: float = 0.1
    unwatched_share: float = 0.1


@dataclass(frozen=True)
class Flag:
    """Why one rater should be looked at: the rule, what was found, and what is allowed."""

    rater: Hashable
    rule: str
    reason: str
    value: float
    limit: float


@dataclass(frozen=True)
class Watching:
    """How clips were watched, one entry a rating.

    Args:
        lead_time_s: From seeing the page to sending; NaN, which no rule minds, where not known.
        watched_frac: Share of the clip that was played, 0 to 1; NaN likewise.
        duration_s: Of the clip.
    """

    lead_time_s: ArrayLike
    watched_frac: ArrayLike
    duration_s: ArrayLike


def screen(
    scores: ArrayLike,
    clips: ArrayLike,
    raters: ArrayLike,
    watching: Watching | None = None,
    rules: ScreeningRules | None = None,
) -> list[Flag]:
    """Every flag, by rater and rule.

    Args:
        scores: Shape (T,), on one aspect.
        clips, raters: Shape (T,): labels. A rater rates a clip once.
        watching: For the rules on time and watching; without it these are left out.
        rules: Where raters are flagged; the defaults if None.

    Raises:
        ValueError: lengths differ, or a score is missing or infinite.

    >>> scores, clips = [5, 4, 2, 1, 3] * 3, list(range(5)) * 3
    >>> [flag.rule for flag in screen([*scores, *[3] * 5], [*clips, *range(5)], [0] * 5 + [1] * 5 +
    ...                               [2] * 5 + [3] * 5)]
    ['straight-lining']
    """
    rules = rules or ScreeningRules()
    table = _Table.of(scores, clips, raters)
    flags = [
        *_extreme(table, rules),
        *_uncorrelated(table, rules),
        *_straight(table, rules),
        *(_unwatched(table, watching, rules) if watching is not None else ()),
    ]
    place = {name: number for number, name in enumerate(table.raters)}
    return sorted(flags, key=lambda flag: (place[flag.rater], flag.rule))


@dataclass(frozen=True)
class _Table:
    scores_T: Floats
    clip_T: Ints
    rater_T: Ints
    n_clips: int
    raters: list[Hashable]

    @classmethod
    def of(cls, scores: ArrayLike, clips: ArrayLike, raters: ArrayLike) -> _Table:
        scores_T = np.asarray(scores, dtype=np.float64)
        if not scores_T.shape == np.shape(clips) == np.shape(raters) == (scores_T.size,):
            raise ValueError("scores, clips and raters must have one entry a rating.")
        if not np.isfinite(scores_T).all():
            wrong = scores_T[~np.isfinite(scores_T)][0]
            raise ValueError(f"A score is {wrong}: leave out what is missing or infinite.")
        names, clip_T = np.unique(np.asarray(clips), return_inverse=True)
        rater_names, rater_T = np.unique(np.asarray(raters), return_inverse=True)
        return cls(scores_T, clip_T, rater_T, len(names), rater_names.tolist())

    def by_clip(self, values_T: Floats) -> Floats:
        return np.bincount(self.clip_T, values_T, self.n_clips).astype(np.float64)

    def by_rater(self, values_T: Floats) -> Floats:
        return np.bincount(self.rater_T, values_T, len(self.raters)).astype(np.float64)

    @property
    def votes_R(self) -> Floats:
        return self.by_rater(np.ones_like(self.scores_T))


def _extreme(table: _Table, rules: ScreeningRules) -> Iterator[Flag]:
    """ITU-R BT.500: votes far from the clip's mean on both sides, counted over a rater's own.

    Far is 2 standard deviations where the clip's votes look normal (kurtosis from 2 to 4), else
    the square root of 20. A clip on which all agree has no far votes.
    """
    n_C = table.by_clip(np.ones_like(table.scores_T))
    mean_C = table.by_clip(table.scores_T) / n_C
    apart_T = table.scores_T - mean_C[table.clip_T]
    variance_C = table.by_clip(apart_T**2) / n_C
    fourth_C = table.by_clip(apart_T**4) / n_C
    kurtosis_C = np.divide(
        fourth_C, variance_C**2, out=np.full(table.n_clips, 3.0), where=variance_C > 0
    )
    far_C = np.where((kurtosis_C >= 2) & (kurtosis_C <= 4), 2.0, np.sqrt(20)) * np.sqrt(variance_C)
    is_spread_T = variance_C[table.clip_T] > 0
    above_R = table.by_rater((is_spread_T & (apart_T >= far_C[table.clip_T])).astype(np.float64))
    below_R = table.by_rater((is_spread_T & (apart_T <= -far_C[table.clip_T])).astype(np.float64))
    both_R = above_R + below_R
    share_R = both_R / table.votes_R
    tilt_R = np.divide(
        np.abs(above_R - below_R), both_R, out=np.ones_like(both_R), where=both_R > 0
    )
    flagged_R = (share_R > rules.extreme_share) & (tilt_R < rules.extreme_balance)
    if flagged_R.all():  # then the votes are not what BT.500 was made for
        return
    for rater in np.flatnonzero(flagged_R).tolist():
        yield Flag(
            table.raters[rater],
            "BT.500",
            f"{share_R[rater]:.0%} of the votes lie far from the clips' means, on both sides "
            f"(at most {rules.extreme_share:.0%})",
            float(share_R[rater]),
            rules.extreme_share,
        )


def _uncorrelated(table: _Table, rules: ScreeningRules) -> Iterator[Flag]:
    """A rater's scores beside the MOS of all others, over clips that others rated too.

    Source: as ITU-R BT.500's and P.913's correlation screening, with the rater left out.
    """
    n_C, sum_C = table.by_clip(np.ones_like(table.scores_T)), table.by_clip(table.scores_T)
    others_T = n_C[table.clip_T] - 1
    has_T = others_T > 0
    rest_T = np.zeros_like(table.scores_T)
    np.divide(sum_C[table.clip_T] - table.scores_T, others_T, out=rest_T, where=has_T)
    r_R = _correlations(table, rest_T, has_T, rules.fewest_clips)
    known_R = ~np.isnan(r_R)
    if known_R.sum() < 3:
        return
    limit = min(rules.correlation, float(r_R[known_R].mean() - r_R[known_R].std()))
    for rater in np.flatnonzero(known_R & (np.nan_to_num(r_R, nan=1.0) <= limit)).tolist():
        yield Flag(
            table.raters[rater],
            "correlation",
            f"the scores go with the others' MOS by {r_R[rater]:.2f} only (above {limit:.2f})",
            float(r_R[rater]),
            limit,
        )


def _correlations(table: _Table, rest_T: Floats, has_T: NDArray[np.bool_], fewest: int) -> Floats:
    """Pearson's, by rater; NaN with too few clips or without spread."""
    weight_T = has_T.astype(np.float64)
    n_R = table.by_rater(weight_T)
    safe_R = np.maximum(n_R, 1)
    own_T = table.scores_T - (table.by_rater(weight_T * table.scores_T) / safe_R)[table.rater_T]
    rest_T = rest_T - (table.by_rater(weight_T * rest_T) / safe_R)[table.rater_T]
    both_R = table.by_rater(weight_T * own_T * rest_T)
    spread_R = np.sqrt(table.by_rater(weight_T * own_T**2) * table.by_rater(weight_T * rest_T**2))
    r_R = np.full(len(n_R), np.nan)
    np.divide(both_R, spread_R, out=r_R, where=(n_R >= fewest) & (spread_R > 1e-12))
    return r_R


def _straight(table: _Table, rules: ScreeningRules) -> Iterator[Flag]:
    """Almost the same score for everything. Source: the P.910 crowdsourcing toolkit's limit."""
    votes_R = table.votes_R
    mean_R = table.by_rater(table.scores_T) / votes_R
    variance_R = table.by_rater((table.scores_T - mean_R[table.rater_T]) ** 2) / votes_R
    few_R = votes_R < rules.fewest_clips / 2
    for rater in np.flatnonzero(~few_R & (variance_R < rules.least_variance)).tolist():
        yield Flag(
            table.raters[rater],
            "straight-lining",
            f"the scores vary by {variance_R[rater]:.2f} only (at least {rules.least_variance})",
            float(variance_R[rater]),
            rules.least_variance,
        )


def _unwatched(table: _Table, watching: Watching, rules: ScreeningRules) -> Iterator[Flag]:
    lead_T, watched_T, duration_T = (
        np.asarray(column, dtype=np.float64)
        for column in (watching.lead_time_s, watching.watched_frac, watching.duration_s)
    )
    for column in (lead_T, watched_T, duration_T):
        if column.shape != table.scores_T.shape:
            raise ValueError(f"{len(table.scores_T)} ratings but {len(column)} of their watching.")
    fast_R = (
        table.by_rater((lead_T < rules.least_time * duration_T).astype(np.float64)) / table.votes_R
    )
    skipped_R = table.by_rater((watched_T < rules.least_watched).astype(np.float64)) / table.votes_R
    for rule, share_R, limit, words in (
        ("too fast", fast_R, rules.fast_share, "were sent sooner than the clips last"),
        ("not watched", skipped_R, rules.unwatched_share, "are of clips not played to the end"),
    ):
        for rater in np.flatnonzero(share_R > limit).tolist():
            yield Flag(
                table.raters[rater],
                rule,
                f"{share_R[rater]:.0%} of the ratings {words} (at most {limit:.0%})",
                float(share_R[rater]),
                limit,
            )
