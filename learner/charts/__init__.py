"""Geometry of the learner's charts: numbers in, coordinates out; templates/learner/charts draws."""

from __future__ import annotations

from learner.charts.agreement import mos_scatter, reliability_diagram
from learner.charts.forest import forest
from learner.charts.intervals import interval_row, weight_bars
from learner.charts.learning import learning_curve
from learner.charts.loss import loss_charts
from learner.charts.pool import pool_map, project_2d
from learner.charts.radar import metric_radar
from learner.charts.strip import strip
from learner.charts.training import scatter

__all__ = [
    "forest",
    "interval_row",
    "learning_curve",
    "loss_charts",
    "metric_radar",
    "mos_scatter",
    "pool_map",
    "project_2d",
    "reliability_diagram",
    "scatter",
    "strip",
    "weight_bars",
]
