"""`manage.py webhook_key`: by which receivers check that a result came from here."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from learner.actions.webhooks import webhook_key


class Command(BaseCommand):
    """Print the key."""

    help = "Print the key of webhooks' signatures: for those who receive them alone."

    def handle(self, *args: Any, **options: Any) -> None:
        """On a line of its own."""
        self.stdout.write(webhook_key())
