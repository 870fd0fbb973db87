"""`manage.py proxy_study TABLE.csv --human COLUMN`: weightings compared on a table of your own."""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import joblib
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from learner.proxy.normalise import KINDS
from learner.proxy.study import Columns, Reading, StudyPlan, as_text, read_frame, run_study
from learner.proxy.study import study_table as read_table
from learner.proxy.study.run import BASELINE, LABELS, REPEATS
from learner.registry import shelf

NONE = "none"
STOPPED = 130  # what shells call a program that Ctrl-C ended


class Command(BaseCommand):
    """Run the study of a file and print it."""

    help = (
        "Compare weightings of metrics, their intervals, ways to fill holes and query strategies on"
        " any table of items with metrics and a human score. Neither campaign nor database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, its columns, and what is compared."""
        parser.add_argument("table", type=Path, help="CSV, TSV or Parquet: a row an item")
        parser.add_argument("--human", required=True, metavar="COLUMN", help="scores by people")
        parser.add_argument("--group", metavar="COLUMN", help="items of one are never split")
        for name, words in (
            ("lower-is-better", "metrics of which less is better"),
            ("metrics", "only these"),
            ("ignore", "not these"),
        ):
            parser.add_argument(f"--{name}", type=_names, default=(), metavar="A,B", help=words)
        parser.add_argument("--normalisation", choices=KINDS, default=KINDS[0])
        parser.add_argument("--scale", type=_scale, metavar="LOW,HIGH", help="of human scores")
        parser.add_argument("--labels", type=_counts, default=LABELS, metavar="15,30")
        parser.add_argument("--repeats", type=int, default=REPEATS)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--strategies", type=_names, metavar="A,B", help=f"or {NONE}")
        parser.add_argument("--jobs", type=int, help="processes; as many as cores if not given")
        parser.add_argument("--json", action="store_true", help="for programs")
        parser.add_argument("--out", type=Path, metavar="FILE", help="in place of printing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, study, write."""
        out = options["out"]
        if out is not None and not out.absolute().parent.is_dir():  # known before minutes are spent
            raise CommandError(f"{out} cannot be written: there is no folder {out.parent}.")
        try:
            found = _study(options)
        except ValueError as refusal:
            raise CommandError(str(refusal)) from refusal
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing is written.", returncode=STOPPED) from None
        text = json.dumps(found, indent=2, allow_nan=False) if options["json"] else as_text(found)
        if out is None:
            self.stdout.write(text)
            return
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            words = f"{out} cannot be written: {error.strerror or error}."
            raise CommandError(words) from error


def _study(options: dict[str, Any]) -> dict[str, Any]:
    """Everything that is printed, as plain values."""
    jobs = joblib.cpu_count() if options["jobs"] is None else options["jobs"]
    if jobs < 1:
        raise ValueError(f"{jobs} jobs do nothing: give 1 or more.")
    plan = StudyPlan(
        labels=tuple(options["labels"]),
        repeats=options["repeats"],
        seed=options["seed"],
        strategies=_strategies(options["strategies"]),
    )
    columns = Columns(
        human=options["human"],
        group=options["group"],
        lower_is_better=tuple(options["lower_is_better"]),
        metrics=tuple(options["metrics"]),
        ignore=tuple(options["ignore"]),
    )
    frame = read_frame(options["table"])
    read = read_table(frame, columns, options["normalisation"], options["scale"])
    found = run_study(read.table, plan, jobs=jobs, told=_told)
    return dict(_plain({"table": _described(read, columns, options["table"]), **found}))


def _strategies(asked: tuple[str, ...] | None) -> tuple[str, ...]:
    if asked is None:
        return tuple(name for name in shelf("strategy").names() if name != BASELINE)
    return () if asked == (NONE,) else asked


def _described(read: Reading, columns: Columns, path: Path) -> dict[str, Any]:
    table = read.table
    return {
        "path": str(path),
        "human": columns.human,
        "group": columns.group,
        "n_items": len(table.human_N),
        "n_groups": table.n_groups,
        "metrics": table.names,
        "lower_is_better": columns.lower_is_better,
        "left_out": read.left_out,
    }


def _told(repeats: Iterator[Any], n: int, part: str) -> Iterable[Any]:
    bar: Iterable[Any] = tqdm(repeats, total=n, desc=part, file=sys.stderr, dynamic_ncols=True)
    return bar


def _plain(value: Any) -> Any:
    """Lists for tuples, and None for what JSON has no number for."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(count) for count in _names(text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not of numbers such as 15,30,60") from None


def _scale(text: str) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in _names(text))
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not two numbers such as 1,5") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ArgumentTypeError(f"{text!r} must be a lower and a higher number")
    return low, high
