"""What a network is made of and how it is trained; saved in every checkpoint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

LORA_RANK = 16  # section 3.1
LAYERS, HEADS = 3, 4  # section 2.1


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
        epochs_ws, epochs_ft: On proxy MOS, then on human MOS.
        batch: Clips a step.
        rate_ws, rate_ft: Learning rates of Adam.
        ccc_weight: Of 1 - concordance beside the squared error.
        folds: Members of the ensemble; each leaves one part of the sources out.
        seed: Of everything random.
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
    batch: int = 64
    rate_ws: float = 1e-3
    rate_ft: float = 1e-3
    ccc_weight: float = 0.5
    folds: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.encoders:
            raise ValueError("a network needs at least one encoder")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of {self.heads} heads")
        if self.folds < 2:
            raise ValueError(f"folds must be 2 or more, not {self.folds}")

    @property
    def modalities(self) -> tuple[str, ...]:
        """Those that have an encoder, in order of first mention."""
        return tuple(dict.fromkeys(spec.modality for spec in self.encoders))

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
        """As it was kept."""
        values = json.loads(text)
        values["encoders"] = tuple(EncoderSpec(**spec) for spec in values["encoders"])
        return cls(**values)
