"""The learner room for programs, by idea."""

from __future__ import annotations

from learner.api.powered import Powered
from learner.api.predictions import Predictions
from learner.api.proxy import Audits, OneAudit, Refits, Weights
from learner.api.rounds import DryRuns, OneDryRun, OneRound, Rounds
from learner.api.scoring import OneScoring, Score

__all__ = [
    "Audits",
    "DryRuns",
    "OneAudit",
    "OneDryRun",
    "OneRound",
    "OneScoring",
    "Powered",
    "Predictions",
    "Refits",
    "Rounds",
    "Score",
    "Weights",
]
