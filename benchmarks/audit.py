"""Whether the audit of active learning tells the truth: it finds nothing in nothing, and what is.

Type-I error: `random` is audited against random on many data sets of their own; a p after Holm of
at most 0.05 at any budget is a false alarm. Power: a strategy is audited on data sets in which
few clips carry nearly all that can be learned; the verdict must claim a saving of labels. Both with
the estimator that campaigns use. Beside them, what one run in place of 30 would have shown.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from scipy import stats  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from learner.audit import FEWEST, AuditData, AuditPlan, audit_report, replay_seed  # noqa: E402
from learner.audit.comparison import compare  # noqa: E402
from learner.audit.figures import PRIMARY  # noqa: E402

SEED = 20261123
ALPHA = 0.05
N_METRICS = 5
RARE = 1 / 6


def main() -> None:
    """Replay, count, report."""
    asked = arguments()
    null = AuditPlan("random", draws=asked.draws, steps=2, shares=(0.5, 1.0), has_tail=False)
    power = AuditPlan(asked.strategy, draws=asked.draws)
    with ProcessPoolExecutor(asked.workers) as pool:
        started = time.perf_counter()
        alarms = played(pool, partial(false_alarm, null, asked.null_clips), asked.audits, "null")
        middle = time.perf_counter()
        found = played(pool, partial(finding, power, asked.clips), asked.power_audits, "power")
        ended = time.perf_counter()
    false = [alarm["p"] <= ALPHA for alarm in alarms]
    saves = [one["finding"] == "saves" for one in found]
    report(
        "audit",
        {
            "type_1_error": aim(float(np.mean(false)), 0.07, at_least=False),
            "power": aim(float(np.mean(saves)), 0.8),
        },
        seed=SEED,
        packages=("numpy", "scipy", "scikit-learn", "modAL-python"),
        keep=not asked.quick,
        type_1_error={
            "audits": len(false),
            "clips": asked.null_clips,
            "interval_95": wilson(sum(false), len(false)),
            "seconds_an_audit": round((middle - started) * asked.workers / len(false), 2),
            "largest_gap_of_one_run_95": round(
                float(np.quantile([gap for one in alarms for gap in one["gaps"]], 0.95)), 3
            ),
        },
        power={
            "strategy": asked.strategy,
            "audits": len(saves),
            "clips": asked.clips,
            "interval_95": wilson(sum(saves), len(saves)),
            "median_labels_saved": round(float(np.median([one["saved"] for one in found])), 1),
            "labels": found[0]["labels"],
            "seconds_an_audit": round((ended - middle) * asked.workers / len(saves), 2),
        },
        draws=asked.draws,
        replays=FEWEST,
    )


def arguments() -> argparse.Namespace:
    """What was asked for; `--quick` sets what was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--audits", type=int, help="data sets without an effect")
    parser.add_argument("--power-audits", type=int, help="data sets with one")
    parser.add_argument("--null-clips", type=int, default=60)
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--draws", type=int, help="members of the committee")
    parser.add_argument("--strategy", default="uncertainty")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    for name, quick, full in (("audits", 6, 200), ("power_audits", 3, 40), ("draws", 10, 50)):
        if getattr(asked, name) is None:
            setattr(asked, name, quick if asked.quick else full)
    return asked


def played(
    pool: ProcessPoolExecutor, one: Callable[[int], dict[str, Any]], times: int, words: str
) -> list[dict[str, Any]]:
    """One audit a data set, told as they end."""
    return list(told(pool.map(one, range(times)), times, words))


def told(results: Iterator[dict[str, Any]], times: int, words: str) -> Iterator[dict[str, Any]]:
    """The same, with a line for each tenth."""
    for number, result in enumerate(results, 1):
        if number % max(1, times // 10) == 0:
            print(f"{words}: {number} of {times}", flush=True)
        yield result


def false_alarm(plan: AuditPlan, n: int, data_set: int) -> dict[str, Any]:
    """The smallest p after Holm where there is nothing, and how far single runs were apart."""
    data = clips(n, [SEED, data_set, 1], np.ones(n))
    results = [replay_seed(data, plan, seed) for seed in range(FEWEST)]
    gaps = [abs(one.asked[PRIMARY][-1] - one.random[PRIMARY][-1]) for one in results]
    return {"p": min(row.p_holm for row in compare(results, PRIMARY, 0.95)), "gaps": gaps}


def finding(plan: AuditPlan, n: int, data_set: int) -> dict[str, Any]:
    """What is found where few clips carry nearly all that can be learned."""
    sizes_N = np.where(np.random.default_rng([SEED, data_set, 3]).random(n) < RARE, 2.0, 0.1)
    data = clips(n, [SEED, data_set, 2], sizes_N)
    found = audit_report([replay_seed(data, plan, seed) for seed in range(FEWEST)])
    last = found.savings[-1]
    return {"finding": found.finding, "saved": last.saved, "labels": last.labels}


def clips(n: int, seed: list[int], sizes_N: np.ndarray) -> AuditData:
    """Two dubs a source; MOS follow two of the metrics, which vary as much as is said."""
    random = np.random.default_rng(seed)
    z_NM = random.normal(size=(n, N_METRICS)) * sizes_N[:, None]
    mos_N = 3 + z_NM @ np.array([0.5, 0.25, 0, 0, 0]) + 0.5 * random.normal(size=n)
    return AuditData(z_NM, mos_N, tuple(f"source-{i // 2}" for i in range(n)), ("",) * n)


def wilson(hits: int, n: int) -> list[float]:
    """95 % interval of a share.

    >>> wilson(5, 100)
    [0.022, 0.112]
    """
    ends = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    return [round(float(ends.low), 3), round(float(ends.high), 3)]


if __name__ == "__main__":
    main()
