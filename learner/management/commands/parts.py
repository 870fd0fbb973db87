"""`manage.py parts`: every metric and encoder, and which of them are set up here."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from learner.parts_table import as_markdown, parts_table
from learner.registry import shelf

MEASURED = Path("benchmarks") / "results" / "parts_table.json"


class Command(BaseCommand):
    """A line a part, or the table of docs/models.md."""

    help = "List every metric and encoder, and say which are set up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """In which form."""
        parser.add_argument("--markdown", action="store_true", help="the table of docs/models.md")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        weights = Path(settings.DUBSCORE_WEIGHTS)
        if options["markdown"]:
            self.stdout.write(as_markdown(parts_table(weights, measured_seconds())))
            return
        for kind in ("encoder", "metric"):
            ready = shelf(kind).set_up()
            for name, card in shelf(kind).cards().items():
                word = "set up" if name in ready else "not set up"
                self.stdout.write(f"{word:12}{kind:8} {name} {card.version}: {card.label}")


def measured_seconds() -> dict[str, float]:
    """Kind and name of a part to its median over clips, as the benchmark last measured it."""
    path = Path(settings.BASE_DIR) / MEASURED
    if not path.is_file():
        return {}
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    return {
        name: median(clip["seconds"] for clip in found["clips"].values())
        for name, found in parts.items()
        if found["clips"]
    }
