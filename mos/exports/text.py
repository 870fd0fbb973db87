"""Rows as CSV and as JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from mos.exports.rows import COLUMNS, Row, in_blocks

# A spreadsheet runs a cell that begins so as a formula; OWASP, "CSV injection".
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_blocks(rows: Iterator[Row], columns: Iterable[str] = COLUMNS) -> Iterator[bytes]:
    """The column names, then the rows; what begins like a formula gets an apostrophe."""
    yield csv_text([columns])
    for block in in_blocks(rows):
        yield csv_text(row.values() for row in block)


def csv_text(rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows of cells."""
    text = StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return _moment(value) if isinstance(value, datetime) else value


def _moment(value: datetime) -> str:
    """One form for every moment: without this, a whole second is written without its fraction."""
    return value.isoformat(timespec="microseconds")


def jsonl_blocks(rows: Iterator[Row]) -> Iterator[bytes]:
    """An object a line."""
    for block in in_blocks(rows):
        yield "".join(jsonl_line(row) for row in block).encode()


def jsonl_line(row: Row) -> str:
    """One row; every text as it is."""
    return json.dumps(row, ensure_ascii=False, default=_moment) + "\n"
