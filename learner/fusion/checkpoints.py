"""Networks on disk: safetensors with the configuration inside, never pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from learner.fusion.config import FusionConfig
from learner.fusion.network import FusionNetwork


def save_member(network: FusionNetwork, path: Path) -> None:
    """Keep a trained network."""
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    _write(path, tensors, {"config": network.config.to_json()})


def load_member(path: Path) -> FusionNetwork:
    """A trained network, ready to score.

    Raises:
        ValueError: the file holds no network.
    """
    tensors, words = _read(path)
    if "config" not in words:
        raise ValueError(f"{path} holds no network of ours.")
    network = FusionNetwork(FusionConfig.from_json(words["config"]))
    network.load_state_dict(tensors)
    return network.eval()


def save_progress(
    path: Path, network: FusionNetwork, optimiser: torch.optim.Adam, state: dict[str, Any]
) -> None:
    """Keep where training stands, at the end of an epoch."""
    tensors = {f"network/{name}": value for name, value in network.state_dict().items()}
    for index, kept in optimiser.state_dict()["state"].items():
        tensors.update({f"adam/{index}/{name}": torch.as_tensor(v) for name, v in kept.items()})
    words = {"config": network.config.to_json(), "state": json.dumps(state)}
    _write(path, {name: value.contiguous() for name, value in tensors.items()}, words)


def load_progress(path: Path, config: FusionConfig) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Where training stood: its state, and the tensors for `restore`.

    Raises:
        ValueError: it was trained with another configuration.
    """
    tensors, words = _read(path)
    if words["config"] != config.to_json():
        raise ValueError(f"{path} was trained with another configuration: start anew.")
    state: dict[str, Any] = json.loads(words["state"])
    return state, tensors


def restore(
    tensors: dict[str, Tensor], network: FusionNetwork, optimiser: torch.optim.Adam
) -> None:
    """Put network and optimiser back where they were."""
    network.load_state_dict(
        {k.removeprefix("network/"): v for k, v in tensors.items() if k.startswith("network/")}
    )
    kept: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("adam/"):
            _, index, field = name.split("/")
            kept.setdefault(int(index), {})[field] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": kept})


def _write(path: Path, tensors: dict[str, Tensor], words: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    save_file(tensors, str(unfinished), metadata=words)
    unfinished.replace(path)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
