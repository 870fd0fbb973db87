"""The tables of the learner room, by idea."""

from __future__ import annotations

from learner.models.fusion import (
    FusionModel,
    Prediction,
    Promotion,
    Reproduction,
    Rescoring,
    RetrainPolicy,
    TrainingRun,
)
from learner.models.jobs import Job
from learner.models.metrics import Extraction, MetricScore
from learner.models.proxy import Audit, Normalisation, ProxyWeights, Refit
from learner.models.rounds import DryRun, Query, Round, RoundRequest
from learner.models.scoring import Scoring

__all__ = [
    "Audit",
    "DryRun",
    "Extraction",
    "FusionModel",
    "Job",
    "MetricScore",
    "Normalisation",
    "Prediction",
    "Promotion",
    "ProxyWeights",
    "Query",
    "Refit",
    "Reproduction",
    "Rescoring",
    "RetrainPolicy",
    "Round",
    "RoundRequest",
    "Scoring",
    "TrainingRun",
]
