"""The trainings behind tables 2 and 5: every choice of modalities, and both kinds of proxy.

Shape letters: N clips, F folds, M metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from learner.fusion.data import blind_proxies, proxies_without
from learner.fusion.study import SHORT, Study, ablation, network_rows, train_study

Report = Callable[[float, str], None]
EQUAL_FOLDER = "equal-weights"


def full_name(study: Study) -> str:
    """Of the choice that leaves no modality out: its folder, and its name in table 2."""
    return "".join(SHORT[m] for m in SHORT if m in study.config.modalities)


def of_modalities(study: Study, folder: Path, report: Report) -> list[dict[str, Any]]:
    """Rows of table 2; the full network is left in the folder by its name."""
    return list(ablation(study, folder, report))


def with_equal_weights(study: Study) -> Study:
    """The same clips and folds, with a proxy MOS whose weights are equal.

    Only its line to MOS is learned, without the labels of each fold.
    """
    labels, config = study.labels, study.config
    known = (study.filled, labels.mos_N, labels.var_N, study.fold_N, labels.source_N)
    mos_FN, var_FN = proxies_without(*known, config.seed, method="equal")
    blind_FN = blind_proxies(*known, config, method="equal")
    return replace(study, proxy_FN=mos_FN, proxy_var_FN=var_FN, blind_FN=blind_FN)


def of_weights(study: Study, folder: Path, report: Report) -> dict[str, list[dict[str, Any]]]:
    """Rows of table 5 by `ew` and `al`; the full network on learned weights is there already."""
    equal = with_equal_weights(study)
    train_study(
        equal,
        folder / EQUAL_FOLDER,
        lambda at: report(at.frac, f"equal weights: member {at.fold + 1}"),
    )
    return {
        "ew": network_rows(equal, folder / EQUAL_FOLDER),
        "al": network_rows(study, folder / full_name(study)),
    }
