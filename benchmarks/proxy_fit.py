"""What it takes to learn the weights: 200 bootstrap refits from 450 labels to a million.

Sums over units are made once and every refit comes from them. Beside that, in turns: the same
Bayesian bootstrap by scipy's NNLS on all rows anew for each refit, and scikit-learn's
BaggingRegressor of LinearRegression(positive=True); where 200 of those take too long, as many as
are said, multiplied. `fit_weights` adds the judging on clips left out, intervals and calibration.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from scipy.optimize import nnls  # noqa: E402
from sklearn.ensemble import BaggingRegressor  # noqa: E402
from sklearn.linear_model import LinearRegression  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from learner.proxy.bag import DRAWS, fit_bag  # noqa: E402
from learner.proxy.fit import fit_weights  # noqa: E402
from learner.proxy.sums import unit_sums, units_of  # noqa: E402
from learner.proxy.weightings import simplex  # noqa: E402

SEED, METRICS, TURNS = 20261123, 6, 5
SIZES = {450: 20.0, 12_000: 120.0, 1_000_000: 1000.0}  # labels, and the aim in ms
# Of the peers so many refits are run at each size, and multiplied to 200.
PEER_REFITS = {450: DRAWS, 12_000: 20, 1_000_000: 1}


def main() -> None:
    """Measure, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    is_quick = parser.parse_args().quick
    sizes = dict(list(SIZES.items())[: 2 if is_quick else None])
    with threadpool_limits(1):
        rows = [measured(n) for n in sizes]
    report(
        "proxy_fit",
        {
            f"bag_{row['labels']}_ms": aim(row["bag_ms"], sizes[row["labels"]], at_least=False)
            for row in rows
        },
        seed=SEED,
        packages=("numpy", "scipy", "scikit-learn"),
        keep=not is_quick,
        refits=DRAWS,
        metrics=METRICS,
        rows=rows,
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def measured(n: int) -> dict[str, Any]:
    """Each way in turns; medians in ms for 200 refits."""
    z_NM, y_N = clips(n)
    part = PEER_REFITS[n]
    ways: dict[str, tuple[Callable[[], object], float]] = {
        "bag": (lambda: bag(z_NM, y_N), 1.0),
        "fit_weights": (lambda: fit_weights(z_NM, y_N, seed=SEED, scale=(-9, 9)), 1.0),
        "scipy_nnls": (lambda: row_by_row(z_NM, y_N, part), DRAWS / part),
        "scikit_learn": (lambda: bagging(z_NM, y_N, part), DRAWS / part),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS if n < 1_000_000 else 3):
        for name, (run, factor) in ways.items():
            started = time.perf_counter()
            run()
            times[name].append(1e3 * factor * (time.perf_counter() - started))
    found = {f"{name}_ms": round(median(took), 1) for name, took in times.items()}
    ratios = {
        f"{name}_to_bag": round(found[f"{name}_ms"] / found["bag_ms"], 1)
        for name in ("scipy_nnls", "scikit_learn")
    }
    print(n, found, ratios, file=sys.stderr)
    return {"labels": n, "peer_refits_run": part, **found, **ratios}


def clips(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores with a shared factor, and MOS that follow some of them."""
    random = np.random.default_rng(SEED)
    z_NM = random.normal(size=(n, METRICS)) + 0.7 * random.normal(size=(n, 1))
    weights = np.array([0.4, 0.3, 0.2, 0.1, 0.0, 0.0])
    return z_NM, 3 + z_NM @ weights + 0.7 * random.normal(size=n)


def bag(z_NM: np.ndarray, y_N: np.ndarray) -> np.ndarray:
    """Mean weights of 200 draws, from sums over units."""
    unit_N = units_of(None, len(y_N))
    sums = unit_sums([z_NM, y_N], unit_N, np.ones(len(y_N)))
    return fit_bag(sums, unit_N, simplex, DRAWS, np.random.default_rng(SEED)).weights_DM.mean(
        axis=0
    )


def row_by_row(z_NM: np.ndarray, y_N: np.ndarray, refits: int) -> np.ndarray:
    """The same bootstrap on all rows anew for each refit."""
    random, found = np.random.default_rng(SEED), []
    for _ in range(refits):
        share_N = random.exponential(size=len(y_N))
        share_N /= share_N.sum()
        root_N = np.sqrt(share_N)
        centred = (z_NM - share_N @ z_NM) * root_N[:, None]
        found.append(nnls(centred, (y_N - share_N @ y_N) * root_N)[0])
    return np.mean(found, axis=0)


def bagging(z_NM: np.ndarray, y_N: np.ndarray, refits: int) -> object:
    """scikit-learn's, by drawing rows with replacement."""
    model = BaggingRegressor(LinearRegression(positive=True), n_estimators=refits, random_state=1)
    return model.fit(z_NM, y_N)


if __name__ == "__main__":
    main()
