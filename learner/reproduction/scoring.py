"""Ways of scoring clips beside each other: the paper's tables 2 and 5, and its figure 2.

Shape letters: N clips, M metrics.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from learner.fusion.evaluation import Judged, agreement
from learner.reproduction import printed
from learner.reproduction.contents import TITLES
from learner.reproduction.table import PRINTED, Column, Table

FIGURES = (
    Column("pcc", "PCC", 3),
    Column("srcc", "SRCC", 3),
    Column("mse", "MSE", 3),
    Column("mse_mapped", "MSE after the line", 3),
    Column("r2", "R²", 3),
    Column("bias", "Bias", 2),
)
NAME, DETAIL, IN_PRINT = Column("name", "Scored by"), Column("detail", "What it is"), PRINTED
INTERVALS = (
    "Intervals at 95 %, over draws of whole sources; none where fewer than five sources have a MOS."
)
SIMPLE = {"equal": "no label", "best": "", "proxy": "learned weights, without each fold"}
STAGES = {
    "ws": "all inputs, trained on proxy MOS",
    "ft": "all inputs, then on MOS: the last choice above once more",
    "both": "",
}
LETTERS = {"A": "audio", "V": "video", "T": "text"}
Row = Mapping[str, Any]


def table_2(
    simple: Sequence[Row], ablation: Sequence[Row], network: Sequence[Row], reliability: float
) -> Table:
    r"""What each modality adds, with the simplest ways of scoring in the same table.

    No score can correlate with MOS beyond :math:`\sqrt G` in expectation, G being the share of the
    variance of MOS that is not raters' noise.

    Source: the paper's table 2.

    Args:
        simple: Equal weights, best single metric, proxy MOS, as of `agreement`.
        ablation: A row a choice of modalities, the full one last.
        network: The full network after each stage, and joined with the proxy.
        reliability: G; NaN where it is not known.
    """
    rows = [_named(row, SIMPLE[kind], kind) for row, kind in zip(simple, SIMPLE, strict=True)]
    last = len(ablation) - 1
    for place, row in enumerate(ablation):
        words = " + ".join(LETTERS.get(letter, letter) for letter in row["name"])
        rows.append(_named(row, words, "all" if place == last and last == 6 else row["name"]))
    rows += [_named(row, STAGES[kind], kind) for row, kind in zip(network, STAGES, strict=True)]
    return Table(
        key="table-2",
        title=TITLES["table-2"],
        says="The network trained anew with every choice of modalities, beside what is simpler.",
        columns=(NAME, DETAIL, *FIGURES, Column("n", "Clips", 0), Column(IN_PRINT, "In print")),
        rows=rows,
        notes=[_ceiling(reliability), INTERVALS, _FLATTERED, _OFF_SCALE, _INPUTS],
        apart=[
            *printed.OTHERS,
            *printed.ENCODERS,
            *printed.OUT_OF_FOLD,
            *printed.NO_INTERVALS,
            printed.LEVELS[0],
        ],
        odd=printed.ABLATION_ODD,
    )


_FLATTERED = (
    "The best single metric is chosen on the clips that it is judged on, which flatters it."
)
_OFF_SCALE = "Equal weights and single metrics are not on the scale of MOS: no MSE, R² or bias."
_INPUTS = (
    "Inputs are encoders' vectors of a dub and how they differ from its source's; the paper's "
    "network has the vectors alone, at widths and epochs for thousands of clips."
)


def _ceiling(reliability: float) -> str:
    if not np.isfinite(reliability):
        return "The reliability of MOS is not known here, nor is the highest PCC to hope for."
    return (
        f"Reliability of MOS G = {reliability:.2f}: a perfect score would have a PCC of about "
        f"√G = {math.sqrt(max(reliability, 0.0)):.2f} with these MOS."
    )


def _named(row: Row, detail: str, kind: str) -> dict[str, Any]:
    words = row.get("detail") or detail
    return {**row, "detail": words, IN_PRINT: printed.printed(printed.ABLATION, kind)}


STRATEGIES = {"ew": "EW", "al": "AL"}
TRAININGS = {"ws": "WS", "ft": "WS+FT", "both": "WS+FT, joined with the proxy"}


def table_5(found: Mapping[str, Sequence[Row]]) -> Table:
    """Weights of the proxy by stages of training, of clips and of systems.

    EW trains on a proxy MOS of equal weights, AL on one of learned weights; WS stops there, WS+FT
    goes on with human MOS. Same folds, same seed, same network.

    Source: the paper's table 5.

    Args:
        found: By `ew` and `al` the rows of the network after each stage and joined with the proxy.
    """
    rows = [
        _of_both_levels(row, f"{STRATEGIES[weights]} × {TRAININGS[stage]}", f"{weights}_{stage}")
        for weights, of_weights in found.items()
        for row, stage in zip(of_weights, TRAININGS, strict=True)
    ]
    has_systems = any(row.get("systems_n") for row in rows)
    notes = [
        "EW: proxy MOS of equal weights; AL: of weights learned from the labels outside each fold. "
        "WS: trained on proxy MOS alone; FT: then on human MOS.",
        "Learned weights are mixed with equal ones as far as it is in doubt that learning pays, so "
        "that with few labels EW and AL differ little.",
        INTERVALS,
    ]
    if not has_systems:
        notes.append("Fewer than three systems are named: no figures of systems.")
    return Table(
        key="table-5",
        title=TITLES["table-5"],
        says="The whole network, trained on either proxy and then on MOS, on the same folds.",
        columns=(
            NAME,
            *FIGURES[:3],
            FIGURES[4],
            Column("systems_pcc", "PCC of systems", 3),
            Column("systems_srcc", "SRCC of systems", 3),
            Column("systems_n", "Systems", 0),
            Column("n", "Clips", 0),
            Column(IN_PRINT, "In print"),
        ),
        rows=rows,
        notes=notes,
        apart=[
            *printed.OTHERS,
            *printed.ENCODERS,
            *printed.OUT_OF_FOLD,
            *printed.NO_INTERVALS,
            *printed.LEVELS,
        ],
        odd=printed.STAGES_ODD,
    )


def _of_both_levels(row: Row, name: str, kind: str) -> dict[str, Any]:
    systems = {f"systems_{key}": value for key, value in (row.get("systems") or {}).items()}
    words = printed.printed(printed.STAGES, kind)
    return {**row, **systems, "systems": None, "name": name, IN_PRINT: words}


def figure_2(
    titles: Sequence[str], turned_NM: ArrayLike, scaled_NM: ArrayLike, judged: Judged
) -> Table:
    """Each metric alone beside MOS.

    Source: the paper's figure 2.

    Args:
        titles: Of the metrics.
        turned_NM: As measured, turned so that more is better; NaN where there is none.
        scaled_NM: The same as normal scores of their ranks.
        judged: By what.
    """
    turned, scaled = np.asarray(turned_NM, np.float64), np.asarray(scaled_NM, np.float64)
    rows = []
    for place, title in enumerate(titles):
        row = agreement(title, turned[:, place], judged, is_on_scale=False)
        ranked = agreement(title, scaled[:, place], judged, is_on_scale=False)
        row |= {f"ranked{end}": ranked[f"pcc{end}"] for end in ("", "_low", "_high")}
        rows.append({**row, "systems": None, IN_PRINT: printed.FIGURE})
    return Table(
        key="figure-2",
        title=TITLES["figure-2"],
        says="Correlation of each metric with MOS, turned so that more is better.",
        columns=(
            Column("name", "Metric"),
            Column("pcc", "PCC", 2),
            Column("ranked", "PCC of normal scores", 2),
            Column("srcc", "SRCC", 2),
            Column("n", "Clips", 0),
            Column(IN_PRINT, "In print"),
        ),
        rows=rows,
        notes=[
            INTERVALS,
            "PCC is of the metric as measured, which a few extreme clips can rule; the proxy is "
            "made of normal scores of the ranks.",
        ],
        apart=printed.FIGURE_APART,
    )
