"""The network with encoders inside: from what they see and hear of a clip to its score.

By default the network reads vectors that encoders made once. Here some of its encoders are part of
it, with adapters in their attention, so that the gradient of the score reaches them; the others
still come as vectors.

Shape letters: B batch, P pieces, D width of an encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from learner.device import device, sent
from learner.encoders._lora import LORA_RANK, attach_lora
from learner.encoders._trainable import Trainable, trainable, trainable_names
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.network import FusionNetwork, Output
from learner.registry import shelf

INSIDE = "+inside"  # of an input's version: it is made by the encoder beside, not kept anywhere

Pieces = Sequence[Tensor]  # what an encoder is to see of one clip; none where the clip lacks it


@dataclass(frozen=True)
class Recipe:
    """How encoders are trained inside the network.

    Args:
        encoders: Names of those inside.
        rank: Of their adapters.
        rate: Learning rate of their adapters; the rest has that of the network's configuration.
        at_once: Most pieces (views, crops, waves, texts) of one shape in an encoder together:
            memory grows with it, and speed up to a point.
        is_recomputed: Whether what an encoder computes on the way is forgotten and computed again
            for the gradient: memory is that of `at_once` pieces, however large the batch, for half
            as much arithmetic again.
        is_bf16: Whether encoders compute in bfloat16 where that is safe (autocast); weights and the
            rest of the network stay in single precision.

    Raises:
        ValueError: no encoder, or a rank, rate or `at_once` that is not above 0.
    """

    encoders: tuple[str, ...]
    rank: int = LORA_RANK
    rate: float = 1e-4
    at_once: int = 4
    is_recomputed: bool = True
    is_bf16: bool = False

    def __post_init__(self) -> None:
        if not self.encoders:
            known = ", ".join(trainable_names())
            raise ValueError(f"name at least one encoder to train; those that can be: {known}")
        for name in ("rank", "rate", "at_once"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


def spec_inside(name: str, weights: Path) -> EncoderSpec:
    """The input of a network that an encoder inside makes.

    Args:
        name: Of an encoder that can be trained.
        weights: The folder of pretrained weights; what lies there is part of the version.

    Raises:
        ValueError: there is no such encoder, or it cannot be trained.
        WeightsError: its weights are missing.
    """
    part = shelf("encoder").get(name)
    if name not in trainable_names() or not part.is_ready(weights):
        trainable(name, weights)  # says why not
    version = f"{part.card.version}-{part.fingerprint(weights)}{INSIDE}"
    return EncoderSpec(name, version, part.card.modality, part.card.width)


class EncodersInside(nn.Module):
    """A fusion network and the encoders that make some of its inputs.

    Encoders never drop anything, also while they are trained: with adapters that were not trained
    yet (B is 0) a clip's vector is the one that would be kept.

    Args:
        fusion: The network; its configuration lists all encoders.
        parts: Those inside, by name, loaded, each `network` with adapters.
        recipe: How they are trained.

    Raises:
        ValueError: an encoder inside is not among the network's, or another one than the recipe's.
    """

    def __init__(
        self, fusion: FusionNetwork, parts: Mapping[str, Trainable], recipe: Recipe
    ) -> None:
        super().__init__()
        known = [spec.name for spec in fusion.config.encoders]
        for name in recipe.encoders:
            if name not in known:
                raise ValueError(f"the network has no encoder {name!r}; it has {', '.join(known)}")
        if set(parts) != set(recipe.encoders):
            raise ValueError(
                f"encoders {sorted(parts)} were given; the recipe is for {sorted(recipe.encoders)}"
            )
        self.recipe = recipe
        self.fusion = fusion.to(device())
        self.parts = dict(parts)
        self.networks = nn.ModuleDict({name: part.network for name, part in parts.items()})
        self.train(False)

    @classmethod
    def fresh(
        cls, config: FusionConfig, recipe: Recipe, weights: Path, seed: int = 0
    ) -> EncodersInside:
        """One that was not trained yet, the same one for the same seed.

        Args:
            config: Of the network; encoders inside as `spec_inside` gives them.
            recipe: Which encoders, and how.
            weights: The folder of pretrained weights.
            seed: Of the network's first weights and of the adapters'.

        Raises:
            ValueError: an encoder does not exist, cannot be trained or is not in `config`.
            WeightsError: an encoder's weights are missing or cannot be read.
        """
        parts = {name: trainable(name, weights) for name in recipe.encoders}
        with seeded(seed):
            fusion = FusionNetwork(config)
            for part in parts.values():
                part.network = attach_lora(part.network, recipe.rank)
        return cls(fusion, parts, recipe)

    def train(self, mode: bool = True) -> EncodersInside:
        """Training for the network around the encoders, which stay as they are asked."""
        super().train(mode)
        self.networks.eval()
        return self

    def forward(
        self, features: Mapping[str, Tensor], pieces: Mapping[str, Sequence[Pieces]]
    ) -> Output:
        """Score a batch.

        Args:
            features: Encoder name to vectors, shape (B, D), of those that are not inside; a clip's
                row is NaN where the encoder had no answer.
            pieces: Encoder name to the pieces of each of the B clips, of those inside.

        Raises:
            ValueError: an encoder is in neither, or its vectors have another width.
        """
        made = {name: self.vectors(name, pieces[name]) for name in self.parts}
        output: Output = self.fusion({name: sent(x) for name, x in features.items()} | made)
        return output

    def vectors(self, name: str, pieces_B: Sequence[Pieces]) -> Tensor:
        """What an encoder makes of clips, shape (B, D); NaN rows where a clip has no piece.

        Args:
            name: Of an encoder inside.
            pieces_B: As the part's own `pieces` gives them, as tensors.
        """
        pieces = [piece for one in pieces_B for piece in one]
        clips = [clip for clip, one in enumerate(pieces_B) for _ in one]
        like: dict[str, Any] = {"dtype": torch.float64, "device": device()}
        total_BD = torch.zeros(len(pieces_B), self.parts[name].card.width, **like)
        frames_B1 = torch.zeros(len(pieces_B), 1, **like)
        for chosen in of_one_shape(pieces, self.recipe.at_once):
            sums_PD, frames = self._read(name, sent(torch.stack([pieces[p] for p in chosen])))
            clip_P = sent(torch.tensor([clips[p] for p in chosen]))
            total_BD = total_BD.index_add(0, clip_P, sums_PD)
            frames_B1.index_add_(0, clip_P, torch.full((len(chosen), 1), frames, **like))
        mean_BD = (total_BD / frames_B1.clamp_min(1)).float()
        return mean_BD.masked_fill(frames_B1 == 0, float("nan"))

    def _read(self, name: str, pieces: Tensor) -> tuple[Tensor, int]:
        read = self.parts[name].read
        rough = torch.autocast(pieces.device.type, torch.bfloat16) if self.recipe.is_bf16 else None
        with rough or nullcontext():
            if not (self.recipe.is_recomputed and torch.is_grad_enabled()):
                return read(pieces)
            sums: tuple[Tensor, int] = checkpoint(
                read, pieces, use_reentrant=False, preserve_rng_state=False
            )
            return sums

    def adapters(self) -> dict[str, nn.Parameter]:
        """Name to parameter of everything that is trained in the encoders."""
        return {k: one for k, one in self.networks.named_parameters() if "lora_" in k}

    def groups(self, stage: str) -> list[dict[str, Any]]:
        """Parameters that a stage trains, for an optimiser, frozen all others.

        `ws` trains the network but for its own adapters, `ft` those, gates and head; both train the
        adapters of the encoders.
        """
        config = self.fusion.config
        rate = config.rate_ws if stage == "ws" else config.rate_ft
        return [
            {"params": self.fusion.train_stage(stage), "lr": rate},
            {"params": list(self.adapters().values()), "lr": self.recipe.rate},
        ]

    def trained(self) -> dict[str, Tensor]:
        """Everything that training changes, by name: what lies in a checkpoint."""
        fusion = {f"fusion/{name}": one for name, one in self.fusion.state_dict().items()}
        adapters = {f"adapters/{name}": one.detach() for name, one in self.adapters().items()}
        return {name: one.contiguous() for name, one in (fusion | adapters).items()}

    def load_trained(self, tensors: Mapping[str, Tensor]) -> None:
        """Put it back."""
        self.fusion.load_state_dict(_below("fusion/", tensors))
        adapters, kept = self.adapters(), _below("adapters/", tensors)
        with torch.no_grad():
            for name, one in adapters.items():
                one.copy_(kept[name])


def _below(place: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(place): one for k, one in tensors.items() if k.startswith(place)}


def of_one_shape(pieces: Pieces, most: int) -> Iterator[list[int]]:
    """Places of pieces that may be stacked, at most so many together.

    Pieces of several shapes are never padded to one: a padded wave has other frames.

    >>> list(of_one_shape([torch.zeros(n) for n in (3, 5, 3, 3)], 2))
    [[0, 2], [3], [1]]
    """
    alike: dict[tuple[int, ...], list[int]] = {}
    for place, piece in enumerate(pieces):
        alike.setdefault(tuple(piece.shape), []).append(place)
    for places in alike.values():
        yield from (places[start : start + most] for start in range(0, len(places), most))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """All of torch's chances from one seed, and as they were afterwards."""
    here = device()
    with torch.random.fork_rng(devices=[here] if here.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
