"""The paper's table 1: how far raters agree, aspect by aspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learner.reproduction import printed
from learner.reproduction.contents import TITLES
from learner.reproduction.table import PRINTED, Column, Table
from mos.summaries import ALPHA_OVER_ASPECTS, ALPHA_OVER_RATERS, KRIPPENDORFF, Reliability

FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
COLUMNS = (
    Column("name", "Aspect"),
    Column("n", "Clips"),
    Column("k", "k", 1),
    *(Column(form, form, 2) for form in FORMS),
    Column(ALPHA_OVER_RATERS, "Alpha over raters", 2),
    Column(KRIPPENDORFF, "Krippendorff's alpha", 2),
    Column(ALPHA_OVER_ASPECTS, "Alpha over aspects", 2),
    Column(PRINTED, "In print"),
)


def table_1(found: Mapping[str, tuple[str, Reliability]]) -> Table:
    """Every coefficient that the design allows, with its interval.

    Source: the paper's table 1; Shrout and Fleiss (1979) for the forms.

    Args:
        found: By key of an aspect its name and what is said of its ratings.
    """
    rows = [_row(key, name, one) for key, (name, one) in found.items()]
    over_aspects = next((row for row in rows if row.get(ALPHA_OVER_ASPECTS) is not None), None)
    if over_aspects is not None:
        kept = {end: over_aspects[ALPHA_OVER_ASPECTS + end] for end in ("", "_low", "_high")}
        rows = [{k: v for k, v in r.items() if not k.startswith(ALPHA_OVER_ASPECTS)} for r in rows]
        together = {ALPHA_OVER_ASPECTS + end: value for end, value in kept.items()}
        rows.append({"name": "all aspects together", **together})
    is_rated = any(row.get("n") for row in rows)
    return Table(
        key="table-1",
        title=TITLES["table-1"],
        says="How far raters agree on each aspect, by form of the intraclass correlation, with "
        "intervals at 95 %.",
        columns=COLUMNS,
        rows=rows if is_rated else [],
        notes=_notes([one for _, one in found.values()]) if is_rated else [],
        apart=printed.RELIABILITY_APART,
        odd=printed.RELIABILITY_ODD,
        missing="" if is_rated else "No clip has two ratings yet: collect some.",
    )


def _row(key: str, name: str, one: Reliability) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, PRINTED: printed.printed(printed.RELIABILITY, key)}
    for coefficient in one.coefficients:
        if coefficient.value is None:
            continue
        place = coefficient.name
        row |= {
            place: coefficient.value,
            f"{place}_low": coefficient.low,
            f"{place}_high": coefficient.high,
        }
        if place != ALPHA_OVER_ASPECTS:
            row["n"] = coefficient.n
        if place.endswith("k)"):
            row["k"] = coefficient.k
    return row


def _notes(found: Sequence[Reliability]) -> list[str]:
    """What the design forbids, and what the figures themselves want said, each once."""
    reasons = [
        f"{coefficient.name}: {coefficient.reason}"
        for one in found
        for coefficient in one.coefficients
        if coefficient.reason
    ]
    said = [note for one in found for note in one.notes]
    k = "k is the number of ratings of a clip, its harmonic mean where clips have more or fewer."
    return [k, *dict.fromkeys([*reasons, *said])]
