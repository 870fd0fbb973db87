"""What it costs to compute every offline part of many clips, against simpler ways.

Pure: all parts on clips of which everything was decoded before; only what the parts compute is
timed. Alone: each part as its own example would run it, loading and decoding for itself, one after
the other. Local 1: the engine with one process, as people run it. All three in this process on one
thread each, their turns alternating; processor time is told beside the time that passes, for
`local` decodes ahead in a second thread; in that of `local` are its start and its decoding.

Then both engines with 1 and 2 workers, each worker with a core of its own: the seconds that one
more clip takes, which is what many clips took beyond what a part of them took, so that no start is
in it. A quick run leaves these out.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

from benchmarks._parts import clips_in, options, ready, sentences, weights  # noqa: E402
from benchmarks.reporting import aim, report  # noqa: E402
from learner.compute import Done, Order, Source, engine_of  # noqa: E402
from learner.compute.bench import Bench, media_of, prepared  # noqa: E402

# How often each clip is asked for, to take the time of fewer from that of more.
FEW, MANY = 2, 5
QUICK_CLIPS = 4


def main() -> None:
    """Measure, compare, report."""
    parser = options(__doc__)
    asked = parser.parse_args()
    clips = clips_in(asked.clips, parser)
    wanted = orders(list(clips.values())[: QUICK_CLIPS if asked.quick else None])
    rounds = 1 if asked.quick else 3
    print(f"{len(wanted)} clips, {len(wanted[0].parts)} parts each", flush=True)
    ways = {"pure": pure, "alone": alone, "local 1": local_1}
    took, processor = alternating(wanted, rounds, ways)
    a_clip = {}
    for engine in () if asked.quick else ("local", "ray"):
        for workers in (1, 2):
            a_clip[engine, workers] = one = throughput(engine, workers, wanted)
            print(f"{engine} {workers}: {one:.3f} s one more clip", flush=True)
    aims = {
        "local with 1 process to the sum of pure model times": aim(
            took["local 1"] / took["pure"], 1.25, at_least=False
        ),
        "local with 1 process to each part alone": aim(
            took["local 1"] / took["alone"], 0.5, at_least=False
        ),
    }
    for engine in () if asked.quick else ("local", "ray"):
        gain = a_clip[engine, 1] / a_clip[engine, 2]
        aims[f"{engine}: 2 workers to 1, a core each"] = aim(gain, 1.7)
    report(
        "extraction",
        aims,
        packages=("torch", "av", "ray", "ai-edge-litert"),
        keep=not asked.quick,
        is_quick=asked.quick,
        clips=len(wanted),
        parts=[" ".join(part) for part in wanted[0].parts],
        seconds_a_clip={name: round(one, 3) for name, one in took.items()},
        processor_seconds_a_clip={name: round(one, 3) for name, one in processor.items()},
        seconds_of_one_more_clip={
            f"{engine} {workers}": round(one, 3) for (engine, workers), one in a_clip.items()
        },
    )


def orders(paths: list[Path]) -> list[Order]:
    """Every part that is set up, of every clip; a clip's source is the one before it."""
    said = sentences()
    metrics, encoders = tuple(ready("metric")), tuple(ready("encoder"))
    found = []
    for number, path in enumerate(paths):
        english, hindi = said[number % len(said)]
        source = Source(str(paths[number - 1]), english, "", "en")
        file = Source(str(path), english, hindi, "en")
        found.append(Order(f"clip {number}", file, source, metrics, encoders))
    return found


def copies(wanted: list[Order], how_many: int) -> list[Order]:
    """All of them so many times."""
    return [
        Order(f"copy {number}", order.file, order.source, order.metrics, order.encoders)
        for number, order in enumerate(wanted * how_many)
    ]


Took = tuple[float, float]


def alternating(
    wanted: list[Order], rounds: int, ways: dict[str, Callable[[list[Order]], Took]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Median seconds a clip of each way, by the clock and of processors, in alternating turns."""
    took: dict[str, list[Took]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            passed, computed = (seconds / len(wanted) for seconds in way(wanted))
            took[name].append((passed, computed))
            said = f"{passed:.3f} s a clip, {computed:.3f} s of processors"
            print(f"round {number + 1}, {name}: {said}", flush=True)
    return (
        {name: median(passed for passed, _ in all_of) for name, all_of in took.items()},
        {name: median(computed for _, computed in all_of) for name, all_of in took.items()},
    )


class Watch:
    """Time that passed and time of processors since it was made."""

    def __init__(self) -> None:
        self.started = time.perf_counter(), time.process_time()

    def read(self) -> Took:
        return time.perf_counter() - self.started[0], time.process_time() - self.started[1]


_bench = Bench(weights())


def pure(wanted: list[Order]) -> Took:
    """Only what parts compute: sound and pictures lie decoded in memory."""
    _bench.load(wanted[0])
    passed, computed = 0.0, 0.0
    for order in wanted:
        decoded = prepared(order, weights(), most_bytes=1 << 34)  # also finds faces and pitch ...
        kept = decoded._kept.get("speech"), decoded.original._kept.get("speech")
        media = media_of(order, most_bytes=1 << 34)
        media._kept["speech"], media.original._kept["speech"] = kept
        for part in {name: _bench.part(kind, name) for kind, name in order.parts}.values():
            if hasattr(part, "expect"):
                part.expect(media)
        expect_faces(media)
        media.wind()
        watch = Watch()
        _bench.answer(order, media)  # ... which here are computed anew, as part of the time
        took = watch.read()
        passed, computed = passed + took[0], computed + took[1]
    return passed, computed


def expect_faces(media: object) -> None:
    """The pass over the film in which the face is found is decoding, too."""
    from learner.media.faces import FaceFinder

    FaceFinder.expect(media)  # type: ignore[arg-type]


def alone(wanted: list[Order]) -> Took:
    """Each part by itself: loaded, and each clip decoded for it."""
    watch = Watch()
    for kind, name in wanted[0].parts:
        bench = Bench(weights())
        for order in wanted:
            metrics = (name,) if kind == "metric" else ()
            encoders = (name,) if kind == "encoder" else ()
            one = Order(order.clip, order.file, order.source, metrics, encoders)
            bench.answer(one, media_of(one, most_bytes=0))
    return watch.read()


def local_1(wanted: list[Order]) -> Took:
    """The engine with one process, its start included."""
    watch = Watch()
    answer(engine_of("local", weights(), 1), wanted)
    return watch.read()


def throughput(engine: str, workers: int, wanted: list[Order]) -> float:
    """Seconds that one more clip takes so many workers, each on a core of its own."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=confined, initargs=(workers,)) as pool:
        short = pool.submit(seconds_of, engine, workers, copies(wanted, FEW)).result()
        long = pool.submit(seconds_of, engine, workers, copies(wanted, MANY)).result()
    return (long - short) / (len(wanted) * (MANY - FEW))


def confined(workers: int) -> None:
    """This process and all that it starts may use so many cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:workers])


def seconds_of(name: str, workers: int, wanted: list[Order]) -> float:
    """From the first order to the last answer."""
    started = time.perf_counter()
    answer(engine_of(name, weights(), workers), wanted)
    return time.perf_counter() - started


def answer(engine: Any, wanted: list[Order]) -> None:
    """All of them, checked."""
    for done in engine.run(wanted):
        check(done)


def check(done: Done) -> None:
    """A fault would make an engine fast."""
    faults = [one for one in done.answers if not one.is_final]
    if faults:
        raise SystemExit(f"{faults[0].name}: {faults[0].error}")


if __name__ == "__main__":
    main()
