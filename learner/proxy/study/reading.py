"""From a file to a table to be studied, saying of every column and item why it is left out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from learner.proxy.study.table import StudyTable

Floats = NDArray[np.float64]
SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")
FEWEST_ITEMS = 40
# What describes an item, or says who made or rated it: a number there measures nothing.
NO_METRICS = frozenset(
    ["item", "id", "clip", "clip_id", "name", "index", "group", "source", "source_id"]
    + ["system", "sys", "rater", "split"]
)


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Args:
        human: Scores by people.
        group: What items have in common; None where nothing is known.
        lower_is_better: Metrics of which less is better.
        metrics: These alone; every numeric column if empty.
        ignore: Not these.
    """

    human: str
    group: str | None = None
    lower_is_better: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A table, and sentences about what of the file is not in it."""

    table: StudyTable
    left_out: tuple[str, ...]


def read_frame(path: Path) -> pd.DataFrame:
    """The columns of a CSV, TSV or Parquet file, by its suffix.

    Raises:
        ValueError: no such suffix, a file that cannot be read or is empty, or two columns of one
            name.
    """
    suffix = path.suffix.lower()
    if suffix not in (*SEPARATORS, *PARQUET):
        known = ", ".join((*SEPARATORS, *PARQUET))
        raise ValueError(f"{path} ends in {suffix or 'no suffix'!r}; tables end in {known}.")
    try:
        path.open("rb").close()  # pyarrow's words for a file that is not there are its name alone
        frame = _read(path, SEPARATORS.get(suffix))
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path} is empty: a table has a line of column names.") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} is no table: {str(error).strip()}") from error
    twice = sorted(set(frame.columns[frame.columns.duplicated()]))
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}: rename or drop one.")
    if not len(frame):
        raise ValueError(f"{path} is empty: it has {len(frame.columns)} columns and no row.")
    return frame


def _read(path: Path, separator: str | None) -> pd.DataFrame:
    if separator is None:
        frame = pd.read_parquet(path).reset_index(drop=True)
        return frame.set_axis([str(name).strip() for name in frame.columns], axis=1)
    kind = {"sep": separator, "encoding": "utf-8-sig", "index_col": False}
    # pandas would call the second of two equal names `name.1`, and none `Unnamed: 0`.
    head = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, **kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # of cells beyond the last column
        frame = pd.read_csv(path, low_memory=False, **kind)
    return frame.set_axis([str(name).strip() for name in head.iloc[0]], axis=1)


def study_table(
    frame: pd.DataFrame,
    columns: Columns,
    kind: str = "rank-gauss",
    limits: tuple[float, float] | None = None,
) -> Reading:
    """Take metrics, human scores and groups out of a table.

    Metrics are all numeric columns but the human score, the group, what is to be ignored, and
    columns that by their name describe an item; of those that are named, exactly these.

    Args:
        frame: A row an item.
        columns: Which is what.
        kind: Of normalisation.
        limits: Lowest and highest score people could give.

    Raises:
        ValueError: a column that is not there or is none of numbers, fewer than 40 items with a
            human score and a metric, no metric, an infinite value, or what `StudyTable` refuses.

    >>> snr = [n % 7 for n in range(50)]
    >>> frame = pd.DataFrame({"human": range(50), "snr": snr, "lang": ["de"] * 50})
    >>> study_table(frame, Columns("human")).left_out
    ('lang is no metric: it is not of numbers.',)
    """
    _check_names(frame, columns)
    human_N = _human(frame, columns.human)
    names, said = _metrics(frame, columns)
    values_NM = np.column_stack([_numbers(frame, name) for name in names])
    has_human_N, has_any_N = ~np.isnan(human_N), ~np.isnan(values_NM).all(axis=1)
    said += _lost(int((~has_human_N).sum()), f"no {columns.human}")
    said += _lost(int((has_human_N & ~has_any_N).sum()), "no metric")
    keep_N = has_human_N & has_any_N
    if keep_N.sum() < FEWEST_ITEMS:
        raise ValueError(
            f"{keep_N.sum()} items have {columns.human} and a metric; {FEWEST_ITEMS} are needed: "
            "rate more items."
        )
    values_NM, human_N = values_NM[keep_N], human_N[keep_N]
    live, dead = _live(names, values_NM)
    _check_directions(columns, names, [names[m] for m in live])
    table = StudyTable(
        names=tuple(names[m] for m in live),
        values_NM=values_NM[:, live],
        directions=tuple(-1 if names[m] in columns.lower_is_better else 1 for m in live),
        human_N=human_N,
        group_N=_groups(frame, columns.group)[keep_N],
        kind=kind,
        limits=limits,
    )
    return Reading(table, (*said, *dead, *_copies(table, columns.human)))


def _check_names(frame: pd.DataFrame, columns: Columns) -> None:
    """Every column that is named must be there, and none may be two things."""
    known = list(frame.columns)
    named = [columns.human, *([columns.group] if columns.group is not None else [])]
    for name in (*named, *columns.metrics, *columns.ignore):
        if name not in known:
            hint = " A CSV has commas between its columns." if len(known) == 1 else ""
            raise ValueError(f"No column is called {name!r}: there are {_listed(known)}.{hint}")
    if columns.group == columns.human:
        raise ValueError(f"{columns.human} cannot be both the human score and the group.")
    for name in columns.metrics:
        if name in named:
            raise ValueError(f"{name} is the human score or the group: it cannot be a metric too.")
        if name in columns.ignore:
            raise ValueError(f"{name} cannot be both a metric and ignored.")
        if not _is_numeric(frame[name]):
            raise ValueError(f"{name} is not of numbers: {_first_word(frame[name])}.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name or "(a column without a name)" for name in names)


def _is_numeric(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column))


def _first_word(column: pd.Series[Any]) -> str:
    """Where a column holds something else than numbers."""
    wrong = column.notna() & pd.to_numeric(column, errors="coerce").isna()
    if not wrong.any():
        return f"it is of {column.dtype}"
    at = int(np.flatnonzero(wrong)[0])
    return f"row {at + 1} has {column.iloc[at]!r}"


def _human(frame: pd.DataFrame, name: str) -> Floats:
    if not _is_numeric(frame[name]):
        raise ValueError(
            f"{name} is no human score: {_first_word(frame[name])}. Correct it, leave the cell "
            "empty, or name another column."
        )
    human_N = _numbers(frame, name)
    given_N = human_N[~np.isnan(human_N)]
    if len(given_N) and np.ptp(given_N) == 0:
        raise ValueError(
            f"{name} is {given_N[0]:g} for every item: there is nothing to compare with. Name "
            "another column."
        )
    return human_N


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    values_N = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    infinite_N = np.isinf(values_N)
    if infinite_N.any():
        at = int(np.flatnonzero(infinite_N)[0])
        raise ValueError(
            f"{name} is infinite in row {at + 1} and {int(infinite_N.sum())} in all: leave such "
            "cells empty, or leave the column out."
        )
    return np.asarray(values_N)


def _metrics(frame: pd.DataFrame, columns: Columns) -> tuple[list[str], list[str]]:
    """Names of the metrics, and why other columns are none."""
    said = []
    names = []
    for name in frame.columns:
        if name in (columns.human, columns.group):
            continue
        reason = _why_not(frame, name, columns)
        if reason:
            said.append(f"{name or 'A column without a name'} is no metric: {reason}.")
        else:
            names.append(name)
    if not names:
        raise ValueError(
            f"There is no metric beside {columns.human}: {' '.join(said) or 'add columns.'}"
        )
    return names, said


def _why_not(frame: pd.DataFrame, name: str, columns: Columns) -> str:
    """Why a column is no metric; empty where it is one."""
    if columns.metrics:
        return "" if name in columns.metrics else "it is not among those asked for"
    if name in columns.ignore:
        return "it is to be ignored"
    if not name or name.lower() in NO_METRICS:
        return "by its name it describes an item"
    return "" if _is_numeric(frame[name]) else "it is not of numbers"


def _lost(n: int, what: str) -> list[str]:
    has = "1 item has" if n == 1 else f"{n} items have"
    return [f"{has} {what} and {'is' if n == 1 else 'are'} left out."] if n else []


def _live(names: Sequence[str], values_NM: Floats) -> tuple[list[int], list[str]]:
    """Metrics that vary over the items, and why others are left out."""
    live, said = [], []
    for m, name in enumerate(names):
        there_N = values_NM[~np.isnan(values_NM[:, m]), m]
        if not len(there_N):
            said.append(f"{name} is left out: it has no value.")
        elif np.ptp(there_N) == 0:
            said.append(f"{name} is left out: it is {there_N[0]:g} for every item.")
        else:
            live.append(m)
    if not live:
        raise ValueError(f"No metric varies over the items: {' '.join(said)}")
    return live, said


def _check_directions(columns: Columns, names: Sequence[str], live: Sequence[str]) -> None:
    """A misspelt direction would go unseen."""
    for name in columns.lower_is_better:
        if name not in names:
            raise ValueError(f"{name!r} is no metric: there are {_listed(live)}.")


def _groups(frame: pd.DataFrame, name: str | None) -> NDArray[np.int64]:
    """Codes of the groups; an item without one is a group of its own."""
    if name is None:
        return np.arange(len(frame))
    code_N = np.asarray(pd.factorize(frame[name])[0], dtype=np.int64)
    return np.where(code_N < 0, code_N.max() + 1 + np.arange(len(frame)), code_N)


def _copies(table: StudyTable, human: str) -> list[str]:
    """A metric made from the human score would make every weighting look good."""
    said = []
    for m, name in enumerate(table.names):
        there_N = ~np.isnan(table.values_NM[:, m])
        pair = np.array([table.values_NM[there_N, m], table.human_N[there_N]])
        if (
            there_N.sum() > 2
            and np.ptp(pair, axis=1).all()
            and abs(np.corrcoef(pair)[0, 1]) > 0.999
        ):
            said.append(f"{name} is kept, yet it all but equals {human}: is it made from it?")
    return said
