"""The tables of the annotator room, by idea."""

from __future__ import annotations

from annotator.models.campaigns import Assignment, Campaign, ClipReport, Membership, Wave
from annotator.models.corpora import Clip, Corpus
from annotator.models.ratings import Rating, Score
from annotator.models.rubrics import Aspect, Rubric
from annotator.models.verdicts import Verdict

__all__ = [
    "Aspect",
    "Assignment",
    "Campaign",
    "Clip",
    "ClipReport",
    "Corpus",
    "Membership",
    "Rating",
    "Rubric",
    "Score",
    "Verdict",
    "Wave",
]
