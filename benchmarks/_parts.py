"""What the benchmarks of parts share: clips, parts that are ready, dubs in memory, separation."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from learner.media import ClipMedia, Unavailable
from learner.registry import shelf

ROOT = Path(__file__).resolve().parent.parent
SENTENCES = ROOT / "benchmarks" / "data" / "sentences.csv"
ENDINGS = {".mp4", ".mpg", ".mkv", ".mov", ".webm", ".avi"}
Value = TypeVar("Value")
Speech = NDArray[np.float32]


def options(about: str | None) -> argparse.ArgumentParser:
    """What all of these benchmarks are told."""
    parser = argparse.ArgumentParser(description=about)
    data = os.environ.get("DUBSCORE_DATA")
    parser.add_argument(
        "--clips",
        type=Path,
        default=Path(data) / "clips" if data else None,
        help="folder of videos in which people talk; by default DUBSCORE_DATA/clips",
    )
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    return parser


def clips_in(folder: Path | None, parser: argparse.ArgumentParser) -> dict[str, Path]:
    """Name to file of every video below a folder, in order of name."""
    if folder is None:
        parser.error("say where talking people are by --clips FOLDER or DUBSCORE_DATA")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    if not found:
        parser.error(f"there are no videos in {folder}")
    return {path.relative_to(folder).as_posix(): path for path in found}


def shortest(clips: dict[str, Path], how_many: int) -> dict[str, Path]:
    """So many of the clips, those that last the shortest."""

    def lasts(name: str) -> float:
        with av.open(str(clips[name])) as film:
            return float(film.duration or 0)

    return {name: clips[name] for name in sorted(clips, key=lasts)[:how_many]}


def weights() -> Path:
    """Where `manage.py fetch_weights` puts them."""
    return Path(os.environ.get("DUBSCORE_WEIGHTS") or ROOT / "var" / "weights")


def ready(kind: str) -> list[str]:
    """Names of all parts of this kind that can be loaded here."""
    parts = shelf(kind).parts
    return [name for name, part in parts.items() if _is_ready(part)]


def _is_ready(part: type[Any]) -> bool:
    asked = getattr(part, "is_ready", None)
    return asked is None or bool(asked(weights()))


def loaded(kind: str, name: str) -> Any:
    """A part that is ready to be asked."""
    part = shelf(kind).get(name)()
    part.load(weights())
    return part


def answer(ask: Callable[[], Value]) -> tuple[Value | None, str]:
    """What a part says, or why it says nothing."""
    try:
        return ask(), ""
    except Unavailable as reason:
        return None, str(reason)


def sentences() -> list[tuple[str, str]]:
    """Pairs of a sentence in English and the same in Hindi, written for these benchmarks."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        return [(row["english"], row["hindi"]) for row in csv.DictReader(file)]


@dataclass
class Dub(ClipMedia):
    """A clip whose sound is given as samples: as if its file held them.

    It notes what of it was computed from pictures alone, so that another dub of the same film need
    not compute it again.
    """

    _open: list[str] = field(default_factory=list, repr=False, compare=False)
    _looked: set[str] = field(default_factory=set, repr=False, compare=False)
    _heard: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def of(cls, film: ClipMedia, speech: Speech, **texts: Any) -> Dub:
        """This film with this sound."""
        dub = cls(film.path, **texts)
        dub._kept["speech"] = speech = np.array(speech, dtype=np.float32)
        speech.setflags(write=False)
        if isinstance(film, Dub):
            dub._kept.update({key: film._kept[key] for key in film._looked - film._heard})
            dub._looked = film._looked - film._heard
        return dub

    def once(self, key: str, compute: Callable[[], Value]) -> Value:
        """As of every clip, noting which keys hang on sound and which on pictures."""
        self._open.append(key)
        try:
            return super().once(key, compute)
        finally:
            self._open.pop()
            if key == "speech" or key in self._heard:
                self._heard.update(self._open)
            if key in self._looked:
                self._looked.update(self._open)

    def pictures(self, *asked: Any, **also: Any) -> Any:
        """As of every clip."""
        self._looked.update(self._open)
        return super().pictures(*asked, **also)


def auc(own: ArrayLike, other: ArrayLike) -> float:
    """The share of pairs in which one of the first lies above one of the second; ties count half.

    >>> auc([2, 3], [1, 2])
    0.875
    """
    own_N, other_N = np.ravel(own), np.ravel(other)
    ranks = rankdata(np.concatenate([own_N, other_N]))[: len(own_N)]
    return float((ranks.sum() - len(own_N) * (len(own_N) + 1) / 2) / (len(own_N) * len(other_N)))


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows as Markdown."""
    lines = [list(map(str, row)) for row in [head, *rows]]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def two(value: float | None) -> str:
    """Two decimals without the leading zero, as the docs write them; a dash for no value."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
