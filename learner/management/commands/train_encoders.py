"""`manage.py train_encoders`: train encoders inside the network, on a GPU."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from learner.actions.checks import check_aspect
from learner.management.running import campaign_of, refusals
from learner.weights import WeightsError

STAGES = {"scale": "looking at the clips", "ws": "on proxy MOS", "ft": "on human MOS"}


class Command(BaseCommand):
    """One member a fold, each with adapters of its own; the same command again goes on."""

    help = "Train encoders with adapters inside the network from a campaign's clips (on a GPU)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which campaign, what and how."""
        parser.add_argument("--campaign", required=True, help="name or public id")
        parser.add_argument("--encoders", required=True, help="wav2vec2,timesformer,...")
        parser.add_argument("--aspect", default="overall")
        parser.add_argument("--name", default="", help="of the folder below DUBSCORE_MODELS")
        parser.add_argument("--folds", type=int, default=4)
        parser.add_argument("--fold", type=int, help="train this one only, counted from 1")
        parser.add_argument("--epochs-ws", type=int, default=10, help="on proxy MOS")
        parser.add_argument("--epochs-ft", type=int, default=10, help="on human MOS")
        parser.add_argument("--batch", type=int, default=16, help="clips a step")
        parser.add_argument("--at-once", type=int, default=4, help="pieces in an encoder together")
        parser.add_argument("--rank", type=int, default=16, help="of the adapters")
        parser.add_argument("--rate", type=float, default=1e-4, help="of the adapters")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--keep-all", action="store_true", help="more memory, less arithmetic")
        parser.add_argument("--float32", action="store_true", help="no bfloat16 in the encoders")
        parser.add_argument("--cpu", action="store_true", help="without a GPU too: small tries")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, train fold by fold, judge."""
        from learner.device import device

        if device().type == "cpu" and not options["cpu"]:
            raise CommandError(
                "There is no GPU here (DUBSCORE_DEVICE names another device). On a processor a "
                "clip takes about a minute each time it is seen: --cpu tries it all the same. "
                "Kept features (`manage.py extract`) need no GPU."
            )
        try:
            self._train(options, is_bf16=device().type == "cuda" and not options["float32"])
        except (ValueError, WeightsError) as error:
            raise CommandError(str(error)) from error

    def _train(self, options: dict[str, Any], *, is_bf16: bool) -> None:
        from learner.actions import inside as actions
        from learner.fusion.losses import loss_of
        from learner.fusion.pieces import PreparedInputs

        campaign = campaign_of(options["campaign"])
        with refusals():
            check_aspect(campaign, options["aspect"])
        work = actions.read_work(
            campaign=campaign,
            target=options["aspect"],
            recipe=_recipe(options, is_bf16),
            changes={k: options[k] for k in ("folds", "epochs_ws", "epochs_ft", "batch", "seed")},
        )
        folder = settings.DUBSCORE_MODELS / (options["name"] or f"encoders-{campaign.public_id}")
        inputs = PreparedInputs(folder / "inputs")
        with tqdm(total=len(work.clips), desc="preparing", unit="clip") as bar:
            for reason, n in sorted(actions.prepare_inputs(work, inputs, bar.update).items()):
                self.stdout.write(f"{n} clips without {reason}")
        clips, scores = actions.clips_of(work, inputs), {}
        for fold in _folds(options["fold"], len(work.proxies)):
            place = _place(folder, fold)
            with tqdm(total=1.0, desc=place.name, bar_format="{l_bar}{bar}| {postfix}") as bar:
                scores |= actions.train_fold(
                    work,
                    clips,
                    fold,
                    place,
                    lambda *batch: loss_of(*batch, work.config),
                    partial(_show, bar),
                )
            self.stdout.write(f"{place} is trained")
        for row in actions.judge(work, folder, scores):
            self.stdout.write(", ".join(f"{key} {value}" for key, value in row.items()))


def _recipe(options: dict[str, Any], is_bf16: bool) -> Any:
    from learner.fusion.inside import Recipe

    return Recipe(
        encoders=tuple(name.strip() for name in options["encoders"].split(",") if name.strip()),
        rank=options["rank"],
        rate=options["rate"],
        at_once=options["at_once"],
        is_recomputed=not options["keep_all"],
        is_bf16=is_bf16,
    )


def _folds(only: int | None, n_folds: int) -> list[int]:
    if only is None:
        return list(range(n_folds))
    if not 1 <= only <= n_folds:
        raise CommandError(f"There is no fold {only}: there are {n_folds}.")
    return [only - 1]


def _place(folder: Path, fold: int) -> Path:
    return folder / f"fold-{fold + 1}"


def _show(bar: tqdm[Any], step: Any) -> None:
    bar.update(step.frac - bar.n)
    bar.set_postfix_str(f"{STAGES[step.stage]}, epoch {step.epoch + 1}, loss {step.loss:.4f}")
