"""What all repeats together say of weightings and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.proxy.calibration import LEVEL
from learner.proxy.study.once import DEFAULT, WEIGHTINGS

Floats = NDArray[np.float64]


def summarise(repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over repeats, each difference from equal weights with its 95 % interval.

    Args:
        repeats: Of `study_once`, all with the same numbers of labels.

    Returns:
        `by_labels`: by number of labels the `pcc` of every weighting, `minus_equal` as (mean, low,
        high), `intervals`, `says_better_frac`. `overall`: mean over numbers of labels. `checks`:
        `default_minus_equal` at its worst number of labels, and `default_minus_best_two`: how far
        the default lies overall above the mean of the two best of the other weightings.
    """
    by_labels = {n: _at(n, repeats) for n in repeats[0]}
    overall = {
        name: float(np.mean([row["pcc"][name] for row in by_labels.values()]))
        for name in WEIGHTINGS
    }
    others = sorted((value for name, value in overall.items() if name != DEFAULT), reverse=True)
    worst = min(row["pcc"][DEFAULT] - row["pcc"]["equal"] for row in by_labels.values())
    return {
        "by_labels": by_labels,
        "overall": overall,
        "checks": {
            "default_minus_equal": worst,
            "default_minus_best_two": overall[DEFAULT] - (others[0] + others[1]) / 2,
        },
    }


def _at(n: str, repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rows = [one[n] for one in repeats]
    pcc = {name: np.array([row["pcc"][name] for row in rows]) for name in WEIGHTINGS}
    intervals = [row["intervals"] for row in rows if row["intervals"]]
    return {
        "pcc": {name: float(values.mean()) for name, values in pcc.items()},
        "minus_equal": {name: mean_interval(v - pcc["equal"]) for name, v in pcc.items()},
        "intervals": {
            "level": LEVEL,
            "without_line": len(rows) - len(intervals),
            **{k: float(np.mean([row[k] for row in intervals])) for k in (intervals or [{}])[0]},
        },
        "says_better_frac": float(np.mean([row["says_better"] for row in rows])),
        "share_learned": float(np.mean([row["share_learned"] for row in rows])),
    }


def mean_interval(values: Floats) -> tuple[float, float, float]:
    """Mean over repeats with its 95 % interval.

    >>> mean_interval(np.array([1.0, 1.0]))
    (1.0, 1.0, 1.0)
    """
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    half = 1.96 * spread / len(values) ** 0.5
    return mean, mean - half, mean + half
