"""Training the network: first on proxy MOS, then on human MOS, a member for each fold.

Shape letters: N clips, F folds, B batch, S modalities.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from learner.fusion.checkpoints import (
    load_member,
    load_progress,
    restore,
    save_member,
    save_progress,
)
from learner.fusion.config import FusionConfig
from learner.fusion.network import FusionNetwork, Output

Floats = NDArray[np.float64]
FEWEST_CLIPS, FEWEST_SOURCES = 8, 2
FEW_CLIPS = 2000
SAVE_EVERY_S = 1.0
STAGES = ("ws", "ft")


@dataclass(frozen=True)
class TrainingData:
    """Clips to train on.

    Args:
        features: Encoder name to vectors, shape (N, width), NaN rows where there is none.
        proxy_FN: Proxy MOS, 1 to 5, as known without the labels of each fold.
        proxy_var_FN: Its variance.
        mos_N: Human MOS, 1 to 5; NaN without ratings.
        mos_var_N: Variance of that mean from its raters; NaN without ratings.
        fold_N: Which fold leaves the clip out, 0 to F - 1; clips of one source in one fold.
    """

    features: dict[str, NDArray[np.float32]]
    proxy_FN: Floats
    proxy_var_FN: Floats
    mos_N: Floats
    mos_var_N: Floats
    fold_N: NDArray[np.int64]


@dataclass(frozen=True)
class Progress:
    """Where training stands: `frac` of the whole, and the loss of the epoch just done."""

    frac: float
    fold: int
    stage: str
    epoch: int
    loss: float


@dataclass(frozen=True)
class Predictions:
    """What the ensemble says of clips.

    Args:
        mean_FN: Each member's score, 1 to 5.
        aleatoric_var_FN: Each member's own variance, in MOS points squared.
        gates_NS: Mean weight of each modality.
        modalities: In the order of the gates.
    """

    mean_FN: Floats
    aleatoric_var_FN: Floats
    gates_NS: Floats
    modalities: tuple[str, ...]


def assign_folds(
    sources: ArrayLike, is_labelled: ArrayLike, folds: int, seed: int
) -> NDArray[np.int64]:
    """Which fold leaves each clip out: all clips of one source together, labels spread evenly.

    Args:
        sources: Shape (N,): what each clip was made from.
        is_labelled: Shape (N,): whether it has a human MOS.
        folds: At most this many; fewer when there are fewer labelled sources.
        seed: Of the order of sources of equal size.

    Raises:
        ValueError: too few labelled clips or sources to leave any out.

    >>> assign_folds(list("aabbccdd"), [True] * 8, 4, 0).tolist()
    [2, 2, 0, 0, 1, 1, 3, 3]
    """
    names, source_N = np.unique(np.asarray(sources), return_inverse=True)
    labelled_N = np.asarray(is_labelled, dtype=bool)
    labels = np.bincount(source_N, labelled_N, len(names))
    n_sources = int((labels > 0).sum())
    if labelled_N.sum() < FEWEST_CLIPS or n_sources < FEWEST_SOURCES:
        raise ValueError(
            f"Training needs {FEWEST_CLIPS} clips with a MOS from {FEWEST_SOURCES} sources; there "
            f"are {int(labelled_N.sum())} from {n_sources}. Collect more ratings."
        )
    used = min(folds, n_sources)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(names)), -labels))
    held, fold_of = np.zeros((used, 2)), np.zeros(len(names), dtype=np.int64)
    sizes = np.bincount(source_N)
    for source in order:
        fold = int(np.lexsort((held[:, 1], held[:, 0]))[0])
        fold_of[source] = fold
        held[fold] += labels[source], sizes[source]
    return fold_of[source_N]


def train(
    config: FusionConfig,
    data: TrainingData,
    folder: Path,
    report: Callable[[Progress], None] = lambda progress: None,
) -> list[dict[str, Any]]:
    """Train one member a fold; what was trained before is not trained again.

    Each epoch draws its chances from the seed and its own number alone, so that a stopped training
    goes on to the very numbers of an undisturbed one.

    Args:
        config: Shape and training.
        data: The clips.
        folder: Where members and progress are kept.
        report: Told of each epoch; whatever it raises stops training, to be resumed later.

    Returns:
        The curves: fold, stage, epoch and mean loss of every epoch.
    """
    n_folds = len(data.proxy_FN)
    epochs = {"ws": config.epochs_ws, "ft": config.epochs_ft}
    a_fold = sum(epochs.values())
    curves: list[dict[str, Any]] = _kept_curves(folder, config)
    with _threads_for(len(data.mos_N)):
        for fold in range(n_folds):
            if _member_path(folder, fold).exists():
                continue
            for stage, epoch, loss in _train_member(config, data, fold, folder, curves):
                curves.append({"fold": fold, "stage": stage, "epoch": epoch, "loss": loss})
                done = fold * a_fold + (epochs["ws"] if stage == "ft" else 0) + epoch + 1
                report(Progress(done / (n_folds * a_fold), fold, stage, epoch, loss))
    return curves


@contextmanager
def _threads_for(n_clips: int) -> Iterator[None]:
    """One thread for a small set: its steps are so short that threads only wait for each other.

    On 72 clips and two cores that others used too, two threads took 8 to 17 times as long as one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if n_clips > FEW_CLIPS else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _member_path(folder: Path, fold: int) -> Path:
    return folder / f"member-{fold}.safetensors"


def _progress_path(folder: Path) -> Path:
    return folder / "progress.safetensors"


def _kept_curves(folder: Path, config: FusionConfig) -> list[dict[str, Any]]:
    path = _progress_path(folder)
    if not path.exists():
        return []
    curves: list[dict[str, Any]] = load_progress(path, config)[0]["curves"]
    return curves


def _train_member(
    config: FusionConfig, data: TrainingData, fold: int, folder: Path, curves: list[dict[str, Any]]
) -> Iterator[tuple[str, int, float]]:
    """Train the member of a fold, epoch by epoch, from wherever it stands."""
    features = {name: torch.tensor(np.asarray(x)) for name, x in data.features.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_chance(config.seed, fold, 0, 0))
        network = FusionNetwork(config)
    train_N = torch.from_numpy(data.fold_N != fold)
    network.standardise({name: x[train_N] for name, x in features.items()})
    start, kept = _resume(folder, config, fold)
    saved_at = time.monotonic()
    for number, stage in enumerate(STAGES):
        targets = _targets(data, fold, stage)
        if len(targets.rows) < 2:
            continue  # without this fold's labels nothing rises with MOS: there is no proxy
        rate = config.rate_ws if stage == "ws" else config.rate_ft
        optimiser = torch.optim.Adam(network.train_stage(stage), lr=rate)
        epochs = config.epochs_ws if stage == "ws" else config.epochs_ft
        for epoch in range(epochs):
            if (number, epoch) < start:
                continue
            if (number, epoch) == start and kept:
                restore(kept, network, optimiser)
            chance = _chance(config.seed, fold, number + 1, epoch)
            loss = _epoch(network, optimiser, features, targets, config, chance)
            yield stage, epoch, loss
            if time.monotonic() - saved_at > SAVE_EVERY_S and epoch + 1 < epochs:
                state = {"fold": fold, "stage": number, "epoch": epoch + 1, "curves": curves}
                save_progress(_progress_path(folder), network, optimiser, state)
                saved_at = time.monotonic()
    save_member(network, _member_path(folder, fold))


def _resume(
    folder: Path, config: FusionConfig, fold: int
) -> tuple[tuple[int, int], dict[str, Tensor]]:
    """Stage and epoch to go on from, with the tensors of that moment."""
    path = _progress_path(folder)
    if not path.exists():
        return (0, 0), {}
    state, tensors = load_progress(path, config)
    if state["fold"] != fold:
        return (0, 0), {}
    return (state["stage"], state["epoch"]), tensors


@dataclass(frozen=True)
class _Targets:
    """Rows that a stage trains on, with unit-scale targets and weights of mean 1."""

    rows: Tensor
    unit: Tensor
    weight: Tensor


def _targets(data: TrainingData, fold: int, stage: str) -> _Targets:
    """Proxy MOS of all clips outside the fold, or human MOS of the rated ones among them."""
    value_N = data.proxy_FN[fold] if stage == "ws" else data.mos_N
    var_N = data.proxy_var_FN[fold] if stage == "ws" else data.mos_var_N
    rows = np.flatnonzero((data.fold_N != fold) & ~np.isnan(value_N))
    # A tenth of a MOS point squared is left as the model's own error, so that no clip rules alone.
    weight = 1 / (0.1 + var_N[rows])
    return _Targets(
        torch.from_numpy(rows),
        torch.from_numpy((value_N[rows] - 1) / 4).float(),
        torch.from_numpy(weight * len(rows) / max(weight.sum(), 1e-12)).float(),
    )


def _epoch(
    network: FusionNetwork,
    optimiser: torch.optim.Adam,
    features: dict[str, Tensor],
    targets: _Targets,
    config: FusionConfig,
    chance: int,
) -> float:
    """One pass in random order; the mean loss."""
    network.train()
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(chance)
        order = torch.randperm(len(targets.rows))
        for index in order.split(config.batch):
            if len(index) < 2 and len(order) > 1:
                continue  # a concordance of one clip is none
            rows = targets.rows[index]
            batch = _drop_modalities({k: x[rows] for k, x in features.items()}, config)
            loss = loss_of(
                network(batch), targets.unit[index], targets.weight[index], config.ccc_weight
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _drop_modalities(batch: dict[str, Tensor], config: FusionConfig) -> dict[str, Tensor]:
    """Now and then a clip loses one modality, so that a missing one is nothing new later."""
    if len(config.modalities) < 2 or config.modality_dropout == 0:
        return batch
    size = len(next(iter(batch.values())))
    is_hit = torch.rand(size) < config.modality_dropout
    which = torch.randint(len(config.modalities), (size,))
    dropped = {}
    for spec in config.encoders:
        lost = is_hit & (which == config.modalities.index(spec.modality))
        dropped[spec.name] = batch[spec.name].masked_fill(lost[:, None], float("nan"))
    return dropped


def loss_of(output: Output, unit_B: Tensor, weight_B: Tensor, ccc_weight: float) -> Tensor:
    r"""Weighted squared error, concordance, and the variance's own likelihood.

    .. math:: L = 10\,\overline{w(\mu-y)^2} + \lambda(1-\mathrm{CCC}(\mu, y)) +
       0.1\,\overline{\tfrac12(\log v + (\mu_0-y)^2/v)}

    The likelihood moves the variance only: in it the mean :math:`\mu_0` is held fixed.

    Source: Lin (1989) for the concordance correlation; the weights of the terms are our own.
    """
    mean_B = output.mean_B
    error = (weight_B * (mean_B - unit_B) ** 2).mean()
    covariance = ((mean_B - mean_B.mean()) * (unit_B - unit_B.mean())).mean()
    spread = mean_B.var(unbiased=False) + unit_B.var(unbiased=False)
    shift = (mean_B.mean() - unit_B.mean()) ** 2
    ccc = 2 * covariance / (spread + shift).clamp_min(1e-8)
    squared = (mean_B.detach() - unit_B) ** 2
    likelihood = 0.5 * (output.log_var_B + squared / output.log_var_B.exp())
    return 10 * error + ccc_weight * (1 - ccc) + 0.1 * (weight_B * likelihood).mean()


def _chance(*numbers: int) -> int:
    """One seed from several numbers."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0])


def predict(folder: Path, features: dict[str, NDArray[np.float32]], folds: int) -> Predictions:
    """Scores of clips by every member.

    Args:
        folder: Where `train` kept the members.
        features: As for training, any clips.
        folds: How many members there are.
    """
    tensors = {name: torch.tensor(np.asarray(x)) for name, x in features.items()}
    means, variances, gates = [], [], []
    modalities: tuple[str, ...] = ()
    for fold in range(folds):
        network = load_member(_member_path(folder, fold))
        modalities = network.config.modalities
        with torch.inference_mode():
            output = network(tensors)
        means.append(1 + 4 * output.mean_B.double().numpy())
        variances.append(16 * output.log_var_B.double().exp().numpy())
        gates.append(output.gates_BS.double().numpy())
    return Predictions(np.array(means), np.array(variances), np.mean(gates, axis=0), modalities)
