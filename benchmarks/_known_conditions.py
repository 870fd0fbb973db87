"""Dubs whose faults and doses are known, what parts say of them, and what simulated raters give.

Every film is dubbed from itself several times: one dub without fault, the others with one or two of
five faults, each of a dose drawn from 0.2 to 1 of its worst. True quality falls with the doses by a
stated table; raters see it through a stated noise.

Shape letters: N dubs, M metrics, D width, K raters.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._faults import noisy, respoken, shifted, with_other_words
from benchmarks._parts import Dub, Speech, answer, loaded, ready
from learner.media import ClipMedia, Unavailable

SEED = 20261127
SOURCE = "#source"
DUBS_A_FILM = 8
# Fault: MOS points it costs at its worst, and how often it is drawn. Three of five can be heard in
# the dub's own sound, one needs lips, one needs words.
FAULTS = {
    "noise": (2.4, 0.30),
    "other throat": (1.6, 0.20),
    "flat melody": (1.4, 0.20),
    "late": (1.6, 0.15),
    "words": (1.6, 0.15),
}
BEST_MOS, CLIP_SD = 4.6, 0.25
QUIETEST_DB, LOUDEST_DB = 35.0, 5.0  # signal to noise at no and at full dose
LATEST_MS, FLATTEST = 480.0, 1.0
SMALLEST_THROAT, DEEPEST = 1.25, -4.0  # formants up, or pitch down, at full dose
RATERS, RATER_SD, RESIDUAL_SD = 24, 0.35, 0.60


@dataclass(frozen=True)
class Planted:
    """One dub: of which film, and the dose of each fault, 0 to 1."""

    film: str
    number: int
    doses: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        return f"{self.film}#{self.number}"

    def to_json(self) -> str:
        """As kept."""
        return json.dumps([self.film, self.number, self.doses])

    @classmethod
    def from_json(cls, text: str) -> Planted:
        """As it was kept."""
        film, number, doses = json.loads(text)
        return cls(film, number, tuple((fault, dose) for fault, dose in doses))

    def dose(self, fault: str) -> float:
        """Of one fault; 0 where it is not planted."""
        return dict(self.doses).get(fault, 0.0)

    @property
    def quality(self) -> float:
        """What it is worth before the clip's own luck, 1 to 5."""
        lost = sum(FAULTS[fault][0] * dose for fault, dose in self.doses)
        return max(1.0, BEST_MOS - lost)


def plan(films: list[str], seed: int = SEED) -> list[Planted]:
    """What is planted in the dubs of these films; the first dub of each has no fault."""
    random = np.random.default_rng(seed)
    names, chances = list(FAULTS), np.array([often for _, often in FAULTS.values()])
    planted = []
    for film in films:
        planted.append(Planted(film, 0, ()))
        for number in range(1, DUBS_A_FILM):
            size = int(random.integers(1, 3))
            chosen = random.choice(names, size, replace=False, p=chances)
            doses = tuple((str(one), float(random.uniform(0.2, 1))) for one in sorted(chosen))
            planted.append(Planted(film, number, doses))
    return planted


def sound_of(speech: Speech, one: Planted, seed: int) -> Speech:
    """The film's speech with the faults that can be heard.

    Raises:
        Unavailable: there is no pitch to be moved.
    """
    made = speech
    throat, flat = one.dose("other throat"), one.dose("flat melody")
    if throat or flat:
        up = seed % 2
        formants = 1 + throat * (SMALLEST_THROAT - 1) if up else 1 - 0.6 * throat * 0.25
        semitones = throat * (-DEEPEST if up else DEEPEST)
        made = respoken(made, semitones=semitones, flat=flat * FLATTEST, formants=formants)
    if late := one.dose("late"):
        made = shifted(made, late * LATEST_MS)
    if loud := one.dose("noise"):
        made = noisy(made, QUIETEST_DB + loud * (LOUDEST_DB - QUIETEST_DB), seed)
    return made


@dataclass(frozen=True)
class Said:
    """What every part says of one dub; NaN where it has no answer."""

    name: str
    values: dict[str, float]
    vectors: dict[str, NDArray[np.float32]]


class _Parts:
    """Every part that is ready, loaded once a worker."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.metrics = {name: loaded("metric", name) for name in ready("metric")}
        self.encoders = {name: loaded("encoder", name) for name in ready("encoder")}

    def ask(self, name: str, media: ClipMedia, *, is_source: bool = False) -> Said:
        asked = {} if is_source else self.metrics
        values = {m: answer(lambda p=p: float(p.score(media)))[0] for m, p in asked.items()}
        vectors = {}
        for encoder, part in self.encoders.items():
            vector, _ = answer(lambda part=part: part.embed(media))
            empty = np.full(part.card.width, np.nan, np.float32)
            vectors[encoder] = empty if vector is None else vector
        return Said(name, {m: np.nan if v is None else v for m, v in values.items()}, vectors)


_parts: list[_Parts] = []


def _film_said(path: Path, dubs: list[Planted], texts: tuple[str, str, str]) -> list[Said]:
    """What a worker says of one film as it is, named SOURCE, and of all its dubs."""
    if not _parts:
        _parts.append(_Parts())
    english, hindi, other_hindi = texts
    source = Dub.of(ClipMedia(path), ClipMedia(path).speech, transcript=english, language="en")
    said = [_parts[0].ask(f"{dubs[0].film}{SOURCE}", source, is_source=True)]
    for one in dubs:
        seed = abs(hash_of(one.name))
        try:
            sound = sound_of(source.speech, one, seed)
        except Unavailable:
            continue
        words = with_other_words(hindi, other_hindi, one.dose("words"))
        dub = Dub.of(
            source, sound, transcript=english, translation=words, source=source, language="hi"
        )
        said.append(_parts[0].ask(one.name, dub))
    return said


def hash_of(name: str) -> int:
    """The same number for the same name, everywhere."""
    from zlib import crc32

    return crc32(name.encode())


def ask_all(
    films: dict[str, Path], planted: list[Planted], pairs: list[tuple[str, str]], workers: int
) -> Iterator[list[Said]]:
    """What is said of all dubs, film by film, as they are done."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        asked = []
        for place, (film, path) in enumerate(films.items()):
            english, hindi = pairs[place % len(pairs)]
            texts = english, hindi, pairs[(place + len(pairs) // 2) % len(pairs)][1]
            dubs = [one for one in planted if one.film == film]
            asked.append(pool.submit(_film_said, path, dubs, texts))
        for done in as_completed(asked):
            yield done.result()


def simulated_mos(planted: list[Planted], ratings_a_clip: int, seed: int = SEED) -> dict[str, Any]:
    r"""Ratings of simulated raters: quality + clip + rater + residual, rounded to 1 to 5.

    Returns:
        `mos_N`, `truth_N` (quality with the clip's own luck), `noise_var_N` (variance of the mean
        from its raters, as a campaign would estimate it: pooled residual variance over k),
        `g` (reliability of the means: variance of truth over that of MOS) and its root, the
        ceiling of any correlation with MOS.
    """
    random = np.random.default_rng(seed)
    n = len(planted)
    truth_N = np.array([one.quality for one in planted]) + CLIP_SD * random.normal(size=n)
    leaning_K = RATER_SD * random.normal(size=RATERS)
    who_NK = np.array([random.permutation(RATERS)[:ratings_a_clip] for _ in range(n)])
    opinion_NK = truth_N[:, None] + leaning_K[who_NK]
    opinion_NK = opinion_NK + RESIDUAL_SD * random.normal(size=who_NK.shape)
    scores_NK = np.clip(np.rint(opinion_NK), 1, 5)
    mos_N = scores_NK.mean(axis=1)
    within = float(scores_NK.var(axis=1, ddof=1).mean())
    noise = within / ratings_a_clip
    g = max(0.0, 1 - noise / float(mos_N.var(ddof=1)))
    return {
        "mos_N": mos_N,
        "truth_N": truth_N,
        "noise_var_N": np.full(n, noise),
        "g": g,
        "ceiling": float(np.sqrt(g)),
    }
