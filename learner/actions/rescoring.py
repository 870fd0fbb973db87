"""What a trained model says of clips, kept a row a clip and model."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator.models import Clip, Corpus
from learner.actions.jobs import NotPossible, Pulse, enqueue, finish, running
from learner.actions.outcome import proxy_of
from learner.fusion.config import EncoderSpec
from learner.fusion.inputs import Inputs, encoders_of
from learner.fusion.places import KNOWN, missing_parts
from learner.models import FusionModel, Prediction, ProxyWeights, Rescoring
from learner.selectors.inputs import read_inputs
from learner.selectors.registry import models_in_use

BLOCK = 2000  # clips that are scored and written together


def write_predictions(
    model: FusionModel,
    clips: list[Clip],
    said: Any,
    score_N: Any,
    is_oof_N: Any,
    known: Any,
    variances: tuple[Any, Any] | None = None,
    is_kept_N: Any = None,
) -> None:
    """Rows of what a model says of clips; a later row of a clip takes the place of an earlier.

    Args:
        model, clips: Whose word, and of what.
        said: Predictions of the clips, and `known` what they lie far from.
        score_N: What is kept as their DubScore.
        is_oof_N: Whether it was said by members that never saw the clip.
        known: The clips that were trained on.
        variances: Epistemic and aleatoric; those of the predictions if not given.
        is_kept_N: Clips to be left out have no; all are kept if not given.
    """
    distance_N = known.distance(said.summary_ND)
    now = timezone.now()
    epistemic_N, aleatoric_N = variances or (said.epistemic_var_N, said.aleatoric_var_N)
    rows = [
        Prediction(
            fusion_model=model,
            clip=clip,
            dubscore_raw=float(np.clip(score_N[i], 1, 5)),
            epistemic_var=float(epistemic_N[i]),
            aleatoric_var=float(aleatoric_N[i]),
            is_out_of_fold=bool(is_oof_N[i]),
            gates=dict(zip(said.modalities, said.gates_NS[i].round(4).tolist(), strict=True)),
            inner_gates={name: round(float(w[i]), 4) for name, w in said.inner_gates.items()},
            proxy_share=float(said.proxy_share_N[i]),
            distance_frac=float(distance_N[i]) if np.isfinite(distance_N[i]) else None,
            made_at=now,
        )
        for i, clip in enumerate(clips)
        if is_kept_N is None or is_kept_N[i]
    ]
    Prediction.objects.bulk_create(
        rows,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["fusion_model", "clip"],
        update_fields=[
            "dubscore_raw",
            "epistemic_var",
            "aleatoric_var",
            "is_out_of_fold",
            "gates",
            "inner_gates",
            "proxy_share",
            "distance_frac",
            "made_at",
        ],
    )


def said_by(model: FusionModel, clips: list[Clip]) -> tuple[Any, Any]:
    """What a model says of clips, as an ensemble does of clips it has not seen.

    Returns:
        The predictions, and the clips that it knows.

    Raises:
        NotPossible: its files are gone.
    """
    inputs = read_inputs(clips, encoders_of(specs_of(model)))
    return said_of(model, inputs, proxy_for(model.training_run.proxy_weights, clips))


def proxy_for(weights: ProxyWeights | None, clips: list[Clip]) -> Any:
    """Proxy MOS of clips, shape (N,); NaN where the weights have no line to MOS."""
    if weights is None or weights.fit["line"]["reason"]:
        return np.full(len(clips), np.nan)
    return proxy_of(weights, clips).mos_raw


def specs_of(model: FusionModel) -> list[EncoderSpec]:
    """What a model looks at."""
    return [EncoderSpec(**spec) for spec in model.encoders]


def said_of(model: FusionModel, inputs: Inputs, proxy_N: Any) -> tuple[Any, Any]:
    """As `said_by`, of clips by their vectors and their proxy MOS, NaN where there is none."""
    from learner.fusion.doubt import Known
    from learner.fusion.ensemble import members, predict

    folder = settings.DUBSCORE_MODELS / model.folder
    if missing := missing_parts(folder, model.n_members):
        raise NotPossible(
            f"{model} lacks {', '.join(missing)} in {folder}: bring them back, or train anew."
        )
    features = inputs.arrays(specs_of(model))
    try:
        said = predict(members(folder, model.n_members), features, np.asarray(proxy_N)[None, :])
        return said, Known.load(folder / KNOWN)
    except ValueError as reason:
        raise NotPossible(f"{model} cannot be used: {reason}") from reason


def queue_rescoring(*, model: FusionModel) -> Rescoring:
    """Have a worker score the clips of the pool that the model was not trained on."""
    try:
        with transaction.atomic():
            job = Rescoring.objects.create(fusion_model=model)
            enqueue(job)
    except IntegrityError:  # one is under way
        return model.rescorings.unfinished().get()
    return job


def rescore_corpus(*, corpus: Corpus) -> int:
    """Queue a rescoring by every model in use on a corpus; say how many."""
    models = models_in_use(corpus)
    for model in models:
        queue_rescoring(model=model)
    return len(models)


def run_rescoring(pk: int) -> None:
    """Score every clip that it was not trained on, as its vectors and metrics are now."""
    job = Rescoring.objects.select_related(
        "fusion_model__training_run__campaign", "fusion_model__training_run__proxy_weights"
    ).get(pk=pk)
    with running(job) as pulse:
        if pulse is None:
            return
        model = job.fusion_model
        pool = model.campaign.pool().select_related("source").order_by("name")
        # Those out of fold stay: no member that saw a clip may score it anew.
        kept = model.predictions.filter(is_out_of_fold=True).values("clip")
        todo = list(pool.exclude(pk__in=kept))
        scored = 0
        for start in range(0, len(todo), BLOCK):
            pulse.progress(start / len(todo), f"{start} of {len(todo)} clips")
            scored += _score(model, todo[start : start + BLOCK], pulse)
        left = len(todo) - scored
        words = f"{scored} clips scored"
        finish(pulse, f"{words}, {left} have no features yet" if left else words)


def _score(model: FusionModel, clips: list[Clip], pulse: Pulse) -> int:
    """Score those of which any input is there; the others wait for their features."""
    said, known = said_by(model, clips)
    has_any = said.gates_NS.sum(axis=1) > 0
    with transaction.atomic():
        pulse.write()
        write_predictions(
            model, clips, said, said.mean_N, [False] * len(clips), known, None, has_any
        )
    return int(has_any.sum())
