"""The proxy on a campaign's rows: fitting weights, and asking a strategy for clips."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotator.models import Campaign, Clip
from learner.models import Round
from learner.registry import shelf
from learner.selectors import MetricTable, labelled_clips, metric_table


class NotEnoughMetrics(ValueError):
    """No metric has a value for any clip of the corpus."""


def normalised_table(campaign: Campaign) -> tuple[MetricTable, Any, Any]:
    """Metrics of the pool, their frozen normalisation, and normal scores without holes."""
    from learner.proxy.normalise import RankGauss, fill_missing

    table = metric_table(list(campaign.pool().select_related("source").order_by("name")))
    if not table.cards:
        raise NotEnoughMetrics(
            "No metric has a value for any clip: look at the reasons on the learning page."
        )
    norm = RankGauss.fit(table.values_NM, [card.direction for card in table.cards])
    return table, norm, fill_missing(norm.transform(table.values_NM))


def fit_proxy(campaign: Campaign, target: str, *, seed: int) -> dict[str, Any]:
    """Weights learned from every labelled clip: the fields of a ProxyWeights row."""
    from learner.proxy.weights import fit_weights

    table, norm, filled = normalised_table(campaign)
    labelled = labelled_clips(campaign, target)
    rows = [row for row, clip in enumerate(table.clips) if clip.pk in labelled.mos]
    pks = [table.clips[row].pk for row in rows]
    fit = fit_weights(
        filled.values[rows],
        np.array([labelled.mos[pk] for pk in pks]),
        noise_var=np.array([labelled.noise_var[pk] for pk in pks]),
        seed=seed,
    )
    return {
        "method": "bagged simplex NNLS on rank-Gauss metrics",
        "is_equal": fit.is_equal,
        "metrics": [{"name": card.name, "version": card.version} for card in table.cards],
        "normalisation": norm.to_json(),
        "fit": fit.to_json(),
        "n_clips": fit.n,
    }


def pick_clips(round_: Round) -> list[tuple[Clip, Any]]:
    """The clips a round asks about, best first, each with its pick.

    Raises:
        ValueError: every clip of the pool has been asked about.
    """
    from modAL.models import ActiveLearner

    from learner.proxy.estimator import BaggedProxy
    from learner.strategies.reserve import pick_with_reserve

    campaign = round_.campaign
    table, _, filled = normalised_table(campaign)
    labelled = labelled_clips(campaign, round_.target)
    asked = set(campaign.assignments.values_list("clip", flat=True))
    known = [row for row, clip in enumerate(table.clips) if clip.pk in labelled.mos]
    pool = [row for row, clip in enumerate(table.clips) if clip.pk not in asked]
    if not pool:
        raise ValueError("Every clip of the pool has been asked about: there is none left to pick.")
    strategy = shelf("strategy").get(round_.strategy)()
    learner = ActiveLearner(estimator=BaggedProxy(seed=round_.seed), query_strategy=strategy)
    if known:
        mos = np.array([labelled.mos[table.clips[row].pk] for row in known])
        learner.teach(filled.values[known], mos)
    picks = pick_with_reserve(
        strategy,
        learner,
        filled.values[pool],
        round_.clips_wanted,
        strata=[stratum(table.clips[row]) for row in pool],
        reserve_frac=round_.reserve_frac,
        seed=round_.seed,
    )
    return [(table.clips[pool[pick.index]], pick) for pick in picks]


def stratum(clip: Clip) -> str:
    """What kind of clip it is: of every kind some are wanted (the paper's section 2.3)."""
    is_known = clip.source_language or clip.target_language
    return ", ".join(filter(None, [clip.condition, clip.language_pair if is_known else ""]))
