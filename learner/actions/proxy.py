"""The proxy on a campaign's rows: freezing the normalisation and fitting weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction

from annotator.models import Campaign
from learner.actions.jobs import NotPossible, Pulse, enqueue, finish, running
from learner.models import Normalisation, ProxyWeights, Refit
from learner.models.proxy import METHODS, NORMALISATIONS
from learner.selectors import MetricTable, labelled_clips, metric_table
from learner.selectors.units import units_of


class NotEnoughMetrics(NotPossible):
    """No metric has a value for any clip of the corpus."""


@dataclass(frozen=True)
class ScoredPool:
    """The clips of a pool with their metrics on one scale.

    Args:
        table: Clips and metrics as measured.
        normalisation: The frozen one they were scored by.
        filled: Normal scores without holes.
    """

    table: MetricTable
    normalisation: Normalisation
    filled: Any


def scored_pool(
    campaign: Campaign, *, kind: str = "rank-gauss", is_renewed: bool = False
) -> ScoredPool:
    """Metrics of the pool by the corpus's frozen normalisation, which is made where there is none.

    Another one is made where other metrics, or other versions of them, have values by now, and on
    demand; the old one stays with the weights that rest on it.

    Raises:
        NotEnoughMetrics: no metric has a value for any clip.
    """
    from learner.proxy.missing import Moments, fill_missing
    from learner.proxy.normalise import normalisation_from_json

    table = metric_table(list(campaign.pool().select_related("source").order_by("name")))
    if not table.cards:
        raise NotEnoughMetrics(
            "No metric has a value for any clip: look at the reasons on the learning page."
        )
    kept = None if is_renewed else _kept(campaign, table, kind)
    kept = kept or _freeze(campaign, table, kind)
    scores_NM = normalisation_from_json(kept.parameters).transform(table.values_NM)
    return ScoredPool(table, kept, fill_missing(scores_NM, Moments.from_json(kept.moments)))


def _kept(campaign: Campaign, table: MetricTable, kind: str) -> Normalisation | None:
    """The last one of just these metrics; campaigns of one corpus may have different ones.

    One from before moments were kept cannot fill holes, and is not taken up again.
    """
    for row in Normalisation.objects.filter(corpus=campaign.corpus, kind=kind):
        if row.metrics == _names(table) and row.moments:
            return row
    return None


def _names(table: MetricTable) -> list[dict[str, str]]:
    return [{"name": card.name, "version": card.version} for card in table.cards]


def _freeze(campaign: Campaign, table: MetricTable, kind: str) -> Normalisation:
    from learner.proxy.missing import Moments
    from learner.proxy.normalise import fit_normalisation

    norm = fit_normalisation(table.values_NM, [card.direction for card in table.cards], kind)
    others = Normalisation.objects.filter(corpus=campaign.corpus, kind=kind)
    last = others.first()
    row, _ = Normalisation.objects.get_or_create(  # of two workers at once one makes it
        corpus=campaign.corpus,
        kind=kind,
        version=(last.version if last else 0) + 1,
        defaults={
            "metrics": _names(table),
            "parameters": norm.to_json(),
            "moments": Moments.fit(norm.transform(table.values_NM)).to_json(),
            "n_clips": len(table.clips),
        },
    )
    return row


def fit_proxy(
    campaign: Campaign,
    target: str,
    *,
    seed: int,
    method: str = "bagged",
    kind: str = "rank-gauss",
    is_renewed: bool = False,
) -> dict[str, Any]:
    """Weights learned from every labelled clip: the fields of a ProxyWeights row."""
    from learner.proxy.fit import fit_weights

    pool = scored_pool(campaign, kind=kind, is_renewed=is_renewed)
    labelled = labelled_clips(campaign, target)
    rows = [row for row, clip in enumerate(pool.table.clips) if clip.pk in labelled.mos]
    clips = [pool.table.clips[row] for row in rows]
    fit = fit_weights(
        pool.filled.values[rows],
        np.array([labelled.mos[clip.pk] for clip in clips]),
        noise_var=np.array([labelled.noise_var[clip.pk] for clip in clips]),
        rating_var=labelled.rating_var,
        sources=np.array(units_of(clips)),
        names=[card.title for card in pool.table.cards],
        method=method,
        seed=seed,
    )
    return {
        "method": method,
        "is_better": fit.is_better,
        "metrics": pool.normalisation.metrics,
        "normalisation": pool.normalisation,
        "fit": fit.to_json(),
        "n_clips": fit.n,
        "n_ratings": sum(labelled.n_ratings[clip.pk] for clip in clips),
        "seed": seed,
    }


def ask_refit(
    *,
    campaign: Campaign,
    target: str = "overall",
    method: str = "bagged",
    kind: str = "rank-gauss",
    is_renewed: bool = False,
    seed: int = 0,
) -> Refit:
    """Queue a fit of the proxy on the labels that are in.

    Raises:
        ValidationError: method, normalisation or aspect is unknown, or the seed out of range.
    """
    from learner.actions.checks import check_aspect, check_choice

    check_choice("method", method, METHODS)
    check_choice("normalisation", kind, NORMALISATIONS)
    check_aspect(campaign, target)
    refit = Refit(
        campaign=campaign,
        target=target,
        method=method,
        normalisation=kind,
        is_renewed=is_renewed,
        seed=seed,
        progress_text="Waiting for a worker",
    )
    refit.clean_fields()
    with transaction.atomic():
        refit.save()
        enqueue(refit)
    return refit


def run_refit(pk: int) -> None:
    """Fit, and keep the weights with the job in one go, so that a job makes one fit."""
    refit = Refit.objects.select_related("campaign__corpus", "campaign__rubric").get(pk=pk)
    with running(refit) as pulse:
        if pulse is None:
            return
        pulse.progress(0.1, "Learning weights")
        _keep_refit(refit, pulse)


def _keep_refit(refit: Refit, pulse: Pulse) -> None:
    values = fit_proxy(
        refit.campaign,
        refit.target,
        seed=refit.seed,
        method=refit.method,
        kind=refit.normalisation,
        is_renewed=refit.is_renewed,
    )
    with transaction.atomic():
        pulse.write()  # the row first: a worker that lost it must not keep a second fit
        weights = ProxyWeights.objects.create(
            campaign=refit.campaign, target=refit.target, **values
        )
        finish(pulse, f"Learned from {weights.n_clips} clips", proxy_weights=weights)
