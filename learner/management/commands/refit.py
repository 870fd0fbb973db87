"""`manage.py refit CAMPAIGN`: learn proxy weights from the labels that are in."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from learner import actions
from learner.actions.proxy import run_refit
from learner.management.running import campaign_of, refusals, run_here
from learner.models.proxy import METHODS, NORMALISATIONS


class Command(BaseCommand):
    """Fit the proxy and print its weights."""

    help = "Learn proxy weights from the labels of a campaign, and say what they are worth."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which campaign, and how."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--method", choices=METHODS, default="bagged")
        parser.add_argument("--normalisation", choices=NORMALISATIONS, default="rank-gauss")
        parser.add_argument(
            "--renormalise", action="store_true", help="over the corpus as it is now"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--queue", action="store_true", help="let a worker do it")
        parser.add_argument("--json", action="store_true", help="the whole fit as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Queue it, and unless asked not to, do it."""
        with refusals():
            refit = actions.ask_refit(
                campaign=campaign_of(options["campaign"]),
                target=options["aspect"],
                method=options["method"],
                kind=options["normalisation"],
                is_renewed=options["renormalise"],
                seed=options["seed"],
            )
        if options["queue"]:
            self.stdout.write(f"{refit} is queued")
            return
        weights = run_here(refit, run_refit).proxy_weights
        fit = weights.fit
        if options["json"]:
            self.stdout.write(json.dumps({"metrics": weights.metrics, **fit}))
            return
        self.stdout.write(fit["reason"])
        for words in fit["warnings"]:
            self.stdout.write(words)
        for m, metric in enumerate(weights.metrics):
            self.stdout.write(
                f"{metric['name']:<24} {fit['weights'][m]:.3f}  learned {fit['learned'][m]:.3f} "
                f"[{fit['low'][m]:.2f}, {fit['high'][m]:.2f}]"
            )
