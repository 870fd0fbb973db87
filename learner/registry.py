"""The shelf that all parts share: metrics, encoders and query strategies.

A part is a class with a `card`, in a file of its own in the folder of its kind. Installed packages
add parts by entry points of the groups `dubscore.metric`, `dubscore.encoder`, `dubscore.strategy`.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any

KINDS = {"metric": "learner.metrics", "encoder": "learner.encoders", "strategy": "learner.strategies"}
MODALITIES = ("audio", "video", "text")
NEEDS = ("speech", "source_speech", "frames", "text", "source_text")


@dataclass(frozen=True)
class Card:
    """What a part says of itself; reading it loads nothing heavy.

    Args:
        name: Lower case, unique on its shelf, part of every stored key.
        version: Changes whenever the part's numbers change; part of every stored key.
        title: For pages.
        source: The model or paper behind it.
        licence: Of the weights, or of the code where there are none.
        modality: `audio`, `video` or `text`; empty for strategies.
        needs: What it asks of a clip, of `NEEDS`.
        direction: Of a metric: +1 where more is better, -1 where less is.
        width: Of an encoder: length of its vectors.
        is_exploratory: No one has shown that it measures what it is named for.
    """

    name: str
    version: str
    title: str
    source: str
    licence: str
    modality: str = ""
    needs: tuple[str, ...] = ()
    direction: int = 0
    width: int = 0
    is_exploratory: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(f"a part's name must be a lower-case identifier, not {self.name!r}")
        if unknown := set(self.needs) - set(NEEDS):
            raise ValueError(f"{self.name} needs {sorted(unknown)}; known are {NEEDS}")
        if self.modality and self.modality not in MODALITIES:
            raise ValueError(f"{self.name} has modality {self.modality!r}; known are {MODALITIES}")




class Shelf:
    """All parts of one kind, found when first asked for."""

    def __init__(self, kind: str) -> None:
        if kind not in KINDS:
            raise ValueError(f"there is no shelf of {kind!r}; there are: {', '.join(KINDS)}")
        self.kind = kind

    @cached_property
    def parts(self) -> dict[str, type[Any]]:
        """Name to class, in order of name."""
        found: dict[str, type[Any]] = {}
        package = importlib.import_module(KINDS[self.kind])
        modules = [
            importlib.import_module(f"{package.__name__}.{module.name}")
            for module in pkgutil.iter_modules(package.__path__)
        ]
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, type) and value.__module__ == module.__name__:
                    self._put(found, value)
        for point in entry_points(group=f"dubscore.{self.kind}"):
            self._put(found, point.load())
        return dict(sorted(found.items()))

    def _put(self, found: dict[str, type[Any]], part: type[Any]) -> None:
        card = vars(part).get("card")
        if not isinstance(card, Card):
            return
        if found.setdefault(card.name, part) is not part:
            raise ValueError(
                f"two {self.kind}s are called {card.name!r}: {found[card.name]} and {part}"
            )

    def cards(self) -> dict[str, Card]:
        """Name to card."""
        return {name: part.card for name, part in self.parts.items()}

    def get(self, name: str) -> type[Any]:
        """The part of this name.

        Raises:
            ValueError: there is none; the message lists those there are.
        """
        if name not in self.parts:
            known = ", ".join(self.parts) or "none"
            raise ValueError(f"there is no {self.kind} {name!r}; there are: {known}")
        return self.parts[name]


_SHELVES: dict[str, Shelf] = {}


def shelf(kind: str) -> Shelf:
    """The shelf of one kind, the same one each time.

    >>> shelf("metric").cards()["speech_quality"].direction
    1
    """
    return _SHELVES.setdefault(kind, Shelf(kind))


