"""Reading the tensors of a checkpoint that others trained, and nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learner.device import placed
from learner.weights import WeightsError

if TYPE_CHECKING:
    import torch

SAMPLES, SAMPLE = 256, 4096
HUB = "hub"  # below the folder of weights: what the user brings, a folder for each part


@lru_cache(maxsize=64)
def _sampled(path: Path, size: int, mtime_ns: int) -> str:
    """Read again only when the file has changed."""
    digest = sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(SAMPLES):
            file.seek(max(0, size - SAMPLE) * number // (SAMPLES - 1))
            digest.update(file.read(SAMPLE))
    return digest.hexdigest()[:12]


def fingerprint_of(*paths: Path) -> str:
    """Twelve letters that change with the files: their sizes, and 256 pieces of 4 kB of each.

    A file below a megabyte is read whole; of a larger one enough that weights trained further are
    told from those before, at once also for a gigabyte.
    """
    found = [_sampled(path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return found[0] if len(found) == 1 else sha256("".join(found).encode()).hexdigest()[:12]


class _Ignored:
    """Stands for any object of a checkpoint that is no tensor: settings, optimisers, counters."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


def hub_file(weights: Path, part: str, names: Sequence[str]) -> Path | None:
    """The first of these files in the part's folder that is there.

    >>> hub_file(Path("nowhere"), "ecapa_tdnn", ["embedding_model.ckpt"]) is None
    True
    """
    folder = weights / HUB / part
    return next((folder / name for name in names if (folder / name).is_file()), None)


def needed_file(weights: Path, part: str, names: Sequence[str], origin: str) -> Path:
    """The same, or how to get it.

    Raises:
        WeightsError: none of them is there.
    """
    path = hub_file(weights, part, names)
    if path is None:
        wanted = " or ".join(str(weights / HUB / part / name) for name in names)
        raise WeightsError(f"{part} is not set up: put the checkpoint of {origin} at {wanted}.")
    return path


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    """Names and tensors, whether they lie at the top or under `model` or `state_dict`.

    No code of the file is run: classes in it that torch does not know stand for nothing.

    Raises:
        WeightsError: it cannot be read, or holds no tensors.
    """
    import torch

    try:
        foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        with torch.serialization.safe_globals([(_Ignored, name) for name in foreign]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged archive makes torch raise
        raise WeightsError(f"{path} cannot be read as a checkpoint: {error}") from error
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = content.items() if isinstance(content, dict) else ()
    found = {str(name): value for name, value in tensors if isinstance(value, torch.Tensor)}
    if not found:
        raise WeightsError(f"{path} holds no tensors")
    return found


def built(network: Any, tensors: dict[str, torch.Tensor], path: Path, width: int) -> Any:
    """The network of these tensors, ready to be asked.

    Raises:
        WeightsError: they are those of something else, or of another width.
    """
    try:
        made = network(tensors)
    except (KeyError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} is no checkpoint of {network.__name__}: {error}") from error
    if made.width != width:
        raise WeightsError(f"{path} gives vectors of {made.width} numbers, not {width}")
    return placed(made)
