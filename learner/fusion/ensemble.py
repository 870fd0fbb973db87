"""What the members of an ensemble say together.

Shape letters: N clips, F members, S modalities, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from learner.fusion.checkpoints import load_member
from learner.fusion.network import FusionNetwork, Output
from learner.fusion.places import member_path
from learner.fusion.training import threads_for

Floats = NDArray[np.float64]
SCALE = (1.0, 5.0)
ROWS = 1024  # clips that pass the network together


@dataclass(frozen=True)
class Predictions:
    """What the ensemble says of clips.

    Args:
        mean_FN: Each member's score, 1 to 5: the network's own and the proxy MOS, by its share.
        own_FN: The networks' own, 1 to 5.
        proxy_share_N: How much the proxy MOS counts, mean over members; 0 where there is none.
        aleatoric_var_FN: Each member's own variance, in MOS points squared.
        gates_NS: Mean weight of each modality; 0 where a modality is absent.
        inner_gates: Encoder name to its mean weight within its modality, shape (N,).
        summary_ND: Mean summary token: where a clip lies in the network's own eyes.
        modalities: In the order of the gates.
    """

    mean_FN: Floats
    own_FN: Floats
    proxy_share_N: Floats
    aleatoric_var_FN: Floats
    gates_NS: Floats
    inner_gates: Mapping[str, Floats]
    summary_ND: Floats
    modalities: tuple[str, ...]

    def of_folds(self, fold_N: NDArray[np.int64]) -> Floats:
        """Of each clip the score by the member that never saw it, shape (N,)."""
        return np.asarray(self.mean_FN[fold_N, np.arange(len(fold_N))])

    @property
    def mean_N(self) -> Floats:
        """Mean over members, shape (N,)."""
        return np.asarray(self.mean_FN.mean(axis=0))

    @property
    def epistemic_var_N(self) -> Floats:
        """How far members disagree: variance of their scores, shape (N,)."""
        return np.asarray(self.mean_FN.var(axis=0, ddof=1 if len(self.mean_FN) > 1 else 0))

    @property
    def aleatoric_var_N(self) -> Floats:
        """What they say no network could know: mean of their variances, shape (N,)."""
        return np.asarray(self.aleatoric_var_FN.mean(axis=0))

    @property
    def total_var_N(self) -> Floats:
        """Both together."""
        return self.epistemic_var_N + self.aleatoric_var_N


def members(folder: Path, folds: int, stage: str = "ft") -> list[FusionNetwork]:
    """The networks of an ensemble as they were after a stage.

    Raises:
        ValueError: a file holds none.
    """
    return [load_member(member_path(folder, fold, stage)) for fold in range(folds)]


def predict(
    networks: list[FusionNetwork],
    features: Mapping[str, NDArray[np.float32]],
    proxy_FN: Floats | None = None,
) -> Predictions:
    """Scores of clips by every member.

    Args:
        networks: Of one configuration.
        features: Encoder name to vectors, shape (N, width), any clips; NaN rows where there is
            none, and encoders may be left out.
        proxy_FN: Proxy MOS for each member, or one row for all; NaN where there is none.

    Raises:
        ValueError: as of the network, or there is no network.
    """
    if not networks:
        raise ValueError("an ensemble of no networks says nothing")
    n = len(next(iter(features.values())))
    with threads_for(n):
        blocks = [
            [_said(network, features, slice(start, start + ROWS)) for start in range(0, n, ROWS)]
            for network in networks
        ]
    said = [_joined(outputs) for outputs in blocks]
    config = networks[0].config
    inner = {
        spec.name: _mean([one.inner_gates[m][:, place] for one in said])
        for m in config.modalities
        for place, spec in enumerate(config.of(m))
    }
    own_FN = np.clip([1 + 4 * one.mean_B.double().numpy() for one in said], *SCALE)
    proxy_FN = np.full((1, n), np.nan) if proxy_FN is None else np.asarray(proxy_FN)
    shares = np.array([float(network.proxy_share) for network in networks])[:, None]
    share_FN = np.where(np.isnan(proxy_FN), 0.0, shares)
    return Predictions(
        mean_FN=(1 - share_FN) * own_FN + share_FN * np.nan_to_num(proxy_FN),
        own_FN=own_FN,
        proxy_share_N=share_FN.mean(axis=0),
        aleatoric_var_FN=np.array([16 * one.log_var_B.double().exp().numpy() for one in said]),
        gates_NS=_mean([one.gates_BS for one in said]),
        inner_gates=inner,
        summary_ND=_mean([one.summary_BD for one in said]),
        modalities=config.modalities,
    )


def _said(
    network: FusionNetwork, features: Mapping[str, NDArray[np.float32]], rows: slice
) -> Output:
    batch = {name: torch.tensor(np.asarray(x[rows])) for name, x in features.items()}
    with torch.inference_mode():
        output: Output = network(batch)
    return output


def _joined(outputs: list[Output]) -> Output:
    first = outputs[0]
    inner = {m: torch.cat([one.inner_gates[m] for one in outputs]) for m in first.inner_gates}
    return Output(
        torch.cat([one.mean_B for one in outputs]),
        torch.cat([one.log_var_B for one in outputs]),
        torch.cat([one.gates_BS for one in outputs]),
        inner,
        torch.cat([one.summary_BD for one in outputs]),
    )


def _mean(tensors: list[torch.Tensor]) -> Floats:
    return np.asarray(torch.stack(tensors).double().mean(dim=0).numpy())
