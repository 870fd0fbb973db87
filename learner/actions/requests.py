"""What is asked of a round, whether it is launched or only tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from django.core.exceptions import ValidationError

from annotator.models import Campaign
from learner.actions.checks import check_aspect, check_strategy
from learner.actions.plans import stage_of
from learner.models import DryRun, Round

RequestT = TypeVar("RequestT", Round, DryRun)


@dataclass(frozen=True)
class Wanted:
    """The choices of a launch form, as the fields of a row."""

    strategy: str
    budget_ratings: int
    ratings_per_clip: int
    target: str
    is_stratified: bool
    reserve_frac: float
    seed: int

    def fill(self, row: RequestT, shares: Sequence[float], stage: int) -> RequestT:
        """Write them into a row; the budget is that of the stage where there is a plan."""
        for name, value in asdict(self).items():
            setattr(row, name, value)
        if not shares and stage != 1:
            raise ValidationError(
                f"Stage {stage} of what? Give the stages of the plan, such as 33, 66, 100."
            )
        if shares:
            row.plan = stage_of(self.budget_ratings, shares, stage)
            row.budget_ratings = row.plan["budget_ratings"]
        row.progress_text = "Waiting for a worker"
        return row


def check_request(row: Round | DryRun) -> None:
    """Refuse what could not be picked or collected.

    Raises:
        ValidationError: in words for the researcher.
    """
    campaign = row.campaign
    if campaign.state != Campaign.State.LIVE:
        raise ValidationError(
            f"{campaign} is {campaign.get_state_display().lower()}: take it live before a round."
        )
    if row.budget_ratings < row.ratings_per_clip or row.ratings_per_clip < 1:
        raise ValidationError(
            f"A budget of {row.budget_ratings} ratings does not pay for one clip with "
            f"{row.ratings_per_clip} ratings."
        )
    if not 0 <= row.reserve_frac <= 1:  # what is no number passes the validators of the field
        raise ValidationError(
            f"The random share must lie between 0 and 1, and {row.reserve_frac} does not."
        )
    check_strategy(row.strategy)
    check_aspect(campaign, row.target)
