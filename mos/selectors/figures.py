"""What is said of collected ratings: agreement, dubs beside their sources, spread."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mos.clip_table import ClipTable
from mos.differences import SOS, GroupDMOS, dmos_groups, dmos_table, sos_parameter
from mos.selectors import Collected
from mos.summaries import Reliability, alphas_without, reliability

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def clip_table(found: Collected) -> ClipTable:
    """MOS of the rated clips, recovered too where scores are known one by one."""
    return ClipTable.of(found.tally, found.clips, found.rank_C, found.labels, found.one_by_one)


def summarise(found: Collected) -> Reliability:
    """All that is said of how far raters agree on what was collected."""
    ratings = found.one_by_one
    whole = reliability(found.tally, found.n_islands, found.means_NA, ratings)
    names = [aspect.name for aspect in found.aspects]
    without = alphas_without(found.means_NA, names, "aspects")
    if ratings is not None and found.tally.is_complete:
        raters, table_NK = _complete(*ratings)
        names = [found.raters[place].name for place in raters.tolist()]
        without = [*alphas_without(table_NK, names, "raters"), *without]
    return replace(whole, without=without)


def _complete(scores_T: Ints, clip_T: Ints, rater_T: Ints) -> tuple[Ints, Floats]:
    """Places of the raters, and every score by clip and rater."""
    raters, column_T = np.unique(rater_T, return_inverse=True)
    clips, row_T = np.unique(clip_T, return_inverse=True)
    table_NK = np.empty((len(clips), len(raters)))
    table_NK[row_T, column_T] = scores_T
    return raters, table_NK


@dataclass(frozen=True)
class References:
    """DMOS by system; how many ratings of dubs had no rating of the source beside them."""

    systems: list[GroupDMOS]
    n_unpaired: int


def references(found: Collected) -> References | None:
    """DMOS of the dubs whose source was rated too; None where there is none.

    Scores must be known one by one.
    """
    if found.one_by_one is None:
        return None
    place_of = {clip.pk: place for place, clip in enumerate(found.clips)}
    reference_of = {
        place: place_of[clip.source_id]
        for place, clip in enumerate(found.clips)
        if clip.source_id in place_of
    }
    if not reference_of:
        return None
    try:
        table = dmos_table(*found.one_by_one, reference_of)
    except ValueError:  # nobody rated both a dub and its source
        return None
    system_of = {place: found.clips[place].system for place in reference_of}
    return References(dmos_groups(table, system_of), table.n_unpaired)


def spread(table: ClipTable) -> SOS | None:
    """How far raters disagree; None where no clip can tell."""
    try:
        return sos_parameter(table.mos.mos_raw, table.mos.sd)
    except ValueError:  # no clip between the ends of the scale has two ratings
        return None
