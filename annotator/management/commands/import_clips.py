"""`manage.py import_clips MANIFEST.csv|FOLDER --corpus NAME`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotator.actions import ImportOutcome, import_clips
from annotator.manifest import ManifestError, read_listing
from annotator.models import Corpus


class Command(BaseCommand):
    """Bring clips in; exit code 0 when all came in, 1 when some were refused."""

    help = "Import the clips of a CSV manifest or a folder into a corpus. Twice is once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is imported, and where to."""
        parser.add_argument("listing", type=Path, metavar="MANIFEST.csv|FOLDER")
        parser.add_argument("--corpus", required=True, help="made when there is none of that name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import with a progress bar and end with a list of what was refused."""
        try:
            rows = read_listing(options["listing"])
        except ManifestError as error:
            raise CommandError(str(error)) from error
        corpus = self._corpus(options["corpus"])
        with tqdm(total=len(rows), unit="clip", desc=f"Importing into {corpus}") as bar:

            def tell(outcome: ImportOutcome) -> None:
                bar.set_postfix_str(outcome.name)
                bar.update()

            outcomes = import_clips(corpus=corpus, rows=rows, tell=tell)
        self._summarise(outcomes)

    def _corpus(self, name: str) -> Corpus:
        try:
            Corpus(name=name).clean_fields()
        except ValidationError as error:
            raise CommandError(f"--corpus {name!r}: {' '.join(error.messages)}") from error
        return Corpus.objects.get_or_create(name=name)[0]  # another import may make it just now

    def _summarise(self, outcomes: list[ImportOutcome]) -> None:
        counts = Counter(outcome.what for outcome in outcomes)
        words = ("new", "known", "updated", "refused")
        self.stdout.write(", ".join(f"{counts[word]} {word}" for word in words))
        refused = [outcome for outcome in outcomes if outcome.what == "refused"]
        for outcome in refused:
            self.stderr.write(f"refused: {outcome.name}: {outcome.reason}")
        if refused:
            raise CommandError(f"{len(refused)} of {len(outcomes)} clips were refused.")
