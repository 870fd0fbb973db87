"""The researcher's pages of what the ratings are worth."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotator.models import Aspect, Campaign
from mos import exports
from mos.aggregate import mos_table
from mos.charts import dot_chart, split_bar
from mos.selectors import RatingArrays, rating_arrays
from mos.summaries import reliability, system_table

CLIPS_A_PAGE = 100
ORDERS = {
    "name": lambda row: row["name"],
    "best": lambda row: -row["mos_raw"],
    "worst": lambda row: row["mos_raw"],
}


@login_required
@require_GET
def reliability_page(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Reliability and MOS of one aspect."""
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    aspects = list(campaign.rubric.aspects.all())
    aspect = _chosen(aspects, request.GET.get("aspect"))
    ratings = rating_arrays(campaign)
    context = {
        "campaign": campaign,
        "aspects": aspects,
        "aspect": aspect,
        "is_simulated": ratings.has_simulated,
        **_figures(ratings, aspect, request),
    }
    part = request.htmx and request.htmx.target == "reliability"  # type: ignore[attr-defined]
    return render(request, "mos/_reliability.html" if part else "mos/reliability.html", context)


def _chosen(aspects: list[Aspect], key: str | None) -> Aspect:
    """The aspect of this key, or the last one of the rubric: the overall quality."""
    return next((aspect for aspect in aspects if aspect.key == key), aspects[-1])


def _figures(ratings: RatingArrays, aspect: Aspect, request: HttpRequest) -> dict[str, Any]:
    one = ratings.of_aspect(aspect.key)
    if not len(one.scores_T):
        return {"has_ratings": False}
    found = reliability(
        one.scores_T, one.clip_T, one.rater_T, one.table_CR, ratings.aspect_means_CA
    )
    clips, systems = _clip_rows(one)
    order = request.GET.get("order", "name")
    clips.sort(key=ORDERS.get(order, ORDERS["name"]))
    return {
        "has_ratings": True,
        "n_ratings": len(one.scores_T),
        "n_clips": len(clips),
        "n_raters": len(set(one.rater_T.tolist())),
        "reliability": found,
        "bar": split_bar([(s.name, s.share_frac, s.variance) for s in found.shares]),
        "systems": systems,
        "system_chart": _chart(systems),
        "clips": (page := Paginator(clips, CLIPS_A_PAGE).get_page(request.GET.get("page"))),
        "clip_chart": _chart(page.object_list),
        "order": order,
        "orders": [("name", "By name"), ("best", "Best first"), ("worst", "Worst first")],
    }


def _clip_rows(one: RatingArrays) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    table = mos_table(one.scores_T, one.clip_T)
    clips = [one.clips[index] for index in table.keys]
    rows = [
        {
            "name": clip.name,
            "clip": clip,
            "mos_raw": float(table.mos_raw[i]),
            "sd": float(table.sd[i]) if table.n[i] > 1 else None,
            "low": float(table.low[i]) if table.n[i] > 1 else None,
            "high": float(table.high[i]) if table.n[i] > 1 else None,
            "n": int(table.n[i]),
            "is_bounded": bool(table.is_bounded[i]),
        }
        for i, clip in enumerate(clips)
    ]
    return rows, system_table(table, [clip.system for clip in clips])


def _chart(rows: list[dict[str, Any]]) -> Any:
    return dot_chart(
        [
            (row["name"], row["mos_raw"], row["low"], row["high"], f"{row['mos_raw']:.2f}")
            for row in rows
        ]
    )


@login_required
@require_GET
def labels_csv(request: HttpRequest, campaign_id: str) -> StreamingHttpResponse:
    """The labelled set as a long CSV."""
    return _download(request, campaign_id, "csv")


@login_required
@require_GET
def labels_jsonl(request: HttpRequest, campaign_id: str) -> StreamingHttpResponse:
    """The labelled set as JSON lines."""
    return _download(request, campaign_id, "jsonl")


def _download(request: HttpRequest, campaign_id: str, kind: str) -> StreamingHttpResponse:
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    return exports.download(campaign, kind, every_revision=request.GET.get("revisions") == "all")
