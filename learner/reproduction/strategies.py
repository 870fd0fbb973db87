"""The paper's table 4: strategies of choosing clips against random at shares of a budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from learner.audit import AuditReport
from learner.audit.figures import NAMES
from learner.reproduction import printed
from learner.reproduction.contents import TITLES
from learner.reproduction.table import NOT_AT_HAND, PRINTED, Column, Table

COLUMNS = (
    Column("name", "Strategy"),
    Column("share", "Budget"),
    Column("labels", "Labels", 0),
    Column("figure", "Figure"),
    Column("asked", "Strategy has", 3),
    Column("random", "Random has", 3),
    Column("difference", "Difference", 3),
    Column("p_holm", "p, Holm", 3),
    Column("saved", "Labels saved", 0),
    Column(PRINTED, "In print"),
)
THIRDS = ("33 %", "66 %", "100 %")


def table_4(reports: Sequence[AuditReport], missing: str = "", aside: Sequence[str] = ()) -> Table:
    """Each strategy beside random at each budget, over paired replays.

    Source: the paper's table 4.

    Args:
        reports: Audits, one a strategy.
        missing: Why there is none.
        aside: More to be said of them.
    """
    rows = [row for report in reports for row in _rows(report)]
    notes = [
        "Mean over paired replays of the collected labels: same split, same first labels, same "
        "test clips for both. The interval of a difference is at 95 % and speaks of these clips.",
        *(f"{_plain(report.strategy)}: {report.verdict} {report.reach}" for report in reports),
        *aside,
    ]
    return Table(
        key="table-4",
        title=TITLES["table-4"],
        says="What the same number of labels buys when a strategy chooses the clips, and when "
        "chance does.",
        columns=COLUMNS,
        rows=rows,
        notes=notes if rows else [],
        apart=printed.STRATEGY_APART,
        odd=printed.STRATEGY_ODD,
        missing="" if rows else missing,
    )


def _rows(report: AuditReport) -> list[dict[str, Any]]:
    budgets = sorted({row.labels for row in report.rows})
    shares = THIRDS if len(budgets) == len(THIRDS) else [""] * len(budgets)
    share_of = dict(zip(budgets, shares, strict=True))
    saving_of = {saving.labels: saving for saving in report.savings}
    rows = []
    for row in report.rows:
        saving = saving_of.get(row.labels) if row.figure == "pcc" else None
        is_last_pcc = row.figure == "pcc" and row.labels == budgets[-1]
        figures = ("asked", "random", "difference", "p_holm")
        rows.append(
            {
                "name": _plain(report.strategy),
                "share": share_of[row.labels] or None,
                "labels": row.labels,
                "figure": NAMES[row.figure],
                **{name: _known(getattr(row, name)) for name in figures},
                "difference_low": _known(row.low),
                "difference_high": _known(row.high),
                "saved": saving and _known(saving.saved),
                "saved_low": saving and _known(saving.low),
                "saved_high": saving and _known(saving.high),
                PRINTED: printed.STRATEGY if is_last_pcc else NOT_AT_HAND,
            }
        )
    return rows


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _plain(strategy: str) -> str:
    """As people read it.

    >>> _plain("d_optimal")
    'd-optimal'
    """
    return strategy.replace("_", "-")
