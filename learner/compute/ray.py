"""The engine of a cluster: Ray Data, decoding on any core, networks in a pool of actors.

Every node needs the project, the weights and the clips at the same paths. `RAY_ADDRESS` names a
running cluster; without it, one is started on this machine.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from learner.compute.bench import Bench, prepared
from learner.compute.engines import Check, go_on
from learner.compute.local import cores
from learner.compute.orders import Done, Order

ROOT = Path(__file__).resolve().parent.parent.parent
# Clips go through in blocks: small ones show progress early, many cost the scheduler time.
MOST_BLOCKS, MOST_CLIPS_A_BLOCK = 400, 16
# Of a core, for decoding one block and for the networks: together one, so that neither starves.
DECODE_CPUS, NETWORK_CPUS = 0.25, 0.75

MOST_SENT_BYTES = 1 << 26  # pictures of a clip that travel from the first stage to the second

Rows = dict[str, Any]


class RayEngine:
    """Actors on a Ray cluster, each with the parts loaded once.

    Args:
        weights: The folder of pretrained weights, the same on every node.
        actors: How many; 0 for one a core, or one a GPU where the cluster has any.
    """

    def __init__(self, weights: Path, actors: int = 0) -> None:
        self.weights = weights
        self.actors = actors

    def run(self, orders: Iterable[Order], check: Check = go_on) -> Iterator[Done]:
        """As `Engine.run`; checks only when an answer comes.

        Raises:
            RuntimeError: Ray is not installed.
        """
        wanted = list(orders)
        if not wanted:
            return
        ray = connected()
        gpus = ray.cluster_resources().get("GPU", 0)
        actors = self.actors or max(1, int(gpus or ray.cluster_resources()["CPU"]))
        per_block = min(MOST_CLIPS_A_BLOCK, -(-len(wanted) // MOST_BLOCKS))
        rows = [{"order": pickle.dumps(order)} for order in wanted]
        data = ray.data.from_items(rows, override_num_blocks=-(-len(wanted) // per_block))
        decoded = data.map_batches(
            _Decode(self.weights), batch_size=per_block, num_cpus=DECODE_CPUS
        )
        answered = decoded.map_batches(
            _Ask,
            fn_constructor_args=(self.weights,),
            batch_size=per_block,
            compute=ray.data.ActorPoolStrategy(size=min(actors, len(wanted))),
            num_cpus=NETWORK_CPUS,
            num_gpus=gpus / actors if gpus else None,
        )
        for row in answered.iter_rows():
            check()
            yield pickle.loads(row["done"])  # noqa: S301 (our own actors wrote it)


class _Decode:
    """The first stage: what needs no network of a part."""

    def __init__(self, weights: Path) -> None:
        self.weights = weights

    def __call__(self, rows: Rows) -> Rows:
        media, seconds = [], []
        for order in rows["order"]:
            started = time.perf_counter()
            seen = prepared(pickle.loads(order), self.weights, MOST_SENT_BYTES)  # noqa: S301
            media.append(pickle.dumps(seen))
            seconds.append(time.perf_counter() - started)
        return {
            "order": rows["order"],
            "media": np.array(media, dtype=object),
            "prepare_s": np.array(seconds),
        }


class _Ask:
    """The second stage: an actor that holds the parts."""

    def __init__(self, weights: Path) -> None:
        self.bench = Bench(weights)

    def __call__(self, rows: Rows) -> Rows:
        done = [
            self.bench.answer(pickle.loads(order), pickle.loads(media), float(prepare_s))  # noqa: S301
            for order, media, prepare_s in zip(
                rows["order"], rows["media"], rows["prepare_s"], strict=True
            )
        ]
        return {"done": np.array([pickle.dumps(one) for one in done], dtype=object)}


def connected() -> Any:
    """Ray, connected to the cluster that `RAY_ADDRESS` names or to a new one on this machine."""
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # or it writes a key into the home
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise RuntimeError(
            "the engine `ray` needs Ray: `pip install -r requirements-scale.txt`"
        ) from error
    if not ray.is_initialized():
        env = {"env_vars": {"PYTHONPATH": str(ROOT)}}
        here = None if address else cores()  # of a cluster, each node says how many it has
        ray.init(
            address=address or "local",  # never a cluster that somebody else started here
            num_cpus=here,
            runtime_env=env,
            include_dashboard=None,
            log_to_driver=False,
        )
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
