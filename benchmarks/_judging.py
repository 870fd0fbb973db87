"""Dubs of known faults, and what metrics say of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from benchmarks._faults import (
    Speech,
    as_long_as,
    noisy,
    respoken,
    shifted,
    with_other_words,
    write_film,
)
from benchmarks._left_out import is_in_sync, leave_out
from benchmarks._parts import Dub, answer, loaded, ready
from learner.media import ClipMedia, Unavailable
from learner.metrics._sync_fit import Take

SEED = 20261123
MOST_SWAPS = 6  # strangers whose sound and words each film is given; voices are those of all
SHIFTS_MS = (0, 40, 80, 160, 320, 640)
LATE, EARLY = "sound late", "sound early"
SWAPPED = "own sound or another's"
VOICES = "own voice or another's, other words"
WORDS = "same words or other ones, another throat"
TEXTS = "translation or another sentence"


@dataclass(eq=False)
class Film:
    """A clip, what is said in it, and whose voice and words may take their place."""

    name: str
    path: Path
    speech: Speech
    english: str
    hindi: str
    other_hindi: str
    stranger: Speech
    source: Dub = field(init=False)
    native_ms: float = 0.0  # the offset that is located in the clip as it is

    def __post_init__(self) -> None:
        self.source = Dub.of(
            ClipMedia(self.path), self.speech, transcript=self.english, language="en"
        )

    def dub(self, speech: Speech, words: str = "", language: str = "en") -> Dub:
        """This film with this sound, dubbed from itself; without words, it says the same."""
        return Dub.of(
            self.source,
            speech,
            transcript=self.english,
            translation=words or self.english,
            source=self.source,
            language=language,
        )


@dataclass(frozen=True)
class Ladder:
    """A fault, its doses in order, and how a dub of each is made."""

    fault: str
    unit: str
    doses: tuple[float, ...]
    make: Callable[[Film, float], Dub]


LADDERS = (
    Ladder(
        LATE,
        "ms",
        SHIFTS_MS,
        lambda film, ms: film.dub(shifted(film.speech, ms - film.native_ms)),
    ),
    Ladder(
        EARLY,
        "ms",
        SHIFTS_MS,
        lambda film, ms: film.dub(shifted(film.speech, -ms - film.native_ms)),
    ),
    Ladder(
        "noise",
        "dB",
        (30, 20, 10, 0),
        lambda film, snr_db: film.dub(noisy(film.speech, snr_db, SEED)),
    ),
    Ladder(
        "another voice",
        "voices",
        (0, 1),
        lambda film, other: film.dub(
            as_long_as(film.stranger, len(film.speech)) if other else film.speech
        ),
    ),
    Ladder(
        "pitch raised",
        "semitones",
        (0, 2, 4, 6),
        lambda film, by: film.dub(respoken(film.speech, semitones=by)),
    ),
    Ladder(
        "pitch lowered",
        "semitones",
        (0, 2, 4, 6),
        lambda film, by: film.dub(respoken(film.speech, semitones=-by)),
    ),
    Ladder(
        "pitch raised, words not compared",
        "semitones",
        (0, 2, 4, 6),
        lambda film, by: film.dub(respoken(film.speech, semitones=by), film.hindi, "hi"),
    ),
    Ladder(
        "melody flattened",
        "share",
        (0, 0.5, 1),
        lambda film, flat: film.dub(respoken(film.speech, flat=flat)),
    ),
    Ladder(
        "words exchanged",
        "share",
        (0, 0.25, 0.5, 0.75, 1),
        lambda film, share: film.dub(
            film.speech, with_other_words(film.hindi, film.other_hindi, share), "hi"
        ),
    ),
)


# Judging


class Judges:
    """Every metric of the shelf that is ready, asked once for the same inputs."""

    def __init__(self) -> None:
        self.metrics = {name: loaded("metric", name) for name in ready("metric")}
        self.cards = {name: metric.card for name, metric in self.metrics.items()}
        self._said: dict[tuple[object, ...], float] = {}
        self.reasons: dict[str, dict[str, int]] = {name: {} for name in self.metrics}

    def values(self, dub: ClipMedia) -> dict[str, float]:
        """What each metric says; NaN where it has no answer, whose reason is counted."""
        return {name: self.value(name, dub) for name in self.metrics}

    def value(self, name: str, dub: ClipMedia) -> float:
        """What one metric says of what its card says it looks at."""
        card = self.cards[name]
        key = name, *(_input(dub, one) for one in (*card.needs, *card.uses))
        if key not in self._said:
            value, reason = answer(lambda: float(self.metrics[name].score(dub)))
            if value is None:
                self.reasons[name][reason] = self.reasons[name].get(reason, 0) + 1
            self._said[key] = float("nan") if value is None else value
        return self._said[key]

    def offset_ms(self, dub: ClipMedia) -> float:
        """By how much sound is late, by the first metric that locates it; NaN where none does."""
        for metric in self.metrics.values():
            if hasattr(metric, "details"):
                found, _ = answer(lambda metric=metric: metric.details(dub))
                if found and "offset_ms" in found:
                    return float(found["offset_ms"])
        return float("nan")

    def that_need(self, *needs: str, but: tuple[str, ...] = ()) -> list[str]:
        """Metrics that look at all of these, and at none of those."""
        cards = self.cards.items()
        return [
            name for name, card in cards if {*needs} <= {*card.needs} and not {*but} & {*card.needs}
        ]

    def forget(self) -> None:
        """What was said of the last film."""
        self._said.clear()


def _input(dub: ClipMedia, what: str) -> object:
    """Something that differs when this input does."""
    if what.startswith("source_"):
        if what == "source_text":
            return dub.transcript
        return None if dub.source is None else _input(dub.source, what.removeprefix("source_"))
    if what == "speech" and "speech" in dub._kept:
        return sha256(dub._kept["speech"].tobytes()).digest()
    return {"text": dub.translation or dub.transcript, "language": dub.language}.get(what, dub.path)


@dataclass
class Findings:
    """What was found; of several films the sum."""

    # metric -> fault -> film -> value at each dose
    doses: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    native_ms: dict[str, float] = field(default_factory=dict)  # film -> its own offset
    offsets: list[tuple[str, float, float]] = field(default_factory=list)  # film, planted, located
    # question, metric, whether it was right, what the metric said
    said: list[tuple[str, str, bool, float]] = field(default_factory=list)
    files_apart: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    sync_maps: dict[str, str] = field(default_factory=dict)  # film -> what its map was fitted on
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, other: Findings) -> None:
        """Take in what was found on another film."""
        for name, by_fault in other.doses.items():
            for fault, rows in by_fault.items():
                self.doses.setdefault(name, {}).setdefault(fault, {}).update(rows)
        self.native_ms |= other.native_ms
        self.offsets += other.offsets
        self.said += other.said
        self.left_out |= other.left_out
        self.sync_maps |= other.sync_maps
        for name, apart in other.files_apart.items():
            self.files_apart[name] = max(self.files_apart.get(name, 0.0), apart)
        for name, counts in other.reasons.items():
            mine = self.reasons.setdefault(name, {})
            for reason, count in counts.items():
                mine[reason] = mine.get(reason, 0) + count


def judge(film: Film, others: list[Film], judges: Judges, takes: list[Take]) -> Findings:
    """All that is asked of one film."""
    found = Findings(sync_maps={film.name: leave_out(film.path, takes, judges)})
    native_ms = judges.offset_ms(film.dub(film.speech))
    if np.isfinite(native_ms):
        film.native_ms = found.native_ms[film.name] = native_ms
    judge_doses(film, judges, found)
    judge_swaps(film, others, judges, found)
    judge_file(film, judges, found)
    found.reasons, judges.reasons = judges.reasons, {name: {} for name in judges.metrics}
    judges.forget()
    return found


def judge_doses(film: Film, judges: Judges, found: Findings) -> None:
    """All ladders."""
    for ladder in LADDERS:
        try:
            dubs = [ladder.make(film, dose) for dose in ladder.doses]
        except Unavailable as reason:  # a voice without pitch cannot be moved
            found.left_out[f"{film.name}, {ladder.fault}"] = str(reason)
            continue
        for dose, dub in zip(ladder.doses, dubs, strict=True):
            for name, value in judges.values(dub).items():
                rows = found.doses.setdefault(name, {}).setdefault(ladder.fault, {})
                rows.setdefault(film.name, []).append(value)
            if ladder.fault in (LATE, EARLY) and film.name in found.native_ms:
                planted = dose if ladder.fault == LATE else -dose
                found.offsets.append((film.name, planted, judges.offset_ms(dub)))


def judge_swaps(film: Film, others: list[Film], judges: Judges, found: Findings) -> None:
    """Own sound against that of other films; a voice's other half against other people's."""
    with_face = judges.that_need("speech", "frames")
    with_source = judges.that_need("speech", "source_speech", but=("frames",))
    first = Dub.of(film.source, film.speech[: len(film.speech) // 2], language="en")
    for place, other in enumerate([film, *others]):
        later = other.speech[len(other.speech) // 2 :]
        asked = [(VOICES, Dub.of(film.source, later, source=first, language="en"), with_source)]
        if place <= MOST_SWAPS and is_in_sync(film.path):
            swapped = as_long_as(other.speech, len(film.speech))
            asked.append((SWAPPED, film.dub(swapped), with_face))
        if place <= MOST_SWAPS:
            try:
                words = in_another_throat(other)
            except Unavailable as reason:
                found.left_out[f"{other.name}, {WORDS}"] = str(reason)
            else:
                dub = Dub.of(film.source, words, source=film.source, language="en")
                asked.append((WORDS, dub, with_source))
        for question, dub, metrics in asked:
            for name in metrics:
                found.said.append((question, name, other is film, judges.value(name, dub)))


_throats: dict[str, Speech] = {}  # of this worker


def in_another_throat(film: Film) -> Speech:
    """The film's words, higher from a smaller throat or lower from a larger one, by its name."""
    if film.name not in _throats:
        is_up = sha256(film.name.encode()).digest()[0] % 2
        moved = {"semitones": 4, "formants": 1.15} if is_up else {"semitones": -4, "formants": 0.87}
        _throats[film.name] = respoken(film.speech, **moved)
    return _throats[film.name]


def judge_texts(judges: Judges, pairs: list[tuple[str, str]]) -> Findings:
    """Translations against other sentences."""
    found = Findings()
    metrics = judges.that_need("text", "source_text", but=("speech", "frames"))
    for row, (english, _) in enumerate(pairs):
        for column, (_, hindi) in enumerate(pairs):
            dub = ClipMedia(Path("none"), transcript=english, translation=hindi, language="hi")
            for name in metrics:
                found.said.append((TEXTS, name, row == column, judges.value(name, dub)))
    return found


def judge_file(film: Film, judges: Judges, found: Findings) -> None:
    """The same dub as a media file: how far apart the answers are."""
    speech = noisy(shifted(film.speech, 160), 20, SEED)
    in_memory = judges.values(film.dub(speech))
    with tempfile.TemporaryDirectory() as folder:
        path = write_film(Path(folder) / "dub.mov", film.path, speech)
        in_file = judges.values(ClipMedia(path, film.english, film.english, film.source, "en"))
    for name, value in in_file.items():
        is_both = np.isfinite(value) and np.isfinite(in_memory[name])
        is_none = np.isnan(value) and np.isnan(in_memory[name])
        apart = abs(value - in_memory[name]) if is_both else 0.0 if is_none else float("inf")
        found.files_apart[name] = apart
