"""What reliability costs: beside pingouin and statsmodels, and on the page of a million ratings.

Complete tables: the six ICCs with F tests and intervals against `pingouin.intraclass_corr`, turns
alternating. Sparse: 30 raters with 45 of 450 clips each, variance components in closed form against
the crossed random effects of `statsmodels` (REML). The page: all that the reliability page computes
from the database, read for the first time and again after one new rating, beside a plain cursor
that fetches the same rows; under SQLite, or under PostgreSQL where DATABASE_URL names one:
`.ci/postgres .venv/bin/python benchmarks/reliability.py --page`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from mos.components import variance_components  # noqa: E402
from mos.reliability import icc_forms  # noqa: E402

SEED = 20261123
COMPLETE = {1_350: (45, 30), 60_000: (2_000, 30), 360_000: (12_000, 30)}
SIZES = (10_000, 100_000, 1_000_000)
TURNS = 5
AFTER_NEW = 7


def main() -> None:
    """Measure, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--page", action="store_true", help="measure the page alone")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    aims: dict[str, Any] = {}
    if not asked.page:
        found["complete"] = complete(list(COMPLETE)[: 2 if asked.quick else None])
        found["sparse"] = sparse()
        largest = found["complete"][-1]
        if not asked.quick:
            aims["times as fast as pingouin at 360 k ratings"] = aim(largest["times"], 50)
    with tempfile.TemporaryDirectory() as folder:
        vendor = installed(Path(folder))
        found["page"] = [page(n) for n in SIZES[: 1 if asked.quick else None]]
    if not asked.quick:
        last = found["page"][-1]
        aims["ms after one new rating at 1 M"] = aim(last["after_new_ms"], 50, at_least=False)
        aims["cold at 1 M to a plain cursor"] = aim(last["cold_to_cursor"], 2, at_least=False)
    name = "reliability" if vendor == "sqlite" else f"reliability_{vendor}"
    packages = ("numpy", "scipy", "django", "pingouin", "statsmodels")
    report(name, aims, seed=SEED, packages=packages, keep=not asked.quick, vendor=vendor, **found)


def seconds(do: Callable[[], object]) -> float:
    """How long it took."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def complete(sizes: list[int]) -> list[dict[str, float]]:
    """Ours and theirs on tables without gaps."""
    import pingouin

    rows = []
    for n in sizes:
        table_NK, long = a_table(*COMPLETE[n])
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(seconds(partial(icc_forms, table_NK)))
            theirs.append(
                seconds(partial(pingouin.intraclass_corr, long, "clip", "rater", "score"))
            )
        row = {"n": n, "ours_ms": median(ours) * 1e3, "pingouin_ms": median(theirs) * 1e3}
        rows.append({**rounded(row), "times": round(median(theirs) / median(ours), 1)})
        print(rows[-1], flush=True)
    return rows


def a_table(n_clips: int, n_raters: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Scores of a complete design, as a table and as long rows."""
    random = np.random.default_rng(SEED)
    table_NK = random.normal(3, 0.8, (n_clips, 1)) + random.normal(0, 0.4, (1, n_raters))
    table_NK = np.clip((table_NK + random.normal(0, 0.9, table_NK.shape)).round(), 1, 5)
    clips, raters = np.indices(table_NK.shape)
    columns = {"clip": clips.ravel(), "rater": raters.ravel(), "score": table_NK.ravel()}
    return table_NK, pd.DataFrame(columns)


def sparse() -> dict[str, float]:
    """Closed form against REML on a design with gaps."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    random = np.random.default_rng(SEED)
    raters = np.repeat(np.arange(30), 45)
    clips = np.concatenate([random.choice(450, 45, replace=False) for _ in range(30)])
    level_C, level_R = random.normal(0, 0.8, 450), random.normal(0, 0.4, 30)
    scores = 3 + level_C[clips] + level_R[raters] + random.normal(0, 0.9, len(clips))
    long = pd.DataFrame({"score": scores, "clip": clips, "rater": raters, "all": 1})
    parts = {"clip": "0 + C(clip)", "rater": "0 + C(rater)"}
    ours = median([seconds(lambda: variance_components(scores, clips, raters)) for _ in range(20)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it has not converged
        theirs = seconds(
            lambda: MixedLM.from_formula("score ~ 1", long, groups="all", vc_formula=parts).fit()
        )
    row = rounded({"n": len(scores), "ours_ms": ours * 1e3, "statsmodels_ms": theirs * 1e3})
    print(row, flush=True)
    return {**row, "times": round(theirs / ours)}


def installed(folder: Path) -> str:
    """Django on an empty database of its own; which kind it is."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.base"
    os.environ["DUBSCORE_VAR"] = str(folder)
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder / 'ratings.sqlite3'}")
    os.environ.setdefault("SECRET_KEY", "only-for-benchmarks")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    return str(connection.vendor)


def page(n: int) -> dict[str, float]:
    """The page's figures of n ratings, and what a plain cursor takes for the rows."""
    from django.http import QueryDict

    from benchmarks._many_ratings import campaign_of, one_more, raw_rows
    from mos.selectors.live import forget
    from mos.views.reliability import figures

    campaign = campaign_of(n, SEED)
    aspect = campaign.rubric.aspects.get()
    cursor, cold = [], []
    for _ in range(3):
        cursor.append(seconds(lambda: sum(len(block) for block in raw_rows(campaign))))
        forget(campaign)
        cold.append(seconds(lambda: figures(campaign, aspect, QueryDict())))
    after = []
    for number in range(AFTER_NEW):
        one_more(campaign, number)
        after.append(seconds(lambda: figures(campaign, aspect, QueryDict())))
    row = {
        "n": n,
        "cursor_ms": median(cursor) * 1e3,
        "cold_ms": median(cold) * 1e3,
        "after_new_ms": median(after) * 1e3,
    }
    ratio = round(median(cold) / median(cursor), 2)
    print({**rounded(row), "cold_to_cursor": ratio}, flush=True)
    return {**rounded(row), "cold_to_cursor": ratio}


def rounded(row: dict[str, float]) -> dict[str, float]:
    """Milliseconds to two places."""
    return {key: round(value, 2) for key, value in row.items()}


if __name__ == "__main__":
    main()
