"""The shelf that all parts share: metrics, encoders and query strategies.

A part is a class with a `card`, in a file of its own in the folder of its kind. Installed packages
add parts by entry points of the groups `dubscore.metrics`, `dubscore.encoders` and
`dubscore.strategies`, each naming a class. Finding parts loads nothing heavy: what a part computes
with is imported by its own `load`, so that web processes can list parts.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

KINDS = {
    "metric": "learner.metrics",
    "encoder": "learner.encoders",
    "strategy": "learner.strategies",
}
MODALITIES = ("audio", "video", "text")
NEEDS = ("speech", "source_speech", "frames", "text", "source_text")
USES = (*NEEDS, "language", "source_language")
# What a part may do, and what the paper has for it (sections 2.1 and 3).
ROLES = {
    "video": "TimeSformer",
    "face expression": "an expression network on face sequences",
    "speech content": "Wav2Vec 2.0",
    "speaker": "ECAPA-TDNN",
    "speech emotion": "emotion2vec",
    "text": "Sentence-BERT",
    "audio-visual synchrony": "PEAVS",
    "emotion alignment": "EmoSync",
    "prosody": "LogF0RMSE",
    "speech quality": "UTMOS",
    "semantic alignment": "SpeechBERTScore",
    "speaker similarity": "none such",
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
# Names and versions are columns of tables and parts of file names.
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}")

PartT = TypeVar("PartT", bound=type[Any])


@dataclass(frozen=True)
class Card:
    """What a part says of itself; reading it loads nothing heavy.

    Args:
        name: Lower case, at most 60 characters, unique on its shelf, part of every stored key.
        version: At most 40 characters; changes whenever the part's numbers change; part of every
            stored key.
        title: For pages.
        source: The model or paper behind it.
        licence: Of the weights, or of the code where there are none.
        kind: `metric`, `encoder` or `strategy`; empty stands for the shelf it is found on.
        role: What it does, of `ROLES`, or words of its own for what the paper does not have.
        weights: What it reads of `learner.weights.WEIGHTS`.
        modality: `audio`, `video` or `text`; empty for strategies.
        needs: What it asks of a clip, of `NEEDS`.
        uses: What it also looks at, of `USES`, but can do without: when it changes, so may the
            result.
        direction: Of a metric: +1 where more is better, -1 where less is.
        width: Of an encoder: length of its vectors.
        is_exploratory: No one has shown that it measures what it is named for.

    Raises:
        ValueError: a field breaks one of these rules; the message names part and value.

    >>> Card("loudness", "1", "Loudness", "our own", "Apache-2.0", modality="sound")
    Traceback (most recent call last):
    ValueError: loudness has modality 'sound'; known are audio, video, text
    """

    name: str
    version: str
    title: str
    source: str
    licence: str
    kind: str = ""
    modality: str = ""
    needs: tuple[str, ...] = ()
    direction: int = 0
    width: int = 0
    is_exploratory: bool = False
    uses: tuple[str, ...] = ()
    role: str = ""
    weights: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"a part's name must be a lower-case identifier of at most 60, not {self.name!r}"
            )
        if not _VERSION.fullmatch(self.version):
            raise ValueError(
                f"{self.name} has version {self.version!r}; at most 40 of letters, digits, ._+-"
            )
        for field, value, known in (
            *(("need", need, NEEDS) for need in self.needs),
            *(("use", use, USES) for use in self.uses),
            *([("modality", self.modality, MODALITIES)] if self.modality else []),
            *([("kind", self.kind, tuple(KINDS))] if self.kind else []),
            ("direction", self.direction, (-1, 0, 1)),
        ):
            if value not in known:
                said = ", ".join(str(one) for one in known)
                raise ValueError(f"{self.name} has {field} {value!r}; known are {said}")

    @property
    def label(self) -> str:
        """The title where no badge can stand beside it."""
        return f"{self.title} (exploratory)" if self.is_exploratory else self.title

    def faults_as(self, kind: str) -> Iterator[str]:
        """What keeps it off the shelf of this kind, in words.

        >>> card = Card("loudness", "1", "Loudness", "our own", "Apache-2.0")
        >>> list(card.faults_as("encoder"))
        ['modality must be one of audio, video, text', 'width must be at least 1, not 0']
        """
        if self.kind not in ("", kind):
            yield f"kind is {self.kind!r}"
        if kind != "strategy" and not self.modality:
            yield f"modality must be one of {', '.join(MODALITIES)}"
        if kind == "metric" and not self.direction:
            yield "direction must be +1 or -1"
        if kind == "encoder" and self.width < 1:
            yield f"width must be at least 1, not {self.width}"


class Shelf:
    """All parts of one kind, found when first asked for.

    Args:
        kind: `metric`, `encoder` or `strategy`.
        package: Whose modules hold the parts; by default the folder of the kind. Modules whose
            name begins with `_` hold no parts and are not imported: networks belong there.
    """

    def __init__(self, kind: str, package: str | None = None) -> None:
        if kind not in KINDS:
            raise ValueError(f"there is no shelf of {kind!r}; there are: {', '.join(KINDS)}")
        self.kind = kind
        self.package = package or KINDS[kind]
        self._parts: dict[str, type[Any]] = {}
        self._is_discovered = False
        self._lock = threading.RLock()

    @property
    def group(self) -> str:
        """The entry points by which installed packages add parts.

        >>> [Shelf(kind).group for kind in KINDS]
        ['dubscore.metrics', 'dubscore.encoders', 'dubscore.strategies']
        """
        return f"dubscore.{KINDS[self.kind].rpartition('.')[2]}"

    @property
    def parts(self) -> dict[str, type[Any]]:
        """Name to class, in order of name."""
        if not self._is_discovered:
            self.discover()
        return dict(sorted(self._parts.items()))

    def discover(self) -> None:
        """Look for parts in the folder and among installed packages, again if need be.

        Raises:
            ValueError: a part's card does not suit the shelf, or two parts share a name.
            ImportError: an installed package names a part that cannot be imported.
        """
        with self._lock:
            folder = importlib.import_module(self.package)
            for found in pkgutil.iter_modules(folder.__path__):
                if not found.name.startswith("_"):
                    module = importlib.import_module(f"{self.package}.{found.name}")
                    for part in _parts_of(module):
                        self.register(part)
            for point in metadata.entry_points(group=self.group):
                self.register(_loaded(point))
            self._is_discovered = True

    def register(self, part: PartT) -> PartT:
        """Put a class on the shelf; parts in files and entry points get there by themselves.

        Raises:
            ValueError: it has no card, the card does not suit the shelf, or its name is taken.
        """
        card = vars(part).get("card")
        if not isinstance(card, Card):
            raise ValueError(f"{part} has no card: give the class a `card = Card(...)`")
        if faults := list(card.faults_as(self.kind)):
            raise ValueError(f"{card.name} is no {self.kind}: {'; '.join(faults)}")
        other = self._parts.setdefault(card.name, part)
        if other is not part:
            raise ValueError(f"two {self.kind}s are called {card.name!r}: {other} and {part}")
        return part

    def names(self) -> list[str]:
        """Names, in order."""
        return list(self.parts)

    def cards(self) -> dict[str, Card]:
        """Name to card, of all parts, each with the version that its weights make it."""
        return {name: _as_set_up(part) for name, part in self.parts.items()}

    def set_up(self) -> dict[str, Card]:
        """The same of parts that can be used now: what the user would have to bring is there."""
        return {name: card for name, card in self.cards().items() if _is_ready(self.parts[name])}

    def get(self, name: str) -> type[Any]:
        """The part of this name.

        Raises:
            ValueError: there is none; the message lists those there are.
        """
        parts = self.parts
        if name not in parts:
            known = ", ".join(parts) or "none"
            raise ValueError(f"there is no {self.kind} {name!r}; there are: {known}")
        return parts[name]


def _parts_of(module: ModuleType) -> Iterator[type[Any]]:
    """Classes with a card that were written in this module, not imported into it."""
    for value in vars(module).values():
        is_own = isinstance(value, type) and value.__module__ == module.__name__
        if is_own and isinstance(vars(value).get("card"), Card):
            yield value


def weights_lie_in(folder: Callable[[], Path]) -> None:
    """Tell the shelves where weights are, so that they know which parts are set up there.

    A part whose weights the user brings has a class method `is_ready(weights)`; one whose numbers
    depend on a file that may be another tomorrow has `fingerprint(weights)`, which becomes part of
    its version.
    """
    global _folder
    _folder = folder


_folder: Callable[[], Path] | None = None


def _is_ready(part: type[Any]) -> bool:
    asked = getattr(part, "is_ready", None)
    return asked is None or (_folder is not None and bool(asked(_folder())))


def _as_set_up(part: type[Any]) -> Card:
    card: Card = part.card
    asked = getattr(part, "fingerprint", None)
    if asked is None or _folder is None or not _is_ready(part):
        return card
    return replace(card, version=f"{card.version}-{asked(_folder())}")


def _loaded(point: metadata.EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        package = point.dist.name if point.dist else "an installed package"
        raise ImportError(
            f"{package} names {point.value} as {point.group} {point.name!r}, which cannot be "
            f"imported ({error}): update or uninstall it"
        ) from error


_SHELVES = {kind: Shelf(kind) for kind in KINDS}


def shelf(kind: str) -> Shelf:
    """The shelf of one kind, the same one each time.

    Raises:
        ValueError: there is no such kind.

    >>> shelf("metric").cards()["speech_quality"].direction
    1
    """
    if kind not in _SHELVES:
        raise ValueError(f"there is no shelf of {kind!r}; there are: {', '.join(KINDS)}")
    return _SHELVES[kind]
