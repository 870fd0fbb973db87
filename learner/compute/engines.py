"""The engines by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from learner.compute.orders import Done, Order

ENGINES = ("local", "ray")


Check = Callable[[], None]


def go_on() -> None:
    """The check that never stops anything."""


class Engine(Protocol):
    """Carries out orders, in any order of its own."""

    def run(self, orders: Iterable[Order], check: Check = go_on) -> Iterator[Done]:
        """One answer to each order, as each is done; closing the iterator stops the work.

        Args:
            orders: What is wanted; taken as needed.
            check: Called now and then while nothing is done; what it raises stops the work.
        """


def engine_of(name: str, weights: Path, workers: int = 0) -> Engine:
    """An engine by its name.

    Args:
        name: `local` or `ray`.
        weights: The folder of pretrained weights; on a cluster, the same on every node.
        workers: Processes (local) or actors (Ray); 0 for one a core.

    Raises:
        ValueError: there is no such engine, or fewer than 0 workers are asked for.

    >>> engine_of("spark", Path("weights"))
    Traceback (most recent call last):
    ValueError: there is no engine 'spark'; there are: local, ray
    """
    if name not in ENGINES:
        raise ValueError(f"there is no engine {name!r}; there are: {', '.join(ENGINES)}")
    if workers < 0:
        raise ValueError(f"{workers} workers: give a number above 0, or 0 for one a core")
    if name == "ray":
        from learner.compute.ray import RayEngine

        return RayEngine(weights, workers)
    from learner.compute.local import LocalEngine

    return LocalEngine(weights, workers)
