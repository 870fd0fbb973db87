"""Whether prediction-powered means hold what they promise, and how many labels they save.

Simulated campaigns of n random labels and 200 other clips, with predictions that correlate with MOS
by r. In the same run, on the same labels: the classical mean, the powered one, and the plain form
of the papers (weight learned from all labels at once, Student's quantile for n - 1).

Then campaigns whose rounds took clips by a strategy that likes bad ones: once with all other clips
counted by their predictions, as the product does, and once without those that the strategy took.

Of 500 campaigns a share of 95 % is known to 2 points only, so a full run makes 4000.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
from scipy import stats  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from mos.prediction_powered import Estimate, PoweredMean, powered_mean  # noqa: E402

SEED = 20261127
LABELS, CORRELATIONS = (10, 20, 40, 100), (0.45, 0.6, 0.76, 0.82)
OTHERS, TRUTH, SD = 200, 3.2, 0.7
POOL, FIRST, A_ROUND, RESERVE = 500, 30, 30, 6
LEVEL = 0.95

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def main() -> None:
    """Simulate, count, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--campaigns", type=int, help="simulated for each row")
    asked = parser.parse_args()
    campaigns = asked.campaigns or (500 if asked.quick else 4000)
    started = time.perf_counter()
    rows = [row_of(n, r, campaigns) for n in LABELS for r in CORRELATIONS]
    spent_ms = 1000 * (time.perf_counter() - started) / (len(rows) * campaigns)
    rounds = [after_rounds(number, likes, campaigns) for number in (3, 5) for likes in (0.3, 0.7)]
    held = [row["powered"]["coverage"] for row in rows]
    report(
        "powered",
        {
            "lowest_coverage": aim(min(held), 0.93),
            "highest_coverage": aim(max(held), 0.97, at_least=False),
            "largest_width_beyond_theory": aim(
                max(row["width_ratio"] - row["theory"] for row in rows), 0.06, at_least=False
            ),
            "lowest_coverage_after_rounds": aim(
                min(row["all_others"]["coverage"] for row in rounds), 0.92
            ),
        },
        seed=SEED,
        packages=("numpy", "scipy"),
        keep=not asked.quick,
        campaigns=campaigns,
        others=OTHERS,
        level=LEVEL,
        ms_a_campaign=round(spent_ms, 2),
        rows=rows,
        rounds=rounds,
    )


def row_of(n: int, r: float, campaigns: int) -> dict[str, Any]:
    """Coverage, bias and width of all three over campaigns of one kind."""
    found, plain = [], []
    for number in range(campaigns):
        scores = campaign(n, r, [SEED, n, round(100 * r), number])
        found.append(powered_mean(*scores, LEVEL))
        plain.append(plain_mean(*scores))
    ratio = width([one.powered for one in found]) / width([one.classical for one in found])
    row = {
        "n": n,
        "r": r,
        "classical": judged([one.classical for one in found]),
        "powered": judged([one.powered for one in found]),
        "plain": judged(plain),
        "width_ratio": round(ratio, 3),
        "theory": round(float(np.sqrt(1 - r**2 * OTHERS / (n + OTHERS))), 3),
        "theory_without_end": round(float(np.sqrt(1 - r**2)), 3),
        "median_saved": round(float(np.median([one.saved for one in found])), 1),
    }
    print(
        f"n {n:3d}, r {r:.2f}: held {row['classical']['coverage']:.3f} classical, "
        f"{row['powered']['coverage']:.3f} powered, {row['plain']['coverage']:.3f} plain; "
        f"width {ratio:.3f} (theory {row['theory']:.3f}), {row['median_saved']:.0f} labels saved",
        flush=True,
    )
    return row


def campaign(n: int, r: float, seed: list[int]) -> Arrays:
    """MOS and predictions of n clips, and predictions of the others."""
    random = np.random.default_rng(seed)
    seen = random.normal(size=n + OTHERS)
    mos = TRUTH + SD * (r * seen[:n] + np.sqrt(1 - r**2) * random.normal(size=n))
    predicted = 3.4 + SD * r * seen
    return mos, predicted[:n], predicted[n:]


def plain_mean(mos: np.ndarray, seen: np.ndarray, others: np.ndarray) -> Estimate:
    """As the papers print it."""
    n, size = len(mos), len(others)
    best = np.cov(mos, seen)[0, 1] / (seen.var(ddof=1) + n / size * others.var(ddof=1))
    lam = float(np.clip(best, 0, 1))
    mean = float(mos.mean() + lam * (others.mean() - seen.mean()))
    var = lam**2 * others.var(ddof=1) / size + (mos - lam * seen).var(ddof=1) / n
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * np.sqrt(var))
    return Estimate(mean, mean - half, mean + half)


def after_rounds(rounds: int, likes: float, campaigns: int) -> dict[str, Any]:
    """The same where a strategy took most clips of each round, liking bad ones by so much."""
    whole: list[PoweredMean] = []
    left: list[PoweredMean] = []
    for number in range(campaigns):
        random = np.random.default_rng([SEED, rounds, round(100 * likes), number])
        seen = random.normal(size=POOL)
        mos = TRUTH + SD * (0.7 * seen + np.sqrt(1 - 0.49) * random.normal(size=POOL))
        predicted = 3.4 + SD * 0.7 * seen
        wish = np.sqrt(1 - likes**2) * random.normal(size=POOL) - likes * (mos - TRUTH) / SD
        is_random, is_taken = rounds_of(random, wish, rounds)
        known = mos[is_random], predicted[is_random]
        whole.append(powered_mean(*known, predicted[~is_random], LEVEL))
        left.append(powered_mean(*known, predicted[~is_random & ~is_taken], LEVEL))
    row = {
        "rounds": rounds,
        "strategy_with_mos": -likes,
        "random_labels": FIRST + rounds * RESERVE,
        "taken": rounds * (A_ROUND - RESERVE),
        "pool": POOL,
        "classical": judged([one.classical for one in whole]),
        "all_others": judged([one.powered for one in whole]),
        "without_taken": judged([one.powered for one in left]),
    }
    print(
        f"{rounds} rounds, strategy {-likes:+.1f} with MOS: held "
        f"{row['classical']['coverage']:.3f} classical, {row['all_others']['coverage']:.3f} "
        f"powered, {row['without_taken']['coverage']:.3f} without the clips taken",
        flush=True,
    )
    return row


def rounds_of(
    random: np.random.Generator, wish: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which clips chance drew (first wave and reserves), and which the strategy took."""
    is_random, is_taken = np.zeros(POOL, dtype=bool), np.zeros(POOL, dtype=bool)
    is_random[random.choice(POOL, FIRST, replace=False)] = True
    for _ in range(rounds):
        is_random[random.choice(np.flatnonzero(~is_random & ~is_taken), RESERVE, False)] = True
        left = np.flatnonzero(~is_random & ~is_taken)
        is_taken[left[np.argsort(-wish[left])[: A_ROUND - RESERVE]]] = True
    return is_random, is_taken


def judged(found: list[Estimate]) -> dict[str, float]:
    """Share that held the truth, and mean error."""
    return {
        "coverage": float(np.mean([one.low <= TRUTH <= one.high for one in found])),
        "bias": round(float(np.mean([one.mean - TRUTH for one in found])), 4),
        "half_width": round(width(found) / 2, 4),
    }


def width(found: list[Estimate]) -> float:
    """Mean width."""
    return float(np.mean([one.width for one in found]))


if __name__ == "__main__":
    main()
