"""How many raters a clip needs: what is known from the ratings so far."""

from __future__ import annotations

import math
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.models import Campaign
from mos.charts import curve, share_ticks
from mos.from_sums import components
from mos.planning import Plan, budget_plan, plan, raters_needed
from mos.selectors import Collected, collected
from mos.views.choice import chosen_aspect

MOST_RATERS = 30
CHART_HEIGHT = 220.0
LABELLED = 5  # every so many raters a label below the curve, beside the first
FEWEST_RATINGS, MOST_RATINGS = 10, 1_000_000


@login_required
@require_safe
@vary_on_headers("HX-Request", "HX-Target")
def planner(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """What other numbers of raters would have given, and what a budget buys."""
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    aspects = list(campaign.rubric.aspects.order_by("position"))
    aspect = chosen_aspect(aspects, request.GET.get("aspect"))
    context = {"campaign": campaign, "aspects": aspects, "aspect": aspect}
    if aspect is not None:
        context |= _planned(collected(campaign, aspect.key), request.GET)
    is_part = request.htmx.target == "planner"
    return render(request, f"mos/{'_' if is_part else ''}planner.html", context)


def _planned(found: Collected, asked: QueryDict) -> dict[str, Any]:
    tally = found.tally
    try:
        parts = components(tally, found.n_islands)
        whole = plan(parts, MOST_RATERS)
    except ValueError as reason:
        return {"reason": str(reason)}
    k = _number(asked.get("k"), round(tally.n_ratings / tally.n_clips), 1, MOST_RATERS)
    target = _number(asked.get("target"), 80, 50, 99)
    ratings = _number(asked.get("ratings"), tally.n_ratings, FEWEST_RATINGS, MOST_RATINGS)
    rows = _rows(whole)
    points = [
        (row["dependability"], f"{row['k']} raters: {row['dependability']:.2f}") for row in rows
    ]
    line = curve(points, 0.0, 1.0, CHART_HEIGHT)
    return {
        "k": k,
        "target": target,
        "target_frac": target / 100,
        "needed": raters_needed(parts, target / 100),
        "note": whole.note,
        "rows": rows,
        "row": rows[k - 1],
        "ratings": ratings,
        "spent": _spent(budget_plan(parts, ratings), rows)[: MOST_RATERS // 2],
        "height": CHART_HEIGHT,
        "reliability_curve": line,
        "shares": share_ticks(CHART_HEIGHT),
        "wanted_y": curve([(target / 100, "")], 0.0, 1.0, CHART_HEIGHT)[0].y,
        "numbers": [(k, line[k - 1].x) for k in (1, *range(LABELLED, len(rows) + 1, LABELLED))],
    }


def _rows(whole: Plan) -> list[dict[str, Any]]:
    names = ("dependability", "consistency", "half_width", "pcc_ceiling")
    columns = zip(whole.k.tolist(), *(getattr(whole, name).tolist() for name in names), strict=True)
    return [
        {"k": k, **{name: _known(value) for name, value in zip(names, values, strict=True)}}
        for k, *values in columns
    ]


def _spent(budget: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the same ratings buy with ever more raters a clip."""
    columns = (budget.plan.k, budget.n_clips, budget.n_spent, budget.mean_se)
    return [
        {"k": k, "n_clips": n_clips, "n_spent": n_spent, "mean_se": _known(mean_se)}
        | {"dependability": rows[k - 1]["dependability"], "half_width": rows[k - 1]["half_width"]}
        for k, n_clips, n_spent, mean_se in zip(*(c.tolist() for c in columns), strict=True)
        if n_clips and k <= len(rows)
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(asked: str | None, usual: int, least: int, most: int) -> int:
    """What was asked for, within its limits; the usual one where it is no number."""
    number = int(asked) if asked and asked.isascii() and asked.isdigit() else usual
    return min(max(number, least), most)
