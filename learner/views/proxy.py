"""The proxy MOS of a campaign: weights, agreement, calibration, and how it came along."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from annotator.models import Campaign
from annotator.selectors import has_simulated_ratings
from learner import actions
from learner.charts import (
    interval_row,
    learning_curve,
    metric_radar,
    mos_scatter,
    reliability_diagram,
    weight_bars,
)
from learner.models import ProxyWeights
from learner.models.proxy import METHODS, NORMALISATIONS
from learner.selectors.proxy import (
    calibration_rows,
    curve_series,
    history,
    last_audit,
    metric_agreement,
    proxy_points,
    weight_rows,
)
from learner.views.access import studied

LEVELS = [percent / 100 for percent in range(1, 100)]


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")  # page and fragment share one address
def proxy(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """The last fit of an aspect, or the one asked for, beside all that came before."""
    campaign = studied(request, campaign_id)
    aspect = _aspect(campaign, request.GET.get("aspect"))
    fits = history(campaign, aspect.key) if aspect else []
    weights = _chosen(fits, request.GET.get("fit"))
    open_refit = campaign.refits.unfinished().first()
    context = {
        "campaign": campaign,
        "aspect": aspect,
        "aspects": campaign.aspects,
        "fits": fits,
        "weights": weights,
        "refit": open_refit or campaign.refits.first(),
        "is_moving": bool(open_refit),
        "methods": METHODS,
        "normalisations": NORMALISATIONS,
        "is_simulated": has_simulated_ratings(campaign),
        **(_shown(weights, fits, campaign) if weights else {}),
    }
    part = "learner/_proxy.html"
    return render(request, part if request.htmx else "learner/proxy.html", context)


@login_required
@require_POST
def refit(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Queue a fit on the labels that are in, or stop the one under way."""
    campaign = studied(request, campaign_id)
    if request.POST.get("how") == "cancel":
        for under_way in campaign.refits.unfinished():
            actions.cancel_job(job=under_way)
        return redirect("learner:proxy", campaign.public_id)
    try:
        asked = actions.ask_refit(
            campaign=campaign,
            target=request.POST.get("aspect", "overall"),
            method=request.POST.get("method", "bagged"),
            kind=request.POST.get("normalisation", "rank-gauss"),
            is_renewed="is_renewed" in request.POST,
        )
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return redirect("learner:proxy", campaign.public_id)
    page = redirect("learner:proxy", campaign.public_id)
    page["Location"] += f"?aspect={asked.target}"
    return page


def _aspect(campaign: Campaign, key: str | None) -> Any:
    by_key = {aspect.key: aspect for aspect in campaign.aspects}
    if key is None:
        last = campaign.proxy_weights.first()
        return by_key.get(last.target if last else "overall") or next(iter(campaign.aspects), None)
    if key not in by_key:
        raise Http404(f"No aspect is called {key!r}.")
    return by_key[key]


def _chosen(fits: list[ProxyWeights], asked: str | None) -> ProxyWeights | None:
    if not asked:
        return fits[-1] if fits else None
    found = [fit for fit in fits if str(fit.pk) == asked]
    if not found:
        raise Http404(f"There is no fit {asked!r} of this aspect.")
    return found[0]


def _shown(weights: ProxyWeights, fits: list[ProxyWeights], campaign: Campaign) -> dict[str, Any]:
    rows, fit = weight_rows(weights), weights.fit
    bars = weight_bars(rows)
    agreements = fit["agreements"]
    ends = [row["low"] for row in agreements if row["low"] is not None]
    lowest = min([0.0, *ends])
    calibration = fit["calibration"]
    return {
        "bars": bars,
        "weight_rows": list(zip(rows, bars.rows, strict=True)),
        "agreements": [
            (row, interval_row(row["pcc"], row["low"], row["high"], lowest, 1.0))
            for row in agreements
        ],
        "scatter": mos_scatter(proxy_points(weights, campaign), "MOS", "Proxy MOS"),
        "diagram": reliability_diagram(LEVELS, calibration["observed"]) if calibration else None,
        "curve": learning_curve(curve_series(fits), "clips with a MOS", "PCC with MOS"),
        "has_curve": len({one.n_clips for one in fits}) > 1,
        "radar": metric_radar(metric_agreement(weights, campaign)),
        "table_3": calibration_rows(fits),
        "audit": last_audit(campaign),
    }
