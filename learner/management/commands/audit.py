"""`manage.py audit CAMPAIGN`: does active learning beat chance on these labels?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from learner import actions
from learner.actions.audits import run_audit
from learner.management.running import campaign_of, refusals, run_here


class Command(BaseCommand):
    """Replay the labels and print the verdict."""

    help = "Replay the labels of a campaign: a strategy against random at the same budgets."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which campaign, and which strategy."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--strategy", default="d_optimal")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--replays", type=int, default=30, help="30 or more, fixed beforehand")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--queue", action="store_true", help="let a worker do it")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Queue it, and unless asked not to, do it."""
        with refusals():
            audit = actions.ask_audit(
                campaign=campaign_of(options["campaign"]),
                strategy=options["strategy"],
                target=options["aspect"],
                n_replays=options["replays"],
                seed=options["seed"],
            )
        if options["queue"]:
            self.stdout.write(f"{audit} is queued")
            return
        report = run_here(audit, run_audit).report
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        self.stdout.write(" ".join(filter(None, [report["verdict"], report["reach"]])))
        for row in report["rows"]:
            self.stdout.write(
                f"{row['figure']:<5} at {row['labels']:>4} labels: {row['difference']:+.3f} "
                f"[{row['low']:+.3f}, {row['high']:+.3f}], p {row['p_holm']:.3f} after Holm"
            )
