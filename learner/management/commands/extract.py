"""`manage.py extract --corpus NAME`: compute what is missing, here and now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotator.models import Corpus
from learner.actions.extraction import queue_extraction, run_extraction
from learner.actions.jobs import Pulse
from learner.compute import ENGINES
from learner.models import Job


class Command(BaseCommand):
    """Run one extraction with a progress bar, or leave it to the workers."""

    help = "Compute missing metrics and features of a corpus: all that are set up, or some."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What of which corpus."""
        parser.add_argument("--corpus", required=True)
        parser.add_argument("--metrics", nargs="+", default=[], help="only these")
        parser.add_argument("--encoders", nargs="+", default=[], help="only these")
        parser.add_argument(
            "--engine", choices=ENGINES, default="", help="DUBSCORE_ENGINE if not given"
        )
        parser.add_argument(
            "--retry", action="store_true", help="ask again where there was no answer"
        )
        parser.add_argument("--queue", action="store_true", help="let a worker do it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Queue it, and unless asked not to, do it."""
        corpus = Corpus.objects.filter(name=options["corpus"]).first()
        if corpus is None:
            names = ", ".join(Corpus.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no corpus {options['corpus']!r}. There are: {names}.")
        try:
            extraction = queue_extraction(
                corpus=corpus,
                metrics=options["metrics"],
                encoders=options["encoders"],
                engine=options["engine"],
                is_retry=options["retry"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if options["queue"]:
            self.stdout.write(f"{extraction} is queued")
            return
        with tqdm(total=100, unit="%", desc=str(extraction)) as bar:
            Pulse.watcher = lambda frac: bar.update(round(100 * frac) - bar.n)
            try:
                run_extraction(extraction.pk)
            finally:
                Pulse.watcher = None
        extraction.refresh_from_db()
        if extraction.state != Job.State.DONE:
            raise CommandError(f"{extraction} is {extraction.state}: {extraction.error_text}")
        self.stdout.write(extraction.progress_text)
