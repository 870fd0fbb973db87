"""The researcher's pages of the learner room, by idea."""

from __future__ import annotations

from learner.views.audits import audit_page, audits
from learner.views.overview import extract, overview
from learner.views.powered import powered
from learner.views.proxy import proxy, refit
from learner.views.rounds import dry_run, round_page, stop_round
from learner.views.scoring import score, scoring_page

__all__ = [
    "audit_page",
    "audits",
    "dry_run",
    "extract",
    "overview",
    "powered",
    "proxy",
    "refit",
    "round_page",
    "score",
    "scoring_page",
    "stop_round",
]
