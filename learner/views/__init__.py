"""The researcher's pages of the learner room, by idea."""

from __future__ import annotations

from learner.views.audits import audit_page, audits
from learner.views.overview import extract, overview
from learner.views.powered import powered
from learner.views.proxy import proxy, refit
from learner.views.registry import model_page, models, policy, promote, roll_back, training
from learner.views.reproductions import reproduction_file, reproduction_page, reproductions
from learner.views.rounds import dry_run, round_page, stop_round
from learner.views.scoring import score, scoring_page

__all__ = [
    "audit_page",
    "audits",
    "dry_run",
    "extract",
    "model_page",
    "models",
    "overview",
    "policy",
    "powered",
    "promote",
    "proxy",
    "refit",
    "roll_back",
    "reproduction_file",
    "reproduction_page",
    "reproductions",
    "round_page",
    "score",
    "scoring_page",
    "stop_round",
    "training",
]
