"""What the product would say of the whole table, were all its items labelled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.proxy.calibration import LEVEL
from learner.proxy.fit import fit_weights
from learner.proxy.result import WeightFit
from learner.proxy.study.table import StudyTable

Floats = NDArray[np.float64]
BY_METRIC = (
    "weights",
    "learned",
    "low",
    "high",
    "importance",
    "importance_low",
    "importance_high",
    "pcc",
    "pcc_low",
    "pcc_high",
    "contradicts",
)


def verdict_on(table: StudyTable, z_NM: Floats, seed: int) -> dict[str, Any]:
    """The fit on all items, in words and by metric.

    Args:
        table: What is studied.
        z_NM: Its scores without holes.
        seed: Of the draws.

    Returns:
        `sentence`, `reason`, `is_better`, `share_learned`, `gain` with its ends, `agreements`,
        `metrics` with a row each, `warnings`.
    """
    fit = fit_weights(
        z_NM,
        table.human_N,
        sources=table.group_N,
        names=table.names,
        seed=seed,
        scale=table.scale,
    )
    return {
        "sentence": _sentence(fit),
        "reason": fit.reason,
        "is_better": fit.is_better,
        "share_learned": fit.share_learned,
        "gain": fit.gain,
        "gain_low": fit.gain_low,
        "gain_high": fit.gain_high,
        "level": LEVEL,
        "n": fit.n,
        "n_units": fit.n_units,
        "agreements": [asdict(one) for one in fit.agreements],
        "metrics": [
            {"name": name, "direction": table.directions[m]}
            | {key: getattr(fit, key)[m] for key in BY_METRIC}
            for m, name in enumerate(table.names)
        ],
        "warnings": list(fit.warnings),
    }


def _sentence(fit: WeightFit) -> str:
    is_so = "better" if fit.is_better else "not shown to be better"
    gain = (
        f": the interval of their gain is {fit.gain_low:+.3f} to {fit.gain_high:+.3f}"
        if np.isfinite(fit.gain)
        else ""
    )
    return f"Learned weights are {is_so} than equal ones on this table{gain} ({fit.n} items)."
