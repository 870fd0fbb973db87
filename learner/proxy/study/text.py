"""A study as plain text: aligned tables, each with a line on how to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from learner.audit.verdict import p_words
from learner.proxy.study.holes import PRODUCT
from learner.proxy.study.once import WEIGHTINGS

TITLES = {"ols": "ols (eq. 6)", "nnls": "nnls (w >= 0)", "bagged": "bagged (learned)"}
FILLINGS = {PRODUCT: "expected from the others", "complete": "no holes (for comparison)"}
INTERVALS: dict[str, Callable[[dict[str, Any]], str]] = {
    "PICP": lambda row: _number(row.get("picp")),
    "MPIW, points": lambda row: _number(row.get("mpiw")),
    "MPIW, of range": lambda row: _percent(row.get("mpiw_frac")),
    "ECE": lambda row: _number(row.get("ece")),
    "CRPS": lambda row: _number(row.get("crps")),
    "APV epistemic": lambda row: _number(row.get("apv_epistemic"), 4),
    "APV total": lambda row: _number(row.get("apv_total"), 4),
    "no line": lambda row: str(row["without_line"]),
}


def as_text(found: dict[str, Any]) -> str:
    """The study for people.

    Args:
        found: Of `run_study`, with `table`: its path, items, groups, metrics, and what is left out.
    """
    parts = [_table(found["table"]), *found["notes"], ""]
    parts += [*_weightings(found["weightings"], found["settings"]), *_verdict(found["verdict"])]
    parts += [*_intervals(found["intervals"]), *_holes(found["holes"])]
    return "\n".join([*parts, *_strategies(found["strategies"])]).rstrip()


def _table(table: dict[str, Any]) -> str:
    groups = f" of {table['n_groups']} groups" if table["group"] else ""
    named = [
        f"{name} (less is better)" if name in table["lower_is_better"] else name
        for name in table["metrics"]
    ]
    head = f"{table['path']}: {table['n_items']} items{groups}, {len(named)} metrics"
    return "\n".join([f"{head}: {', '.join(named)}", *table["left_out"]])


def _verdict(verdict: dict[str, Any]) -> list[str]:
    head = ("metric", "weight", "learned, 90 %", "importance", "PCC alone, 90 %", "")
    rows = [
        (
            row["name"],
            _number(row["weights"]),
            _span(row["learned"], row["low"], row["high"], sign=""),
            _percent(row["importance"]),
            _span(row["pcc"], row["pcc_low"], row["pcc_high"]),
            "direction contradicts the ratings" if row["contradicts"] else "",
        )
        for row in verdict["metrics"]
    ]
    agreements = [
        (row["name"], _span(row["pcc"], row["low"], row["high"])) for row in verdict["agreements"]
    ]
    hint = "If less of it is better, name it in --lower-is-better."
    warned = [
        f"Warning: {one}{' ' + hint if 'contradicts' in one else ''}" for one in verdict["warnings"]
    ]
    return [
        "ALL ITEMS AS LABELS",
        verdict["sentence"],
        f"The product says: {verdict['reason']}",
        *aligned([head, *rows]),
        "",
        *aligned([("on items left out", "PCC, 90 %"), *agreements]),
        *warned,
        "",
    ]


def _weightings(found: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    labels = found["by_labels"]
    means = [
        (
            TITLES.get(name, name),
            *(_number(row["pcc"][name]) for row in labels.values()),
            _number(found["overall"][name]),
        )
        for name in WEIGHTINGS
    ]
    gaps = [
        (TITLES.get(name, name), *(_span(*row["minus_equal"][name]) for row in labels.values()))
        for name in WEIGHTINGS[1:]
    ]
    says = ("says better", *(_percent(row["says_better_frac"]) for row in labels.values()), "")
    share = ("share learned", *(_percent(row["share_learned"]) for row in labels.values()), "")
    checks = found["checks"]
    return [
        f"WEIGHTINGS, mean PCC on items left out, {settings['repeats']} repeats",
        *aligned([("labels", *labels, "mean"), *means, says, share]),
        "default is what the product uses: learned weights mixed with equal ones while in doubt.",
        "says better: repeats in which it says that learned weights are better than equal ones.",
        "",
        "Difference from equal weights, 95 % interval over repeats of this table",
        *aligned([("labels", *labels), *gaps]),
        f"Default minus equal, at its worst number of labels: {checks['default_minus_equal']:+.3f}",
        f"Default minus the mean of the two best others: {checks['default_minus_best_two']:+.3f}",
        "",
    ]


def _intervals(found: dict[str, Any]) -> list[str]:
    rows = [(name, *(show(row) for row in found.values())) for name, show in INTERVALS.items()]
    return [
        "INTERVALS AT 90 %, on items left out: PICP should be .90, MPIW small, ECE near 0",
        *aligned([("labels", *found), *rows]),
        "no line: repeats in which metrics did not rise with the human score, left out here.",
        "",
    ]


def _holes(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return ["HOLES are not looked at: nothing can stand in for the only metric.", ""]
    minus = found["conditional_mean_minus"]
    rows = [
        (
            name,
            _number(value),
            _span(*minus[name]) if name in minus else "",
            FILLINGS.get(name, ""),
        )
        for name, value in found["pcc"].items()
    ]
    return [
        f"HOLES, {_percent(found['holes_frac'])} of cells taken away at random, "
        f"{found['labels']} labels, {found['repeats']} repeats",
        *aligned([("filled by", "PCC", f"{PRODUCT} minus it, 95 %", ""), *rows]),
        "",
    ]


def _strategies(found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return []
    lines = ["STRATEGIES, against random on the same items, 95 % intervals over paired replays"]
    for one in found:
        if "reason" in one:
            lines += [f"{one['strategy']}: no audit. {one['reason']}", ""]
            continue
        lines += [f"{one['strategy']}: {one['verdict']} {one['reach']}".rstrip()]
        lines += [*aligned(_replays(one)), ""]
    return lines


def _replays(one: dict[str, Any]) -> list[tuple[str, ...]]:
    saved = {row["labels"]: row for row in one["savings"]}
    head = ("  labels", "figure", "strategy", "random", "difference", "p (Holm)", "labels saved")
    return [
        head,
        *(
            (
                f"  {row['labels']}",
                row["figure"].upper(),
                _number(row["asked"]),
                _number(row["random"]),
                _span(row["difference"], row["low"], row["high"]),
                "" if row["p_holm"] is None else p_words(row["p_holm"]),
                _saving(saved[row["labels"]]) if row["figure"] == "pcc" else "",
            )
            for row in one["rows"]
        ),
    ]


def _saving(row: dict[str, Any]) -> str:
    bound = ">= " if row["is_at_least"] else "<= " if row["is_at_most"] else ""
    low = ("<=" if row["is_low_at_most"] else "") + f"{row['low']:.0f}"
    high = (">=" if row["is_high_at_least"] else "") + f"{row['high']:.0f}"
    return f"{bound}{row['saved']:.0f} [{low}, {high}]"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of one width, the first to the left, the others to the right.

    >>> aligned([("a", "b"), ("long", "10")])
    ['a      b', 'long  10']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 or not rows[0][column] else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [line.rstrip() for line in lines]


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or value != value else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.0f} %"


def _span(value: float | None, low: float | None, high: float | None, sign: str = "+") -> str:
    if value is None or low is None or high is None or value != value:
        return "-"
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
