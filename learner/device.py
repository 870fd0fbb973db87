"""Where networks compute: on a GPU if there is one, else on the processor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def device() -> torch.device:
    """The first GPU that the process may use, or the processor; `DUBSCORE_DEVICE` names another.

    Raises:
        RuntimeError: `DUBSCORE_DEVICE` is no device of torch.

    >>> os.environ["DUBSCORE_DEVICE"] = "cpu"
    >>> str(device())
    'cpu'
    """
    import torch

    named = os.environ.get("DUBSCORE_DEVICE")
    return torch.device(named or ("cuda" if torch.cuda.is_available() else "cpu"))


def placed(network: Any) -> Any:
    """The network there, ready to be asked."""
    return network.to(device()).eval()


def sent(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor there."""
    return tensor.to(device())
