"""What pages show of the proxy: weights, agreement, calibration, and how they came along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from annotator.models import Campaign, Clip
from learner.actions.outcome import proxy_of
from learner.models import Audit, ProxyWeights
from learner.registry import shelf
from learner.selectors import labelled_clips, metric_values


@dataclass(frozen=True)
class WeightRow:
    """One metric of the proxy, as a table shows it; what is not known is None."""

    name: str
    title: str
    is_exploratory: bool
    weight: float
    learned: float
    low: float
    high: float
    equal: float
    importance: float
    importance_low: float | None
    importance_high: float | None
    pcc: float | None
    contradicts: bool
    is_constant: bool
    is_best_single: bool


def weight_rows(weights: ProxyWeights) -> list[WeightRow]:
    """One row a metric."""
    fit, cards = weights.fit, shelf("metric").cards()
    n_live = sum(not is_constant for is_constant in fit["constant"]) or 1
    rows = []
    for m, metric in enumerate(weights.metrics):
        card = cards.get(metric["name"])
        rows.append(
            WeightRow(
                name=metric["name"],
                title=card.title if card else metric["name"],
                is_exploratory=bool(card and card.is_exploratory),
                equal=0.0 if fit["constant"][m] else 1 / n_live,
                weight=fit["weights"][m],
                is_constant=fit["constant"][m],
                is_best_single=m == fit["best_single"],
                **{name: fit[name][m] for name in _BY_METRIC},
            )
        )
    return rows


_BY_METRIC = (
    "learned",
    "low",
    "high",
    "importance",
    "importance_low",
    "importance_high",
    "pcc",
    "contradicts",
)


def proxy_points(weights: ProxyWeights, campaign: Campaign) -> list[tuple[Any, ...]]:
    """(MOS, proxy MOS, low, high, words, clip) of every rated clip; none without a line to MOS."""
    if weights.fit["line"]["reason"]:
        return []
    labelled = labelled_clips(campaign, weights.target)
    clips = list(campaign.pool().filter(pk__in=list(labelled.mos)).order_by("name"))
    if not clips:
        return []
    k = float(np.mean([labelled.n_ratings[clip.pk] for clip in clips]))
    said = proxy_of(weights, clips, k_ratings=max(1.0, k))
    rows = zip(clips, said.mos_raw, said.low, said.high, strict=True)
    return [
        (
            labelled.mos[clip.pk],
            float(mos),
            float(low),
            float(high),
            f"{clip.name}: MOS {labelled.mos[clip.pk]:.2f} of {labelled.n_ratings[clip.pk]} "
            f"ratings, proxy {mos:.2f} ({low:.2f} … {high:.2f})",
            clip.public_id,
        )
        for clip, mos, low, high in rows
    ]


def metric_agreement(
    weights: ProxyWeights, campaign: Campaign
) -> list[tuple[str, float | None, float | None]]:
    """(title, PCC, SRCC) of each metric with MOS, the better the higher: the paper's figure 2."""
    from scipy.stats import spearmanr

    labelled = labelled_clips(campaign, weights.target)
    clips: list[Clip] = list(campaign.pool().filter(pk__in=list(labelled.mos)))
    mos_N = np.array([labelled.mos[clip.pk] for clip in clips])
    values_NM = metric_values(clips, weights.metrics)
    directions = weights.normalisation.parameters["directions"]
    found = []
    for row, column_N, sign in zip(weight_rows(weights), values_NM.T, directions, strict=True):
        has_N = ~np.isnan(column_N)
        srcc = None
        if has_N.sum() > 2 and np.ptp(column_N[has_N]) > 0 and np.ptp(mos_N[has_N]) > 0:
            srcc = float(spearmanr(sign * column_N[has_N], mos_N[has_N]).statistic)
        found.append((row.title, row.pcc, srcc))
    return found


def history(campaign: Campaign, target: str) -> list[ProxyWeights]:
    """Every fit of an aspect, the first first."""
    fits = ProxyWeights.objects.filter(campaign=campaign, target=target)
    return list(fits.select_related("round", "normalisation").order_by("created_at", "pk"))


AGREEMENTS = ("weights used", "equal weights", "best single metric")


def curve_series(fits: list[ProxyWeights]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """PCC of clips left out over labelled clips, of the weights used and what they must beat."""
    return [
        (
            name,
            [
                (fit.n_clips, row["pcc"], row["low"], row["high"])
                for fit in fits
                for row in fit.fit["agreements"]
                if row["name"] == name and row["pcc"] is not None
            ],
        )
        for name in AGREEMENTS
    ]


def calibration_rows(fits: list[ProxyWeights]) -> list[dict[str, Any]]:
    """The paper's table 3: calibration after each fit, on clips left out, and on new ones."""
    rows = []
    for fit in fits:
        name = f"Round {fit.round.number}" if fit.round else "Refit"
        found = {"name": name, "n_clips": fit.n_clips, "left_out": fit.fit["calibration"]}
        outcome = fit.round.outcome if fit.round else {}
        found["reserve"] = outcome.get("judged", {}).get("reserve")
        rows.append(found)
    return rows


def last_audit(campaign: Campaign) -> Audit | None:
    """The last one that was completed."""
    return campaign.audits.filter(state="done").first()
