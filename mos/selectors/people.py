"""Raters under their pseudonyms."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.models import Campaign, Membership


@dataclass(frozen=True, slots=True)
class Rater:
    """A rater under the pseudonym that pages and exports use."""

    pk: int
    public_id: str
    name: str
    is_simulated: bool


def raters_by_pk(campaign: Campaign) -> dict[int, Rater]:
    """Each rater of a campaign under a pseudonym: R01, R02 and so on in the order of joining."""
    rows = campaign.memberships.filter(role=Membership.Role.RATER)
    ordered = rows.order_by("created_at", "pk").values_list("pk", "public_id", "is_simulated")
    return {
        pk: Rater(pk, public_id, f"R{number:02d}", is_simulated)
        for number, (pk, public_id, is_simulated) in enumerate(ordered, start=1)
    }
