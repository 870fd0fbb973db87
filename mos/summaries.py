"""What a set of ratings is worth, as rows for a page: every coefficient with n, k and over what.

Shape letters: N clips, K raters, A aspects, T ratings. What cannot be computed is a sentence, and
no number here is NaN or infinite: pages and JSON know neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mos.alphas import alpha_if_dropped, krippendorff_alpha, krippendorff_interval
from mos.components import Interval, VarianceComponents, dependability_intervals
from mos.from_sums import components, mean_squares
from mos.reliability import ICCTable, cronbach_alpha, icc_forms, icc_table
from mos.tally import Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Ratings = tuple[Ints, Ints, Ints]

SIX_FORMS = "ICC, the six forms"
ICC_WORDS = {
    "ICC(1,1)": "over raters, one rater's score; other raters for each clip",
    "ICC(2,1)": "over raters, one rater's score; raters' levels count",
    "ICC(3,1)": "over these raters, one rater's score; raters' levels left out",
    "ICC(1,k)": "over raters, the mean of k; other raters for each clip",
    "ICC(2,k)": "over raters, the mean of k; raters' levels count",
    "ICC(3,k)": "over these raters, the mean of k; raters' levels left out",
}
ALPHA_OVER_RATERS = "Cronbach's alpha over raters"
ALPHA_OVER_ASPECTS = "Cronbach's alpha over aspects"
KRIPPENDORFF = "Krippendorff's alpha"
SHOWN_STEP = 0.001  # coefficients are shown to three decimals
NO_RATINGS = "There are no ratings yet."


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
class AlphaWithout:
    """Cronbach's alpha over the other items where one is left out; None where it is not defined."""

    over: str
    item: str
    value: float | None


@dataclass(frozen=True)
class Reliability:
    """All that is said of one aspect's ratings.

    `missing_frac` is the share of empty cells in the table of clips by raters; `n_islands` counts
    the groups of clips and raters that share no rating, None where that cannot be told.
    `lacks_intervals` tells that ratings one by one would give intervals that are not here.
    `without` has alpha with each rater and each aspect left out in turn, where that is defined.
    """

    coefficients: list[Coefficient]
    shares: list[VarianceShare]
    notes: list[str] = field(default_factory=list)
    missing_frac: float = 0.0
    n_islands: int | None = None
    k_harmonic: float | None = None
    lacks_intervals: bool = False
    without: list[AlphaWithout] = field(default_factory=list)


def reliability(
    tally: Tally,
    n_islands: int,
    means_NA: Floats,
    ratings: Ratings | None = None,
    *,
    unit: float = 1.0,
) -> Reliability:
    """Every coefficient that the design allows, and why not for the others.

    Where every rater has rated every clip: the six intraclass correlations and alpha over raters.
    Where not: the estimates that do not need it, from variance components. Never a table made
    complete by leaving clips or raters out.

    Args:
        tally: Sums of the ratings on one aspect.
        n_islands: Groups of clips and raters that share no rating.
        means_NA: MOS of each clip on each aspect of the rubric, for alpha over aspects.
        ratings: Scores, clips and raters one by one, each of shape (T,), for the intervals of a
            table with gaps; None leaves these out.
        unit: What 1 of these whole numbers is on the scale of the scores.

    >>> one = Tally.of([4, 2], [0, 1], [0, 0])
    >>> reliability(one, 1, np.empty((0, 6))).coefficients[0].reason
    'Only one rater has rated so far: agreement needs two.'
    """
    nothing_to_judge = _nothing_to_judge(tally, unit)
    if nothing_to_judge:
        rows = [
            Coefficient(SIX_FORMS, "over raters", reason=nothing_to_judge),
            Coefficient(ALPHA_OVER_RATERS, "over raters", reason=nothing_to_judge),
        ]
        rows.append(alpha_over_aspects(means_NA))
        return Reliability(rows, shares=[], missing_frac=tally.missing_frac)
    parts, reason = _try(lambda: components(tally, n_islands))
    if tally.is_complete:
        rows = _complete_rows(tally)
    else:
        rows = _sparse_rows(tally, parts, reason, ratings)
    rows.append(_krippendorff(tally, has_interval=ratings is not None))
    rows.append(alpha_over_aspects(means_NA))
    return Reliability(
        coefficients=rows,
        shares=_shares(parts, unit),
        notes=_notes(parts, rows, unit, is_complete=tally.is_complete),
        missing_frac=tally.missing_frac,
        n_islands=parts.n_islands if parts else None,
        k_harmonic=parts.k_harmonic if parts else None,
        lacks_intervals=not tally.is_complete and parts is not None and ratings is None,
    )


def _nothing_to_judge(tally: Tally, unit: float) -> str:
    """Why no agreement can be told at all, or nothing."""
    n = tally.n_ratings
    if not n:
        return NO_RATINGS
    if tally.n_raters < 2:
        return "Only one rater has rated so far: agreement needs two."
    if tally.n_clips < 2:
        return "Only one clip has been rated so far: agreement needs two, to tell clips apart."
    total = int(tally.sum_C.sum())
    if n * int(tally.squares_C.sum()) == total**2:
        return f"Every score so far is {total // n * unit:g}: there is no variance to share out."
    return ""


def _try(compute: Callable[[], VarianceComponents]) -> tuple[VarianceComponents | None, str]:
    try:
        return compute(), ""
    except ValueError as reason:
        return None, str(reason)


def _complete_rows(tally: Tally) -> list[Coefficient]:
    table = icc_table(mean_squares(tally))
    rows = [
        defined_row(form, ICC_WORDS[form], icc.value, icc.low, icc.high, table.n, table.k)
        for form, icc in table.forms.items()
    ]
    return [*rows, _alpha_over_raters(table)]


def _alpha_over_raters(table: ICCTable) -> Coefficient:
    """Equal to ICC(3,k), and with its interval: Feldt (1965)."""
    over, equal = f"over the {table.k} raters as items", table.forms["ICC(3,k)"]
    if not math.isfinite(equal.value):
        reason = "Every clip has the same total: alpha is not defined."
        return Coefficient(ALPHA_OVER_RATERS, over, reason=reason)
    return defined_row(
        ALPHA_OVER_RATERS, over, equal.value, equal.low, equal.high, table.n, table.k
    )


def defined_row(
    name: str, over: str, value: float, low: float, high: float, n: int, k: float
) -> Coefficient:
    """A row with its value, or with the reason where the formula divides by nothing.

    An interval that misses its own value is none: of two or three clips that rank against one
    another the approximate degrees of freedom of ICC(2,1) can give such a one.
    """
    if not math.isfinite(value):
        return Coefficient(
            name,
            over,
            reason="Not defined here: the variance it divides by is estimated at 0 or below.",
        )
    if low > value or high < value:
        low = high = math.nan
    return Coefficient(name, over, value, _known(low), _known(high), n, round(k, 6))


def _not_complete(tally: Tally) -> Coefficient:
    n, k = tally.n_clips, tally.n_raters
    full = int((tally.n_C == k).sum())
    return Coefficient(
        SIX_FORMS,
        "over raters",
        reason=f"Not every rater has rated every clip ({full} of {n} clips have all {k} raters), "
        "so the analysis of variance does not apply. Leaving clips or raters out until a full "
        "table is left would speak of those alone. What follows needs no full table.",
    )


def _sparse_rows(
    tally: Tally, parts: VarianceComponents | None, reason: str, ratings: Ratings | None
) -> list[Coefficient]:
    rows = [_not_complete(tally)]
    if parts is None:
        return [*rows, Coefficient("ICC(2,1)", _by_parts("ICC(2,1)"), reason=reason)]
    values = {
        "ICC(2,1)": (parts.icc_single, 1.0),
        "ICC(2,k)": (parts.icc_average, parts.k_harmonic),
    }
    intervals: Sequence[Interval | None] = (None, None)
    if ratings is not None:
        intervals = dependability_intervals(*ratings, ks=(1.0, parts.k_harmonic))
    for (name, (value, k)), interval in zip(values.items(), intervals, strict=True):
        low, high = _ends(interval, value)
        rows.append(defined_row(name, _by_parts(name), value, low, high, parts.n_clips, k))
    consistency, k = parts.icc_consistency, parts.k_harmonic
    over = _by_parts("ICC(3,k)")
    rows.append(defined_row("ICC(3,k)", over, consistency, math.nan, math.nan, parts.n_clips, k))
    return [
        *rows,
        Coefficient(
            ALPHA_OVER_RATERS,
            "over raters",
            reason="Alpha needs every rater on every clip. ICC(3,k) above is what it estimates.",
        ),
    ]


def _ends(found: Interval | None, value: float) -> tuple[float, float]:
    """Of the interval, or NaN where leaving clips and raters out in turn tells nothing.

    With a handful of clips or raters, or a variance below 0, it can shrink to a point or miss the
    value; neither is an interval.
    """
    if found is None:
        return math.nan, math.nan
    holds = found.low <= value <= found.high and found.high - found.low > SHOWN_STEP
    return (found.low, found.high) if holds else (math.nan, math.nan)


def _by_parts(form: str) -> str:
    return f"{ICC_WORDS[form]}; from variance components"


def _krippendorff(tally: Tally, *, has_interval: bool) -> Coefficient:
    over = "over raters, interval scale, whoever rated what; interval over clips"
    paired = int((tally.n_C > 1).sum())
    sums = tally.n_C, tally.sum_C, tally.squares_C
    try:
        value = krippendorff_alpha(*sums)
    except ValueError as reason:
        return Coefficient(KRIPPENDORFF, over, reason=str(reason))
    low = high = math.nan
    if has_interval:
        found = krippendorff_interval(*sums)
        low, high = found.low, found.high
    k = float(paired / (1 / tally.n_C[tally.n_C > 1]).sum())
    return defined_row(KRIPPENDORFF, over, value, low, high, paired, k)


def alpha_over_aspects(means_NA: Floats) -> Coefficient:
    """Cronbach's alpha over the aspects of a rubric, on the MOS of clips, or why there is none."""
    over = "over the {k} aspects as items, on clip means"
    if means_NA.shape[1] < 2:
        reason = "The rubric asks for one aspect only: alpha over aspects needs two."
    elif len(means_NA) < 2:
        reason = "Fewer than two clips have been rated so far."
    elif np.isnan(means_NA).any():
        reason = "Not every rated clip has a score on every aspect."
    else:
        return _alpha(ALPHA_OVER_ASPECTS, over, means_NA)
    return Coefficient(ALPHA_OVER_ASPECTS, over.format(k=means_NA.shape[1]), reason=reason)


def _alpha(name: str, over: str, table: Floats) -> Coefficient:
    """Alpha, with the interval of ICC(3,k), which it equals: Feldt (1965)."""
    n, k = table.shape
    try:
        alpha, equal = cronbach_alpha(table), icc_forms(table).forms["ICC(3,k)"]
    except ValueError as reason:
        return Coefficient(name, over.format(k=k), reason=str(reason))
    return defined_row(name, over.format(k=k), alpha, equal.low, equal.high, n, k)


def alphas_without(table_NK: Floats, names: Sequence[str], over: str) -> list[AlphaWithout]:
    """Alpha with each item left out in turn; nothing of a table with gaps or of two items.

    >>> rows = alphas_without(np.array([[5.0, 5, 1], [4, 4, 3], [2, 3, 2]]), "abc", "raters")
    >>> [(row.item, round(row.value, 2)) for row in rows]
    [('a', -2.0), ('b', -0.86), ('c', 0.95)]
    """
    try:
        found = alpha_if_dropped(table_NK, names)
    except ValueError:  # the row of the whole alpha says why
        return []
    return [AlphaWithout(over, name, _known(alpha)) for name, alpha in found.items()]


def _shares(parts: VarianceComponents | None, unit: float) -> list[VarianceShare]:
    """The parts with negative ones as 0; nothing where no variance is left to share out."""
    if parts is None:
        return []
    kept = {
        "between clips": max(parts.clip, 0.0),
        "between raters": max(parts.rater, 0.0),
        "residual": max(parts.residual, 0.0),
    }
    whole = sum(kept.values())
    if whole <= 0:
        return []
    return [VarianceShare(name, value * unit**2, value / whole) for name, value in kept.items()]


def _notes(
    parts: VarianceComponents | None, rows: Sequence[Coefficient], unit: float, *, is_complete: bool
) -> list[str]:
    values = {row.name: row.value for row in rows if row.value is not None}
    notes = below_zero(rows)
    if values.get("ICC(1,1)", -9.0) > values.get("ICC(2,1)", 9.0):
        notes.append(
            "ICC(1,1) is above ICC(2,1): the variance between raters was estimated below 0, which "
            "happens when raters' levels differ less than chance would make them."
        )
    if parts is not None and parts.is_clipped:
        clip, rater, residual = (
            part * unit**2 for part in (parts.clip, parts.rater, parts.residual)
        )
        where = "in the split of the variance" if is_complete else "in the coefficients"
        notes.append(
            f"A variance came out below 0 (clips {clip:.3f}, raters {rater:.3f}, "
            f"residual {residual:.3f}) and counts as 0 {where}."
        )
    if parts is not None and not parts.is_connected:
        notes.append(
            f"Raters and clips fall into {parts.n_islands} groups that share no rating: "
            "differences between the groups may be the raters' or the clips'."
        )
    return notes


def below_zero(rows: Sequence[Coefficient]) -> list[str]:
    """What is to be said of coefficients that are negative."""
    notes = []
    values = {row.name: row.value for row in rows if row.value is not None}
    negative = [name for name, value in values.items() if value <= -SHOWN_STEP / 2]
    over_raters = [name for name in negative if name != ALPHA_OVER_ASPECTS]
    if over_raters:
        notes.append(
            f"Below 0: {', '.join(over_raters)}. Clips differ less than the noise between raters "
            "alone would make them. The values are shown as they are."
        )
    if ALPHA_OVER_ASPECTS in negative:
        notes.append(
            f"Below 0: {ALPHA_OVER_ASPECTS}. Across clips the aspects go against one another, so "
            "their sum measures no one thing. The value is shown as it is."
        )
    return notes


def _known(value: float) -> float | None:
    """The value, or None where it is not defined: pages and JSON know no NaN."""
    return float(value) if math.isfinite(value) else None
