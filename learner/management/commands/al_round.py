"""`manage.py al_round CAMPAIGN`: launch, try, close or cancel an active-learning round."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotator.models import Campaign
from learner import actions
from learner.actions.dry_runs import run_dry_run
from learner.actions.plans import read_shares
from learner.management.running import campaign_of, refusals, run_here


class Command(BaseCommand):
    """A round from the shell; workers pick, refit and train as for one from the admin page."""

    help = "Launch a round of active learning, say what it would pick, close it or cancel it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What is asked of whom."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--ratings", type=int, default=30, help="budget, in ratings")
        parser.add_argument("--per-clip", type=int, default=3, help="ratings a clip")
        parser.add_argument("--strategy", default="d_optimal")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--reserve", type=float, default=0.2, help="share picked at random")
        parser.add_argument("--not-stratified", action="store_true")
        parser.add_argument("--stages", default="", help="of a plan, in per cent: 33,66,100")
        parser.add_argument("--stage", type=int, default=1, help="which stage this round is")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--dry-run", action="store_true", help="say what would be picked")
        parser.add_argument("--close", type=int, metavar="N", help="close round N early")
        parser.add_argument("--cancel", type=int, metavar="N", help="cancel round N")
        parser.add_argument("--json", action="store_true", help="picks of a dry run as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """One of the four."""
        campaign = campaign_of(options["campaign"])
        for how in ("close", "cancel"):
            if options[how] is not None:
                self._end(campaign, options[how], how)
                return
        with refusals():
            asked = {
                "campaign": campaign,
                "strategy": options["strategy"],
                "budget_ratings": options["ratings"],
                "ratings_per_clip": options["per_clip"],
                "target": options["aspect"],
                "is_stratified": not options["not_stratified"],
                "reserve_frac": options["reserve"],
                "shares": read_shares(options["stages"]),
                "stage": options["stage"],
                "seed": options["seed"],
            }
            if not options["dry_run"]:
                round_ = actions.launch_round(**asked)
                self.stdout.write(f"{round_} is launched; workers do the rest")
                return
            tried = actions.ask_dry_run(**asked)
        self._say(run_here(tried, run_dry_run).picks, is_json=options["json"])

    def _say(self, picks: list[dict[str, Any]], *, is_json: bool) -> None:
        if is_json:
            self.stdout.write(json.dumps(picks))
            return
        for pick in picks:
            reserve = " (reserve)" if pick["is_reserve"] else ""
            self.stdout.write(f"{pick['rank']:>4} {pick['name']}{reserve}: {pick['reason']}")

    def _end(self, campaign: Campaign, number: int, how: str) -> None:
        round_ = campaign.rounds.filter(number=number).first()
        if round_ is None:
            raise CommandError(f"{campaign} has no round {number}.")
        end = actions.close_round_early if how == "close" else actions.cancel_round
        if not end(round_=round_):
            raise CommandError(f"{round_} is {round_.get_state_display().lower()}: too late.")
        self.stdout.write(f"{round_}: {'closed early' if how == 'close' else 'cancelled'}")
