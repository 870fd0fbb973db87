"""What is wanted of clips, and what parts say of them: plain values that any process may hold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LOST = "a file of the clip is lost"
FAULT = "the part failed"


@dataclass(frozen=True)
class Source:
    """A file, what is said in it, and in which language."""

    path: str
    transcript: str = ""
    translation: str = ""
    language: str = ""


@dataclass(frozen=True)
class Order:
    """What is wanted of one clip.

    Args:
        clip: Its public id.
        file: The clip.
        source: What it was dubbed from.
        metrics, encoders: Names of parts.
    """

    clip: str
    file: Source
    source: Source | None = None
    metrics: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Kind and name of everything that is wanted."""
        return [
            *(("metric", name) for name in self.metrics),
            *(("encoder", name) for name in self.encoders),
        ]


@dataclass(frozen=True)
class Answer:
    """What a part says of a clip: a value (of a metric), a vector (of an encoder), or a reason.

    A metric that has `details(media)` also says what else it found, as numbers by name.
    """

    kind: str
    name: str
    value: float | None = None
    vector: NDArray[np.float32] | None = None
    error: str = ""
    seconds: float = 0.0
    details: dict[str, float] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether asking again would change nothing as long as the clip is the same."""
        return not self.error.startswith((LOST, FAULT))


@dataclass(frozen=True)
class Done:
    """All answers to one order, and how long decoding took beforehand."""

    clip: str
    answers: list[Answer] = field(default_factory=list)
    prepare_s: float = 0.0

    @classmethod
    def failed(cls, order: Order, why: str) -> Done:
        """Every part of an order that could not be carried out gets the reason."""
        return cls(order.clip, [Answer(kind, name, error=why) for kind, name in order.parts])
