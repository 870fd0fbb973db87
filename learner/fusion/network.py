"""The hierarchical network: encoders to modalities, modalities to one score.

Shape letters: B batch, E encoders of a modality, S modalities, D width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from learner.fusion.attention import Layer
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.dropout import MaskSupply

LORA_ALPHA = 16.0
FARTHEST = 10.0  # standard deviations; what lies beyond is no farther for the network
LEAST_SPREAD = 1e-6  # of an input, relative to its size: below it is the same everywhere
FIRST_VARIANCE = 0.04  # on the unit scale
INFINITE = float("inf")


@dataclass(frozen=True)
class Output:
    """What the network says of a batch.

    Args:
        mean_B: Score on the unit scale, 0 for MOS 1 and 1 for MOS 5; not clipped.
        log_var_B: Log of its aleatoric variance on the unit scale.
        gates_BS: Weight of each modality; sums to 1, absent ones 0.
        inner_gates: For each modality, weight of each of its encoders, shape (B, E); of a modality
            with one encoder 1 by nature, whatever the clip.
        summary_BD: The summary token behind the transformer, from which the head reads.
    """

    mean_B: Tensor
    log_var_B: Tensor
    gates_BS: Tensor
    inner_gates: dict[str, Tensor]
    summary_BD: Tensor


class Adapter(nn.Module):
    r"""One encoder's vectors on the common width.

    .. math:: h = \mathrm{LN}(P x + \tfrac{\alpha}{r} B A x)

    Source: the paper's eq. 1, with a projection P of its own for each encoder, whose widths differ.
    B starts at 0. Beside a trainable P the low-rank term is redundant, so P is frozen while it
    is trained.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, spec: EncoderSpec, width: int, rank: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(spec.width))
        self.register_buffer("scale", torch.ones(spec.width))
        self.project = nn.Linear(spec.width, width)
        self.down = nn.Linear(spec.width, rank, bias=False)
        self.up = nn.Linear(rank, width, bias=False)
        nn.init.zeros_(self.up.weight)
        self.norm = nn.LayerNorm(width)
        self.factor = LORA_ALPHA / rank

    def forward(self, x_BD: Tensor) -> Tensor:
        """Tokens, shape (B, D)."""
        standard = ((x_BD - self.shift) * self.scale).clamp(-FARTHEST, FARTHEST)
        token: Tensor = self.norm(
            self.project(standard) + self.factor * self.up(self.down(standard))
        )
        return token


class Gate(nn.Module):
    r"""How much each of several tokens counts: a softmax over those that are there.

    .. math:: g_i = \frac{\exp(w^\top h_i)}{\sum_j \exp(w^\top h_j)}

    Source: the paper's eq. 2 within a modality and eq. 3 between modalities (read as a softmax over
    modalities: the printed denominator repeats one of them).
    """

    def __init__(self, width: int, count: int, is_shared: bool) -> None:
        super().__init__()
        # A shared vote needs no offset: a softmax would undo it.
        offsets = [False] if is_shared else [True] * count
        self.votes = nn.ModuleList(nn.Linear(width, 1, bias=offset) for offset in offsets)

    def forward(self, tokens_BED: Tensor, is_there_BE: Tensor) -> Tensor:
        """Weights, shape (B, E); zeros where nothing is there."""
        count = tokens_BED.shape[1]
        votes = [self.votes[i % len(self.votes)](tokens_BED[:, i]) for i in range(count)]
        logits_BE = torch.cat(votes, dim=1).masked_fill(~is_there_BE, float("-inf"))
        nothing_B1 = ~is_there_BE.any(dim=1, keepdim=True)
        weights: Tensor = torch.softmax(logits_BE.masked_fill(nothing_B1, 0.0), dim=1)
        return weights.masked_fill(nothing_B1, 0.0)


class FusionNetwork(nn.Module):
    r"""From encoders' vectors to a score with its uncertainty.

    Within a modality :math:`z_m = \sum_i g_{mi} h_{mi}` (eq. 2); between modalities
    :math:`t_m = S\,g_m z_m + e_m` (eq. 3), the embedding after the gate because the transformer's
    own normalisation would undo a bare scale; then a transformer over a summary token and the
    modality tokens (eq. 4) and a head for mean and log variance. The gate of a modality with one
    encoder is 1 by nature.

    Source: the paper's section 2.1.

    `proxy_share` is how much the proxy MOS counts beside the network in the DubScore; 0 until it is
    learned after the last stage.
    """

    proxy_share: Tensor

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("proxy_share", torch.zeros(()))
        width = config.width
        self.adapters = nn.ModuleDict(
            {spec.name: Adapter(spec, width, config.rank) for spec in config.encoders}
        )
        self.inner = nn.ModuleDict(
            {m: Gate(width, len(config.of(m)), is_shared=True) for m in config.modalities}
        )
        self.outer = Gate(width, len(config.modalities), is_shared=False)
        self.summary = nn.Parameter(torch.zeros(1, 1, width))
        self.modality = nn.Parameter(0.02 * torch.randn(len(config.modalities), width))
        self.supply = MaskSupply(config.dropout)
        self.transformer = nn.ModuleList(
            Layer(width, config.heads, config.spread, self.supply) for _ in range(config.layers)
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2))
        with torch.no_grad():  # begin in the middle of the scale, sure to a fifth of it
            bias = torch.tensor([0.5, math.log(FIRST_VARIANCE)])
            cast(nn.Linear, self.head[1]).bias.copy_(bias)

    def train(self, mode: bool = True) -> FusionNetwork:
        """As of every module; masks of dropout are drawn anew, so that an epoch can be repeated."""
        self.supply.forget()
        return super().train(mode)

    @property
    def lone(self) -> tuple[str, ...]:
        """Modalities with one encoder, whose inner gate is 1 by nature."""
        return tuple(m for m in self.config.modalities if len(self.config.of(m)) == 1)

    def extra_repr(self) -> str:
        """What the parts do not say: modalities in order, and whose gate is 1 by nature."""
        words = [f"{m} (its gate is 1)" if m in self.lone else m for m in self.config.modalities]
        return f"modalities: {', '.join(words)}"

    def forward(self, features: Mapping[str, Tensor]) -> Output:
        """Score a batch.

        Args:
            features: Encoder name to vectors, shape (B, width of the encoder); a clip's row is NaN
                where the encoder had no answer, and an encoder may be left out altogether. A clip
                of which nothing is known gets a score from the summary token alone.

        Raises:
            ValueError: no encoder of this network is among them, or vectors have another width.
        """
        known = self._checked(features)
        z_BSD, is_there_BS, inner = self._modalities(known)
        gates_BS = self.outer(z_BSD, is_there_BS)
        tokens_BSD = z_BSD.shape[1] * gates_BS[..., None] * z_BSD + self.modality
        summary = self.summary.expand(len(z_BSD), -1, -1)
        is_absent = nn.functional.pad(~is_there_BS, (1, 0))  # the summary is always there
        absent = torch.zeros(is_absent.shape, device=z_BSD.device).masked_fill(is_absent, -INFINITE)
        x_BTD = torch.cat([summary, tokens_BSD], dim=1)
        for place, layer in enumerate(self.transformer, start=1):
            is_last = place == len(self.transformer)
            x_BTD = layer(x_BTD, absent[:, None, None], only_first=is_last)
        summary_BD = x_BTD[:, 0]
        mean_B, log_var_B = self.head(summary_BD).float().unbind(dim=1)
        return Output(mean_B, log_var_B.clamp(-8.0, 3.0), gates_BS, inner, summary_BD)

    def _modalities(
        self, known: Mapping[str, tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Each modality's token, whether it is there, and its encoders' weights (eq. 1 and 2)."""
        tokens, is_there, inner = [], [], {}
        for modality in self.config.modalities:
            names = [spec.name for spec in self.config.of(modality)]
            tokens_BED = torch.stack([self.adapters[name](known[name][0]) for name in names], 1)
            is_there_BE = torch.stack([known[name][1] for name in names], dim=1)
            inner[modality] = gates_BE = self.inner[modality](tokens_BED, is_there_BE)
            tokens.append((gates_BE[..., None] * tokens_BED).sum(dim=1))
            is_there.append(is_there_BE.any(dim=1))
        return torch.stack(tokens, 1), torch.stack(is_there, 1), inner

    def _checked(self, features: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Vectors without NaN and whether each is there; zeros and no for encoders left out."""
        given = {s.name: features[s.name] for s in self.config.encoders if s.name in features}
        if not given:
            wanted = ", ".join(spec.name for spec in self.config.encoders)
            raise ValueError(f"no vectors of any encoder of this network were given: {wanted}")
        one = next(iter(given.values()))
        known = {}
        for spec in self.config.encoders:
            x_BD = given.get(spec.name)
            if x_BD is None:
                x_BD = one.new_full((len(one), spec.width), float("nan"))
            if x_BD.shape[1] != spec.width:
                raise ValueError(
                    f"vectors of {spec.name!r} are {x_BD.shape[1]} wide; this network takes "
                    f"{spec.width}: they are of another version of that encoder, or the network is"
                )
            is_there_B = torch.isfinite(x_BD).all(dim=1)
            known[spec.name] = x_BD.masked_fill(~is_there_B[:, None], 0.0), is_there_B
        return known

    def standardise(self, blocks: Iterable[Mapping[str, Tensor]]) -> None:
        """Take shift and scale of every input from these clips, block by block, and keep them.

        A number that is the same for every clip gets scale 0: it tells nothing, whatever it is
        elsewhere.
        """
        sums = {s.name: torch.zeros(3, s.width, dtype=torch.float64) for s in self.config.encoders}
        for block in blocks:
            for name, total in sums.items():
                x = block[name].double()
                x = x[torch.isfinite(x).all(dim=1)]
                total += torch.stack([torch.ones_like(x), x, x**2]).sum(dim=1)
        for name, (count, first, second) in sums.items():
            if count[0] > 1:
                mean = first / count
                spread = (second / count - mean**2).clamp_min(0).sqrt()
                is_same = spread <= LEAST_SPREAD * (1e-6 + mean.abs())
                adapter = cast(Adapter, self.adapters[name])
                adapter.shift.copy_(mean)
                adapter.scale.copy_(torch.where(is_same, 0.0, 1 / spread.clamp_min(1e-12)))

    def train_stage(self, stage: str) -> list[nn.Parameter]:
        """Freeze what a stage leaves alone; the parameters it trains.

        `ws` trains all but the adapters, `ft` adapters, gates and head.
        """
        trained = {"ws": self._is_base, "ft": self._is_adapting}[stage]
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(trained(name))
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    @staticmethod
    def _is_base(name: str) -> bool:
        return ".down." not in name and ".up." not in name

    @staticmethod
    def _is_adapting(name: str) -> bool:
        return name.startswith(("inner", "outer", "head")) or ".down." in name or ".up." in name
