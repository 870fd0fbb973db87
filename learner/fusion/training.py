"""Training the network: first on proxy MOS, then on human MOS, a member for each fold.

Shape letters: N clips, F folds, B batch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from learner.fusion.batches import Batches, drop_modalities
from learner.fusion.checkpoints import (
    OTHERWISE,
    Standing,
    load_member,
    load_standing,
    save_member,
    save_standing,
    words_of,
)
from learner.fusion.config import FusionConfig
from learner.fusion.data import Targets, TrainingData, targets_of
from learner.fusion.losses import loss_of
from learner.fusion.network import FusionNetwork
from learner.fusion.places import member_path
from learner.fusion.world import World

FEW_CLIPS = 2000
SAVE_EVERY_S = 5.0
EQUAL_CLIPS = 50  # so many clips does the good name of equal shares count for
STAGES = ("ws", "ft")


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Args:
        frac: Of the whole; stages that end early make it jump.
        fold, stage, epoch: Just done.
        loss: Mean of the epoch.
        aside: Loss on the clips set aside; NaN where there are none.
    """

    frac: float
    fold: int
    stage: str
    epoch: int
    loss: float
    aside: float = float("nan")

    def point(self) -> dict[str, Any]:
        """As a point of the curves."""
        aside = None if np.isnan(self.aside) else round(self.aside, 5)
        return {
            "fold": self.fold,
            "stage": self.stage,
            "epoch": self.epoch,
            "loss": round(self.loss, 5),
            "aside": aside,
        }


def train(
    config: FusionConfig,
    data: TrainingData,
    folder: Path,
    report: Callable[[Progress], None] = lambda progress: None,
) -> list[dict[str, Any]]:
    """Train one member a fold; what was trained before is not trained again.

    Args:
        config: Shape and training; its encoders are those of `data.features`.
        data: Clips, and what they were found to be worth.
        folder: Where members are kept, `member-0-ws` as it was after proxy MOS and `member-0` after
            human MOS, and where an unfinished one stands.
        report: Told after every epoch; what it raises ends training, to be gone on with later.

    Returns:
        The curves: a point for every epoch, as of `Progress`.

    Raises:
        ValueError: what was kept there belongs to another configuration or other data.
    """
    world, batches, fingerprint = World(), Batches(data.features), data.fingerprint()
    world.check_same(fingerprint)
    curves = _kept_curves(folder)
    for fold in range(data.n_folds):
        if _is_done(folder, fold, config, fingerprint):
            continue
        points: list[dict[str, Any]] = []
        course = _Course(config, data, batches, folder, fold, fingerprint, world)
        with threads_for(data.n):
            for progress in course.run(points):
                if world.is_first:
                    report(replace(progress, frac=(fold + progress.frac) / data.n_folds))
        curves = _kept_curves(folder) if world.is_first else curves
        world.wait()
    if world.is_first:
        _standing_path(folder).unlink(missing_ok=True)
    return curves


def _is_done(folder: Path, fold: int, config: FusionConfig, fingerprint: str) -> bool:
    """Whether a member lies there, trained just so on just these clips.

    Raises:
        ValueError: one lies there that was trained otherwise.
    """
    path = member_path(folder, fold)
    if not path.exists():
        return False
    if load_member(path).config != config:
        raise ValueError(OTHERWISE.format(path=path, how="with another configuration"))
    if words_of(path).get("fingerprint") != fingerprint:
        raise ValueError(OTHERWISE.format(path=path, how="on other data"))
    return True


def _standing_path(folder: Path) -> Path:
    return folder / "progress.safetensors"


def _kept_curves(folder: Path) -> list[dict[str, Any]]:
    path = folder / "curves.json"
    kept: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return kept


def _keep_curves(folder: Path, curves: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "curves.unfinished"
    path.write_text(json.dumps(curves))
    path.replace(folder / "curves.json")


@dataclass(frozen=True)
class _Course:
    """The training of one member."""

    config: FusionConfig
    data: TrainingData
    batches: Batches
    folder: Path
    fold: int
    fingerprint: str
    world: World

    def run(self, points: list[dict[str, Any]]) -> Iterator[Progress]:
        """Its stages, epoch by epoch, from where it stands; points are its curves so far."""
        torch.manual_seed(_chance(self.config.seed, self.fold))
        network = FusionNetwork(self.config)
        outside = np.flatnonzero(self.data.fold_N != self.fold)
        network.standardise(self.batches.blocks(outside))
        network.to(self.batches.device)
        path = _standing_path(self.folder)
        kept = load_standing(path, self.config, self.fold, self.fingerprint)
        points.extend(kept.curves if kept else [])
        for number, name in enumerate(STAGES):
            if kept and kept.stage > number:
                continue
            standing = kept or Standing(self.fold, number, fingerprint=self.fingerprint)
            kept = None
            stage = _Stage(self, network, standing)
            for loss, aside in stage.epochs():
                frac = self._frac(number, standing.epoch)
                progress = Progress(frac, self.fold, name, standing.epoch - 1, loss, aside)
                points.append(progress.point())
                yield progress
                stage.save_now_and_then(path, points)
            stage.take_best()
            if name == STAGES[-1]:
                stage.learn_proxy_share(self.data, self.fold)
            if self.world.is_first and name == STAGES[-1]:
                others = [p for p in _kept_curves(self.folder) if p["fold"] != self.fold]
                _keep_curves(self.folder, [*others, *points])  # before the member: then it is done
            if self.world.is_first:
                words = {"fold": self.fold, "stage": name, "fingerprint": self.fingerprint}
                save_member(network, member_path(self.folder, self.fold, name), **words)

    def _frac(self, number: int, epoch: int) -> float:
        before = self.config.epochs_ws if number else 0
        return (before + epoch) / (self.config.epochs_ws + self.config.epochs_ft)


class _Stage:
    """One stage of one member: its targets, optimiser, and the best network so far."""

    def __init__(self, course: _Course, network: FusionNetwork, standing: Standing) -> None:
        self.config, self.batches, self.world = course.config, course.batches, course.world
        self.network, self.standing = network, standing
        self.stage = STAGES[standing.stage]
        share = self.config.aside_frac if self.config.patience else 0.0
        self.targets, self.aside = targets_of(
            course.data, course.fold, self.stage, share, self.config.seed
        )
        self.optimiser = torch.optim.Adam(
            network.train_stage(self.stage), lr=self.config.rate(self.stage), fused=True
        )
        standing.restore(network, self.optimiser)
        self.together = self.world.wrapped(network)
        self.saved_at = time.monotonic()

    def epochs(self) -> Iterator[tuple[float, float]]:
        """Losses of each epoch, until all are run or clips set aside get no better."""
        if len(self.targets.rows) < 2:
            return  # without this fold's labels nothing rises with MOS: there is no proxy
        if self.aside and self.standing.best_loss is None:
            self._keep_best(self._aside_loss())  # no training at all may be best
        while self.standing.epoch < self.config.epochs(self.stage) and not self._is_over():
            loss = self._epoch()
            self.standing.epoch += 1
            aside = self._aside_loss()
            self._keep_best(aside)
            yield loss, aside

    def _is_over(self) -> bool:
        return self.aside is not None and self.standing.since_best >= self.config.patience

    def _keep_best(self, aside: float) -> None:
        if self.aside is None:
            return
        best = self.standing.best_loss
        if best is None or aside < best:
            self.standing.best_loss, self.standing.since_best = aside, 0
            self.standing.best = {k: v.clone() for k, v in self.network.state_dict().items()}
        else:
            self.standing.since_best += 1

    def take_best(self) -> None:
        """The network as it was best on clips set aside; as it is where there were none."""
        if self.standing.best:
            self.network.load_state_dict(self.standing.best)

    def learn_proxy_share(self, data: TrainingData, fold: int) -> None:
        """How much the proxy is to count beside the network, by clips that neither was shown.

        One half where no clips are set aside, none where there is no proxy.
        """
        share = 0.5 if np.isfinite(data.proxy_FN[fold]).any() else 0.0
        if share and self.aside is not None and data.blind_FN is not None:
            rows = self.aside.rows
            own_B = self._said(rows).cpu().double().numpy()
            blind_B = (data.blind_FN[fold][rows.numpy()] - 1) / 4
            share = proxy_share(own_B, blind_B, self.aside.unit.double().numpy())
        self.network.proxy_share.fill_(self.world.agreed(share))

    def _said(self, rows: Tensor) -> Tensor:
        self.network.eval()
        with torch.inference_mode():
            mean_B: Tensor = self.network(self.batches.rows(rows.numpy())).mean_B
        return mean_B

    def save_now_and_then(self, path: Path, points: list[dict[str, Any]]) -> None:
        """Keep where training stands, at the end of an epoch, at most every few seconds."""
        if self.world.is_first and time.monotonic() - self.saved_at > SAVE_EVERY_S:
            self.standing.curves = points
            save_standing(path, self.network, self.optimiser, self.standing)
            self.saved_at = time.monotonic()

    def _epoch(self) -> float:
        """One pass in random order; the mean loss."""
        self.network.train()
        number, epoch = self.standing.stage + 1, self.standing.epoch
        losses, sizes = [], []
        with torch.random.fork_rng(devices=[]):
            # Batches are drawn alike everywhere; what is dropped inside differs by process.
            torch.manual_seed(_chance(self.config.seed, self.standing.fold, number, epoch))
            order = torch.randperm(len(self.targets.rows))
            dropped = drop_modalities(len(order), self.config)
            if self.world.rank:
                torch.manual_seed(_chance(self.config.seed, number, epoch, self.world.rank))
            for index in order.split(self.config.batch):
                if len(index) < 2 and len(order) > 1:
                    continue  # a concordance of one clip is none
                losses.append(self._step(index, dropped))
                sizes.append(len(index))
        return float(np.average([float(loss) for loss in losses], weights=sizes))

    def _step(self, index: Tensor, dropped_N: Tensor) -> Tensor:
        own = self.world.part(index)
        features = self.batches.batch(self.targets.rows[own], dropped_N[own], self.config)
        where = self.batches.device
        with _precision(self.config, where):
            output = self.together(features)
        output = self.world.whole(output, len(index))
        unit, weight = self.targets.unit[index].to(where), self.targets.weight[index].to(where)
        loss = loss_of(output, unit, weight, self.config)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _aside_loss(self) -> float:
        """On the clips set aside, nothing dropped; NaN where there are none."""
        if self.aside is None:
            return float("nan")
        self.network.eval()
        with torch.inference_mode():
            output = self.network(self.batches.rows(self.aside.rows.numpy()))
            targets: Targets = self.aside
            where = self.batches.device
            loss = loss_of(output, targets.unit.to(where), targets.weight.to(where), self.config)
        return self.world.agreed(float(loss))


def proxy_share(own_B: ArrayLike, proxy_B: ArrayLike, mos_B: ArrayLike) -> float:
    r"""How much the proxy counts in :math:`(1-c)\,f + c\,p`, drawn towards one half.

    .. math:: c = \frac{\sum d r + \tfrac12\lambda}{\sum d^2 + \lambda}, \quad d = p - f,
       \quad r = y - f, \quad \lambda = 50\,\overline{d^2}

    Both err, mostly on different clips, so that their mean is better than either; few clips that
    neither was trained on cannot tell shares apart, and equal ones are hard to beat.

    Source: ridge regression towards equal weights; Stock and Watson (2004) for why equal ones.

    Args:
        own_B, proxy_B, mos_B: Network, proxy MOS and MOS of clips set aside, on one scale.

    Returns:
        0 to 1.

    >>> proxy_share([], [], [])
    0.5
    """
    own, proxy, mos = (np.asarray(a, dtype=np.float64) for a in (own_B, proxy_B, mos_B))
    known = np.isfinite(proxy)
    apart, wanted = (proxy - own)[known], (mos - own)[known]
    size = float(apart @ apart)
    if size <= 1e-12:
        return 0.5
    pull = EQUAL_CLIPS * size / len(apart)
    return float(np.clip((apart @ wanted + 0.5 * pull) / (size + pull), 0, 1))


def _precision(config: FusionConfig, where: torch.device) -> Any:
    """Products in bfloat16 on a GPU, or where asked for: parameters and losses stay float32."""
    is_short = config.precision == "bfloat16"
    if config.precision == "auto":
        is_short = where.type == "cuda"
    return torch.autocast(where.type, torch.bfloat16) if is_short else nullcontext()


@contextmanager
def threads_for(n_clips: int) -> Iterator[None]:
    """One thread where batches are few: two of them beside another busy process lose all speed."""
    before = torch.get_num_threads()
    if n_clips < FEW_CLIPS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _chance(*numbers: int) -> int:
    """One seed from several numbers."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0])


def count_parameters(network: nn.Module) -> int:
    """All of them, frozen or not."""
    return sum(parameter.numel() for parameter in network.parameters())
