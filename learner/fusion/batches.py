"""Vectors of clips as batches: from memory-mapped arrays, or once and for all on a GPU.

Shape letters: N clips, B batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learner.device import device
from learner.fusion.config import FusionConfig

BLOCK = 4096
GPU_SHARE = 0.3  # of its free memory, for features that lie there during training


class Batches:
    """Rows of the features, on the device that trains.

    Args:
        features: Encoder name to vectors, shape (N, width); memory-mapped ones are read row by row.
    """

    def __init__(self, features: Mapping[str, NDArray[np.float32]]) -> None:
        self.device = device()
        self._arrays = features
        self._there: dict[str, Tensor] = {}
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if sum(array.nbytes for array in features.values()) < GPU_SHARE * free:
                whole = {name: torch.tensor(np.asarray(x)) for name, x in features.items()}
                self._there = {name: x.to(self.device) for name, x in whole.items()}

    def rows(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """Vectors of these clips, encoder by encoder."""
        if self._there:
            index = torch.from_numpy(rows).to(self.device)
            return {name: x[index] for name, x in self._there.items()}
        taken = {name: torch.from_numpy(x[rows]) for name, x in self._arrays.items()}
        return {name: x.to(self.device) for name, x in taken.items()}

    def blocks(self, rows: NDArray[np.int64]) -> Iterator[dict[str, Tensor]]:
        """Vectors of these clips on the processor, some thousands at a time."""
        for start in range(0, len(rows), BLOCK):
            block = self.rows(rows[start : start + BLOCK])
            yield {name: x.cpu() for name, x in block.items()}

    def batch(self, rows: Tensor, dropped_B: Tensor, config: FusionConfig) -> dict[str, Tensor]:
        """Vectors of a batch without the modality each clip is to lose.

        Args:
            rows: Of the clips, shape (B,).
            dropped_B: As of `drop_modalities`, of these clips.
            config: Which encoders belong to which modality.
        """
        taken = self.rows(rows.numpy())
        if not bool((dropped_B >= 0).any()):
            return taken
        lost_B = dropped_B.to(self.device)
        for place, modality in enumerate(config.modalities):
            is_lost = (lost_B == place)[:, None]
            for spec in config.of(modality):
                if spec.name in taken:
                    taken[spec.name] = taken[spec.name].masked_fill(is_lost, float("nan"))
        return taken


def drop_modalities(n: int, config: FusionConfig) -> Tensor:
    """Which modality each of n clips loses this time; -1 for most of them, which lose none.

    So that a missing one is nothing new later. Drawn from torch's own state.
    """
    count = len(config.modalities)
    hit_N, which_N = torch.rand(n) < config.modality_dropout, torch.randint(count, (n,))
    none_N = torch.full((n,), -1)
    return torch.where(hit_N & (count > 1), which_N, none_N)
