"""Training on this machine, or by several workers of a Ray cluster (Ray Train).

Under `torchrun` the processes are there already: then each calls `train` itself.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from learner.compute.engines import ENGINES
from learner.fusion.config import FusionConfig
from learner.fusion.data import TrainingData
from learner.fusion.training import Progress, train

Report = Callable[[Progress], None]
LOOK_EVERY_S = 0.2


def train_with(
    engine: str,
    config: FusionConfig,
    data: TrainingData,
    folder: Path,
    report: Report = lambda progress: None,
    workers: int = 0,
) -> list[dict[str, Any]]:
    """As `learner.fusion.training.train`, by an engine.

    Args:
        engine: `local` or `ray`.
        config, data, folder, report: As of `train`; with `ray` the folder must be the same on
            every node.
        workers: Of Ray Train; 0 for one a GPU of the cluster, or one where it has none. The batch
            is shared out among them: several give the loss of one.

    Raises:
        ValueError: there is no such engine, or as of `train`.
        RuntimeError: Ray is not installed, or a worker failed.
    """
    if engine not in ENGINES:
        raise ValueError(f"there is no engine {engine!r}; there are: {', '.join(ENGINES)}")
    if engine == "ray":
        return _on_ray(config, data, folder, report, workers)
    return train(config, data, folder, report)


def _on_ray(
    config: FusionConfig, data: TrainingData, folder: Path, report: Report, workers: int
) -> list[dict[str, Any]]:
    from learner.compute.ray import connected

    ray = connected()
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.util.queue import Queue

    gpus = int(ray.cluster_resources().get("GPU", 0))
    told, stop = (Queue(actor_options={"num_cpus": 0}) for _ in range(2))
    trainer = TorchTrainer(
        _work,
        train_loop_config={
            "config": config,
            "data": ray.put(data),
            "folder": str(folder),
            "told": told,
            "stop": stop,
        },
        scaling_config=ScalingConfig(num_workers=workers or gpus or 1, use_gpu=bool(gpus)),
        run_config=RunConfig(storage_path=str(folder / "ray")),
    )
    try:
        return _watched(trainer.fit, told, stop, report)
    finally:
        told.shutdown()
        stop.shutdown()


def _work(given: dict[str, Any]) -> None:
    """What each worker does; the first one tells the driver."""
    import ray

    data = ray.get(given["data"])

    def tell(progress: Progress) -> None:
        if not given["stop"].empty():
            raise RuntimeError("training was stopped")
        given["told"].put(progress)

    curves = train(given["config"], data, Path(given["folder"]), tell)
    if ray.train.get_context().get_world_rank() == 0:
        given["told"].put(curves)


def _watched(fit: Callable[[], Any], told: Any, stop: Any, report: Report) -> list[dict[str, Any]]:
    """Run the trainer, and pass on what its first worker tells.

    Raises:
        RuntimeError: a worker failed.
    """
    curves: list[dict[str, Any]] | None = None
    with ThreadPoolExecutor(max_workers=1) as one:
        trained = one.submit(fit)
        try:
            while curves is None:
                try:
                    heard = told.get(timeout=LOOK_EVERY_S)
                except queue.Empty:
                    if trained.done():
                        break
                    continue
                if isinstance(heard, Progress):
                    report(heard)
                else:
                    curves = heard
        finally:  # also when the job is another's now: the workers look at it after every epoch
            stop.put(True)
    result = trained.result()
    if curves is None:
        why = result.error or "its first worker said nothing"
        raise RuntimeError(f"Training on Ray ended early: {why}")
    return curves
