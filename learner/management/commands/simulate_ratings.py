"""`manage.py simulate_ratings CAMPAIGN`: let simulated raters fill the places of the last wave."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from annotator.models import Campaign
from learner.actions.simulation import add_simulated_raters, rate_by_simulation


class Command(BaseCommand):
    """For trying the loop without people; the ratings are marked as simulated for ever."""

    help = "Fill the free places of a campaign's last wave with simulated ratings."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which campaign, and how many raters."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--raters", type=int, default=8)

    def handle(self, *args: Any, **options: Any) -> None:
        """Rate until no place is left that a simulated rater may have."""
        word = options["campaign"]
        campaign = Campaign.objects.filter(Q(name=word) | Q(public_id=word)).first()
        if campaign is None:
            names = ", ".join(Campaign.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no campaign {word!r}. There are: {names}.")
        wave = campaign.waves.order_by("number").last()
        if wave is None:
            raise CommandError(f"{campaign} has no wave yet: take it live or launch a round.")
        add_simulated_raters(campaign=campaign, wanted=options["raters"])
        rated = rate_by_simulation(campaign=campaign, wave=wave)
        self.stdout.write(f"{rated} simulated ratings in {wave}")
