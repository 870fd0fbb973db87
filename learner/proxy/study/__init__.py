"""Weightings, intervals, fillings and strategies compared on a table of items and scores.

Items are split again and again, by group where groups are known; few labels are drawn from one part
and everything is judged on the other. A core: a file or a data frame in, plain figures out.
"""

from learner.proxy.study.holes import FILLS, holes_once, make_holes, summarise_holes
from learner.proxy.study.once import DEFAULT, WEIGHTINGS, pearson_of, point_weights, study_once
from learner.proxy.study.reading import Columns, Reading, read_frame, study_table
from learner.proxy.study.run import StudyPlan, run_study
from learner.proxy.study.summary import mean_interval, summarise
from learner.proxy.study.table import Split, StudyTable, smallest_pool, split_of, split_rows
from learner.proxy.study.text import as_text

__all__ = [
    "DEFAULT",
    "FILLS",
    "WEIGHTINGS",
    "Columns",
    "Reading",
    "Split",
    "StudyPlan",
    "StudyTable",
    "as_text",
    "holes_once",
    "make_holes",
    "mean_interval",
    "pearson_of",
    "point_weights",
    "read_frame",
    "run_study",
    "smallest_pool",
    "split_of",
    "split_rows",
    "study_once",
    "study_table",
    "summarise",
    "summarise_holes",
]
