"""A report as Markdown: one heading a table, pipes for columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from learner.reproduction.table import Table

APART = "Why it is not comparable with print:"
ODD = "What does not add up in print:"


def as_markdown(report: Mapping[str, Any]) -> str:
    """The whole report.

    Args:
        report: `title`, `words` (paragraphs), `facts` (pairs of name and value), and `tables` as of
            `Table.to_json`.

    >>> print(as_markdown({"title": "T", "words": ["W."], "facts": [["seed", 3]], "tables": []}))
    # T
    <BLANKLINE>
    W.
    <BLANKLINE>
    * seed: 3
    <BLANKLINE>
    """
    blocks = [f"# {_plain(report['title'])}", *map(_plain, report["words"])]
    blocks.append(_bullets(f"{name}: {value}" for name, value in report["facts"]))
    for kept in report["tables"]:
        blocks += _blocks(Table.from_json(kept))
    return "\n\n".join(filter(None, blocks)) + "\n"


def table_markdown(table: Table) -> str:
    """Columns and rows of one table; `|` inside a cell is escaped.

    >>> from learner.reproduction.table import Column
    >>> print(table_markdown(Table("t", "T", "", [Column("a", "A"), Column("b", "B", 1)],
    ...                            [{"a": "x|y", "b": 2}])))
    | A | B |
    |---|---:|
    | x\\|y | 2.0 |
    """
    heads = [_cell(column.title) for column in table.shown]
    rules = ["---:" if column.is_number else "---" for column in table.shown]
    rows = [[_cell(cell.whole) for cell in row] for row in table.cells]
    return "\n".join([_row(heads), f"|{'|'.join(rules)}|", *map(_row, rows)])


def _blocks(table: Table) -> list[str]:
    found = [f"## {_plain(table.title)}", _plain(table.says)]
    found.append(f"**Not made.** {_plain(table.missing)}" if table.missing else "")
    found.append(table_markdown(table) if table.rows else "")
    found.append(_bullets(table.notes))
    for head, lines in ((APART, table.apart), (ODD, table.odd)):
        found += [head, _bullets(lines)] if lines else []
    return found


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"* {_plain(line)}" for line in lines)


def _plain(text: Any) -> str:
    """On one line: what people name campaigns and clips must not end a heading or a row."""
    return " ".join(str(text).split())


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
