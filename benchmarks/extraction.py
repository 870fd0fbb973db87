"""What it costs to compute every offline part of many clips, against simpler ways.

Pure: all parts on clips of which everything was decoded before; only what the parts compute is
timed. Alone: each part as its own example would run it, loading and decoding for itself, one after
the other. Ours: `local` with 1 and 2 processes and `ray` with 1 and 2 actors, from the first order
to the last answer with their start, and again from the time when all processes are at work. All on
one thread a process, in one run; the turns of pure, alone and local 1 alternate in each round.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

from benchmarks._parts import clips_in, options, ready, sentences, weights  # noqa: E402
from benchmarks.reporting import aim, report  # noqa: E402
from learner.compute import Order, Source, engine_of  # noqa: E402
from learner.compute.bench import Bench, media_of, prepared  # noqa: E402

COPIES, QUICK_COPIES = 4, 3
QUICK_CLIPS = 4


def main() -> None:
    """Measure, compare, report."""
    parser = options(__doc__)
    asked = parser.parse_args()
    clips = clips_in(asked.clips, parser)
    wanted = orders(list(clips.values())[: QUICK_CLIPS if asked.quick else None])
    rounds = 1 if asked.quick else 3
    print(f"{len(wanted)} clips, {len(wanted[0].parts)} parts each", flush=True)
    took = alternating(wanted, rounds, {"pure": pure, "alone": alone, "local 1": local_1})
    many = wanted * (QUICK_COPIES if asked.quick else COPIES)
    many = [renamed(order, number) for number, order in enumerate(many)]
    rates = {}
    for engine in ("local", "ray"):
        for workers in (1, 2):
            rates[engine, workers] = throughput(engine, workers, many)
            print(f"{engine} {workers}: {rates[engine, workers]}", flush=True)
    aims = {
        "local with 1 process to the sum of pure model times": aim(
            took["local 1"] / took["pure"], 1.25, at_least=False
        ),
        "local with 1 process to each part alone": aim(
            took["local 1"] / took["alone"], 0.5, at_least=False
        ),
    }
    for engine in ("local", "ray"):
        gain = rates[engine, 1]["steady_s"] / rates[engine, 2]["steady_s"]
        aims[f"{engine}: 2 workers to 1"] = aim(gain, 1.7)
    report(
        "extraction",
        aims,
        packages=("torch", "av", "ray", "ai-edge-litert"),
        is_quick=asked.quick,
        clips=len(wanted),
        parts=[" ".join(part) for part in wanted[0].parts],
        seconds_a_clip={name: round(one, 3) for name, one in took.items()},
        seconds_a_clip_in_engines={
            f"{engine} {workers}": found for (engine, workers), found in rates.items()
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


def renamed(order: Order, number: int) -> Order:
    """The same once more."""
    return Order(f"copy {number}", order.file, order.source, order.metrics, order.encoders)


def alternating(
    wanted: list[Order], rounds: int, ways: dict[str, Callable[[list[Order]], float]]
) -> dict[str, float]:
    """Median seconds a clip of each way, their turns taken one after the other."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            took[name].append(way(wanted) / len(wanted))
            print(f"round {number + 1}, {name}: {took[name][-1]:.3f} s a clip", flush=True)
    return {name: median(all_of) for name, all_of in took.items()}


_bench = Bench(weights())


def pure(wanted: list[Order]) -> float:
    """Only what parts compute: sound and pictures lie decoded in memory."""
    _bench.load(wanted[0])
    total = 0.0
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
        started = time.perf_counter()
        _bench.answer(order, media)  # ... which here are computed anew, as part of the time
        total += time.perf_counter() - started
    return total


def expect_faces(media: object) -> None:
    """The pass over the film in which the face is found is decoding, too."""
    from learner.media.faces import FaceFinder

    FaceFinder.expect(media)  # type: ignore[arg-type]


def alone(wanted: list[Order]) -> float:
    """Each part by itself: loaded, and each clip decoded for it."""
    started = time.perf_counter()
    for kind, name in wanted[0].parts:
        bench = Bench(weights())
        for order in wanted:
            metrics = (name,) if kind == "metric" else ()
            encoders = (name,) if kind == "encoder" else ()
            one = Order(order.clip, order.file, order.source, metrics, encoders)
            bench.answer(one, media_of(one, most_bytes=0))
    return time.perf_counter() - started


def local_1(wanted: list[Order]) -> float:
    """The engine in this process, with its decoding ahead; parts are loaded before."""
    from learner.compute.local import LocalEngine

    started = time.perf_counter()
    for done in LocalEngine(weights(), 1).run(wanted):
        check(done)
    return time.perf_counter() - started


def throughput(name: str, workers: int, wanted: list[Order]) -> dict[str, float]:
    """Seconds a clip with the start, and from the time when each worker has answered."""
    started, times = time.perf_counter(), []
    engine = engine_of(name, weights(), workers)
    if name == "local":
        engine.is_apart = True  # type: ignore[attr-defined] # also one: start costs the same
    for done in engine.run(wanted):
        check(done)
        times.append(time.perf_counter() - started)
    begun = 2 * workers  # answers after which every process has loaded and is at work
    steady = (times[-1] - times[begun - 1]) / (len(times) - begun)
    return {"all_s": round(times[-1] / len(wanted), 3), "steady_s": round(steady, 3)}


def check(done: object) -> None:
    """A fault would make an engine fast."""
    faults = [one for one in done.answers if not one.is_final]  # type: ignore[attr-defined]
    if faults:
        raise SystemExit(f"{faults[0].name}: {faults[0].error}")


if __name__ == "__main__":
    main()
