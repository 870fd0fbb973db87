"""What a network is made of and how it is trained; saved in every checkpoint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

LORA_RANK = 16  # section 3.1
LAYERS, HEADS = 3, 4  # section 2.1
LOSSES = ("mse_ccc", "mse", "nll", "pairwise")
PRECISIONS = ("auto", "float32", "bfloat16")
PRESETS = ("small", "paper")


@dataclass(frozen=True)
class EncoderSpec:
    """One input of the network: an encoder's vectors."""

    name: str
    version: str
    modality: str
    width: int


@dataclass(frozen=True)
class FusionConfig:
    """Shape and training of the network.

    Args:
        encoders: Inputs; those of one modality share a gate.
        width: Of all tokens inside, a multiple of `heads`.
        rank: Of the adapters.
        layers, heads, spread: Of the transformer; its inner width is `spread` times `width`.
        dropout: Of the transformer.
        modality_dropout: Chance that a training clip loses one of its modalities.
        epochs_ws, epochs_ft: At most so many on proxy MOS, then on human MOS.
        patience: Epochs without a better loss on clips set aside after which a stage ends; 0 runs
            all epochs.
        aside_frac: Share of the training sources set aside for that.
        batch: Clips a step.
        rate_ws, rate_ft: Learning rates of Adam.
        loss: One of `LOSSES`.
        ccc_weight: Of 1 - concordance beside the squared error, in `mse_ccc`.
        margin: Of `pairwise`, on the unit scale.
        precision: `bfloat16` and `float32` are meant as said; `auto` takes bfloat16 on a GPU.
        folds: Members of the ensemble; each leaves one part of the sources out.
        seed: Of everything random.

    Raises:
        ValueError: a number or name is out of its range.
    """

    encoders: tuple[EncoderSpec, ...]
    width: int = 64
    rank: int = LORA_RANK
    layers: int = LAYERS
    heads: int = HEADS
    spread: int = 2
    dropout: float = 0.2
    modality_dropout: float = 0.15
    epochs_ws: int = 60
    epochs_ft: int = 60
    patience: int = 10
    aside_frac: float = 0.15
    batch: int = 64
    rate_ws: float = 1e-3
    rate_ft: float = 1e-3
    loss: str = "mse_ccc"
    ccc_weight: float = 0.5
    margin: float = 0.025
    precision: str = "auto"
    folds: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.encoders:
            raise ValueError("a network needs at least one encoder")
        names = [spec.name for spec in self.encoders]
        if len(set(names)) < len(names):
            raise ValueError(f"an encoder stands twice among {', '.join(names)}")
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} must be {least} or more, not {getattr(self, name)}")
        for name in ("dropout", "modality_dropout", "aside_frac"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be from 0 to below 1, not {getattr(self, name)}")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of {self.heads} heads")
        for name, known in (("loss", LOSSES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r}: give one of {', '.join(known)}")
        if not (self.rate_ws > 0 and self.rate_ft > 0):
            raise ValueError(f"learning rates {self.rate_ws}, {self.rate_ft} must be above 0")

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that have an encoder, in order of first mention."""
        return tuple(dict.fromkeys(spec.modality for spec in self.encoders))

    def of(self, modality: str) -> tuple[EncoderSpec, ...]:
        """Encoders of one modality."""
        return tuple(spec for spec in self.encoders if spec.modality == modality)

    def epochs(self, stage: str) -> int:
        """At most so many of `ws` or `ft`."""
        return self.epochs_ws if stage == "ws" else self.epochs_ft

    def rate(self, stage: str) -> float:
        """Learning rate of `ws` or `ft`."""
        return self.rate_ws if stage == "ws" else self.rate_ft

    def only(self, modalities: tuple[str, ...]) -> FusionConfig:
        """The same with the encoders of some modalities, for ablations.

        Raises:
            ValueError: none of them has an encoder.
        """
        kept = tuple(spec for spec in self.encoders if spec.modality in modalities)
        return replace(self, encoders=kept)

    def as_paper(self) -> FusionConfig:
        """The paper's own numbers (sections 2.1 and 3.1): for thousands of clips."""
        return replace(
            self, width=256, spread=4, epochs_ws=50, epochs_ft=50, rate_ws=1e-4, rate_ft=1e-4
        )

    def to_json(self) -> str:
        """As kept in a checkpoint."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> FusionConfig:
        """As it was kept; a setting that did not exist then has its default.

        Raises:
            ValueError: a setting in it is unknown here.
        """
        values: dict[str, Any] = json.loads(text)
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown settings of a network: {', '.join(unknown)}")
        try:
            values["encoders"] = tuple(EncoderSpec(**spec) for spec in values["encoders"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"the encoders of a network cannot be read: {error!r}") from error
        return cls(**values)


_LEAST = {
    "width": 1,
    "rank": 1,
    "layers": 1,
    "heads": 1,
    "spread": 1,
    "epochs_ws": 0,
    "epochs_ft": 0,
    "patience": 0,
    "batch": 2,
    "ccc_weight": 0,
    "margin": 0,
    "folds": 2,
    "seed": 0,
}
