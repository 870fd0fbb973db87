"""What it takes to ask: 100 picks from 12 thousand to a million clips, beside what others offer.

Every strategy of the shelf answers through modAL's `ActiveLearner.query`, committee, checks and
reasons included, on normal scores of six metrics, with 450 clips labelled and with none, strategies
taking turns. Beside them, on the same pools and for as many picks, turns alternating:
`GreedySamplingX` of scikit-activeml, which chooses as k_center does (their picks are compared), and
modAL's ranked batch mode, which needs a classifier: logistic regression on MOS rounded to whole
points. Both compute far more distances than there are picks, so they are asked for 20 picks, once
where that takes seconds, and of pools that fit in memory; what was left out the result says.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from modAL.batch import uncertainty_batch_sampling  # noqa: E402
from modAL.models import ActiveLearner  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from learner.proxy.estimator import BaggedProxy  # noqa: E402
from learner.registry import shelf  # noqa: E402

SEED = 20261123
METRICS = 6
LABELLED = 450  # 30 raters with 45 clips each, three to a clip
KINDS = 24
PICKS, PEER_PICKS = 100, 20
SIZES = (12_000, 100_000, 1_000_000)
# GreedySamplingX keeps all distances between clips: 1.1 GB at 12 thousand, 8 TB at a million.
GSX_SIZES = (2_000, 12_000)
# Ranked batch measures the whole pool against all labelled clips for every pick: fewer picks.
RANKED_SIZES = (2_000, *SIZES)
TURNS = 5
LEFT_OUT = {
    "GreedySamplingX above 12 000 clips": "keeps N x N distances: 80 GB at 100 000, 8 TB at 1 M",
    "modAL's batch mode with the proxy": "needs predict_proba, which no regressor has",
}


def main() -> None:
    """Measure, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    is_quick = parser.parse_args().quick
    warnings.filterwarnings("ignore", "'force_all_finite'", FutureWarning)  # modAL's
    sizes = SIZES[:2] if is_quick else SIZES
    ours = [row for n in sizes for labelled in (0, LABELLED) for row in strategies(n, labelled)]
    peers = [beside_gsx(n) for n in GSX_SIZES[: 1 if is_quick else None]]
    peers += [beside_ranked(n) for n in RANKED_SIZES[: 1 if is_quick else None]]
    aims = {"d_optimal_12k_ms": aim(slowest(ours, 12_000), 50, at_least=False)}
    if not is_quick:
        aims["d_optimal_1m_s"] = aim(slowest(ours, 1_000_000) / 1e3, 1, at_least=False)
    report(
        "query",
        aims,
        seed=SEED,
        packages=("numpy", "scipy", "scikit-learn", "modAL-python", "scikit-activeml"),
        keep=not is_quick,
        picks=PICKS,
        metrics=METRICS,
        strategies=ours,
        growth=list(growth(ours)),
        peers=peers,
        d_optimal_picks_as_plain_greedy=picks_as_plain_greedy(SIZES[0]),
        left_out=LEFT_OUT,
    )


def strategies(n: int, labelled: int) -> list[dict[str, Any]]:
    """Each strategy on one pool, plain and with quotas over kinds, in turns."""
    pool_NM = clips(n, SEED)
    kinds = [f"kind {number % KINDS}" for number in range(n)]
    asked = {name: taught(name, labelled) for name in shelf("strategy").names()}
    spent: dict[tuple[str, bool], list[float]] = {}
    for _ in range(TURNS if n < SIZES[-1] else 3):
        for name, learner in asked.items():
            for stratify in (False, True):
                do = querying(learner, pool_NM, PICKS, strata=kinds, stratify=stratify)
                spent.setdefault((name, stratify), []).append(seconds(do))
    rows = [
        {
            "strategy": name,
            "clips": n,
            "labelled": labelled,
            "plain_ms": milliseconds(spent[name, False]),
            "stratified_ms": milliseconds(spent[name, True]),
        }
        for name in asked
    ]
    print(*rows, sep="\n", flush=True)
    return rows


def beside_gsx(n: int) -> dict[str, Any]:
    """k_center and d_optimal beside GreedySamplingX."""
    from skactiveml.pool import GreedySamplingX

    pool_NM, known_LM = clips(n, SEED), clips(LABELLED, SEED + 1)
    both_NM = np.vstack([pool_NM, known_LM])
    mos = np.concatenate([np.full(n, np.nan), rated(known_LM)])
    theirs = GreedySamplingX(random_state=SEED)
    row = alternating(
        "GreedySamplingX", n, lambda: theirs.query(both_NM, mos, batch_size=PEER_PICKS)
    )
    picked = taught("k_center", LABELLED).query(pool_NM, PEER_PICKS)[0]
    is_same = np.array_equal(picked, theirs.query(both_NM, mos, batch_size=PEER_PICKS))
    return {**row, "k_center_picks_the_same": bool(is_same)}


def beside_ranked(n: int) -> dict[str, Any]:
    """The same beside modAL's ranked batch mode."""
    pool_NM, known_LM = clips(n, SEED), clips(LABELLED, SEED + 1)
    classes = rated(known_LM).round().astype(int)
    theirs = ActiveLearner(
        LogisticRegression(),
        query_strategy=uncertainty_batch_sampling,
        X_training=known_LM,
        y_training=classes,
    )
    return alternating("modAL ranked batch", n, querying(theirs, pool_NM, PEER_PICKS))


def picks_as_plain_greedy(n: int) -> bool:
    """Whether d_optimal asks for the clips that looking at every clip for every pick would."""
    pool_NM, known_LM = clips(n, SEED), clips(LABELLED, SEED + 1)
    picked = taught("d_optimal", LABELLED).query(pool_NM, PICKS)[0]
    x_NP = np.column_stack([np.ones(n), pool_NM])
    known_LP = np.column_stack([np.ones(LABELLED), known_LM])
    information = known_LP.T @ known_LP + np.eye(METRICS + 1)
    taken: list[int] = []
    for _ in range(PICKS):
        gain_N = np.einsum("np,np->n", x_NP @ np.linalg.inv(information), x_NP)
        gain_N[taken] = -1
        taken.append(int(gain_N.argmax()))
        information += np.outer(x_NP[taken[-1]], x_NP[taken[-1]])
    return picked.tolist() == taken


def alternating(peer: str, n: int, ask_peer: Callable[[], object]) -> dict[str, Any]:
    """The peer and ours in turns, each for as many picks; the slow one has fewer turns."""
    pool_NM = clips(n, SEED)
    asked = {name: taught(name, LABELLED) for name in ("k_center", "d_optimal", "hybrid")}
    spent: dict[str, list[float]] = {name: [] for name in (peer, *asked)}
    for turn in range(TURNS):
        if turn == 0 or sum(spent[peer]) < 5:
            spent[peer].append(seconds(ask_peer))
        for name, learner in asked.items():
            spent[name].append(seconds(querying(learner, pool_NM, PEER_PICKS)))
    row: dict[str, Any] = {"peer": peer, "clips": n, "picks": PEER_PICKS, "labelled": LABELLED}
    row["peer_ms"] = milliseconds(spent[peer])
    for name in asked:
        row[f"{name}_ms"] = milliseconds(spent[name])
        row[f"times_{name}"] = round(median(spent[peer]) / median(spent[name]), 1)
    print(row, flush=True)
    return row


def growth(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """How time grows from one size of the pool to the next."""
    for row in rows:
        for other in rows:
            same = all(row[key] == other[key] for key in ("strategy", "labelled"))
            if same and SIZES.index(other["clips"]) == SIZES.index(row["clips"]) + 1:
                yield {
                    "strategy": row["strategy"],
                    "labelled": row["labelled"],
                    "from": row["clips"],
                    "to": other["clips"],
                    "times_clips": round(other["clips"] / row["clips"], 1),
                    "times_time": round(other["plain_ms"] / row["plain_ms"], 1),
                }


def slowest(rows: list[dict[str, Any]], n: int) -> float:
    """The plain d_optimal query of this size, with or without labels: whichever takes longer."""
    return max(r["plain_ms"] for r in rows if r["strategy"] == "d_optimal" and r["clips"] == n)


def clips(n: int, seed: int) -> np.ndarray:
    """Normal scores of metrics that share something, as metrics do."""
    random = np.random.default_rng(seed)
    return 0.6 * random.normal(size=(n, 1)) + 0.8 * random.normal(size=(n, METRICS))


def rated(z_LM: np.ndarray) -> np.ndarray:
    """MOS of clips."""
    noise = np.random.default_rng(SEED).normal(0, 0.5, len(z_LM))
    return np.clip(3 + 0.7 * z_LM.mean(axis=1) + noise, 1, 5)


def taught(name: str, labelled: int) -> ActiveLearner:
    """A learner with this strategy, which knows so many clips."""
    strategy = shelf("strategy").get(name)()
    learner = ActiveLearner(BaggedProxy(seed=SEED), query_strategy=strategy)
    if labelled:
        known_LM = clips(labelled, SEED + 1)
        learner.teach(known_LM, rated(known_LM))
    return learner


def querying(learner: ActiveLearner, *asked: Any, **how: Any) -> Callable[[], object]:
    """One query, to be made later."""
    return lambda: learner.query(*asked, **how)


def seconds(do: Callable[[], object]) -> float:
    """How long it took."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def milliseconds(spent: list[float]) -> float:
    """The median, to two places."""
    return round(median(spent) * 1e3, 2)


if __name__ == "__main__":
    main()
