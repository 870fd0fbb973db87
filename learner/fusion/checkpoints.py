"""Networks on disk: safetensors with the configuration inside, never pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from learner.fusion.config import FusionConfig
from learner.fusion.network import FusionNetwork

OTHERWISE = "{path} was trained {how}: give another folder, or delete this one to start anew."


def save_member(network: FusionNetwork, path: Path, **words: Any) -> None:
    """Keep a trained network.

    Args:
        network: With its configuration, which holds the versions of its encoders and the seed.
        path: Where; it appears whole or not at all.
        words: More to be kept, such as fold, stage and fingerprint of the data.
    """
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    _write(path, tensors, {"config": network.config.to_json(), "words": json.dumps(words)})


def load_member(path: Path, config: FusionConfig | None = None) -> FusionNetwork:
    """A trained network, ready to score.

    Args:
        path: As given to `save_member`.
        config: What the network is to be, where that is known.

    Raises:
        ValueError: the file holds no network, or one that takes other vectors than `config`.
    """
    tensors, words = _read(path)
    if "config" not in words:
        raise ValueError(f"{path} holds no network of ours.")
    kept = FusionConfig.from_json(words["config"])
    if config is not None and kept.encoders != config.encoders:
        raise ValueError(_difference(path, kept, config))
    network = FusionNetwork(kept)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path} does not hold what its configuration says: {error}") from error
    return network.eval()


def _difference(path: Path, kept: FusionConfig, wanted: FusionConfig) -> str:
    """Which encoders differ, in words."""
    own = {spec.name: spec for spec in kept.encoders}
    other = {spec.name: spec for spec in wanted.encoders}
    found = [f"no {name!r}" for name in other if name not in own]
    found += [f"{name!r}, which is not wanted" for name in own if name not in other]
    for name, spec in own.items():
        if name in other and other[name] != spec:
            found.append(
                f"{name!r} at version {spec.version}, {spec.width} wide, not {other[name].version},"
                f" {other[name].width} wide"
            )
    return f"{path} takes {'; '.join(found) or 'the encoders in another order'}: retrain."


def words_of(path: Path) -> dict[str, Any]:
    """What was kept beside a network."""
    words: dict[str, Any] = json.loads(_read(path)[1].get("words", "{}"))
    return words


@dataclass
class Standing:
    """Where the training of one member stands, at the end of an epoch.

    Chances are drawn from the seed and the number of the epoch alone, so no random state is needed
    beside them.

    Args:
        fold, stage, epoch: Of the member, number of the stage, epochs of it that are done.
        best_loss, since_best, best: On the clips set aside: best loss, epochs since, the network
            as it was then.
        curves: Points of this member so far.
        fingerprint: Of the data.
        tensors: Network and optimiser; empty before anything was trained.
    """

    fold: int
    stage: int
    epoch: int = 0
    best_loss: float | None = None
    since_best: int = 0
    curves: list[dict[str, Any]] = field(default_factory=list)
    fingerprint: str = ""
    best: dict[str, Tensor] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def restore(self, network: FusionNetwork, optimiser: torch.optim.Adam) -> None:
        """Put network and optimiser back where they were."""
        if not self.tensors:
            return
        network.load_state_dict(_part(self.tensors, "network/"))
        kept: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(self.tensors, "adam/").items():
            index, field_ = name.split("/")
            kept.setdefault(int(index), {})[field_] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": kept})
        self.tensors = {}


_PLAIN = ("fold", "stage", "epoch", "best_loss", "since_best", "curves", "fingerprint")


def save_standing(
    path: Path, network: FusionNetwork, optimiser: torch.optim.Adam, standing: Standing
) -> None:
    """Keep where training stands."""
    tensors = {f"network/{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in standing.best.items()}
    for index, kept in optimiser.state_dict()["state"].items():
        tensors |= {f"adam/{index}/{name}": torch.as_tensor(v) for name, v in kept.items()}
    state = {name: getattr(standing, name) for name in _PLAIN}
    words = {"config": network.config.to_json(), "state": json.dumps(state)}
    _write(path, {name: value.cpu().contiguous() for name, value in tensors.items()}, words)


def load_standing(path: Path, config: FusionConfig, fold: int, fingerprint: str) -> Standing | None:
    """Where the training of a member stood; None where nothing of it is kept.

    Raises:
        ValueError: it was trained with another configuration, or on other data.
    """
    if not path.exists():
        return None
    tensors, words = _read(path)
    state = json.loads(words["state"])
    if words["config"] != config.to_json():
        raise ValueError(OTHERWISE.format(path=path, how="with another configuration"))
    if state["fingerprint"] != fingerprint:
        raise ValueError(OTHERWISE.format(path=path, how="on other data"))
    if state["fold"] != fold:
        return None
    return Standing(**state, best=_part(tensors, "best/"), tensors=tensors)


def _part(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def _write(path: Path, tensors: dict[str, Tensor], words: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    save_file(tensors, str(unfinished), metadata=words)
    unfinished.replace(path)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(str(path), framework="pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read as safetensors: {error}") from error
