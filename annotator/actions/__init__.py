"""Everything that writes in the annotator room, by idea."""

from __future__ import annotations

from annotator.actions.campaigns import open_wave, set_campaign_state
from annotator.actions.claiming import claim_assignments, renew_lease, report_clip
from annotator.actions.importing import ImportOutcome, import_clips
from annotator.actions.rating import ConflictingRating, submit_rating
from annotator.actions.rating_import import RatingsOutcome, import_ratings
from annotator.actions.verdicts import judge_rater

__all__ = [
    "ConflictingRating",
    "ImportOutcome",
    "RatingsOutcome",
    "claim_assignments",
    "import_clips",
    "import_ratings",
    "judge_rater",
    "open_wave",
    "renew_lease",
    "report_clip",
    "set_campaign_state",
    "submit_rating",
]
