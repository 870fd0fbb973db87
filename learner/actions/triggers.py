"""What calls for training the network anew, campaign by campaign, and what is switched on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from annotator.models import Campaign
from learner.models import FusionModel, Prediction, ProxyWeights, RetrainPolicy
from learner.selectors import labelled_clips
from learner.selectors.registry import model_in_use

NEW_LABELS_FRAC = 0.2
FEWEST_JUDGED = 10  # new MOS below which nothing is said of drift
TITLES = {
    "on_new_labels": "New labels",
    "on_moved_weights": "Weights have moved",
    "on_drift": "Calibration has drifted",
}


@dataclass(frozen=True)
class Trigger:
    """One reason to retrain: whether it is switched on, whether it holds, and in what words."""

    key: str
    is_on: bool
    is_due: bool
    text: str

    @property
    def title(self) -> str:
        """For pages."""
        return TITLES[self.key]


def policy_of(campaign: Campaign) -> RetrainPolicy:
    """What is switched on; the default where nothing was decided."""
    kept = RetrainPolicy.objects.filter(campaign=campaign).first()
    return kept or RetrainPolicy(campaign=campaign)


def set_policy(*, campaign: Campaign, **switches: bool) -> RetrainPolicy:
    """Switch triggers on or off.

    Raises:
        TypeError: a switch is unknown.
    """
    if unknown := set(switches) - set(TITLES):
        raise TypeError(f"no triggers {sorted(unknown)}; there are {', '.join(TITLES)}")
    kept, _ = RetrainPolicy.objects.update_or_create(campaign=campaign, defaults=switches)
    return kept


def triggers(
    campaign: Campaign, target: str, weights: dict[str, Any] | None = None
) -> list[Trigger]:
    """Every trigger as it stands; none before there is a model in use.

    Args:
        campaign: Whose labels.
        target: Key of the aspect.
        weights: Fields of a fit that is not kept yet; the last kept one if not given.
    """
    model = model_in_use(campaign, target)
    if model is None:
        return []
    policy = policy_of(campaign)
    found = {
        "on_new_labels": _new_labels(campaign, model),
        "on_moved_weights": _moved(model, weights or _last_weights(campaign, target)),
        "on_drift": _drift(campaign, model),
    }
    return [Trigger(key, getattr(policy, key), *said) for key, said in found.items()]


def why_train(campaign: Campaign, target: str, weights: dict[str, Any] | None = None) -> str:
    """What calls for training now, in words; empty where nothing that is switched on does."""
    if model_in_use(campaign, target) is None:
        return "no network had been trained"
    due = [one for one in triggers(campaign, target, weights) if one.is_on and one.is_due]
    return "; ".join(one.text for one in due)


def _new_labels(campaign: Campaign, model: FusionModel) -> tuple[bool, str]:
    had, has = model.facts.get("n_labelled", 0), len(labelled_clips(campaign, model.target).mos)
    more = (has - had) / had if had else 1.0
    return more >= NEW_LABELS_FRAC, f"{more:.0%} more clips have a MOS than it learned from"


def _last_weights(campaign: Campaign, target: str) -> dict[str, Any] | None:
    last = ProxyWeights.objects.filter(campaign=campaign, target=target).first()
    return {"metrics": last.metrics, "fit": last.fit} if last else None


def moved_weights(before: ProxyWeights, values: dict[str, Any]) -> list[str]:
    """Metrics whose learned weight lies outside its interval of before."""
    place = {metric["name"]: m for m, metric in enumerate(before.metrics)}
    fit, found = before.fit, []
    for m, metric in enumerate(values["metrics"]):
        old, now = place.get(metric["name"]), values["fit"]["learned"][m]
        # A mean over draws may lie outside their interval: where it was, it has not moved from.
        if old is None or not (
            min(fit["low"][old], fit["learned"][old])
            <= now
            <= max(fit["high"][old], fit["learned"][old])
        ):
            found.append(metric["name"])
    return found


def _moved(model: FusionModel, values: dict[str, Any] | None) -> tuple[bool, str]:
    before = model.training_run.proxy_weights
    names = moved_weights(before, values) if before and values else []
    if names:
        return True, f"weights left their old intervals ({', '.join(names)})"
    return False, "every weight lies in its interval of then"


def _drift(campaign: Campaign, model: FusionModel) -> tuple[bool, str]:
    """Whether intervals hold on clips that got their MOS after the model was trained."""
    from learner.fusion.doubt import Reach

    mos = labelled_clips(campaign, model.target).mos
    rows = Prediction.objects.filter(fusion_model=model, is_out_of_fold=False, clip__in=list(mos))
    said = list(rows.values_list("clip", "dubscore_raw", "epistemic_var", "aleatoric_var"))
    if len(said) < FEWEST_JUDGED or not model.reach:
        return False, f"{len(said)} clips have a new MOS; {FEWEST_JUDGED} are needed to judge"
    reach = Reach.from_json(model.reach)
    score_N = np.array([score for _, score, _, _ in said])
    var_N = np.array([epistemic + aleatoric for *_, epistemic, aleatoric in said])
    low_N, high_N = reach.ends(score_N, var_N)
    mos_N = np.array([mos[clip] for clip, *_ in said])
    held = int(((low_N <= mos_N) & (mos_N <= high_N)).sum())
    ends = scipy.stats.binomtest(held, len(said)).proportion_ci(method="wilson")
    words = f"{held} of {len(said)} intervals at {reach.level:.0%} held on new MOS"
    return not ends.low <= reach.level <= ends.high, words
