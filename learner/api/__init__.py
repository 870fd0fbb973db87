"""The learner room for programs, by idea."""

from __future__ import annotations

from learner.api.powered import Powered
from learner.api.predictions import Predictions
from learner.api.proxy import Audits, OneAudit, Refits, Weights
from learner.api.registry import (
    ComparedModels,
    Models,
    OneModel,
    OneTraining,
    PromotedModel,
    Promotions,
    Trainings,
    Triggers,
)
from learner.api.reproductions import OneReproduction, Reproductions
from learner.api.rounds import DryRuns, OneDryRun, OneRound, Rounds
from learner.api.scoring import OneScoring, Score

__all__ = [
    "Audits",
    "DryRuns",
    "OneAudit",
    "OneDryRun",
    "OneReproduction",
    "OneRound",
    "OneScoring",
    "Powered",
    "Predictions",
    "Refits",
    "Reproductions",
    "Rounds",
    "Score",
    "Weights",
    "ComparedModels",
    "Models",
    "OneModel",
    "OneTraining",
    "PromotedModel",
    "Promotions",
    "Trainings",
    "Triggers",
]
