"""The researcher's pages of what the ratings are worth."""

from mos.views.downloads import labels_csv, labels_jsonl
from mos.views.planner import planner
from mos.views.raters import judge, raters_page
from mos.views.reliability import reliability_page
from mos.views.reports import report_page, store

__all__ = [
    "judge",
    "labels_csv",
    "labels_jsonl",
    "planner",
    "raters_page",
    "reliability_page",
    "report_page",
    "store",
]
