"""What a set of ratings is worth, as rows for a page: every coefficient with n, k and over what.

Shape letters: N clips, K raters, A aspects, T ratings. What cannot be computed is a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mos.aggregate import MOSTable, mos_table
from mos.components import VarianceComponents, dependability_interval, variance_components
from mos.reliability import cronbach_alpha, icc_forms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ICC_WORDS = {
    "ICC(1,1)": "one rater; raters differ from clip to clip",
    "ICC(2,1)": "one rater of many, level counted",
    "ICC(3,1)": "one of these raters, level left out",
    "ICC(1,k)": "mean of k raters; raters differ from clip to clip",
    "ICC(2,k)": "mean of k raters of many, level counted",
    "ICC(3,k)": "mean of these k raters, level left out; equals alpha over raters",
}


@dataclass(frozen=True)
class Coefficient:
    """One line of a reliability table; `reason` says why there is no value."""

    name: str
    over: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    k: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class VarianceShare:
    """One part of the variance of ratings."""

    name: str
    variance: float
    share_frac: float


@dataclass(frozen=True)
class Reliability:
    """All that is said of one aspect's ratings."""

    coefficients: list[Coefficient]
    shares: list[VarianceShare]
    notes: list[str] = field(default_factory=list)
    missing_frac: float = 0.0


def reliability(
    scores_T: Floats, clip_T: Ints, rater_T: Ints, table_NK: Floats, means_NA: Floats
) -> Reliability:
    """Every coefficient that the design allows, and why not for the others.

    Args:
        scores_T, clip_T, rater_T: Ratings on one aspect, one entry each.
        table_NK: The same as a table, NaN where a rater has not rated a clip.
        means_NA: MOS of each clip on each aspect of the rubric, for alpha over aspects.
    """
    missing_frac = float(np.isnan(table_NK).mean()) if table_NK.size else 0.0
    parts, reason = _try(lambda: variance_components(scores_T, clip_T, rater_T))
    rows = _complete_rows(table_NK) if missing_frac == 0 else [_not_complete(table_NK)]
    rows += _sparse_rows(parts, reason, scores_T, clip_T, rater_T)
    rows.append(_alpha_over_raters(table_NK))
    rows.append(_alpha_over_aspects(means_NA))
    return Reliability(rows, _shares(parts), _notes(parts, rows), missing_frac)


def _try(compute: Callable[[], VarianceComponents]) -> tuple[VarianceComponents | None, str]:
    try:
        return compute(), ""
    except ValueError as reason:
        return None, str(reason)


def _complete_rows(table_NK: Floats) -> list[Coefficient]:
    try:
        table = icc_forms(table_NK)
    except ValueError as reason:
        return [Coefficient("ICC, six forms", "complete table", reason=str(reason))]
    return [
        Coefficient(
            form, ICC_WORDS[form], icc.value, _known(icc.low), _known(icc.high), table.n, table.k
        )
        for form, icc in table.forms.items()
    ]


def _not_complete(table_NK: Floats) -> Coefficient:
    n, k = table_NK.shape
    full = int((~np.isnan(table_NK)).all(axis=1).sum())
    return Coefficient(
        "ICC, six forms",
        "complete table",
        reason=f"Not every rater has rated every clip ({full} of {n} clips have all {k} raters), so "
        "the analysis of variance does not apply. The estimates below do not need it.",
    )


def _sparse_rows(
    parts: VarianceComponents | None, reason: str, scores_T: Floats, clip_T: Ints, rater_T: Ints
) -> list[Coefficient]:
    names = {
        "ICC(2,1), any design": ("one rater, level counted; variance components", 1.0),
        "ICC(2,k), any design": ("mean of k raters, k the harmonic mean; variance components", None),
    }
    if parts is None:
        return [Coefficient(name, over, reason=reason) for name, (over, _) in names.items()]
    rows = []
    for name, (over, k_fixed) in names.items():
        k = k_fixed or parts.k_harmonic
        interval = dependability_interval(scores_T, clip_T, rater_T, k=k)
        value, n = _known(parts.dependability(k)), parts.n_clips
        rows.append(
            Coefficient(name, over, value, _known(interval.low), _known(interval.high), n, k)
        )
    return rows


def _alpha_over_raters(table_NK: Floats) -> Coefficient:
    name, over = "Cronbach's alpha over raters", "raters as items: do they agree?"
    return _alpha(name, over, table_NK, "raters")


def _alpha_over_aspects(means_NA: Floats) -> Coefficient:
    name, over = "Cronbach's alpha over aspects", "the rubric's aspects as items, on clip means"
    return _alpha(name, over, means_NA, "aspects")


def _alpha(name: str, over: str, table: Floats, items: str) -> Coefficient:
    if table.size and np.isnan(table).any():
        return Coefficient(name, over, reason=f"Not every clip has every one of the {items}.")
    try:
        return Coefficient(name, over, cronbach_alpha(table), n=table.shape[0], k=table.shape[1])
    except ValueError as reason:
        return Coefficient(name, over, reason=str(reason).replace("raters", items))


def _shares(parts: VarianceComponents | None) -> list[VarianceShare]:
    if parts is None:
        return []
    kept = {
        "between clips": max(parts.clip, 0.0),
        "between raters": max(parts.rater, 0.0),
        "residual": max(parts.residual, 0.0),
    }
    whole = sum(kept.values())
    return [
        VarianceShare(name, value, value / whole if whole else 0.0) for name, value in kept.items()
    ]


def _notes(parts: VarianceComponents | None, rows: Sequence[Coefficient]) -> list[str]:
    notes = []
    values = {row.name: row.value for row in rows if row.value is not None}
    negative = [name for name, value in values.items() if value < 0]
    if negative:
        notes.append(
            f"{', '.join(negative)} below 0: clips differ less than raters' noise alone would make "
            "them. The value is shown as it is."
        )
    if values.get("ICC(1,1)", -9.0) > values.get("ICC(2,1)", 9.0):
        notes.append(
            "ICC(1,1) is above ICC(2,1): the variance between raters was estimated below 0, which "
            "happens when raters' levels differ less than chance would make them."
        )
    if parts is not None and parts.is_clipped:
        notes.append(
            f"A variance came out below 0 (clips {parts.clip:.3f}, raters {parts.rater:.3f}, "
            f"residual {parts.residual:.3f}) and counts as 0 in the coefficients."
        )
    if parts is not None and not parts.is_connected:
        notes.append(
            f"Raters and clips fall into {parts.n_islands} groups that share no rating: differences "
            "between the groups may be the raters' or the clips'."
        )
    return notes


def system_table(table: MOSTable, systems: Sequence[str]) -> list[dict[str, object]]:
    """MOS by system: the mean of its clips' MOS, with an interval over clips.

    Args:
        table: MOS by clip.
        systems: System of each clip, in the order of the table.

    Returns:
        A row a system: name, mos_raw, low, high (None with one clip), n_clips, n_ratings.
    """
    names = np.array(systems)
    rows = []
    for name in sorted(set(systems)):
        of_it = names == name
        means = mos_table(table.mos_raw[of_it], np.zeros(int(of_it.sum()), dtype=int))
        rows.append(
            {
                "name": name or "not named",
                "mos_raw": float(means.mos_raw[0]),
                "low": _known(means.low[0]),
                "high": _known(means.high[0]),
                "n_clips": int(of_it.sum()),
                "n_ratings": int(table.n[of_it].sum()),
            }
        )
    return rows


def _known(value: float) -> float | None:
    """The value, or None where it is not defined: pages and JSON know no NaN."""
    return float(value) if math.isfinite(value) else None
