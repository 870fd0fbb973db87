"""A table of a report as plain data: what was found, what is printed, and what keeps them apart.

Rows are dictionaries by column, as `learner.fusion.evaluation.agreement` makes them: a figure under
its key, the ends of its interval under `KEY_low` and `KEY_high`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

UNKNOWN = "–"
PRINTED = "printed"  # the column of what the paper prints
NOT_AT_HAND = "not at hand"


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        key: Of a row's value.
        title: As it is shown.
        digits: Decimals of a number; None where it is words.
    """

    key: str
    title: str
    digits: int | None = None

    @property
    def is_number(self) -> bool:
        """Whether it is set flush right."""
        return self.digits is not None


@dataclass(frozen=True)
class Cell:
    """One value as it is shown, its interval apart so that pages may set it small.

    Args:
        title: Of its column.
        text: The value; a dash where it is not defined.
        interval: Both ends; empty where there is none.
        is_number: Of its column.
    """

    title: str
    text: str
    interval: str = ""
    is_number: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether there is nothing to be shown but a dash."""
        return self.text == UNKNOWN

    @property
    def whole(self) -> str:
        """Value and interval in one.

        >>> Cell("PCC", "0.50", "0.10 … 0.80").whole
        '0.50 (0.10 … 0.80)'
        """
        return f"{self.text} ({self.interval})" if self.interval else self.text


@dataclass(frozen=True)
class Table:
    """One table of a report.

    Args:
        key: For links and files, such as `table-2`.
        title: With its number in the paper.
        says: What it shows, in a sentence.
        columns: In order; the first names the row.
        rows: A value by column key; see the module.
        notes: How to read it.
        apart: Why it is not comparable with what is printed.
        odd: What does not add up in print.
        missing: Why there is no table, in words that name what would make one; empty if there is.
    """

    key: str
    title: str
    says: str = ""
    columns: Sequence[Column] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    apart: Sequence[str] = ()
    odd: Sequence[str] = ()
    missing: str = field(default="", kw_only=True)

    @property
    def short(self) -> str:
        """The title up to its colon.

        >>> Table("t", "Table 1: reliability").short
        'Table 1'
        """
        return self.title.partition(":")[0]

    @property
    def cells(self) -> list[list[Cell]]:
        """Every row as it is shown; columns that no row has a value for are left out.

        >>> table = Table("t", "T", "", [Column("name", "Way"), Column("pcc", "PCC", 2)],
        ...               [{"name": "all", "pcc": 0.5, "pcc_low": 0.1, "pcc_high": None}])
        >>> [cell.whole for cell in table.cells[0]]
        ['all', '0.50']
        """
        return [[_cell(column, row) for column in self.shown] for row in self.rows]

    @property
    def shown(self) -> list[Column]:
        """Columns with a value in some row."""
        return [c for c in self.columns if any(row.get(c.key) is not None for row in self.rows)]

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        kept = asdict(self)
        lists = ("columns", "rows", "notes", "apart", "odd")
        return {**kept, **{name: list(kept[name]) for name in lists}}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Table:
        """As it was stored."""
        columns = [Column(**column) for column in kept["columns"]]
        return cls(**{**kept, "columns": columns})


def _cell(column: Column, row: Mapping[str, Any]) -> Cell:
    value, low, high = (row.get(f"{column.key}{end}") for end in ("", "_low", "_high"))
    text = _text(value, column.digits)
    if value is None or low is None or high is None:
        return Cell(column.title, text, is_number=column.is_number)
    ends = f"{_text(low, column.digits)} … {_text(high, column.digits)}"
    return Cell(column.title, text, ends, column.is_number)


def _text(value: Any, digits: int | None) -> str:
    """A value in words; `-0.00` is 0.

    >>> _text(-0.001, 2), _text(None, 2), _text(12, None), _text("A", None), _text(12, 0)
    ('0.00', '–', '12', 'A', '12')
    """
    if value is None or value == "":
        return UNKNOWN
    if digits is None or isinstance(value, str):
        return str(value)
    text = f"{float(value):.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text
