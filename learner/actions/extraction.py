"""Computing what is missing of a corpus: metrics into rows, features into shards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from annotator.models import Clip, Corpus
from learner.actions.jobs import Pulse, enqueue, finish, running
from learner.features import Feature, FeatureStore
from learner.models import Extraction, MetricScore
from learner.registry import Card, shelf

LOST = "a file of the clip is lost"
FLUSH_EVERY = 8  # clips whose work may be lost when a worker dies


def queue_extraction(
    *, corpus: Corpus, metrics: Iterable[str] = (), encoders: Iterable[str] = ()
) -> Extraction:
    """Queue one pass over a corpus, or give the one that is already under way.

    Raises:
        ValidationError: a part is not on the shelf.
    """
    config = {"metrics": list(metrics), "encoders": list(encoders)}
    for kind, names in (("metric", config["metrics"]), ("encoder", config["encoders"])):
        for name in names:
            _on_shelf(kind, name)
    under_way = corpus.extractions.unfinished().first()
    if under_way is not None:
        return under_way
    try:
        with transaction.atomic():
            extraction = Extraction.objects.create(corpus=corpus, config=config)
    except IntegrityError:  # another page was faster
        return corpus.extractions.unfinished().get()
    enqueue(extraction)
    return extraction


def _on_shelf(kind: str, name: str) -> None:
    try:
        shelf(kind).get(name)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def run_extraction(pk: int) -> None:
    """Compute what is missing, clip by clip, resuming where an earlier worker stopped."""
    extraction = Extraction.objects.select_related("corpus").get(pk=pk)
    with running(extraction) as pulse:
        if pulse is None:
            return
        work = _Work.planned(extraction)
        total = len(work.todo)
        started = time.monotonic()
        for done, clip in enumerate(work.todo):
            pulse.progress(done / max(1, total), _words(done, total, started))
            work.do(clip)
            if (done + 1) % FLUSH_EVERY == 0:
                work.flush(pulse)
        work.flush(pulse)
        finish(pulse, f"{total} clips computed" if total else "Nothing was missing")


def _words(done: int, total: int, started: float) -> str:
    if done == 0:
        return f"0 of {total} clips, loading models"
    left_s = (time.monotonic() - started) / done * (total - done)
    return f"{done} of {total} clips, about {left_s:.0f} s left"


def inputs_key(card: Card, clip: Clip) -> str:
    """A hash of everything a part looks at: a change in any of it makes the result stale."""
    source = clip.source
    looked_at = {
        "speech": clip.sha256,
        "frames": clip.sha256,
        "source_speech": source.sha256 if source else "",
        "text": clip.translation or clip.transcript,
        "source_text": clip.transcript or (source.transcript if source else ""),
        "language": language_of(clip),
        "source_language": _source_language(clip),
    }
    words = "\x00".join(looked_at[one] for one in (*card.needs, *card.uses))
    return sha256(words.encode()).hexdigest()


@dataclass
class _Work:
    """What is missing of a corpus, and what has been made of it but not yet kept."""

    metrics: dict[str, Any]
    encoders: dict[str, Any]
    todo: list[Clip]
    missing: dict[int, set[str]]
    scores: list[MetricScore] = field(default_factory=list)
    features: dict[str, list[Feature]] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)

    @classmethod
    def planned(cls, extraction: Extraction) -> _Work:
        """Look what is there, and list what is not."""
        config = extraction.config
        chosen = {
            kind: {
                name: part()
                for name, part in shelf(kind).parts.items()
                if (name in asked if (asked := config.get(f"{kind}s")) else _is_ready(part))
            }
            for kind in ("metric", "encoder")
        }
        clips = list(extraction.corpus.clips.select_related("source").order_by("name"))
        missing: dict[int, set[str]] = {clip.pk: set() for clip in clips}
        for name, part in chosen["metric"].items():
            rows = MetricScore.objects.filter(
                clip__corpus=extraction.corpus, metric=name, version=part.card.version
            )
            known = dict(rows.values_list("clip__public_id", "inputs_key"))
            _note(missing, clips, part.card, known)
        for name, part in chosen["encoder"].items():
            _note(missing, clips, part.card, FeatureStore(name, part.card.version).known())
        todo = [clip for clip in clips if missing[clip.pk]]
        return cls(chosen["metric"], chosen["encoder"], todo, missing)

    def do(self, clip: Clip) -> None:
        """Compute all that is missing of one clip, decoding it once."""
        media = media_of(clip)
        for name in sorted(self.missing[clip.pk]):
            if name in self.metrics:
                value, error = self._ask(name, self.metrics[name], lambda p: p.score(media))
                self.scores.append(self._row(clip, name, value, error))
            else:
                value, error = self._ask(name, self.encoders[name], lambda p: p.embed(media))
                key = _key(self.encoders[name].card, clip, error)
                self.features.setdefault(name, []).append(
                    Feature(clip.public_id, key, value, error)
                )

    def _ask(self, name: str, part: Any, question: Callable[[Any], Any]) -> tuple[Any, str]:
        from learner.media import Unavailable

        if name not in self.loaded:
            part.load(settings.DUBSCORE_WEIGHTS)
            self.loaded.add(name)
        try:
            return question(part), ""
        except Unavailable as reason:
            return None, str(reason)
        except FileNotFoundError as lost:
            return None, f"{LOST}: {lost.filename}"

    def _row(self, clip: Clip, name: str, value: float | None, error: str) -> MetricScore:
        card = self.metrics[name].card
        return MetricScore(
            clip=clip,
            metric=name,
            version=card.version,
            inputs_key=_key(card, clip, error),
            value=value,
            error=error,
        )

    def flush(self, pulse: Pulse) -> None:
        """Keep what has been made, while the job is still this worker's."""
        with transaction.atomic():
            pulse.write()
            MetricScore.objects.bulk_create(
                self.scores,
                update_conflicts=True,
                unique_fields=["clip", "metric", "version"],
                update_fields=["inputs_key", "value", "error", "computed_at"],
            )
        for name, features in self.features.items():
            FeatureStore(name, self.encoders[name].card.version).add(features)
        self.scores, self.features = [], {}


def _is_ready(part: type[Any]) -> bool:
    """Whether a part can be loaded: one whose weights the user brings may not be set up."""
    asked = getattr(part, "is_ready", None)
    return asked is None or asked(settings.DUBSCORE_WEIGHTS)


def _key(card: Card, clip: Clip, error: str) -> str:
    """Under which inputs a result is kept; a lost file is looked for again by the next pass."""
    return "" if error.startswith(LOST) else inputs_key(card, clip)


def _note(
    missing: dict[int, set[str]], clips: list[Clip], card: Card, known: dict[str, str]
) -> None:
    for clip in clips:
        if known.get(clip.public_id) != inputs_key(card, clip):
            missing[clip.pk].add(card.name)


def media_of(clip: Clip) -> Any:
    """A clip as parts see it: the original file, its texts, and its source."""
    from pathlib import Path

    from learner.media import ClipMedia

    source = media_of(clip.source) if clip.source else None
    if source is not None:
        source.language = _source_language(clip)
    return ClipMedia(
        Path(clip.original.path), clip.transcript, clip.translation, source, language_of(clip)
    )


def language_of(clip: Clip) -> str:
    """What is spoken in a clip; of a source, importing writes it into both of its fields."""
    return clip.target_language or ("" if clip.source else clip.source_language)


def _source_language(clip: Clip) -> str:
    """What is spoken in the source of a clip; what the dub says of it goes first."""
    return clip.source_language or (language_of(clip.source) if clip.source else "")
