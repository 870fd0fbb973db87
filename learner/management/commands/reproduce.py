"""`manage.py reproduce --campaign X`: the paper's tables from a campaign's own ratings."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from learner import actions
from learner.actions.reproduction import run_reproduction
from learner.management.running import campaign_of, refusals, run_here
from learner.selectors.reproduction import KINDS, report_file


class Command(BaseCommand):
    """Make the tables and write them as a page, as Markdown and as JSON."""

    help = "The paper's tables 1 to 5 and figure 2 from a campaign, beside what is printed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which campaign and aspect, and where to."""
        parser.add_argument("--campaign", required=True, help="name or public id")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--out", type=Path, help="folder; else below var/reproductions")
        parser.add_argument("--quick", action="store_true", help="half the epochs")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Queue it, and unless asked not to, do it."""
        if options["out"] and not options["queue"]:
            _make(options["out"])  # before hours of work, not after
        with refusals():
            asked = actions.ask_reproduction(
                campaign=campaign_of(options["campaign"]),
                target=options["aspect"],
                is_quick=options["quick"],
                seed=options["seed"],
            )
        if options["queue"]:
            self.stdout.write(f"{asked} is queued")
            return
        done = run_here(asked, run_reproduction)
        folder = options["out"] or settings.DUBSCORE_VAR / "reproductions" / str(done.pk)
        _make(folder)
        for kind in KINDS:
            path = folder / f"report.{kind}"
            with _written(path):
                path.write_text(report_file(done, kind), encoding="utf-8")
            self.stdout.write(str(path))
        for table in done.report["tables"]:
            if table["missing"]:
                self.stdout.write(f"{table['title']}: not made. {table['missing']}")


def _make(folder: Path) -> None:
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """What the disk refuses, as the command's error."""
    try:
        yield
    except OSError as fault:
        words = fault.strerror or str(fault)
        raise CommandError(f"{path} cannot be written: {words}. Name another folder.") from fault
