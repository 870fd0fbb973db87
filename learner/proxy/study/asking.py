"""Would a query strategy have done better than chance on this table?

Shape letters: N items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.audit import AuditData, SeedResult, audit_report
from learner.proxy.study.table import StudyTable

Floats = NDArray[np.float64]
MOST_ITEMS = 600
SAMPLING = 8  # no stream of chance that another part of the study draws from


def audit_data(table: StudyTable, z_NM: Floats, seed: int) -> AuditData:
    """The table as an audit takes it: at most 600 items, scores from 1 to 5.

    Args:
        table: What is studied.
        z_NM: Its scores without holes.
        seed: Of the sample.
    """
    low, high = table.scale
    rows = np.arange(len(z_NM))
    if len(rows) > MOST_ITEMS:
        chance = np.random.default_rng([seed, SAMPLING])
        rows = np.sort(chance.choice(rows, MOST_ITEMS, replace=False))
    mos_N = 1 + 4 * (table.human_N[rows] - low) / (high - low)
    sources = tuple(str(group) for group in table.group_N[rows])
    return AuditData(z_NM[rows], mos_N, sources, ("",) * len(rows))


def judged(results: Sequence[SeedResult], data: AuditData) -> dict[str, Any]:
    """What the replays of one strategy say, without the curves."""
    found = audit_report(results).to_json()
    return {key: value for key, value in found.items() if key != "curves"} | {"n_items": data.n}
