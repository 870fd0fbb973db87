"""What programs and pages are told of a scoring."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from django.urls import reverse
from numpy.typing import NDArray

from annotator.models import Campaign
from learner.charts import interval_row, strip
from learner.charts.frame import across
from learner.charts.intervals import MARGIN
from learner.models import MetricScore, Scoring
from learner.models.jobs import Job

SCALE = (1.0, 5.0)


def report(scoring: Scoring) -> dict[str, Any]:
    """A scoring as plain values: what the API answers and a webhook is sent."""
    return {
        "id": scoring.public_id,
        "campaign": scoring.campaign.public_id,
        "target": scoring.target,
        "name": scoring.name,
        "clip": scoring.clip.public_id if scoring.clip else None,
        "state": scoring.state,
        "progress_frac": scoring.progress_frac,
        "progress_text": scoring.progress_text,
        "error_text": scoring.error_text,
        "created_at": scoring.created_at.isoformat(),
        "finished_at": scoring.finished_at.isoformat() if scoring.finished_at else None,
        "webhook_text": scoring.webhook_text,
        "result_url": reverse("api-scoring", args=[scoring.public_id]),
        "result": scoring.result or None,
    }


def corpus_values(campaign: Campaign, metric: str, version: str) -> NDArray[np.float64]:
    """One metric of every clip of a campaign's pool that has it."""
    rows = MetricScore.objects.filter(clip__in=campaign.pool(), metric=metric, version=version)
    known = rows.filter(value__isnull=False).values_list("value", flat=True)
    return np.fromiter(known.iterator(), dtype=np.float64)


@dataclass(frozen=True)
class Part:
    """A bar of a result: a name, its share in per cent, and words beside it."""

    name: str
    percent: float
    words: str = ""

    @property
    def width(self) -> str:
        """As SVG takes it, in no reader's own language."""
        return f"{min(100.0, max(0.0, self.percent)):.2f}%"


def shown(scoring: Scoring) -> dict[str, Any]:
    """Drawings and bars of a result; nothing where there is none yet."""
    result = scoring.result
    if scoring.state != Job.State.DONE or not result:
        return {}
    share = result["proxy"]["share"]
    absent = {row["modality"]: row["reason"] for row in result["absent"]}
    return {
        "result": result,
        "scale": interval_row(result["dubscore_raw"], result["low"], result["high"], *SCALE),
        "ticks": [(at, across(at, *SCALE, MARGIN)) for at in range(1, 6)],
        "level": round(100 * (result["level"] or 0)),
        "epistemic_sd": sqrt(result["epistemic_var"]),
        "aleatoric_sd": sqrt(result["aleatoric_var"]),
        "shares": [Part("network", 100 * (1 - share)), Part("proxy", 100 * share)],
        "gates": [
            Part(name, 100 * gate, absent.get(name, "")) for name, gate in result["gates"].items()
        ],
        "inner": [
            Part(name, 100 * gate)
            for name, gate in sorted(result["inner_gates"].items(), key=lambda row: -row[1])
            if gate > 0
        ],
        "metrics": [(row, _strip(row)) for row in result["metrics"]],
    }


def _strip(row: dict[str, Any]) -> Any:
    among = row["corpus"]
    if row["value"] is None or not among:
        return None
    return strip(row["value"], among["low"], among["high"], among["counts"])
