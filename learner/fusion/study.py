"""Training a network and judging it beside simpler ways of scoring; and what each modality adds.

Shape letters: N clips, F folds, M metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.fusion.config import FusionConfig
from learner.fusion.data import TrainingData, blind_proxies, proxies_without
from learner.fusion.ensemble import Predictions, members, predict
from learner.fusion.evaluation import Judged, agreement, best_single
from learner.fusion.folds import assign_folds
from learner.fusion.inputs import Inputs
from learner.fusion.training import Progress, train
from learner.proxy.missing import Filled

Floats = NDArray[np.float64]
EQUAL, BEST, PROXY = "Equal weights", "Best single metric", "Proxy MOS"
WS, FT, BOTH = "Network, on proxy MOS", "Network, on proxy MOS, then MOS", "DubScore"
SHORT = {"audio": "A", "video": "V", "text": "T"}
Report = Callable[[float, str], None]
FEWEST_USUAL = 10  # clips without a MOS that tell what doubt is usual


@dataclass(frozen=True)
class Labels:
    """What people said of clips, and where the clips come from.

    Args:
        mos_N, var_N: Human MOS and the variance of that mean from its raters; NaN without ratings.
        source_N: Number of what each clip was made from.
        system_N: What made each dub; empty where that is not known.
    """

    mos_N: Floats
    var_N: Floats
    source_N: NDArray[np.int64]
    system_N: NDArray[Any]

    @property
    def reliability(self) -> float:
        """Share of the variance of MOS that is not raters' noise; NaN where MOS do not vary."""
        known = ~np.isnan(self.mos_N)
        spread = float(self.mos_N[known].var(ddof=1)) if known.sum() > 1 else 0.0
        if spread <= 0:
            return float("nan")
        return max(0.0, 1 - float(self.var_N[known].mean()) / spread)


@dataclass(frozen=True)
class Study:
    """One campaign's clips, ready to train on and to judge by.

    Args:
        inputs: All that a network could look at.
        filled: Normal scores of metrics without holes, shape (N, M).
        metrics: Their titles.
        labels: What people said.
        config: Shape and training; its encoders are chosen by `kinds` anew.
        proxy_FN, proxy_var_FN: Proxy MOS without the labels of each fold.
        fold_N: Which fold leaves each clip out.
        blind_FN: As `TrainingData.blind_FN`.
    """

    inputs: Inputs
    filled: Filled
    metrics: tuple[str, ...]
    labels: Labels
    config: FusionConfig
    proxy_FN: Floats
    proxy_var_FN: Floats
    fold_N: NDArray[np.int64]
    blind_FN: Floats

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        filled: Filled,
        metrics: tuple[str, ...],
        labels: Labels,
        config: FusionConfig,
    ) -> Study:
        """Split into folds by source, and fit the proxy anew without each.

        Raises:
            ValueError: too few labels or sources.
        """
        has_mos = ~np.isnan(labels.mos_N)
        fold_N = assign_folds(labels.source_N, has_mos, config.folds, config.seed)
        known = (filled, labels.mos_N, labels.var_N, fold_N, labels.source_N)
        mos_FN, var_FN = proxies_without(*known, config.seed)
        blind_FN = blind_proxies(*known, config)
        return cls(inputs, filled, metrics, labels, config, mos_FN, var_FN, fold_N, blind_FN)

    @cached_property
    def data(self) -> TrainingData:
        """As the training loop takes it."""
        return TrainingData(
            features=self.inputs.arrays(self.config.encoders),
            proxy_FN=self.proxy_FN,
            proxy_var_FN=self.proxy_var_FN,
            mos_N=self.labels.mos_N,
            mos_var_N=self.labels.var_N,
            fold_N=self.fold_N,
            source_N=self.labels.source_N,
            blind_FN=self.blind_FN,
        )

    @property
    def judged(self) -> Judged:
        """As scores are judged."""
        labels = self.labels
        return Judged(labels.mos_N, labels.source_N, labels.system_N, self.config.seed)

    @property
    def proxy_N(self) -> Floats:
        """Proxy MOS of each clip, learned without its own fold."""
        return np.asarray(self.proxy_FN[self.fold_N, np.arange(len(self.fold_N))])

    def said(self, folder: Path, stage: str = "ft") -> Predictions:
        """What the members kept in a folder say of every clip."""
        networks = members(folder, len(self.proxy_FN), stage)
        return predict(networks, self.data.features, self.proxy_FN)


def doubts(study: Study, said: Predictions, others: Predictions) -> tuple[Floats, Floats]:
    """Epistemic and aleatoric variance of each clip's score, alike for rated and for new clips.

    Members that were trained on a clip agree with its MOS, so how far they lie from the one that
    was not is that one's error, not its doubt. A rated clip therefore gets its own member's
    aleatoric variance, and the epistemic one that is usual for clips nobody rated.

    Args:
        study: Whose folds and labels.
        said: With each fold's proxy.
        others: With the proxy of all labels, as new clips are scored.
    """
    has_mos = ~np.isnan(study.labels.mos_N)
    own_N = said.aleatoric_var_FN[study.fold_N, np.arange(len(has_mos))]
    epistemic_N = others.epistemic_var_N
    is_usual = ~has_mos if (~has_mos).sum() >= FEWEST_USUAL else np.ones_like(has_mos)
    usual = float(epistemic_N[is_usual].mean())
    return (
        np.where(has_mos, usual, epistemic_N),
        np.where(has_mos, own_N, others.aleatoric_var_N),
    )


def simple_rows(study: Study) -> list[dict[str, Any]]:
    """Equal weights, the best single metric, and the proxy MOS out of fold."""
    judged, scores_NM = study.judged, study.filled.values
    best = best_single(scores_NM, judged.mos_N)
    return [
        agreement(EQUAL, scores_NM.mean(axis=1), judged, is_on_scale=False),
        {
            **agreement(BEST, scores_NM[:, best], judged, is_on_scale=False),
            "detail": study.metrics[best],
        },
        agreement(PROXY, study.proxy_N, judged),
    ]


def network_rows(study: Study, folder: Path) -> list[dict[str, Any]]:
    """The trained network after each stage, and joined with the proxy: out of fold."""
    after_ws, after_ft = study.said(folder, "ws"), study.said(folder)
    fold_N, judged = study.fold_N, study.judged
    at = np.arange(len(fold_N))
    share = float(after_ft.proxy_share_N.mean())
    return [
        agreement(WS, after_ws.own_FN[fold_N, at], judged),
        agreement(FT, after_ft.own_FN[fold_N, at], judged),
        {
            **agreement(BOTH, after_ft.of_folds(fold_N), judged),
            "detail": f"{1 - share:.0%} network, {share:.0%} proxy MOS",
        },
    ]


def train_study(
    study: Study, folder: Path, report: Callable[[Progress], None] = lambda progress: None
) -> list[dict[str, Any]]:
    """Train the members; the curves."""
    return train(study.config, study.data, folder, report)


def subsets(modalities: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every choice of modalities, single ones first.

    >>> ["".join(SHORT[m] for m in subset) for subset in subsets(("audio", "video", "text"))]
    ['A', 'V', 'T', 'AV', 'AT', 'VT', 'AVT']
    """
    return [s for size in range(1, len(modalities) + 1) for s in combinations(modalities, size)]


def ablation(study: Study, folder: Path, report: Report = lambda frac, text: None) -> Iterator[Any]:
    """The network with every choice of modalities, each trained anew: the paper's table 2.

    Args:
        study: With everything.
        folder: Below it, one folder a subset; what was trained before is not trained again.
        report: Told the share that is done, and in words.

    Yields:
        A row for each subset, as of `agreement`, of the network alone, out of fold.
    """
    known = tuple(m for m in SHORT if m in study.config.modalities)
    chosen = subsets(known)
    for place, subset in enumerate(chosen):
        name = "".join(SHORT[m] for m in subset)
        own = replace(study, config=study.config.only(subset))

        def tell(progress: Progress, place: int = place, name: str = name) -> None:
            report((place + progress.frac) / len(chosen), f"{name}: member {progress.fold + 1}")

        train_study(own, folder / name, tell)
        said = own.said(folder / name)
        score_N = said.own_FN[own.fold_N, np.arange(len(own.fold_N))]
        yield {**agreement(name, score_N, own.judged), "modalities": list(subset)}
