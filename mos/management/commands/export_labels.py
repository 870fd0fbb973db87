"""`manage.py export_labels CAMPAIGN --format csv|jsonl`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from annotator.models import Campaign
from mos.exports import KINDS, lines


class Command(BaseCommand):
    """Write the labelled set of a campaign to a file or to standard output."""

    help = "Export the labelled set: one row is one rater's score for one clip on one aspect."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which campaign, as what, and where to."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--format", choices=sorted(KINDS), default="csv")
        parser.add_argument("--output", type=Path, help="file; standard output if not given")
        parser.add_argument("--revisions", choices=["last", "all"], default="last")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write line by line; a file appears whole or not at all."""
        campaign = self._campaign(options["campaign"])
        text = lines(campaign, options["format"], every_revision=options["revisions"] == "all")
        output: Path | None = options["output"]
        if output is None:
            sys.stdout.writelines(text)
            return
        unfinished = output.with_name(output.name + ".unfinished")
        try:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                file.writelines(text)
            unfinished.replace(output)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error}") from error
        self.stderr.write(f"{campaign} is written to {output}")

    def _campaign(self, word: str) -> Campaign:
        found = Campaign.objects.filter(Q(name=word) | Q(public_id=word)).first()
        if found is None:
            names = ", ".join(Campaign.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no campaign {word!r}. There are: {names}.")
        return found
