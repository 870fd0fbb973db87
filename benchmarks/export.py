"""What each form costs in which ratings leave: seconds, rows a second, and memory as they grow.

A campaign of n scores on one aspect (10 a clip, 400 a rater) and one of a tenth of that, written as
raw rows into a SQLite database of their own. Each form is written to nowhere, each time by a
process of its own, so that the peak is that of one export; what such a process takes before it
reads a row is measured too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.reporting import aim, report  # noqa: E402

SEED = 20261123
QUICK = 10_000
MOST_RATIO = 1.2
KIB_A_MIB = 1024
STATUS = Path("/proc/self/status")


def main() -> None:
    """Write the ratings, export them in every form, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=1_000_000, help="scores")
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--one", nargs=2, metavar=("CAMPAIGN", "FORM"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one_export(*asked.one)))
        return
    n = QUICK if asked.quick else asked.n
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        names = campaigns(n // 10, n)
        found = {kind: by_size(kind, n, names) for kind in forms()}
    aims = {
        f"peak memory at n to n/10, {kind}": aim(row["ratio"], MOST_RATIO, at_least=False)
        for kind, row in found.items()
    }
    packages = ("django", "pyarrow")
    report("export", aims, seed=SEED, packages=packages, keep=not asked.quick, n=n, forms=found)


def install(folder: Path) -> None:
    """Django on an empty database of its own; processes begun from here find it too."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.base"
    os.environ["DUBSCORE_VAR"] = str(folder)
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'ratings.sqlite3'}"
    os.environ.setdefault("SECRET_KEY", "only-for-benchmarks")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def campaigns(*sizes: int) -> list[str]:
    """Campaigns of so many scores each, by name."""
    from benchmarks._many_ratings import campaign_of

    return [campaign_of(n, SEED).name for n in sizes]


def forms() -> list[str]:
    """The names of all forms."""
    from mos.exports import FORMATS

    return list(FORMATS)


def by_size(kind: str, n: int, names: list[str]) -> dict[str, Any]:
    """What one form costs at n, and its peak beside that at a tenth."""
    tenth, whole = (measured(name, kind) for name in names)
    row = {
        "seconds": whole["seconds"],
        "rows_a_second": round(n / whole["seconds"]),
        "mib": whole["mib"],
        "start_mib": whole["start_mib"],
        "peak_mib": whole["peak_mib"],
        "peak_mib_at_a_tenth": tenth["peak_mib"],
        "ratio": round(whole["peak_mib"] / tenth["peak_mib"], 3),
    }
    print(kind, row, flush=True)
    return row


def measured(campaign: str, kind: str) -> dict[str, float]:
    """One export in a process of its own."""
    command = [sys.executable, __file__, "--one", campaign, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the export of {campaign} as {kind} broke off: {done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def one_export(name: str, kind: str) -> dict[str, float]:
    """Seconds, size and the most memory that this process ever held."""
    import django

    django.setup()
    from annotator.models import Campaign
    from mos.exports import blocks

    campaign = Campaign.objects.get(name=name)
    before, started, size = peak_mib(), time.perf_counter(), 0
    for block in blocks(campaign, kind):
        size += len(block)
    taken = time.perf_counter() - started
    return {
        "seconds": round(taken, 3),
        "mib": round(size / 2**20, 1),
        "start_mib": before,
        "peak_mib": peak_mib(),
    }


def peak_mib() -> float:
    """The most memory that this process ever held.

    Not `ru_maxrss`: it begins with what the process held that began this one.
    """
    (line,) = (one for one in STATUS.read_text().splitlines() if one.startswith("VmHWM"))
    return round(int(line.split()[1]) / KIB_A_MIB, 1)


if __name__ == "__main__":
    main()
