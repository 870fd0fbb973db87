"""`manage.py train CAMPAIGN`: train the network on the labels that are in.

Under `torchrun` every process trains its part of each batch; the first one keeps what came of it.
"""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from learner import actions
from learner.actions.training import follow_training, run_training
from learner.fusion.config import LOSSES, PRESETS
from learner.management.running import campaign_of, refusals, run_here
from learner.models import TrainingRun


class Command(BaseCommand):
    """Train, and print how well the network does."""

    help = "Train the network of a campaign: on one machine, under torchrun, or with Ray."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which campaign, and how."""
        parser.add_argument("campaign", help="name or public id")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--preset", choices=PRESETS, default="small")
        parser.add_argument("--loss", choices=LOSSES, default="mse_ccc")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--queue", action="store_true", help="let a worker do it")
        parser.add_argument("--json", action="store_true", help="the whole evaluation as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Queue it, and unless asked not to, do it."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size > 1:
            self._together(options)
            return
        run = self._asked(options)
        if options["queue"]:
            self.stdout.write(f"{run} is queued")
            return
        self._say(run_here(run, run_training), as_json=options["json"])

    def _asked(self, options: dict[str, Any]) -> TrainingRun:
        with refusals():
            return actions.ask_training(
                campaign=campaign_of(options["campaign"]),
                target=options["aspect"],
                preset=options["preset"],
                loss=options["loss"],
                cause="asked for on the command line",
                seed=options["seed"],
            )

    def _together(self, options: dict[str, Any]) -> None:
        """One of several processes: the first owns the row, the others compute beside it."""
        import torch
        from torch import distributed

        is_gpu = torch.cuda.is_available()
        if is_gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        distributed.init_process_group("nccl" if is_gpu else "gloo")
        try:
            told: list[Any] = [None]
            if distributed.get_rank() == 0:
                told = [self._asked(options).pk]
            distributed.broadcast_object_list(told, src=0)
            run = TrainingRun.objects.get(pk=told[0])
            if distributed.get_rank() == 0:
                self._say(run_here(run, run_training), as_json=options["json"])
            else:
                follow_training(run.pk)
        finally:
            distributed.destroy_process_group()

    def _say(self, run: Any, *, as_json: bool) -> None:
        model = TrainingRun.objects.get(pk=run.pk).fusion_model
        if as_json:
            self.stdout.write(json.dumps({"model": model.pk, "evaluation": model.evaluation}))
            return
        self.stdout.write(f"Model {model.pk}")
        for row in model.evaluation:
            low, high = row["pcc_low"], row["pcc_high"]
            pcc = "not defined" if row["pcc"] is None else f"{row['pcc']:+.3f}"
            interval = "" if low is None else f" [{low:+.3f}, {high:+.3f}]"
            mse = "" if row["mse"] is None else f", MSE {row['mse']:.3f}"
            self.stdout.write(f"{row['name']:<34} PCC {pcc}{interval}{mse}")
