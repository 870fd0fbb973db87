"""Training encoders inside the network on a campaign: rows and files to arrays, results to files.

No web process imports this: it loads torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotator.models import Campaign, Clip
from learner.actions.extraction import inputs_key, order_of
from learner.actions.proxy import scored_pool
from learner.compute.bench import media_of
from learner.encoders._trainable import trainable
from learner.features import FeatureStore
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.data import proxies_without
from learner.fusion.evaluation import Judged, agreement
from learner.fusion.folds import assign_folds
from learner.fusion.inside import EncodersInside, Recipe, spec_inside
from learner.fusion.pieces import PreparedInputs
from learner.fusion.recipe import Clips, Loss, Step, predict_inside, targets_of, train_inside
from learner.registry import shelf
from learner.selectors import labelled_clips
from learner.selectors.units import units_of

Floats = NDArray[np.float64]
SCORES, CURVES, EVALUATION = "scores.json", "curves.json", "evaluation.json"


@dataclass(frozen=True)
class InsideWork:
    """All that training with encoders inside reads, over the clips of the pool.

    Args:
        clips: The pool, in order of name.
        config: Of the network; its encoders are those inside and those with kept vectors.
        recipe: Which encoders are inside, and how they are trained.
        features: Kept vectors of the other encoders.
        mos_N, var_N: Human MOS and its variance; NaN without ratings.
        proxies: For each fold proxy MOS and its variance, known without the labels of the fold.
        fold_N: Which fold leaves a clip out.
    """

    clips: list[Clip]
    config: FusionConfig
    recipe: Recipe
    features: dict[str, NDArray[np.float32]]
    mos_N: Floats
    var_N: Floats
    proxies: list[tuple[Floats, Floats]]
    fold_N: NDArray[np.int64]

    def keys(self, name: str) -> list[str]:
        """What an encoder inside looks at of each clip, as a hash."""
        card = shelf("encoder").get(name).card
        return [inputs_key(card, clip) for clip in self.clips]

    def version(self, name: str) -> str:
        """Of an encoder inside."""
        return next(spec.version for spec in self.config.encoders if spec.name == name)


def read_work(
    *, campaign: Campaign, target: str, recipe: Recipe, changes: dict[str, Any]
) -> InsideWork:
    """Read labels, proxy and kept vectors of a campaign.

    Args:
        campaign: Whose pool and labels.
        target: The aspect.
        recipe: Which encoders are inside.
        changes: Of the network's configuration.

    Raises:
        ValueError: an encoder cannot be trained, or there are too few labels or metrics.
        WeightsError: an encoder's weights are missing.
    """
    inside = [spec_inside(name, settings.DUBSCORE_WEIGHTS) for name in recipe.encoders]
    pool = scored_pool(campaign)
    clips, filled = pool.table.clips, pool.filled
    kept = _kept_vectors(clips, set(recipe.encoders))
    config = FusionConfig(encoders=(*inside, *kept), **changes)
    labelled = labelled_clips(campaign, target)
    mos_N = np.array([labelled.mos.get(clip.pk, np.nan) for clip in clips])
    var_N = np.array([labelled.noise_var.get(clip.pk, np.nan) for clip in clips])
    sources = units_of(clips)
    fold_N = assign_folds(sources, ~np.isnan(mos_N), config.folds, config.seed)
    units_N = np.unique(sources, return_inverse=True)[1]
    known = proxies_without(filled, mos_N, var_N, fold_N, units_N, config.seed)
    proxies = list(zip(*known, strict=True))
    features = {spec.name: vectors for spec, vectors in kept.items()}
    return InsideWork(clips, config, recipe, features, mos_N, var_N, proxies, fold_N)


def _kept_vectors(clips: list[Clip], without: set[str]) -> dict[EncoderSpec, NDArray[np.float32]]:
    """Encoders with a vector for any clip, but for some, and their vectors."""
    ids, found = [clip.public_id for clip in clips], {}
    for card in shelf("encoder").set_up().values():
        if card.name not in without:
            vectors = FeatureStore(card.name, card.version).read(ids, card.width)
            if not np.isnan(vectors).all():
                found[EncoderSpec(card.name, card.version, card.modality, card.width)] = vectors
    return found


def prepare_inputs(
    work: InsideWork, inputs: PreparedInputs, tell: Callable[[], object] = lambda: None
) -> dict[str, int]:
    """Decode every clip for the encoders inside, unless that was done; told of each clip.

    Returns:
        Reason to how many clips an encoder sees nothing of for it.
    """
    parts = {name: trainable(name, settings.DUBSCORE_WEIGHTS) for name in work.recipe.encoders}
    keys = {name: work.keys(name) for name in parts}
    reasons: dict[str, int] = {}
    for row, clip in enumerate(work.clips):
        media = media_of(order_of(clip, encoders=parts))
        for name, part in parts.items():
            try:
                reason = inputs.prepare(part, work.version(name), keys[name][row], media)
            except FileNotFoundError:
                reason = "the file is gone"
            if reason:
                words = f"{name}: {reason}"
                reasons[words] = reasons.get(words, 0) + 1
        tell()
    return reasons


def clips_of(work: InsideWork, inputs: PreparedInputs) -> Clips:
    """The clips as training takes them, prepared beforehand."""
    versions = {name: work.version(name) for name in work.recipe.encoders}
    keys = {name: work.keys(name) for name in work.recipe.encoders}
    ids = tuple(clip.public_id for clip in work.clips)
    return Clips(
        lambda name, row: inputs.pieces(name, versions[name], keys[name][row]), work.features, ids
    )


def train_fold(
    work: InsideWork,
    clips: Clips,
    fold: int,
    folder: Path,
    loss: Loss,
    report: Callable[[Step], None],
) -> dict[str, float]:
    """Train the member that leaves a fold out, and score that fold's labelled clips with it.

    Returns:
        Public id to score, 1 to 5; also kept as `scores.json`.

    Raises:
        ValueError: the folder holds the training of something else.
    """
    config = replace(work.config, seed=work.config.seed + fold)
    weights = settings.DUBSCORE_WEIGHTS
    inside = EncodersInside.fresh(config, work.recipe, weights, seed=config.seed)
    is_in_N = work.fold_N != fold
    targets = {
        "ws": targets_of(*work.proxies[fold], is_in_N),
        "ft": targets_of(work.mos_N, work.var_N, is_in_N),
    }
    curves = train_inside(config, inside, clips, targets, folder, loss, report)
    _write(folder / CURVES, curves)
    rows = np.flatnonzero(~is_in_N & ~np.isnan(work.mos_N)).tolist()
    mean_N, _ = predict_inside(inside, clips, rows)
    scores = {clips.ids[row]: float(mean) for row, mean in zip(rows, mean_N, strict=True)}
    _write(folder / SCORES, scores)
    return scores


def judge(work: InsideWork, folder: Path, scores: dict[str, float]) -> list[dict[str, Any]]:
    """Agreement of scores out of fold with MOS, beside the proxy's on the same clips."""
    own_N = np.array([scores.get(clip.public_id, np.nan) for clip in work.clips])
    proxy_FN = np.array([mos_N for mos_N, _ in work.proxies])
    proxy_N = np.where(np.isnan(own_N), np.nan, proxy_FN[work.fold_N, np.arange(len(own_N))])
    sources = np.array(units_of(work.clips))
    systems = np.array([clip.system for clip in work.clips])
    judged = Judged(work.mos_N, sources, systems, work.config.seed)
    rows = [
        agreement(f"{name} (out of fold)", scores_N, judged)
        for name, scores_N in (("proxy MOS", proxy_N), ("network, encoders inside", own_N))
    ]
    _write(folder / EVALUATION, rows)
    return rows


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
