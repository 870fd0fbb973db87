"""`manage.py export_labels CAMPAIGN --format csv|jsonl`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from annotator.models import Campaign
from mos.exports import REVISIONS, TYPES, text_blocks


class Command(BaseCommand):
    """Write the labelled set of a campaign to a file or to standard output."""

    help = (
        "Export the labelled set: one row is one rater's score for one clip on one aspect. In CSV,"
        " text that begins with = + - @ gets an apostrophe before it, so that spreadsheets do not"
        " run it; JSON lines hold it as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which campaign, as what, and where to."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--format", choices=sorted(TYPES), default="csv")
        parser.add_argument("--output", type=Path, help="file; standard output if not given")
        parser.add_argument("--revisions", choices=REVISIONS, default="last")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write block by block; a file appears whole or not at all."""
        campaign = _campaign(options["campaign"])
        blocks = text_blocks(campaign, options["format"], revisions=options["revisions"])
        output: Path | None = options["output"]
        if output is None:
            self._print(blocks)
            return
        try:
            _write_whole(output, blocks)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"The labels of {campaign} are in {output}.")

    def _print(self, blocks: Iterator[str]) -> None:
        try:
            for block in blocks:
                self.stdout.write(block, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has had enough, as `head` does. Python would complain once more when it
            # empties what is left in standard output at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _campaign(word: str) -> Campaign:
    found = Campaign.objects.filter(Q(name=word) | Q(public_id=word)).first()
    if found is None:
        names = ", ".join(Campaign.objects.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no campaign {word!r}. There are: {names}.")
    return found


def _write_whole(output: Path, blocks: Iterator[str]) -> None:
    """Write beside the file and put it in its place at the end; what was there stays until then."""
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
