"""Networks with encoders inside on disk: adapters as peft keeps them, the rest as safetensors.

A folder holds `adapters/ENCODER` for each encoder, `member.safetensors` and `recipe.json`; where
training stands lies in one file of its own. Nothing is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from learner.encoders._lora import load_lora, save_lora
from learner.encoders._trainable import trainable
from learner.fusion.checkpoints import load_member, save_member
from learner.fusion.inside import INSIDE, EncodersInside, Recipe, spec_inside

ADAPTERS, MEMBER, RECIPE = "adapters", "member.safetensors", "recipe.json"


def save_inside(folder: Path, inside: EncodersInside) -> None:
    """Keep a trained network; `recipe.json` comes last, so that what has it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for spec in inside.fusion.config.encoders:
        if spec.name in inside.parts:
            made_on = spec.version.removesuffix(INSIDE).rpartition("-")[2]
            save_lora(inside.parts[spec.name].network, folder / ADAPTERS / spec.name, made_on)
    save_member(inside.fusion, folder / MEMBER)
    unfinished = folder / f"{RECIPE}.unfinished"
    unfinished.write_text(json.dumps(asdict(inside.recipe)), encoding="utf-8")
    unfinished.replace(folder / RECIPE)


def is_saved(folder: Path) -> bool:
    """Whether a whole network lies there."""
    return (folder / RECIPE).is_file()


def load_inside(folder: Path, weights: Path) -> EncodersInside:
    """A trained network, ready to score.

    Args:
        folder: As `save_inside` left it.
        weights: The folder of pretrained weights, with the very models it was trained on.

    Raises:
        ValueError: no network lies there, or a model is another than the one it was trained on.
        WeightsError: a model is missing or cannot be read.
    """
    if not is_saved(folder):
        raise ValueError(f"{folder} holds no network with encoders inside")
    said = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    recipe = Recipe(**{**said, "encoders": tuple(said["encoders"])})
    fusion = load_member(folder / MEMBER)
    versions = {spec.name: spec.version for spec in fusion.config.encoders}
    parts = {}
    for name in recipe.encoders:
        here = spec_inside(name, weights).version
        if here != versions[name]:
            raise ValueError(
                f"{folder} was trained on {name} {versions[name]}, and {here} lies in {weights}"
            )
        parts[name] = trainable(name, weights)
        parts[name].network = load_lora(parts[name].network, folder / ADAPTERS / name)
    return EncodersInside(fusion, parts, recipe)


@dataclass(frozen=True)
class Standing:
    """Where training stands.

    Args:
        steps: How many are done.
        stage: Of the last one; its optimiser goes on within this stage only.
        losses: Of the epoch under way.
        curves: Stage, epoch and mean loss of every epoch that is done.
    """

    steps: int = 0
    stage: str = ""
    losses: list[float] = field(default_factory=list)
    curves: list[dict[str, Any]] = field(default_factory=list)


def save_standing(
    path: Path,
    inside: EncodersInside,
    optimiser: torch.optim.Adam,
    standing: Standing,
    work: str,
) -> None:
    """Keep where training stands; the file appears whole or not at all.

    Args:
        path: Of the file.
        inside: What is trained.
        optimiser: What trains it.
        standing: Where it stands.
        work: Says what is trained on what: only the same work goes on.
    """
    tensors = dict(inside.trained())
    for index, kept in optimiser.state_dict()["state"].items():
        tensors |= {f"adam/{index}/{name}": torch.as_tensor(v) for name, v in kept.items()}
    words = {"standing": json.dumps(asdict(standing)), "work": work}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    save_file({k: v.contiguous() for k, v in tensors.items()}, unfinished, metadata=words)
    unfinished.replace(path)


def load_standing(path: Path, work: str) -> tuple[Standing, dict[str, Tensor]] | None:
    """Where training stood and all its tensors; nothing where it was not begun.

    Raises:
        ValueError: it is other work.
    """
    if not path.is_file():
        return None
    with safe_open(str(path), framework="pt") as file:
        words = file.metadata() or {}
        if words.get("work") != work:
            raise ValueError(
                f"{path} is of another recipe, configuration, seed, or of other clips or labels: "
                "start anew in another folder, or delete it."
            )
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return Standing(**json.loads(words["standing"])), tensors


def restore_optimiser(optimiser: torch.optim.Adam, tensors: Mapping[str, Tensor]) -> None:
    """Put the optimiser back where it was."""
    kept: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("adam/"):
            _, index, field = name.split("/")
            kept.setdefault(int(index), {})[field] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": kept})
