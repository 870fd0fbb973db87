"""How much each modality counts in the score of a clip, and for which clips that is unusual.

Shape letters: N clips, S modalities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from learner.reproduction.contents import TITLES
from learner.reproduction.table import Column, Table

Floats = NDArray[np.float64]
MOST_UNUSUAL = 8


def gates_by_condition(
    gates: ArrayLike, modalities: Sequence[str], conditions: Sequence[str]
) -> Table:
    """Mean gate of each modality, with its spread over clips, by condition and over all.

    Args:
        gates: Shape (N, S), rows that add up to 1; 0 where a modality is absent.
        modalities: In the order of the gates.
        conditions: Of each clip; empty where it has none.
    """
    gates_NS, names_N = _checked(gates, modalities), np.asarray(conditions)
    groups = [("all clips", np.ones(len(gates_NS), dtype=bool))]
    groups += [(name or "no condition", names_N == name) for name in sorted(set(conditions))]
    rows = []
    for name, is_in in groups if len(groups) > 2 else groups[:1]:
        row: dict[str, Any] = {"name": str(name), "n": int(is_in.sum())}
        for place, modality in enumerate(modalities):
            values = gates_NS[is_in, place]
            row |= {modality: float(values.mean()), f"{modality}_sd": float(values.std())}
        rows.append(row)
    both = [
        column
        for modality in modalities
        for column in (Column(modality, modality, 3), Column(f"{modality}_sd", "SD", 3))
    ]
    return Table(
        key="gates",
        title=TITLES["gates"],
        says="How much the network listens to each modality: mean weight, and how it varies over "
        "clips.",
        columns=(Column("name", "Clips"), Column("n", "Number", 0), *both),
        rows=rows,
        notes=[
            "Means over the members of the whole network. A gate is no share of what is explained: "
            "what follows it can undo it. What a modality adds stands in table 2.",
            "A modality with one encoder has a gate of 1 within itself; these are the gates "
            "between modalities (eq. 3).",
        ],
    )


def unusual_gates(
    gates: ArrayLike,
    modalities: Sequence[str],
    clips: Sequence[dict[str, Any]],
    most: int = MOST_UNUSUAL,
) -> Table:
    """The clips whose gates lie farthest from the mean of clips with the same modalities.

    Args:
        gates: Shape (N, S).
        modalities: In the order of the gates.
        clips: Of each clip `name`, `condition`, `mos` and `dubscore`, None where not known.
        most: So many clips at most.
    """
    gates_NS = _checked(gates, modalities)
    away_N = _distance(gates_NS)
    order = np.lexsort((np.arange(len(away_N)), -away_N))[:most]
    rows = [
        {
            **clips[place],
            **{name: float(g) for name, g in zip(modalities, gates_NS[place], strict=True)},
            "away": float(away_N[place]),
        }
        for place in order.tolist()
        if away_N[place] > 0
    ]
    return Table(
        key="unusual-gates",
        title=TITLES["unusual-gates"],
        says="Where the network listens to other things than elsewhere: worth a look at the clip.",
        columns=(
            Column("name", "Clip"),
            Column("condition", "Condition"),
            *(Column(modality, modality, 3) for modality in modalities),
            Column("away", "Distance from the mean", 3),
            Column("mos", "MOS", 2),
            Column("dubscore", "DubScore, out of fold", 2),
        ),
        rows=rows,
        notes=["Compared with the mean gates of clips that have the same modalities."],
        missing="" if rows else "Every clip has the same gates.",
    )


def _checked(gates: ArrayLike, modalities: Sequence[str]) -> Floats:
    gates_NS = np.asarray(gates, dtype=np.float64)
    if gates_NS.ndim != 2 or gates_NS.shape[1] != len(modalities) or not len(gates_NS):
        raise ValueError(f"gates of shape {gates_NS.shape} do not fit {len(modalities)} modalities")
    return gates_NS


def _distance(gates_NS: Floats) -> Floats:
    """Of each clip from the mean of those with the same modalities, shape (N,)."""
    _, kind_N = np.unique(gates_NS > 0, axis=0, return_inverse=True)
    kind_N = kind_N.ravel()
    size = np.bincount(kind_N)
    means = np.stack([np.bincount(kind_N, column) / size for column in gates_NS.T], axis=1)
    return np.asarray(np.sqrt(((gates_NS - means[kind_N]) ** 2).sum(axis=1)).round(9))
