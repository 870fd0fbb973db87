"""The tables of the learner room, by idea."""

from __future__ import annotations

from learner.models.fusion import FusionModel, Prediction, TrainingRun
from learner.models.jobs import Job
from learner.models.metrics import Extraction, MetricScore
from learner.models.proxy import Audit, Normalisation, ProxyWeights, Refit
from learner.models.rounds import DryRun, Query, Round, RoundRequest

__all__ = [
    "Audit",
    "DryRun",
    "Extraction",
    "FusionModel",
    "Job",
    "MetricScore",
    "Normalisation",
    "Prediction",
    "ProxyWeights",
    "Query",
    "Refit",
    "Round",
    "RoundRequest",
    "TrainingRun",
]
