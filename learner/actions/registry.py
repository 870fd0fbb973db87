"""Which model speaks for a campaign: promoted only when it is no worse, or with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import transaction

from annotator.models import Campaign
from learner.actions.checks import check_aspect
from learner.actions.rescoring import queue_rescoring
from learner.fusion.places import missing_parts
from learner.models import FusionModel, Promotion
from learner.selectors.registry import compare_models, model_before, model_in_use

TOLERATED_PCC = -0.01  # so much correlation may be lost before a model counts as worse
TOLERATED_MSE = 0.02  # of the error of the one in use
FEWEST_COMPARED = 8

User = AbstractBaseUser | AnonymousUser | None


def why_not_better(comparison: dict[str, Any]) -> str:
    """Why a model is not to take the place of another; empty where it may.

    Args:
        comparison: As of `compare_models`, from the one in use to the new one.
    """
    if comparison["n"] < FEWEST_COMPARED or comparison["pcc"] is None:
        return (
            f"Only {comparison['n']} clips with a MOS are scored by both: too few to compare them."
        )
    words = (
        f"Its correlation with MOS is {_signed(comparison, 'pcc')} against the model in use, its "
        f"squared error {_signed(comparison, 'mse')}"
    )
    if comparison["pcc"] <= TOLERATED_PCC:
        return f"{words}: correlation may fall by {-TOLERATED_PCC:g} at most."
    if comparison["mse"] > TOLERATED_MSE * comparison["mse_first"]:
        return f"{words}: the error may grow by {TOLERATED_MSE:.0%} at most."
    return ""


def _signed(comparison: dict[str, Any], name: str) -> str:
    low, high = comparison[f"{name}_low"], comparison[f"{name}_high"]
    interval = "" if low is None else f" [{low:+.3f}, {high:+.3f}]"
    return f"{comparison[name]:+.3f}{interval}"


def promote(
    *, model: FusionModel, by: User = None, reason: str = "", is_forced: bool = False
) -> Promotion:
    """Make a model speak for its campaign and aspect, and have the corpus scored by it.

    Args:
        model: The new one.
        by: Who decides.
        reason: Needed where it is forced.
        is_forced: Although it is worse, or cannot be compared.

    Raises:
        ValidationError: it is in use already, is worse, or is forced without a reason.
    """
    with _deciding(model.campaign):
        now = model_in_use(model.campaign, model.target)
        if now is not None and now.pk == model.pk:
            raise ValidationError(f"{model} is in use already.")
        _check_files(model)
        comparison = compare_models(now, model) if now else {}
        against = why_not_better(comparison) if comparison else ""
        reason = reason.strip()
        if against and not is_forced:
            raise ValidationError(f"{model} is not promoted. {against} Force it with a reason.")
        if against and not reason:
            raise ValidationError("To promote a model that is not shown to be as good, say why.")
        words = reason or ("The first model" if now is None else "No worse than the one before it")
        return _record(model, now, by, words, comparison, is_forced=bool(against))


@contextmanager
def _deciding(campaign: Campaign) -> Iterator[None]:
    """One decision at a time about which model of a campaign is in use."""
    with transaction.atomic():
        Campaign.objects.select_for_update().get(pk=campaign.pk)
        yield


def _check_files(model: FusionModel) -> None:
    """Refuse a model that could score nothing."""
    folder = settings.DUBSCORE_MODELS / model.folder
    if missing := missing_parts(folder, model.n_members):
        raise ValidationError(
            f"{model} lacks {', '.join(missing)} in {folder}: bring them back, or train anew."
        )


def promote_first(*, model: FusionModel) -> Promotion | None:
    """Promote the first model of a campaign and aspect; later ones wait for a decision."""
    if model_in_use(model.campaign, model.target) is not None:
        return None
    return _record(model, None, None, "The first model", {})


def roll_back(*, campaign: Campaign, target: str, by: User = None, reason: str = "") -> Promotion:
    """Put the model back that the one in use took the place of; once more goes further back.

    Raises:
        ValidationError: there was none, its files are gone, or the aspect is unknown.
    """
    check_aspect(campaign, target)
    with _deciding(campaign):
        now, before = model_in_use(campaign, target), model_before(campaign, target)
        if now is None or before is None:
            raise ValidationError(
                f"No model of {campaign}, {target}, was in use before: there is none to go to."
            )
        _check_files(before)
        words = reason.strip() or f"Back from model {now.pk}"
        return _record(before, now, by, words, {}, is_rollback=True)


def _record(
    model: FusionModel,
    replaced: FusionModel | None,
    by: User,
    reason: str,
    comparison: dict[str, Any],
    *,
    is_forced: bool = False,
    is_rollback: bool = False,
) -> Promotion:
    promotion = Promotion.objects.create(
        campaign=model.campaign,
        target=model.target,
        fusion_model=model,
        replaced=replaced,
        by=by if by is not None and by.is_authenticated else None,
        reason=reason[:300],
        comparison=comparison,
        is_forced=is_forced,
        is_rollback=is_rollback,
    )
    queue_rescoring(model=model)
    return promotion
