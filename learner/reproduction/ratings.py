"""The paper's table 1: how far raters agree, aspect by aspect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learner.reproduction import printed
from learner.reproduction.contents import TITLES
from learner.reproduction.table import PRINTED, Column, Table
from mos.summaries import (
    ALPHA_OVER_ASPECTS,
    ALPHA_OVER_RATERS,
    KRIPPENDORFF,
    Coefficient,
    Reliability,
)

FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
COLUMNS = (
    Column("name", "Aspect"),
    Column("n", "Clips", 0),
    Column("k", "k", 1),
    *(Column(form, form, 2) for form in FORMS),
    Column(ALPHA_OVER_RATERS, "Alpha over raters", 2),
    Column(KRIPPENDORFF, "Krippendorff's alpha", 2),
    Column(PRINTED, "In print"),
)


def table_1(found: Mapping[str, tuple[str, Reliability]]) -> Table:
    """Every coefficient that the design allows, with its interval.

    Source: the paper's table 1; Shrout and Fleiss (1979) for the forms.

    Args:
        found: By key of an aspect its name and what is said of its ratings.
    """
    rows = [_row(key, name, one) for key, (name, one) in found.items()]
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
        place = coefficient.name
        if coefficient.value is None or place == ALPHA_OVER_ASPECTS:
            continue
        row |= {
            "n": coefficient.n,
            place: coefficient.value,
            f"{place}_low": coefficient.low,
            f"{place}_high": coefficient.high,
        }
        if place.endswith("k)"):
            row["k"] = coefficient.k
    return row


def _notes(found: Sequence[Reliability]) -> list[str]:
    """Alpha over aspects, which is one for all; what the design forbids; each once."""
    over_aspects = [
        f"{one.name}, {one.over}: {_with_interval(one)}"
        for one in found[0].coefficients
        if one.name == ALPHA_OVER_ASPECTS and one.value is not None
    ]
    reasons = [
        f"{coefficient.name}: {coefficient.reason}"
        for one in found
        for coefficient in one.coefficients
        if coefficient.reason
    ]
    said = [note for one in found for note in one.notes]
    k = "k is the number of ratings of a clip, its harmonic mean where clips have more or fewer."
    return [*over_aspects, k, *dict.fromkeys([*reasons, *said])]


def _with_interval(one: Coefficient) -> str:
    if one.low is None or one.high is None:
        return f"{one.value:.2f}."
    return f"{one.value:.2f} ({one.low:.2f} … {one.high:.2f})."
