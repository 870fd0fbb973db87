"""Encoders that can be trained: prepared inputs, and a reading of them that gradients pass.

The same two steps make the vectors that are computed once and kept, so that training begins where
they are.

Shape letters: P pieces, T samples or tokens, D width.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from learner.device import sent
from learner.media import ClipMedia
from learner.registry import Card, shelf

if TYPE_CHECKING:
    from torch import Tensor

Value = TypeVar("Value")


class Trainable(Protocol):
    """A part that is a model of transformers around a mean over pieces of a clip.

    A clip's vector is the sum over its pieces divided by the number of frames in them.
    """

    card: Card
    at_once: int  # pieces that go through the network together when a clip is embedded
    network: Any

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the weights that lie there."""

    def load(self, weights: Path) -> None:
        """Read the model."""

    def pieces(self, media: ClipMedia) -> Iterator[NDArray[Any]]:
        """What the network is to see of a clip, piece by piece, at least one.

        Raises:
            Unavailable: the clip lacks it.
        """

    def read(self, pieces: Tensor) -> tuple[Tensor, int]:
        """Sums over the frames of each piece, shape (P, D), float64, and how many those are.

        Args:
            pieces: Of one shape, stacked, on the device of the network.
        """


def embedded(part: Trainable, media: ClipMedia) -> NDArray[np.float32]:
    """A clip's vector, shape (D,), in memory that does not grow with the clip.

    Raises:
        Unavailable: the clip lacks what the part needs.
    """
    return mean_of(part, part.pieces(media))


def mean_of(part: Trainable, pieces: Iterable[NDArray[Any]]) -> NDArray[np.float32]:
    """The same of pieces.

    Raises:
        ValueError: there are none.
    """
    import torch

    sum_D, n_frames = np.zeros(part.card.width), 0
    for batch in _batches(iter(pieces), part.at_once):
        with torch.inference_mode():
            sums_PD, frames = part.read(sent(torch.tensor(np.stack(batch))))
        sum_D += sums_PD.sum(dim=0).cpu().numpy()
        n_frames += frames * len(batch)
    if not n_frames:
        raise ValueError("no pieces to read")
    return np.asarray(sum_D / n_frames, dtype=np.float32)


def _batches(values: Iterator[Value], size: int) -> Iterator[list[Value]]:
    while batch := list(islice(values, size)):
        yield batch


def trainable_names() -> list[str]:
    """Encoders on the shelf that can be trained, in order.

    >>> "wav2vec2" in trainable_names(), "sentence_e5" in trainable_names()
    (True, False)
    """
    parts = shelf("encoder").parts
    return [name for name, part in parts.items() if hasattr(part, "pieces")]


def trainable(name: str, weights: Path) -> Trainable:
    """An encoder that can be trained, loaded.

    Args:
        name: Of the part.
        weights: The folder of pretrained weights.

    Raises:
        ValueError: there is no such encoder, or it cannot be trained.
        WeightsError: its weights are missing or cannot be read.
    """
    kind = shelf("encoder").get(name)
    if not hasattr(kind, "pieces"):
        known = ", ".join(trainable_names())
        raise ValueError(f"encoder {name!r} cannot be trained; those that can: {known}")
    part: Trainable = kind()
    part.load(weights)
    return part
