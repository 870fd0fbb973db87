"""Fitting the map between lips and speech on a corpus's own originals."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError

from annotator.models import Clip, Corpus
from learner.actions.extraction import order_of
from learner.compute.bench import media_of

if TYPE_CHECKING:
    from learner.metrics._sync_fit import Figures, Take

LEAST_CLIPS, LEAST_SPEAKERS, LEAST_S = 8, 3, 30.0
MOST_CLIPS = 200
PIECE_S = 20.0  # of a clip, from its middle: more of one person teaches little
LONGEST_S = 600.0  # beyond it a clip is not decoded for the sake of 20 s
REASONS = 3  # that are told

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Refit:
    """What came of a fit.

    Args:
        own: What a map fitted on this corpus is worth on its speakers that were left out.
        before: What the shipped map is worth on the same clips.
        is_kept: Whether the new map counts from now on.
        left_out: Clips that could not be used, with the reason.
    """

    own: Figures
    before: Figures
    is_kept: bool
    left_out: dict[str, str]


def fit_sync(*, corpus: Corpus, progress: Progress = lambda what, done, total: None) -> Refit:
    """Fit on the corpus's originals, and keep the map if it is no worse than the shipped one.

    Originals are clips that were made from no other clip and by no system: they are in sync. Who
    speaks is told by their `speaker`; a clip without is taken for a speaker of its own.

    Raises:
        ValidationError: too few of them show a face and let speech be heard.
        WeightsError: pretrained weights are missing.
    """
    from learner.metrics._sync_fit import cross_validate, fit_sync_map, try_on
    from learner.metrics._sync_map import read_map
    from learner.metrics.av_sync import SHIPPED

    takes, left_out = _takes(originals_of(corpus), progress)
    _refuse_too_little(corpus, takes, left_out)
    own = cross_validate(takes, lambda done, total: progress("speakers left out", done, total))
    before = try_on(read_map(SHIPPED.read_bytes()), takes)
    is_kept = own.auc >= before.auc
    if is_kept:
        fitted = replace(fit_sync_map(takes), level=own.level)
        _write(fitted.to_bytes(f"Fitted on {len(takes)} originals of the corpus {corpus}."))
    return Refit(own, before, is_kept, left_out)


def forget_own_map() -> bool:
    """Go back to the shipped map; say whether there was another."""
    from learner.metrics.av_sync import OWN

    path = Path(settings.DUBSCORE_WEIGHTS) / OWN
    was_there = path.is_file()
    path.unlink(missing_ok=True)
    return was_there


def originals_of(corpus: Corpus) -> list[Clip]:
    """At most 200 clips that are no dubs, taking a clip of each speaker in turn."""
    clips = corpus.clips.ready().filter(source=None, system="", duration_s__lte=LONGEST_S)
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips.order_by("name"):
        by_speaker.setdefault(_speaker_of(clip), []).append(clip)
    turns = zip_longest(*by_speaker.values())
    return [clip for turn in turns for clip in turn if clip][:MOST_CLIPS]


def _speaker_of(clip: Clip) -> str:
    return clip.speaker or f"unnamed {clip.public_id}"


def _takes(clips: list[Clip], progress: Progress) -> tuple[list[Take], dict[str, str]]:
    """What can be learned from, and why the rest cannot."""
    from learner.media import Unavailable
    from learner.metrics.av_sync import AVSync

    metric = AVSync()
    metric.load(Path(settings.DUBSCORE_WEIGHTS))
    takes, left_out = [], {}
    for done, clip in enumerate(clips):
        progress("clips", done, len(clips))
        try:
            takes.append(metric.take(media_of(order_of(clip)), _speaker_of(clip), PIECE_S))
        except (Unavailable, FileNotFoundError) as reason:
            left_out[clip.name] = str(reason)
    progress("clips", len(clips), len(clips))
    return takes, left_out


def _refuse_too_little(corpus: Corpus, takes: list[Take], left_out: dict[str, str]) -> None:
    from learner.metrics._sync_features import FACE_HZ, known

    n_speakers = len({take.speaker for take in takes})
    seconds = sum(float(known(take.mouth_TM).sum()) for take in takes) / FACE_HZ
    if len(takes) >= LEAST_CLIPS and n_speakers >= LEAST_SPEAKERS and seconds >= LEAST_S:
        return
    why = "".join(f" {name}: {reason}." for name, reason in list(left_out.items())[:REASONS])
    more = f" And {len(left_out) - REASONS} more." if len(left_out) > REASONS else ""
    raise ValidationError(
        f"{len(takes)} originals of {corpus} can be used, of {n_speakers} speakers and "
        f"{seconds:.0f} s with a face; {LEAST_CLIPS}, {LEAST_SPEAKERS} and {LEAST_S:.0f} s are "
        f"needed. Originals have neither a source nor a system and last at most "
        f"{LONGEST_S / 60:.0f} min.{why}{more}"
    )


def _write(content: bytes) -> None:
    from learner.metrics.av_sync import OWN

    path = Path(settings.DUBSCORE_WEIGHTS) / OWN
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
