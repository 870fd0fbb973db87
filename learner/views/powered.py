"""Mean MOS of systems from few labels and many predictions."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotator.selectors import has_simulated_ratings
from learner.charts import forest
from learner.selectors.powered import PoweredRow, powered_systems
from learner.selectors.registry import model_in_use
from learner.views.access import studied


@login_required
@require_safe
@never_cache
def powered(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """Each system by its random labels alone, and with the network's scores of the other clips."""
    campaign = studied(request, campaign_id)
    model = model_in_use(campaign)
    context: dict[str, Any] = {
        "campaign": campaign,
        "is_simulated": has_simulated_ratings(campaign),
    }
    if model is not None:
        found = powered_systems(campaign, model)
        chart = forest((_name(row), _ends(row)) for row in found.rows)
        rows = list(zip(found.rows, chart.rows, strict=True))
        context |= {"powered": found, "chart": chart, "rows": rows}
    return render(request, "learner/powered.html", context)


def _name(row: PoweredRow) -> str:
    return _("all clips") if row.system is None else row.system or _("no system named")


def _ends(row: PoweredRow) -> list[tuple[float | None, float | None, float | None]]:
    """Mean and interval by labels alone, then with predictions."""
    if row.found is None:
        return []
    alone, powered = row.found.classical, row.found.powered
    ways = [alone] if row.found.reason else [alone, powered]
    return [(one.mean, one.low, one.high) for one in ways]
