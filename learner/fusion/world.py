"""The processes that train one network together: one here, or several by torch.distributed.

Every process has the same network and draws the same batches; each computes its part of one, and
the loss is of the whole batch, so that several give what one would.

Shape letters: B clips of a batch, W processes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather

from learner.fusion.network import FusionNetwork, Output


class World:
    """This process among those that train together; alone where none were started."""

    def __init__(self) -> None:
        together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if together else 0
        self.size = distributed.get_world_size() if together else 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes files and reports."""
        return self.rank == 0

    def wrapped(self, network: FusionNetwork) -> nn.Module:
        """The network, whose gradients are averaged over processes."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network, find_unused_parameters=True)

    def part(self, rows: Tensor) -> Tensor:
        """This process's part of a batch, as long in every process: the last ones repeat a row."""
        each = -(-len(rows) // self.size)
        places = torch.arange(self.rank * each, (self.rank + 1) * each)
        return rows[places.clamp_max(len(rows) - 1)]

    def whole(self, output: Output, size: int) -> Output:
        """The whole batch's means and variances out of every process's part, gradients and all."""
        if self.size == 1:
            return output
        mean_B = torch.cat(list(cast(Any, all_gather(output.mean_B))))[:size]
        log_var_B = torch.cat(list(cast(Any, all_gather(output.log_var_B))))[:size]
        return replace(output, mean_B=mean_B, log_var_B=log_var_B)

    def agreed(self, value: float) -> float:
        """The first process's number, so that all decide alike."""
        if self.size == 1:
            return value
        shared = [value]
        distributed.broadcast_object_list(shared, src=0)
        return float(shared[0])

    def check_same(self, fingerprint: str) -> None:
        """That every process trains on the same data.

        Raises:
            ValueError: this one has other data than the first.
        """
        if self.size == 1:
            return
        shared = [fingerprint]
        distributed.broadcast_object_list(shared, src=0)
        if shared[0] != fingerprint:
            raise ValueError(f"process {self.rank} has other clips or labels than the first one")

    def wait(self) -> None:
        """Until every process is here."""
        if self.size > 1:
            distributed.barrier()
