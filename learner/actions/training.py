"""Training runs: arrays out of rows, the training loop, and rows again."""

from __future__ import annotations

from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any

import numpy as np
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from annotator.models import Campaign, Clip
from learner.actions.jobs import NotPossible, Pulse, enqueue, finish, running
from learner.actions.proxy import fit_proxy, scored_pool
from learner.actions.registry import promote_first
from learner.actions.rescoring import proxy_for, said_of, write_predictions
from learner.fusion.config import LOSSES, PRESETS
from learner.fusion.inputs import KINDS, PAPER_KINDS
from learner.fusion.places import KNOWN
from learner.models import FusionModel, ProxyWeights, TrainingRun
from learner.selectors import labelled_clips
from learner.selectors.inputs import encoders_here, read_inputs
from learner.selectors.units import units_of


def ask_training(
    *,
    campaign: Campaign,
    target: str = "overall",
    preset: str = "small",
    loss: str = "mse_ccc",
    cause: str = "asked for",
    seed: int = 0,
) -> TrainingRun:
    """Fit the proxy on the labels that are in, and queue a training that starts from it.

    Raises:
        ValidationError: the labels do not allow it, a choice is unknown, or a training of the
            campaign is open.
    """
    from learner.actions.checks import check_aspect, check_choice

    check_aspect(campaign, target)
    check_choice("preset", preset, PRESETS)
    check_choice("loss", loss, LOSSES)
    if campaign.training_runs.unfinished().exists():
        raise ValidationError(f"A training of {campaign} is open: wait for it or cancel it.")
    if reason := why_no_training(campaign, target):
        raise ValidationError(reason)
    run = TrainingRun(
        campaign=campaign,
        target=target,
        seed=seed,
        cause=cause[:200],
        config={"preset": preset, "loss": loss},
        progress_text="Waiting for a worker",
    )
    run.clean_fields(exclude=["proxy_weights"])
    try:
        with transaction.atomic():
            run.save()
            enqueue(run)
    except IntegrityError as race:  # another page was faster
        raise ValidationError(f"A training of {campaign} is open: wait for it.") from race
    return run


def run_training(pk: int) -> None:
    """Train, predict, judge and keep; resumes where an earlier worker stopped."""
    from learner.compute.training import train_with
    from learner.fusion.training import Progress

    run = TrainingRun.objects.select_related("campaign__corpus", "proxy_weights").get(pk=pk)
    with running(run) as pulse:
        if pulse is None:
            return
        pulse.progress(0.0, "Reading features and labels")
        if reason := why_no_training(run.campaign, run.target):
            raise NotPossible(reason)
        started = monotonic()
        _see_to_proxy(run, pulse)
        _meet_the_others()
        clips, study = study_of(run)
        folder = _folder_of(run, study)
        curves: list[dict[str, Any]] = list(run.curves) if folder.exists() else []

        def report(at: Progress) -> None:
            curves.append(at.point())
            stage = "proxy MOS" if at.stage == "ws" else "human MOS"
            n_members = len(study.proxy_FN)
            text = f"member {at.fold + 1} of {n_members}, on {stage}, epoch {at.epoch + 1}"
            pulse.progress(0.95 * at.frac, text, curves=curves)

        engine = settings.DUBSCORE_ENGINE
        kept = train_with(engine, study.config, study.data, folder, report)
        pulse.progress(0.96, "Scoring every clip")
        _keep(run, clips, study, folder, kept, pulse, monotonic() - started)


def _folder_of(run: TrainingRun, study: Any) -> Path:
    """Where a training is kept: by its data and settings, so that it goes on with these alone.

    A training that was stopped and is gone on with after ratings came in begins anew: members that
    know other labels would make what is called out of fold a lie. What it had is removed.
    """
    config = sha256(study.config.to_json().encode()).hexdigest()
    name = f"run-{run.pk}-{study.data.fingerprint()[:12]}-{config[:8]}"
    for other in settings.DUBSCORE_MODELS.glob(f"run-{run.pk}-*"):
        if other.name != name:
            rmtree(other)
    return Path(settings.DUBSCORE_MODELS / name)


def follow_training(pk: int) -> None:
    """Compute beside another process that runs this training and keeps what comes of it.

    The other has fitted the proxy by then: the first thing both do together is to wait.
    """
    from torch import distributed

    from learner.fusion.training import train

    distributed.barrier()
    run = TrainingRun.objects.select_related("campaign__corpus", "proxy_weights").get(pk=pk)
    _, study = study_of(run)
    train(study.config, study.data, _folder_of(run, study))


def _meet_the_others() -> None:
    """Let processes that train beside this one begin; alone there are none."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()


def _see_to_proxy(run: TrainingRun, pulse: Pulse) -> None:
    """Fit the proxy to the labels that are in, where the run was not given a fit."""
    if run.proxy_weights is None:
        values = fit_proxy(run.campaign, run.target, seed=run.seed)
        with transaction.atomic():
            pulse.write()
            run.proxy_weights = ProxyWeights.objects.create(
                campaign=run.campaign, target=run.target, **values
            )
            run.save(update_fields=["proxy_weights"])


def study_of(run: TrainingRun) -> tuple[list[Clip], Any]:
    """As `study_for`, of a run whose proxy is fitted."""
    if run.proxy_weights is None:
        raise ValueError(f"{run} has no fit of the proxy")
    return study_for(run.campaign, run.proxy_weights, run.config, run.seed)


def study_for(
    campaign: Campaign, weights: ProxyWeights, wanted: dict[str, Any], seed: int
) -> tuple[list[Clip], Any]:
    """The clips of a campaign's pool, and all that is trained on and judged by.

    Args:
        campaign: Whose pool and labels.
        weights: By whose normalisation and of which aspect.
        wanted: `preset` and settings of a `FusionConfig`.
        seed: Of folds and everything random.

    Raises:
        NotPossible: no input is known of any clip, or labels are too few.
    """
    from learner.fusion.study import Labels, Study

    pool = scored_pool(campaign, kind=weights.normalisation.kind)
    clips = pool.table.clips
    labelled = labelled_clips(campaign, weights.target)
    labels = Labels(
        mos_N=np.array([labelled.mos.get(clip.pk, np.nan) for clip in clips]),
        var_N=np.array([labelled.noise_var.get(clip.pk, np.nan) for clip in clips]),
        source_N=np.unique(units_of(clips), return_inverse=True)[1],
        system_N=np.array([clip.system for clip in clips]),
    )
    inputs = read_inputs(clips, encoders_here())
    config = _config(inputs, wanted, seed)
    titles = tuple(card.title for card in pool.table.cards)
    try:
        return clips, Study.of(inputs, pool.filled, titles, labels, config)
    except ValueError as reason:
        raise NotPossible(str(reason)) from reason


def why_no_training(campaign: Campaign, target: str) -> str:
    """Why a network cannot be trained on the labels that are in; empty where it can."""
    from learner.fusion.folds import assign_folds

    labelled = labelled_clips(campaign, target)
    clips = list(campaign.pool())
    has_mos = [clip.pk in labelled.mos for clip in clips]
    try:
        assign_folds(units_of(clips), has_mos, 2, 0)
    except ValueError as reason:
        return str(reason)
    return ""


def _config(inputs: Any, wanted: dict[str, Any], seed: int) -> Any:
    """The settings a run asks for, with every input of its kinds that is known of any clip."""
    from learner.fusion.config import FusionConfig

    wanted = dict(wanted)
    is_paper = wanted.pop("preset", "small") == "paper"
    kinds = wanted.pop("inputs", PAPER_KINDS if is_paper else KINDS)
    specs = inputs.specs(kinds)
    if not specs:
        raise NotPossible("No encoder has a vector for any clip: compute features first.")
    config = FusionConfig(encoders=specs, seed=seed % 2**31)
    return replace(config.as_paper() if is_paper else config, **wanted)


def _keep(
    run: TrainingRun,
    clips: list[Clip],
    study: Any,
    folder: Path,
    curves: list[dict[str, Any]],
    pulse: Pulse,
    seconds: float,
) -> None:
    """Rows of the model and of what it says of every clip."""
    from learner.fusion.doubt import Known, Reach
    from learner.fusion.study import doubts, network_rows, simple_rows

    said = study.said(folder)
    own_N, mos_N = said.of_folds(study.fold_N), study.labels.mos_N
    has_mos = ~np.isnan(mos_N)
    model = FusionModel(
        training_run=run,
        folder=folder.name,
        config=asdict(study.config),
        encoders=[asdict(spec) for spec in study.config.encoders],
        data_fingerprint=study.data.fingerprint(),
    )
    # Clips without a MOS as any new clip: with the proxy that learned from all labels.
    known = Known.fit(said.summary_ND, study.labels.source_N)
    known.save(folder / KNOWN)
    others, _ = said_of(model, study.inputs, proxy_for(run.proxy_weights, clips))
    variances = doubts(study, said, others)
    total_N = variances[0] + variances[1]
    reach = Reach.fit(own_N[has_mos], total_N[has_mos], mos_N[has_mos])
    evaluation = [*simple_rows(study), *network_rows(study, folder)]
    model.evaluation, model.reach = evaluation, reach.to_json()
    held = calibration_of(study, own_N, *variances, level=reach.level)
    model.facts = {**_facts(study, folder, seconds), "calibration": held}
    score_N = np.where(has_mos, own_N, others.mean_N)
    with transaction.atomic():
        pulse.write()
        FusionModel.objects.filter(training_run=run).delete()
        model.save()
        has_any = said.gates_NS.sum(axis=1) > 0
        write_predictions(model, clips, others, score_N, has_mos, known, variances, has_any)
        promote_first(model=model)
        finish(pulse, f"Trained, {len(clips)} clips scored", curves=curves)


def _facts(study: Any, folder: Path, seconds: float) -> dict[str, Any]:
    """What is worth knowing of a trained model beside how well it does."""
    from learner.fusion.network import FusionNetwork
    from learner.fusion.training import count_parameters, member_path

    n_members, labels = len(study.proxy_FN), study.labels
    has_mos = ~np.isnan(labels.mos_N)
    files = [member_path(folder, fold) for fold in range(n_members)]
    g = labels.reliability
    return {
        "n_members": n_members,
        "parameters": count_parameters(FusionNetwork(study.config)),
        "bytes": sum(path.stat().st_size for path in files),
        "seconds": round(seconds, 1),
        "n_clips": len(labels.mos_N),
        "n_labelled": int(has_mos.sum()),
        "n_sources": len(np.unique(labels.source_N[has_mos])),
        "reliability": None if np.isnan(g) else round(g, 4),
        "ceiling": None if np.isnan(g) else round(float(np.sqrt(g)), 4),
    }


def calibration_of(
    study: Any, own_N: Any, epistemic_N: Any, aleatoric_N: Any, *, level: float
) -> dict[str, Any]:
    """Whether intervals hold, out of fold: each fold's by what the other folds needed."""
    from learner.fusion.doubt import Reach
    from learner.proxy.calibration import calibration

    mos_N, var_N = study.labels.mos_N, epistemic_N + aleatoric_N
    low_N, high_N = np.empty_like(own_N), np.empty_like(own_N)
    has_mos = ~np.isnan(mos_N)
    for fold in range(len(study.proxy_FN)):
        is_in, others = study.fold_N == fold, has_mos & (study.fold_N != fold)
        needed = Reach.fit(own_N[others], var_N[others], mos_N[others], level)
        low_N[is_in], high_N[is_in] = needed.ends(own_N[is_in], var_N[is_in])
    return calibration(
        own_N[has_mos],
        epistemic_N[has_mos],
        var_N[has_mos],
        mos_N[has_mos],
        low=low_N[has_mos],
        high=high_N[has_mos],
        level=level,
    ).to_json()
