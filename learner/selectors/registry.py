"""Which model speaks for a campaign, and how two of them compare."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotator.models import Aspect, Campaign, Clip, Corpus
from learner.models import FusionModel, Prediction, Promotion
from learner.selectors import labelled_clips
from learner.selectors.units import units_of


def model_in_use(campaign: Campaign, target: str = "overall") -> FusionModel | None:
    """The model that was promoted last; None before there is any."""
    last = (
        Promotion.objects.filter(campaign=campaign, target=target)
        .select_related("fusion_model__training_run__proxy_weights__normalisation")
        .select_related("fusion_model__training_run__campaign")
        .first()
    )
    return last.fusion_model if last else None


def model_before(campaign: Campaign, target: str) -> FusionModel | None:
    """What the model in use took the place of when it was promoted, not rolled back to."""
    history = Promotion.objects.filter(campaign=campaign, target=target)
    now = history.first()
    if now is None:
        return None
    own = history.filter(fusion_model=now.fusion_model_id, is_rollback=False)
    first = own.select_related("replaced__training_run__campaign").first()
    return first.replaced if first else None


def aspects_with_model(campaign: Campaign) -> list[Aspect]:
    """The aspects that a model is in use for, in the order of the rubric."""
    targets = set(Promotion.objects.filter(campaign=campaign).values_list("target", flat=True))
    return [aspect for aspect in campaign.aspects if aspect.key in targets]


def models_in_use(corpus: Corpus) -> list[FusionModel]:
    """Those of every campaign and aspect on a corpus."""
    pairs = Promotion.objects.filter(campaign__corpus=corpus).order_by()
    found = []
    for campaign, target in pairs.values_list("campaign", "target").distinct():
        model = model_in_use(Campaign.objects.get(pk=campaign), target)
        if model is not None:
            found.append(model)
    return found


def models_of(campaign: Campaign, target: str | None = None) -> list[FusionModel]:
    """Every trained model, the last first."""
    models = FusionModel.objects.filter(training_run__campaign=campaign)
    if target is not None:
        models = models.filter(training_run__target=target)
    return list(models.select_related("training_run__proxy_weights", "training_run__round"))


def scores_beside_mos(models: list[FusionModel], target: str) -> dict[str, Any]:
    """What models say of the clips that have a MOS now, by members that had not seen their labels.

    Returns:
        `clips`, `mos`, `source`, `system` and `scores`, a row a model with NaN where it has none.
        A clip that was rated after a model was trained counts: its label was not seen either.
    """
    campaign = models[0].campaign
    labelled = labelled_clips(campaign, target)
    clips = list(Clip.objects.filter(pk__in=list(labelled.mos)).order_by("pk"))
    place = {clip.pk: row for row, clip in enumerate(clips)}
    scores = np.full((len(models), len(clips)), np.nan)
    for number, model in enumerate(models):
        rows = Prediction.objects.filter(fusion_model=model, clip__in=list(place))
        for clip, score in rows.values_list("clip", "dubscore_raw"):
            scores[number, place[clip]] = score
    return {
        "clips": clips,
        "mos": np.array([labelled.mos[clip.pk] for clip in clips]),
        "source": np.array(units_of(clips)),
        "system": np.array([clip.system for clip in clips]),
        "scores": scores,
    }


def compare_models(first: FusionModel, second: FusionModel) -> dict[str, Any]:
    """How much better the second is, on the MOS there are now: as of `evaluation.gain`."""
    from learner.fusion.evaluation import Judged, gain

    both = scores_beside_mos([first, second], second.target)
    judged = Judged(both["mos"], both["source"], both["system"])
    return {**gain(*both["scores"], judged), "first": first.pk, "second": second.pk}


def gate_rows(model: FusionModel) -> list[dict[str, Any]]:
    """Mean weight of each modality, over all clips and by condition, with how many clips there are.

    A clip that lacks a modality counts with weight 0.
    """
    rows = Prediction.objects.filter(fusion_model=model).values_list("clip__condition", "gates")
    by_condition: dict[str, list[dict[str, float]]] = {}
    for condition, gates in rows:
        by_condition.setdefault(condition, []).append(gates)
    every = [gates for group in by_condition.values() for gates in group]
    found = [_mean_gates("", every)] if every else []
    if len(by_condition) > 1:
        found += [
            _mean_gates(name or "none", group) for name, group in sorted(by_condition.items())
        ]
    return found


def _mean_gates(condition: str, group: list[dict[str, float]]) -> dict[str, Any]:
    names = list(dict.fromkeys(name for gates in group for name in gates))
    means = {name: float(np.mean([gates.get(name, 0.0) for gates in group])) for name in names}
    return {"condition": condition, "n": len(group), "gates": means}


def setting_rows(model: FusionModel) -> list[tuple[str, Any]]:
    """Settings it was trained with, its encoders aside."""
    return [(name, value) for name, value in model.config.items() if name != "encoders"]
