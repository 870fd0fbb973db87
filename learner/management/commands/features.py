"""`manage.py features status|prune`: what the feature store holds, and dropping what is stale."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.models import Clip
from learner.features import DamagedShard, FeatureStore, stores
from learner.registry import shelf


class Command(BaseCommand):
    """Look at the stores, or tidy them."""

    help = "Say what the feature store holds (status), or drop what no longer counts (prune)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which of the two."""
        parser.add_argument("action", choices=["status", "prune"])
        parser.add_argument("--dry-run", action="store_true", help="prune: say only what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        try:
            if options["action"] == "status":
                self._status()
            else:
                self._prune(is_dry=options["dry_run"])
        except DamagedShard as error:
            raise CommandError(str(error)) from error

    def _status(self) -> None:
        ids = set(Clip.objects.values_list("public_id", flat=True))
        heads = ("encoder@version", "vectors", "reasons", "missing", "stale", "shards", "MB", "")
        rows = [heads]
        current = _current()
        for name in sorted({*stores(), *current}):
            store = FeatureStore(*name)
            held = store.holding()
            missing = len(ids - set(store.known())) if name in current else 0
            stale = held.rows - held.vectors - held.reasons
            size = f"{held.size / 1e6:.1f}"
            word = "" if name in current else "no longer in use"
            counts = (held.vectors, held.reasons, missing, stale, held.shards)
            rows.append((store.name, *map(str, counts), size, word))
        widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
        for row in rows:
            words = [row[0].ljust(widths[0])]
            words += [word.rjust(width) for word, width in zip(row[1:-1], widths[1:], strict=False)]
            self.stdout.write("  ".join([*words, row[-1]]).rstrip())

    def _prune(self, *, is_dry: bool) -> None:
        ids = set(Clip.objects.values_list("public_id", flat=True))
        current, gone = _current(), 0
        would = "would go" if is_dry else "went"
        for name in stores():
            store = FeatureStore(*name)
            held = store.holding()
            if name not in current:
                self.stdout.write(f"{store.name}: {held.rows} rows of a version not in use {would}")
                gone += held.rows
                if not is_dry:
                    store.delete()
                continue
            known = set(store.known())
            rows = held.rows - len(known & ids) if is_dry else store.merge(ids)
            gone += rows
            if rows:
                self.stdout.write(f"{store.name}: {rows} rows {would}")
        self.stdout.write(f"{gone} rows {would} in all")


def _current() -> set[tuple[str, str]]:
    return {(card.name, card.version) for card in shelf("encoder").cards().values()}
