"""How every benchmark ends: one JSON line, kept beside the others in results/."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def aim(value: float, target: float, *, at_least: bool = True) -> dict[str, Any]:
    """One figure with what it should reach."""
    holds = value >= target if at_least else value <= target
    return {"value": round(value, 3), "target": target, "holds": bool(holds)}


def report(
    name: str,
    aims: dict[str, dict[str, Any]],
    *,
    seed: int | None = None,
    packages: tuple[str, ...] = (),
    keep: bool = True,
    **details: Any,
) -> None:
    """Print the result as the last line and keep it in results/NAME.json.

    What a quick run of few clips gives is not kept where documents quote the figures.
    """
    result = {
        "benchmark": name,
        "aims": aims,
        **details,
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "seed": seed,
    }
    if keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))
