"""The page of what the ratings are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.models import Aspect, Campaign
from mos.charts import TICKS, split_bar, spread_scatter
from mos.clip_table import ClipTable, columns, known_order
from mos.selectors import collected
from mos.selectors.figures import clip_table, references, spread, summarise
from mos.views.choice import GROUP_WORDS, chosen_aspect, chosen_group, groups_of

CLIPS_A_PAGE = 100
# Beyond this, what needs ratings one by one takes too long for a page, and follows it.
MOST_AT_ONCE = 20_000


@login_required
@require_safe
@vary_on_headers("HX-Request", "HX-Target")  # page and fragment share one address
def reliability_page(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Reliability and MOS of one aspect."""
    campaign = get_object_or_404(Campaign.objects.studied_by(request.user), public_id=campaign_id)
    aspects = list(campaign.rubric.aspects.order_by("position"))
    aspect = chosen_aspect(aspects, request.GET.get("aspect"))
    context = {"campaign": campaign, "aspects": aspects, "aspect": aspect}
    if aspect is not None:
        context |= figures(campaign, aspect, request.GET)
    is_part = request.htmx.target == "reliability"
    return render(request, f"mos/{'_' if is_part else ''}reliability.html", context)


def figures(campaign: Campaign, aspect: Aspect, asked: QueryDict) -> dict[str, Any]:
    """What the page shows of one aspect, for its template."""
    most = None if asked.get("intervals") else MOST_AT_ONCE
    group = chosen_group(asked.get("group", ""))
    found = collected(campaign, aspect.key, group=group, most_ratings=most)
    chosen = {"collected": found, "group": asked.get("group", ""), "groups": groups_of(found)}
    if not found.tally.n_ratings:
        return chosen
    table = clip_table(found)
    summary = summarise(found)
    order = known_order(asked.get("order", ""))
    page = Paginator(table.sorted(order), CLIPS_A_PAGE).get_page(asked.get("page"))
    return chosen | {
        "n_clips": len(table),
        "n_ratings": found.tally.n_ratings,
        "n_raters": found.tally.n_raters,
        "ratings_per_clip": found.tally.n_ratings / len(table),
        "reliability": summary,
        "missing_words": _percent(summary.missing_frac),
        "bar": split_bar([(s.name, s.share_frac, s.variance) for s in summary.shares]),
        "ticks": TICKS,
        "mos_by": _mos_by(table),
        "spread": _spread(table) if found.one_by_one else None,
        "references": references(found),
        "page": page,
        "clips": table.rows(page.object_list),
        "columns": columns(order),
        "order": order,
        "stored": campaign.reliability_reports.select_related("created_by"),
    }


def _percent(share_frac: float) -> str:
    return f"{100 * share_frac:.1f} %" if share_frac else "none"


def _mos_by(table: ClipTable) -> list[tuple[str, list[dict[str, Any]]]]:
    """MOS by each label that tells clips apart; by system in any case."""
    found = ((label, words, table.groups(label)) for label, words in GROUP_WORDS.items())
    return [(words, rows) for label, words, rows in found if label == "system" or len(rows) > 1]


def _spread(table: ClipTable) -> dict[str, Any] | None:
    """How far raters disagree by MOS, as a number and as a chart; None where no clip can tell."""
    if (sos := spread(table)) is None:
        return None
    return {"sos": sos, "chart": spread_scatter(_spread_clips(table), sos.a)}


def _spread_clips(table: ClipTable) -> list[tuple[float, float, str]]:
    several = np.flatnonzero(table.mos.n > 1)
    columns = (table.mos.mos_raw[several], table.mos.sd[several], table.places[several])
    return [
        (mos_raw, sd, table.clips[place].name)
        for mos_raw, sd, place in zip(*(column.tolist() for column in columns), strict=True)
    ]
