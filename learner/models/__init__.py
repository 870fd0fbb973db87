"""The tables of the learner room, by idea."""

from __future__ import annotations

from learner.models.fusion import FusionModel, Prediction, TrainingRun
from learner.models.jobs import Job
from learner.models.metrics import Extraction, MetricScore
from learner.models.rounds import ProxyWeights, Query, Round

__all__ = [
    "Extraction",
    "FusionModel",
    "Job",
    "MetricScore",
    "Prediction",
    "ProxyWeights",
    "Query",
    "Round",
    "TrainingRun",
]
