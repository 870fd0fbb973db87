"""`manage.py fit_sync --corpus NAME`: fit the synchrony metric on a corpus's own originals."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotator.models import Corpus
from learner.actions.sync import Refit, fit_sync, forget_own_map
from learner.weights import WeightsError


class Command(BaseCommand):
    """Values that were computed with another map become stale: the next extraction makes them."""

    help = "Fit the map between lips and speech on originals of a corpus, which are in sync."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which corpus, or back to the beginning."""
        wish = parser.add_mutually_exclusive_group(required=True)
        wish.add_argument("--corpus")
        wish.add_argument("--shipped", action="store_true", help="go back to the shipped map")

    def handle(self, *args: Any, **options: Any) -> None:
        """Fit with progress bars, and say what the map is worth."""
        if options["shipped"]:
            was_there = forget_own_map()
            self.stdout.write("The shipped map counts" + (" again" if was_there else ", as before"))
            return
        corpus = Corpus.objects.filter(name=options["corpus"]).first()
        if corpus is None:
            names = ", ".join(Corpus.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(f"There is no corpus {options['corpus']!r}. There are: {names}.")
        bars = _Bars()
        try:
            self._tell(fit_sync(corpus=corpus, progress=bars.show))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except WeightsError as error:
            raise CommandError(str(error)) from error
        finally:
            bars.close()

    def _tell(self, refit: Refit) -> None:
        for name, reason in refit.left_out.items():
            self.stdout.write(f"left out {name}: {reason}")
        for words, figures in (("fitted here", refit.own), ("shipped", refit.before)):
            self.stdout.write(
                f"{words}: own speech above a stranger's in {figures.auc:.3f}, offset within 80 ms "
                f"of 0 on {figures.tracked_frac:.0%} of {figures.n_clips} clips by "
                f"{figures.n_speakers} speakers it was not fitted on"
            )
        if refit.is_kept:
            self.stdout.write("The new map counts. `manage.py extract` makes stale values again.")
        else:
            self.stdout.write("The new map is worse here than the shipped one: nothing is changed.")


class _Bars:
    """One progress bar after the other."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def show(self, what: str, done: int, total: int) -> None:
        if self._bar is None or self._bar.desc != f"{what}: ":
            self.close()
            self._bar = tqdm(total=total, desc=what)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
