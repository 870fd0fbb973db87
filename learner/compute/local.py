"""The engine of one machine: processes that each load the parts once and decode one clip ahead.

With a single process the work is done where it is asked for, in one thread beside the decoding. A
process that dies takes no other work with it: what it held is tried once more, clip by clip, and a
clip at which a process dies again gets that as its reason.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from learner.compute.bench import Bench, prepared
from learner.compute.engines import Check, go_on
from learner.compute.orders import FAULT, Done, Order
from learner.media import ClipMedia

HELD = 2  # orders in the hands of a process: one at work, one being decoded
# A process takes seconds to load its parts: fewer clips than this are not worth one more.
LEAST_CLIPS = 8
PATIENCE_S = 10.0
CHECK_EVERY_S = 0.5


class LocalEngine:
    """Processes of this machine.

    Args:
        weights: The folder of pretrained weights.
        processes: How many; 0 for one a core.
    """

    def __init__(self, weights: Path, processes: int = 0) -> None:
        self.weights = weights
        self.processes = processes or cores()

    def run(self, orders: Iterable[Order], check: Check = go_on) -> Iterator[Done]:
        """As `Engine.run`: closing the iterator, or a check that raises, ends the processes."""
        stream = iter(orders)
        first = list(islice(stream, LEAST_CLIPS * (self.processes - 1) + 1))
        wanted = min(self.processes, -(-len(first) // LEAST_CLIPS))
        everything = chain(first, stream)
        if wanted <= 1:
            return _alone(self.weights, everything, check)
        return _Crew(self.weights, wanted, check).run(everything)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Desk:
    """Orders in the hands of one process: while one is answered, the next is being decoded."""

    def __init__(self, weights: Path, threads: int) -> None:
        self.threads = threads
        self.bench = Bench(weights)
        self.decoder = ThreadPoolExecutor(1)
        self.orders: deque[tuple[Order, Future[tuple[ClipMedia, float]]]] = deque()
        self.threads_before = 0

    def take(self, order: Order) -> None:
        self.bench.load(order)
        self._limit_threads()
        self.orders.append((order, self.decoder.submit(_timed, order, self.bench.weights)))

    def close(self) -> None:
        self.decoder.shutdown(cancel_futures=True)
        if self.threads_before:
            sys.modules["torch"].set_num_threads(self.threads_before)

    def _limit_threads(self) -> None:
        """Of torch, once it is there and before decoding, where it may be used too, starts.

        With as many as cores each would wait for a core that decoding, or anything else, has: on
        two cores, of which one was taken, eight times as long.
        """
        if "torch" in sys.modules and not self.threads_before:
            torch = sys.modules["torch"]
            self.threads_before = torch.get_num_threads()
            torch.set_num_threads(self.threads)

    def answer(self) -> Done:
        order, decoding = self.orders.popleft()
        media, prepare_s = decoding.result()
        return self.bench.answer(order, media, prepare_s)


def _alone(weights: Path, orders: Iterable[Order], check: Check) -> Iterator[Done]:
    """Answers, in order, by this process."""
    desk = _Desk(weights, threads=1)
    try:
        for order in orders:
            check()
            desk.take(order)
            check()
            if len(desk.orders) == HELD:
                yield desk.answer()
        while desk.orders:
            yield desk.answer()
    finally:
        desk.close()


def _timed(order: Order, weights: Path) -> tuple[ClipMedia, float]:
    started = time.perf_counter()
    media = prepared(order, weights)
    return media, time.perf_counter() - started


# Several processes


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    hands: list[Order] = field(default_factory=list)


class _Crew:
    """The parent's side: who has what, and who has died."""

    def __init__(self, weights: Path, processes: int, check: Check) -> None:
        self.weights = weights
        self.processes = processes
        self.check = check
        self.workers: list[_Worker] = []
        self.suspects: set[str] = set()
        self.again: deque[Order] = deque()

    def run(self, orders: Iterable[Order]) -> Iterator[Done]:
        stream = iter(orders)
        try:
            self.workers = [self._hired() for _ in range(self.processes)]
            self._hand_out(stream)
            while any(worker.hands for worker in self.workers):
                for worker in self._ready():
                    yield from self._heard(worker)
                self._hand_out(stream)
        finally:
            self._dismiss()

    def _hired(self) -> _Worker:
        context = get_context("spawn")  # a fork of a process with threads and torch may hang
        here, there = context.Pipe()
        threads = max(1, cores() // self.processes)
        process = context.Process(
            target=_serve, args=(there, self.weights, threads), daemon=True, name="dubscore-parts"
        )
        process.start()
        there.close()
        return _Worker(process, here)

    def _hand_out(self, stream: Iterator[Order]) -> None:
        for worker in self.workers:
            while (order := self._next_for(worker, stream)) is not None:
                worker.hands.append(order)
                try:
                    worker.pipe.send(order)
                except OSError:
                    break  # it has died: heard of at its turn

    def _next_for(self, worker: _Worker, stream: Iterator[Order]) -> Order | None:
        """What a process gets next; a clip at which one has died is tried alone."""
        if any(order.clip in self.suspects for order in worker.hands) or len(worker.hands) == HELD:
            return None
        if self.again and not worker.hands:
            return self.again.popleft()
        return next(stream, None)

    def _ready(self) -> list[_Worker]:
        busy = [worker for worker in self.workers if worker.hands]
        heard: Sequence[object] = []
        while not heard:
            self.check()
            heard = wait([worker.pipe for worker in busy], timeout=CHECK_EVERY_S)
        return [worker for worker in busy if worker.pipe in heard]

    def _heard(self, worker: _Worker) -> Iterator[Done]:
        try:
            done = worker.pipe.recv()
        except (EOFError, OSError):
            yield from self._replaced(worker)
            return
        if isinstance(done, Exception):
            raise done
        worker.hands = [order for order in worker.hands if order.clip != done.clip]
        yield done

    def _replaced(self, dead: _Worker) -> Iterator[Done]:
        """A new process in place of a dead one; what that held is tried again, each alone."""
        dead.pipe.close()
        dead.process.join(PATIENCE_S)
        self.workers[self.workers.index(dead)] = self._hired()
        for order in dead.hands:
            if order.clip in self.suspects:
                why = f"its process died twice, at last with exit code {dead.process.exitcode}"
                yield Done.failed(order, f"{FAULT}: {why}")
            else:
                self.suspects.add(order.clip)
                self.again.append(order)

    def _dismiss(self) -> None:
        for worker in self.workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in self.workers:
            worker.process.join(PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()


def _serve(pipe: Connection, weights: Path, threads: int) -> None:
    """A process's life: orders in, answers out, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    _use_threads(threads)
    try:
        desk = _Desk(weights, threads)
        while True:
            if desk.orders and (len(desk.orders) == HELD or not pipe.poll()):
                pipe.send(desk.answer())
            else:
                desk.take(pipe.recv())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or wants no more
    except Exception as error:  # weights that are missing: the parent raises it
        pipe.send(error)


def _use_threads(threads: int) -> None:
    """Processes that each took every core would wait for one another."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)  # for libraries that are not loaded yet, as torch
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
