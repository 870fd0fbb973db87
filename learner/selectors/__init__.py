"""From rows to the arrays that the learner's cores take, and to what its pages show.

Shape letters: N clips, M metrics.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, Q
from numpy.typing import NDArray

from annotator.models import Campaign, Clip
from learner.features import DamagedShard, FeatureStore
from learner.models import FusionModel, MetricScore, Prediction
from learner.registry import Card, shelf
from mos.from_sums import clip_mos
from mos.selectors import collected

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MetricTable:
    """Metrics of clips, with what is known of each metric."""

    clips: list[Clip]
    cards: list[Card]
    values_NM: Floats


def metric_table(clips: list[Clip]) -> MetricTable:
    """Values of every metric on the shelf that has any for these clips; NaN where it has none."""
    cards = list(shelf("metric").set_up().values())
    wanted = [{"name": card.name, "version": card.version} for card in cards]
    values_NM = metric_values(clips, wanted)
    has_any = ~np.isnan(values_NM).all(axis=0)
    kept = [card for card, keep in zip(cards, has_any, strict=True) if keep]
    return MetricTable(clips, kept, values_NM[:, has_any])


@dataclass(frozen=True)
class LabelledClips:
    """Human MOS of clips on one aspect.

    Args:
        mos: Clip to MOS, 1 to 5.
        noise_var: Clip to variance of that mean from its raters; 0 where that is not known.
        n_ratings: Clip to number of ratings.
        rating_var: Variance of one rating about its clip, pooled; NaN where no clip has two
            ratings.
    """

    mos: dict[int, float]
    noise_var: dict[int, float]
    n_ratings: dict[int, int]
    rating_var: float


def labelled_clips(campaign: Campaign, target: str) -> LabelledClips:
    """MOS of every rated clip; noise from the pooled variance within clips."""
    one = collected(campaign, target)
    places, table = clip_mos(one.tally)
    free_N = table.n - 1
    several_N = free_N > 0
    around = float((table.sd[several_N] ** 2 * free_N[several_N]).sum())
    within = around / float(free_N.sum()) if several_N.any() else float("nan")
    noise_N = np.nan_to_num(within / table.n)
    clips = [one.clips[place].pk for place in places.tolist()]
    return LabelledClips(
        mos=dict(zip(clips, table.mos_raw.tolist(), strict=True)),
        noise_var=dict(zip(clips, noise_N.tolist(), strict=True)),
        n_ratings=dict(zip(clips, table.n.tolist(), strict=True)),
        rating_var=within,
    )


def metric_values(clips: list[Clip], metrics: list[dict[str, str]]) -> Floats:
    """Values of just these metrics (`name` and `version` each), shape (N, M); NaN where none is."""
    place = {clip.pk: row for row, clip in enumerate(clips)}
    column = {(metric["name"], metric["version"]): m for m, metric in enumerate(metrics)}
    values_NM = np.full((len(clips), len(metrics)), np.nan)
    rows = MetricScore.objects.filter(clip__in=list(place), value__isnull=False)
    for clip, metric, version, value in rows.values_list("clip", "metric", "version", "value"):
        if (metric, version) in column:
            values_NM[place[clip], column[metric, version]] = value
    return values_NM


def missing_metrics(campaign: Campaign) -> int:
    """Clips of the pool for which some metric on the shelf has neither value nor reason."""
    cards = shelf("metric").set_up().values()
    wanted = Q()
    for card in cards:
        wanted |= Q(metric_scores__metric=card.name, metric_scores__version=card.version)
    pool = campaign.pool().annotate(known=Count("metric_scores", filter=wanted))
    return pool.filter(known__lt=len(cards)).count()


def coverage(campaign: Campaign) -> list[dict[str, Any]]:
    """For each metric and encoder: clips with a value, clips with a reason, and the reasons."""
    clips = list(campaign.corpus.clips.with_file().values_list("pk", "public_id"))
    rows = []
    for card in shelf("metric").set_up().values():
        scores = MetricScore.objects.filter(
            clip__corpus=campaign.corpus, metric=card.name, version=card.version
        )
        reasons = scores.exclude(error="").values("error").annotate(n=Count("id")).order_by("-n")
        counts = {row["error"]: row["n"] for row in reasons}
        n_values = scores.filter(error="").count()
        rows.append(_covered("metric", card, n_values, counts, len(clips)))
    ids = {public_id for _, public_id in clips}
    for card in shelf("encoder").set_up().values():
        store = FeatureStore(card.name, card.version)
        counts = defaultdict(int)
        try:
            known, errors = set(store.known()) & ids, store.errors()
        except DamagedShard as error:  # the page stays, and says what to do
            counts[str(error)] = len(clips)
            rows.append(_covered("encoder", card, 0, dict(counts), len(clips)))
            continue
        for clip in known & set(errors):
            counts[errors[clip]] += 1
        n_values = len(known) - sum(counts.values())
        rows.append(_covered("encoder", card, n_values, dict(counts), len(clips)))
    return rows


def _covered(
    kind: str, card: Card, n_values: int, reasons: dict[str, int], n_clips: int
) -> dict[str, Any]:
    return {
        "kind": kind,
        "card": card,
        "n_values": n_values,
        "n_without": sum(reasons.values()),
        "n_missing": n_clips - n_values - sum(reasons.values()),
        "reasons": reasons,
    }


def prediction_rows(model: FusionModel, campaign: Campaign, target: str) -> list[dict[str, Any]]:
    """DubScore of each clip beside its MOS, where it has one."""
    labelled = labelled_clips(campaign, target)
    predictions = Prediction.objects.filter(fusion_model=model).select_related("clip")
    return [
        {
            "clip": prediction.clip,
            "dubscore_raw": prediction.dubscore_raw,
            "sd": float(np.sqrt(prediction.epistemic_var + prediction.aleatoric_var)),
            "is_out_of_fold": prediction.is_out_of_fold,
            "mos_raw": labelled.mos.get(prediction.clip_id),
            "n_ratings": labelled.n_ratings.get(prediction.clip_id, 0),
            "gates": prediction.gates,
        }
        for prediction in predictions.order_by("clip__name")
    ]
