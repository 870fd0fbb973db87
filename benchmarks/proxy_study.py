"""Whether the product's weights are safe and its intervals true, on three public tables.

The study of `manage.py proxy_study` on 2500 summaries with 14 automatic metrics (REALSumm), on 1066
voice conversions with 6 predictors that are all alike (BVCC, where nothing is to be gained by
weights), and on 1056 stories (HANNA) whose metrics are six aspects by one reader and whose human
score is the mean over aspects by two others. Items are split by group where the table names one;
of HANNA's stories it is only known which system wrote them, so its items are split, and once more
its systems, beside the aims. The tables lie in the folder that DUBSCORE_DATA names.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from learner.proxy.study import (  # noqa: E402
    DEFAULT,
    WEIGHTINGS,
    Columns,
    StudyPlan,
    run_study,
    study_table,
)

SEED = 0
PROMISED = 0.9
FEWEST_LABELS = 60  # from here on intervals must hold what they promise
STRATEGIES = ("d_optimal", "hybrid", "k_center", "uncertainty")
AIMED = ("realsumm", "bvcc", "hanna")


def main() -> None:
    """Study each table, judge, report."""
    asked = arguments()
    folder = os.environ.get("DUBSCORE_DATA")
    if not folder:
        sys.exit("DUBSCORE_DATA does not name the folder of the tables.")
    plan = StudyPlan(
        repeats=asked.repeats or (4 if asked.quick else 200),
        seed=SEED,
        strategies=() if asked.quick else STRATEGIES,
    )
    found = {}
    for name, (frame, columns) in tables(Path(folder)).items():
        started = time.perf_counter()
        table = study_table(frame, columns).table
        print(f"{name}: {len(table.human_N)} items, {len(table.names)} metrics", flush=True)
        study = run_study(table, plan, jobs=asked.jobs, told=told)
        found[name] = {**study, "seconds": round(time.perf_counter() - started, 1)}
    report(
        "proxy_study",
        aims(found),
        seed=SEED,
        packages=("numpy", "scipy", "scikit-learn", "modAL-python"),
        keep=not asked.quick,
        repeats=plan.repeats,
        tables={name: kept(study) for name, study in found.items()},
    )


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def tables(folder: Path) -> dict[str, tuple[pd.DataFrame, Columns]]:
    """The three, and HANNA once more by system."""
    hanna = hanna_table(pd.read_csv(folder / "ratings/hanna_1056x3x6.csv"))
    return {
        "realsumm": (
            pd.read_csv(folder / "proxy/realsumm_2500x14.csv"),
            Columns("human", group="group"),
        ),
        "bvcc": (
            pd.read_csv(folder / "proxy/bvcc_1066x6_negative_control.csv"),
            Columns("human", group="group"),
        ),
        "hanna": (hanna, Columns("human")),
        "hanna_by_system": (hanna, Columns("human", group="group")),
    }


def hanna_table(ratings: pd.DataFrame) -> pd.DataFrame:
    """Aspects by the first reader as metrics; the mean of what two others said as human score."""
    first = ratings[ratings["slot"] == 1]
    metrics = first.pivot_table(index="item", columns="aspect", values="rating")
    others = ratings[ratings["slot"] != 1].groupby("item")["rating"].mean()
    groups = ratings.groupby("item")["group"].first()
    return metrics.assign(human=others, group=groups).reset_index()


def told(repeats: Iterator[Any], n: int, part: str) -> Iterable[Any]:
    """The same, with a line for each half."""
    for number, repeat in enumerate(repeats, 1):
        if number % max(1, n // 2) == 0:
            print(f"  {part}: {number} of {n}", flush=True)
        yield repeat


def aims(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Never worse than equal weights, as good as the best two, true intervals, no false claim."""
    worst = {
        f"default_minus_equal_{name}": aim(
            found[name]["weightings"]["checks"]["default_minus_equal"], -0.01
        )
        for name in AIMED
    }
    off = {
        f"picp_off_{name}": aim(_picp_off(found[name]["intervals"]), 0.03, at_least=False)
        for name in ("realsumm", "hanna")
    }
    bvcc = found["bvcc"]["weightings"]["by_labels"].values()
    return {
        **worst,
        "default_minus_best_two_pooled": aim(pooled(found), 0.0),
        **off,
        "says_better_bvcc": aim(max(row["says_better_frac"] for row in bvcc), 0.1, at_least=False),
    }


def _picp_off(intervals: dict[str, dict[str, Any]]) -> float:
    """How far the share that held is from the promise, at the worst number of labels."""
    return max(
        abs(row["picp"] - PROMISED) for n, row in intervals.items() if int(n) >= FEWEST_LABELS
    )


def pooled(found: dict[str, dict[str, Any]]) -> float:
    """Over tables and labels: the default above the mean of the two best others."""
    overall = {
        name: float(np.mean([found[table]["weightings"]["overall"][name] for table in AIMED]))
        for name in WEIGHTINGS
    }
    others = sorted((value for name, value in overall.items() if name != DEFAULT), reverse=True)
    return overall[DEFAULT] - (others[0] + others[1]) / 2


def kept(study: dict[str, Any]) -> dict[str, Any]:
    """The main tables of a study, rounded."""
    strategies = [
        {key: one.get(key) for key in ("strategy", "finding", "verdict", "reach", "n_items")}
        | {"pcc": [row for row in one.get("rows", ()) if row["figure"] == "pcc"]}
        for one in study["strategies"]
    ]
    verdict = {key: study["verdict"][key] for key in ("sentence", "reason", "share_learned")}
    parts = {key: study[key] for key in ("weightings", "intervals", "holes", "seconds")}
    found: dict[str, Any] = rounded({"verdict": verdict, **parts, "strategies": strategies})
    return found


def rounded(value: Any) -> Any:
    """Four digits after the point, however deep."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
