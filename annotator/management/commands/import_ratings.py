"""`manage.py import_ratings FILE --campaign NAME`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify
from tqdm import tqdm

from annotator.actions import import_ratings
from annotator.rating_files import FORMATS, RatingFileError, read_ratings

COLUMNS = ("item", "rater", "aspect", "rating")


class Command(BaseCommand):
    """Bring ratings in that were collected elsewhere."""

    help = (
        "Import ratings of 1 to 5 that were collected elsewhere into a closed campaign of their"
        " own. Clips come without files. A file is checked whole before anything is kept, the same"
        " file again changes nothing, and a changed score in it is a revision."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which file, of which form, and into what."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--campaign", required=True, help="made if there is none of this name")
        parser.add_argument("--corpus", help="of the clips; by default called like the campaign")
        parser.add_argument("--format", choices=sorted(FORMATS), help="by default by file name")
        parser.add_argument("--researcher", help="user name of who studies the campaign")
        for role in COLUMNS:
            parser.add_argument(f"--{role}", metavar="COLUMN", help="if it is called unusually")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, check, keep."""
        file: Path = options["file"]
        kind = options["format"] or ("sureal" if file.suffix == ".json" else "long-csv")
        columns = {role: options[role] for role in COLUMNS if options[role]}
        corpus = options["corpus"] or slugify(options["campaign"])[:80] or "imported"
        try:
            given = read_ratings(file, kind, columns)
            # A bar where someone looks on, and nothing in a log.
            with tqdm(total=len(given.ratings), disable=not sys.stderr.isatty()) as bar:
                campaign, outcome = import_ratings(
                    given=given,
                    campaign_name=options["campaign"],
                    corpus_name=corpus,
                    origin=file.name,
                    by=_researcher(options["researcher"]),
                    tell=lambda done, _: bar.update(done - bar.n),
                )
        except RatingFileError as refusal:
            raise CommandError(str(refusal)) from refusal
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        self.stdout.write(
            f"{outcome.new} ratings are new in {campaign} ({outcome.revised} of them revisions), "
            f"{outcome.known} were here."
        )


def _researcher(name: str | None) -> User | None:
    if name is None:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    return user
