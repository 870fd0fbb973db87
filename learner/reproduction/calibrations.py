"""The paper's table 3: whether intervals of the proxy and of the network hold what they promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learner.reproduction import printed
from learner.reproduction.contents import TITLES
from learner.reproduction.table import PRINTED, Column, Table

COLUMNS = (
    Column("name", "Intervals of"),
    Column("n", "Clips", 0),
    Column("level", "Promised", 2),
    Column("picp", "PICP", 2),
    Column("mpiw", "MPIW", 2),
    Column("ece", "ECE", 3),
    Column("crps", "CRPS", 3),
    Column("apv_epistemic", "APV, not knowing", 3),
    Column("apv_total", "APV, all", 3),
    Column(PRINTED, "In print"),
)


def table_3(found: Sequence[tuple[str, Mapping[str, Any] | None]]) -> Table:
    """Coverage, width and scores of intervals, of clips that had no part in the fit.

    Source: the paper's table 3.

    Args:
        found: In order, of what the intervals are and their calibration as
            `learner.proxy.calibration.Calibration.to_json` has it; None where there is none.
    """
    rows = [_row(name, one) for name, one in found if one]
    if rows:
        rows[0][PRINTED] = printed.CALIBRATION
    without = [name for name, one in found if not one]
    notes = [
        "PICP: share of intervals that held, with its 95 % Wilson interval. MPIW: mean width in "
        "MOS points. ECE: mean distance of found from promised shares over all levels. CRPS: in "
        "MOS points, 0 is perfect. APV: average predicted variance, of what more labels could tell "
        "and of all.",
        "What print has stands in the first row, as a range over its rows.",
    ]
    if without:
        notes.append(f"Without intervals, for lack of labels or of a rising line: {_list(without)}")
    return Table(
        key="table-3",
        title=TITLES["table-3"],
        says="Whether intervals of a MOS hold what they promise, on clips left out of the fit.",
        columns=COLUMNS,
        rows=rows,
        notes=notes,
        apart=printed.CALIBRATION_APART,
        odd=printed.CALIBRATION_ODD,
        missing="" if rows else "Too few clips have a MOS to judge any interval: collect more.",
    )


def _row(name: str, one: Mapping[str, Any]) -> dict[str, Any]:
    kept = {column.key: one.get(column.key) for column in COLUMNS[1:-1]}
    ends = {end: one.get(end) for end in ("picp_low", "picp_high")}
    return {**kept, **ends, "name": name, PRINTED: None}


def _list(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names)) + "."
