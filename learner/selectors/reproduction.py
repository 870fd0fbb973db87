"""A stored reproduction as pages and files show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from learner.charts import metric_radar
from learner.models import Reproduction
from learner.reproduction.markdown import as_markdown
from learner.reproduction.table import Table

STYLES = ("css/dubscore.css", "css/learner.css")
KINDS = {"html": "text/html", "md": "text/markdown", "json": "application/json"}


def report_shown(report: dict[str, Any]) -> dict[str, Any]:
    """Tables, and the wheel of figure 2, for a template."""
    tables = [Table.from_json(kept) for kept in report["tables"]]
    figure = next(table for table in tables if table.key == "figure-2")
    spokes = [(row["name"], row["pcc"], row["srcc"]) for row in figure.rows]
    return {"report": report, "tables": tables, "radar": metric_radar(spokes) if spokes else None}


def report_file(asked: Reproduction, kind: str) -> str:
    """The whole report as one file that stands by itself.

    Raises:
        ValueError: it has none yet, or the kind is none of `KINDS`.
    """
    if not asked.report:
        raise ValueError(f"{asked} is {asked.state}: it has no report yet")
    if kind not in KINDS:
        raise ValueError(f"no file of kind {kind!r}; there are {', '.join(KINDS)}")
    if kind == "json":
        return json.dumps(asked.report, indent=2, ensure_ascii=False) + "\n"
    if kind == "md":
        return as_markdown(asked.report)
    styles = [Path(found).read_text(encoding="utf-8") for found in map(finders.find, STYLES)]
    context = {**report_shown(asked.report), "asked": asked, "styles": styles}
    return render_to_string("learner/reproduction_file.html", context)
