"""Training the network with encoders inside: first on proxy MOS, then on human MOS.

Shape letters: N clips, B batch, D width of an encoder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from learner.fusion.config import FusionConfig
from learner.fusion.inside import EncodersInside, Pieces, seeded
from learner.fusion.inside_files import (
    Standing,
    load_standing,
    restore_optimiser,
    save_inside,
    save_standing,
)
from learner.fusion.network import Output

STANDING = "standing.safetensors"
SAVE_EVERY_S = 60.0
MODEL_VAR = 0.1  # MOS points squared, left as the model's own error: no clip rules alone
STAGES = ("ws", "ft")
Loss = Callable[[Output, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Targets:
    """What a stage trains on.

    Args:
        rows_N: Places of its clips.
        unit_N: Their MOS or proxy MOS on the unit scale, 0 for 1 and 1 for 5, float32.
        weight_N: How much each counts, of mean 1, float32.
    """

    rows_N: Tensor
    unit_N: Tensor
    weight_N: Tensor


def targets_of(mos_N: ArrayLike, var_N: ArrayLike, is_in_N: ArrayLike) -> Targets:
    """Targets of a stage out of scores of all clips.

    Args:
        mos_N: MOS or proxy MOS, 1 to 5; NaN where there is none.
        var_N: Its variance, in MOS points squared.
        is_in_N: Which clips the stage may see.

    >>> targets_of([1.0, 5.0, 3.0], [0.1, 0.1, 0.3], [True, True, False]).unit_N
    tensor([0., 1.])
    """
    mos_N, var_N = np.asarray(mos_N, dtype=np.float64), np.asarray(var_N, dtype=np.float64)
    rows = np.flatnonzero(np.asarray(is_in_N, dtype=bool) & ~np.isnan(mos_N))
    weight = 1 / (MODEL_VAR + var_N[rows])
    return Targets(
        torch.from_numpy(rows),
        torch.from_numpy((mos_N[rows] - 1) / 4).float(),
        torch.from_numpy(weight * len(rows) / max(weight.sum(), 1e-12)).float(),
    )


@dataclass(frozen=True)
class Clips:
    """All clips, whether trained on or not.

    Args:
        pieces: What an encoder inside sees of the clip in a place, by encoder and place.
        features: Encoder name to vectors, shape (N, D), of those that are not inside; NaN rows
            where there is none.
        ids: Names of the clips by place: a training goes on with these alone.
    """

    pieces: Callable[[str, int], Pieces]
    features: Mapping[str, NDArray[np.float32]]
    ids: tuple[str, ...] = ()

    def known(self, rows: list[int]) -> dict[str, Tensor]:
        """Vectors of some clips."""
        return {name: torch.tensor(np.asarray(x[rows])) for name, x in self.features.items()}

    def seen(self, inside: EncodersInside, rows: list[int]) -> dict[str, list[Pieces]]:
        """Pieces of some clips for every encoder inside."""
        return {name: [self.pieces(name, row) for row in rows] for name in inside.parts}


@dataclass(frozen=True)
class Step:
    """One step of the whole training, and where it lies; `scale` is the stage before the first."""

    number: int
    frac: float
    stage: str
    epoch: int
    index_B: Tensor
    is_last: bool
    loss: float = float("nan")


def train_inside(
    config: FusionConfig,
    inside: EncodersInside,
    clips: Clips,
    targets: Mapping[str, Targets],
    folder: Path,
    loss: Loss,
    report: Callable[[Step], None] = lambda step: None,
    save_every_s: float = SAVE_EVERY_S,
) -> list[dict[str, Any]]:
    """Train, from wherever an earlier call with the same arguments stopped, and keep the network.

    Each step draws its chances from the seed and its own number alone, so that a stopped training
    goes on to the numbers of an undisturbed one (to the bit on a processor).

    Args:
        config: Of the network: epochs, batch, rates, chance of a lost modality, seed.
        inside: What is trained, as `EncodersInside.fresh` makes it; left trained.
        clips: What all clips look like.
        targets: By stage, `ws` and `ft`; one with fewer than two clips is passed over.
        folder: Where the network and, until then, what training has come to are kept.
        loss: Of the network's output, targets and weights of a batch.
        report: Told of each step; whatever it raises stops training, to be taken up again.
        save_every_s: How often what training has come to is written.

    Returns:
        Stage, epoch and mean loss of every epoch.

    Raises:
        ValueError: the folder holds a training of something else, or there is nothing to train on.
    """
    steps, work = _plan(config, targets), _work(config, inside, clips, targets)
    standing, tensors = load_standing(folder / STANDING, work) or (Standing(), {})
    if tensors:
        inside.load_trained(tensors)
    else:
        standardise(inside, clips, targets, report)
    losses, curves = list(standing.losses), list(standing.curves)
    stage, saved_at = "", time.monotonic()
    for step in steps[standing.steps :]:
        if step.stage != stage:
            optimiser = torch.optim.Adam(inside.groups(step.stage))
            if not stage and step.stage == standing.stage:
                restore_optimiser(optimiser, tensors)
            stage = step.stage
        losses.append(_descend(config, inside, clips, targets[stage], step, loss, optimiser))
        mean = float(np.mean(losses))
        if step.is_last:
            curves.append({"stage": stage, "epoch": step.epoch, "loss": mean})
            losses = []
        if time.monotonic() - saved_at >= save_every_s or step is steps[-1]:
            now = Standing(step.number + 1, stage, losses, curves)
            save_standing(folder / STANDING, inside, optimiser, now, work)
            saved_at = time.monotonic()
        report(replace(step, loss=mean))
    save_inside(folder, inside.train(False))
    return curves


def _plan(config: FusionConfig, targets: Mapping[str, Targets]) -> list[Step]:
    """Every step there is, in order.

    Raises:
        ValueError: there is none.
    """
    todo = []
    for stage, epochs in zip(STAGES, (config.epochs_ws, config.epochs_ft), strict=True):
        n = len(targets[stage].rows_N) if stage in targets else 0
        for epoch in range(epochs):
            chance = _chance(config.seed, STAGES.index(stage), epoch)
            order = torch.randperm(n, generator=torch.Generator().manual_seed(chance))
            # A concordance of one clip is none.
            parts = [part for part in order.split(config.batch) if len(part) > 1]
            todo += [(stage, epoch, part, part is parts[-1]) for part in parts]
    if not todo:
        raise ValueError("nothing to train on: a stage needs an epoch, two clips, a batch of two")
    return [
        Step(number, (number + 1) / len(todo), stage, epoch, index_B, is_last)
        for number, (stage, epoch, index_B, is_last) in enumerate(todo)
    ]


def _descend(
    config: FusionConfig,
    inside: EncodersInside,
    clips: Clips,
    targets: Targets,
    step: Step,
    loss: Loss,
    optimiser: torch.optim.Adam,
) -> float:
    """One step; the loss before it."""
    inside.train()
    rows = targets.rows_N[step.index_B].tolist()
    unit_B, weight_B = targets.unit_N[step.index_B], targets.weight_N[step.index_B]
    with seeded(_chance(config.seed, step.number)):
        lost = _lost(config, len(rows))
        features = {
            name: x_BD.masked_fill(lost[name][:, None], float("nan"))
            for name, x_BD in clips.known(rows).items()
        }
        pieces = {  # what is lost is not even computed
            name: [
                [] if is_lost else clips.pieces(name, row)
                for row, is_lost in zip(rows, lost[name].tolist(), strict=True)
            ]
            for name in inside.parts
        }
        output = inside(features, pieces)
        value = loss(output, unit_B.to(output.mean_B.device), weight_B.to(output.mean_B.device))
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    return float(value.detach())


def _lost(config: FusionConfig, size: int) -> dict[str, Tensor]:
    """Encoder name to the clips that lose it, now and then, with all of its modality."""
    is_hit_B = torch.rand(size) < config.modality_dropout
    which_B = torch.randint(len(config.modalities), (size,))
    if len(config.modalities) < 2:
        is_hit_B = torch.zeros_like(is_hit_B)
    return {
        spec.name: is_hit_B & (which_B == config.modalities.index(spec.modality))
        for spec in config.encoders
    }


def standardise(
    inside: EncodersInside,
    clips: Clips,
    targets: Mapping[str, Targets],
    report: Callable[[Step], None] = lambda step: None,
) -> None:
    """Take shift and scale of every input from the clips that are trained on, and keep them.

    Those of encoders inside are what they make before they are trained.
    """
    rows = sorted({row for one in targets.values() for row in one.rows_N.tolist()})
    size = inside.fusion.config.batch
    made: dict[str, list[Tensor]] = {name: [] for name in inside.parts}
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        with torch.no_grad():
            for name, pieces in clips.seen(inside, some).items():
                made[name].append(inside.vectors(name, pieces))
        report(Step(0, 0.0, "scale", 0, torch.tensor(some), start + size >= len(rows)))
    whole = {name: torch.cat(x) for name, x in made.items()}
    every = clips.known(rows) | whole
    inside.fusion.standardise([{name: x.cpu() for name, x in every.items()}])


def predict_inside(
    inside: EncodersInside, clips: Clips, rows: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores of clips, 1 to 5, and their aleatoric variance in MOS points squared, both (N,)."""
    inside.train(False)
    size, means, variances = inside.fusion.config.batch, [], []
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        with torch.no_grad():
            output = inside(clips.known(some), clips.seen(inside, some))
        means.append(np.clip(1 + 4 * output.mean_B.double().cpu().numpy(), 1, 5))
        variances.append(16 * output.log_var_B.double().exp().cpu().numpy())
    nothing = [np.empty(0)]
    return np.concatenate(means or nothing), np.concatenate(variances or nothing)


def _work(
    config: FusionConfig, inside: EncodersInside, clips: Clips, targets: Mapping[str, Targets]
) -> str:
    """What is trained on what, as a hash."""
    recipe = sorted(asdict(inside.recipe).items())
    digest = sha256(f"{config.to_json()} {recipe} {clips.ids}".encode())
    for stage, one in sorted(targets.items()):
        digest.update(stage.encode())
        for array in (one.rows_N, one.unit_N, one.weight_N):
            digest.update(array.numpy().tobytes())
    return digest.hexdigest()


def _chance(*numbers: int) -> int:
    """One seed from several numbers."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0])
