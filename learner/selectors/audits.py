"""What pages show of an audit."""

from __future__ import annotations

from math import isfinite
from typing import Any

from learner.audit import AuditReport
from learner.charts import interval_row, learning_curve
from learner.models import Audit

FIGURES = {"pcc": "PCC", "srcc": "SRCC", "r2": "R²"}


def audit_charts(audit: Audit) -> dict[str, Any]:
    """The report of an audit with its charts: the paper's table 4, with what it left out."""
    report = AuditReport.from_json(audit.report)
    primary = [row for row in report.rows if row.figure == "pcc"]
    ends = [abs(end) for row in primary for end in (row.low, row.high) if isfinite(end)]
    reach = max(ends, default=0.0) or 1.0
    tables = []
    for figure, title in FIGURES.items():
        rows = [row for row in report.rows if row.figure == figure]
        tables.append(
            {
                "title": title,
                "rows": [
                    (row, interval_row(row.difference, row.low, row.high, -reach, reach))
                    for row in rows
                ],
            }
        )
    curve = next(curve for curve in report.curves if curve.figure == "pcc")
    return {
        "report": report,
        "tables": tables,
        "curve": learning_curve(_series(curve, audit.strategy), "labels", "PCC on test clips"),
    }


def _series(curve: Any, strategy: str) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Mean PCC of both arms over labels."""
    arms = ((strategy.replace("_", "-"), curve.asked), ("random", curve.random))
    return [
        (name, [(x, y, None, None) for x, y in zip(curve.labels, values, strict=False)])
        for name, values in arms
    ]
