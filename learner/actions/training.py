"""Training runs: arrays out of rows, the training loop, and rows again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from annotator.models import Campaign, Clip
from learner.actions.jobs import NotPossible, Pulse, finish, running
from learner.actions.proxy import scored_pool
from learner.features import FeatureStore
from learner.models import FusionModel, Prediction, TrainingRun
from learner.registry import shelf
from learner.selectors import LabelledClips, labelled_clips


def run_training(pk: int) -> None:
    """Train, predict, judge and keep; resumes where an earlier worker stopped."""
    from learner.fusion.training import Progress, train

    run = TrainingRun.objects.select_related("campaign__corpus", "proxy_weights").get(pk=pk)
    with running(run) as pulse:
        if pulse is None:
            return
        pulse.progress(0.0, "Reading features and labels")
        if reason := why_no_training(run.campaign, run.proxy_weights.target):
            raise NotPossible(reason)
        work = _Work.read(run)
        folder = settings.DUBSCORE_MODELS / f"run-{run.pk}"
        curves: list[dict[str, Any]] = list(run.curves)

        def report(at: Progress) -> None:
            curves.append(
                {"fold": at.fold, "stage": at.stage, "epoch": at.epoch, "loss": round(at.loss, 5)}
            )
            stage = "proxy MOS" if at.stage == "ws" else "human MOS"
            text = f"member {at.fold + 1} of {work.n_folds}, on {stage}, epoch {at.epoch + 1}"
            pulse.progress(0.95 * at.frac, text, curves=curves)

        kept = train(work.config, work.data, folder, report)
        pulse.progress(0.96, "Scoring every clip")
        _keep(run, work, folder.name, kept, pulse)


@dataclass(frozen=True)
class _Work:
    """All that a training run reads, as arrays over the clips of the pool."""

    clips: list[Clip]
    config: Any
    data: Any
    z_NM: Any
    labelled: LabelledClips
    n_folds: int
    fingerprint: str

    @classmethod
    def read(cls, run: TrainingRun) -> _Work:
        """Read features, metrics and labels; the proxy is fitted anew without each fold."""
        from learner.fusion.training import TrainingData, assign_folds

        pool = scored_pool(run.campaign)
        table, filled = pool.table, pool.filled
        labelled = labelled_clips(run.campaign, run.proxy_weights.target)
        mos_N = np.array([labelled.mos.get(clip.pk, np.nan) for clip in table.clips])
        var_N = np.array([labelled.noise_var.get(clip.pk, np.nan) for clip in table.clips])
        sources = [clip.source_id or clip.pk for clip in table.clips]
        config = _config(run, table.clips)
        fold_N = assign_folds(sources, ~np.isnan(mos_N), config.folds, config.seed)
        n_folds = int(fold_N.max()) + 1
        proxy = [
            _proxy_without(filled, mos_N, var_N, fold_N == fold, run.seed)
            for fold in range(n_folds)
        ]
        features = _features(config, table.clips)
        data = TrainingData(
            features=features,
            proxy_FN=np.array([mos for mos, _ in proxy]),
            proxy_var_FN=np.array([var for _, var in proxy]),
            mos_N=mos_N,
            mos_var_N=var_N,
            fold_N=fold_N,
        )
        fingerprint = _fingerprint(features, mos_N, filled.values)
        return cls(table.clips, config, data, filled.values, labelled, n_folds, fingerprint)


def why_no_training(campaign: Campaign, target: str) -> str:
    """Why a network cannot be trained on the labels that are in; empty where it can."""
    from learner.fusion.training import assign_folds

    labelled = labelled_clips(campaign, target)
    clips = list(campaign.pool())
    has_mos = [clip.pk in labelled.mos for clip in clips]
    try:
        assign_folds([clip.source_id or clip.pk for clip in clips], has_mos, 2, 0)
    except ValueError as reason:
        return str(reason)
    return ""


def _config(run: TrainingRun, clips: list[Clip]) -> Any:
    """Every encoder that has a vector for any clip, and the settings the run asks for."""
    from learner.fusion.config import EncoderSpec, FusionConfig

    ids = [clip.public_id for clip in clips]
    cards = shelf("encoder").set_up().values()
    specs = tuple(
        EncoderSpec(card.name, card.version, card.modality, card.width)
        for card in cards
        if not np.isnan(FeatureStore(card.name, card.version).read(ids, card.width)).all()
    )
    if not specs:
        raise NotPossible("No encoder has a vector for any clip: compute features first.")
    return replace(FusionConfig(encoders=specs, seed=run.seed % 2**31), **run.config)


def _features(config: Any, clips: list[Clip]) -> dict[str, Any]:
    ids = [clip.public_id for clip in clips]
    return {
        spec.name: FeatureStore(spec.name, spec.version).read(ids, spec.width)
        for spec in config.encoders
    }


def _proxy_without(
    filled: Any, mos_N: Any, var_N: Any, is_out_N: Any, seed: int
) -> tuple[Any, Any]:
    """Proxy MOS of every clip, learned without the labels of one fold; NaN where there is none."""
    from learner.proxy.fit import fit_weights
    from learner.proxy.result import proxy_mos

    rows = np.flatnonzero(~np.isnan(mos_N) & ~is_out_N)
    fit = fit_weights(filled.values[rows], mos_N[rows], noise_var=var_N[rows], seed=seed)
    if fit.line.reason:
        nothing = np.full(len(mos_N), np.nan)
        return nothing, nothing
    proxy = proxy_mos(fit, filled.values, filled.added_variance(fit.weights))
    return proxy.mos_raw, proxy.total_var


def _fingerprint(features: dict[str, Any], *arrays: Any) -> str:
    digest = sha256()
    for array in [*(features[name] for name in sorted(features)), *arrays]:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _keep(
    run: TrainingRun, work: _Work, folder: str, curves: list[dict[str, Any]], pulse: Pulse
) -> None:
    """Rows of the model and of what it says of every clip."""
    from learner.fusion.training import predict

    said = predict(settings.DUBSCORE_MODELS / folder, work.data.features, work.n_folds)
    own_N = said.mean_FN[work.data.fold_N, np.arange(len(work.clips))]
    has_mos_N = ~np.isnan(work.data.mos_N)
    score_N = np.where(has_mos_N, own_N, said.mean_FN.mean(axis=0))
    with transaction.atomic():
        pulse.write()
        FusionModel.objects.filter(training_run=run).delete()
        model = FusionModel.objects.create(
            training_run=run,
            folder=folder,
            config=_plain(work.config),
            encoders=[_plain(spec) for spec in work.config.encoders],
            data_fingerprint=work.fingerprint,
            evaluation=_evaluate(work, np.where(has_mos_N, own_N, np.nan)),
        )
        Prediction.objects.bulk_create(
            Prediction(
                fusion_model=model,
                clip=clip,
                dubscore_raw=float(np.clip(score_N[i], 1, 5)),
                epistemic_var=float(said.mean_FN[:, i].var()),
                aleatoric_var=float(said.aleatoric_var_FN[:, i].mean()),
                is_out_of_fold=bool(has_mos_N[i]),
                gates=dict(zip(said.modalities, said.gates_NS[i].round(4).tolist(), strict=True)),
            )
            for i, clip in enumerate(work.clips)
        )
        finish(pulse, f"Trained, {len(work.clips)} clips scored", curves=curves)


def _plain(config: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(config)


def _evaluate(work: _Work, own_N: Any) -> list[dict[str, Any]]:
    """Agreement with MOS, out of fold where something was learned, beside the simplest ways."""
    from learner.fusion.evaluation import agreement, errors

    mos_N = work.data.mos_N
    proxy_N = work.data.proxy_FN[work.data.fold_N, np.arange(len(mos_N))]
    singles = [agreement("best single metric", column, mos_N) for column in work.z_NM.T]
    best = max(singles, key=lambda row: -2 if row["pcc"] is None else row["pcc"])
    return [
        agreement("equal weights", work.z_NM.mean(axis=1), mos_N),
        best,
        {**agreement("proxy MOS (out of fold)", proxy_N, mos_N), **errors(proxy_N, mos_N)},
        {**agreement("DubScore network (out of fold)", own_N, mos_N), **errors(own_N, mos_N)},
    ]
