"""Computing what is missing of a corpus: metrics into rows, features into shards."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from annotator.models import Clip, Corpus
from learner.actions.jobs import Pulse, enqueue, finish, running
from learner.compute import ENGINES, Answer, Done, Order, Source, engine_of
from learner.features import Feature, FeatureStore
from learner.models import Extraction, Job, MetricScore
from learner.registry import Card, shelf

KEEP_EVERY = 8  # clips after which metrics are written


def queue_extraction(
    *,
    corpus: Corpus,
    metrics: Iterable[str] = (),
    encoders: Iterable[str] = (),
    engine: str = "",
    is_retry: bool = False,
) -> Extraction:
    """Queue one pass over a corpus, or give the one that is already under way.

    Args:
        corpus: Whose clips.
        metrics, encoders: Names of parts; with none of either, every part that is set up.
        engine: `local` or `ray`; by default the setting's.
        is_retry: Whether parts that had no answer for a clip are asked again.

    Raises:
        ValidationError: a part is not on the shelf, or there is no such engine.
    """
    config = {"metrics": list(metrics), "encoders": list(encoders), "engine": engine}
    for kind, names in (("metric", config["metrics"]), ("encoder", config["encoders"])):
        for name in names:
            _on_shelf(kind, name)
    if engine and engine not in ENGINES:
        raise ValidationError(f"There is no engine {engine!r}. There are: {', '.join(ENGINES)}.")
    under_way = corpus.extractions.unfinished().first()
    if under_way is not None:
        return under_way
    try:
        with transaction.atomic():
            extraction = Extraction.objects.create(corpus=corpus, config=config)
    except IntegrityError:  # another page was faster
        return corpus.extractions.unfinished().get()
    if is_retry:
        _forget_reasons(extraction)
    enqueue(extraction)
    return extraction


def _on_shelf(kind: str, name: str) -> None:
    try:
        shelf(kind).get(name)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _forget_reasons(extraction: Extraction) -> None:
    """Make every answer that is a reason stale, so that the part is asked again."""
    corpus = extraction.corpus
    scores = MetricScore.objects.filter(clip__corpus=corpus).exclude(error="")
    chosen = _chosen(extraction)
    scores.filter(metric__in=list(chosen["metric"])).update(inputs_key="")
    ids = set(corpus.clips.values_list("public_id", flat=True))
    for name, card in chosen["encoder"].items():
        store = FeatureStore(name, card.version)
        reasons = {clip: why for clip, why in store.errors().items() if clip in ids}
        store.add([Feature(clip, "", None, why) for clip, why in sorted(reasons.items())])


def run_extraction(pk: int) -> None:
    """Compute what is missing, resuming where an earlier worker stopped."""
    extraction, total = Extraction.objects.select_related("corpus").get(pk=pk), 0
    with running(extraction) as pulse:
        if pulse is None:
            return
        work = _Work.planned(extraction)
        total = len(work.todo)
        engine = engine_of(
            extraction.config.get("engine") or settings.DUBSCORE_ENGINE,
            settings.DUBSCORE_WEIGHTS,
            settings.DUBSCORE_PROCESSES,
        )
        started = time.monotonic()
        pulse.progress(0.0, _words(0, total, started))
        try:
            with closing(engine.run(work.orders(), pulse.check)) as answered:
                for number, done in enumerate(answered, start=1):
                    work.take(done, pulse)
                    pulse.progress(number / total, _words(number, total, started))
        finally:  # also when it is to stop, or a part cannot be loaded
            work.keep_rest(pulse)
        finish(pulse, work.summary())
    extraction.refresh_from_db()
    if total and extraction.state == Job.State.DONE:
        from learner.actions.rescoring import rescore_corpus

        rescore_corpus(corpus=extraction.corpus)


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
    """What is missing of a corpus, and what has been made of it but not yet kept.

    A block is some clips that follow one another in the corpus; its features become shards when its
    last clip is done, so that a pass that was cut off and taken up again ends with the same shards.
    """

    cards: dict[str, dict[str, Card]]
    todo: list[Clip]
    missing: dict[int, dict[str, list[str]]]
    block_of: dict[int, int]
    waiting: dict[int, set[int]]
    scores: list[MetricScore] = field(default_factory=list)
    features: dict[int, dict[str, dict[int, Feature]]] = field(default_factory=dict)
    n_without: int = 0

    @classmethod
    def planned(cls, extraction: Extraction) -> _Work:
        """Look what is there, and list what is not."""
        cards = _chosen(extraction)
        clips = list(extraction.corpus.clips.with_file().select_related("source").order_by("pk"))
        missing: dict[int, dict[str, list[str]]] = {
            clip.pk: {"metric": [], "encoder": []} for clip in clips
        }
        for name, card in cards["metric"].items():
            rows = MetricScore.objects.filter(
                clip__corpus=extraction.corpus, metric=name, version=card.version
            )
            known = dict(rows.values_list("clip__public_id", "inputs_key"))
            _note(missing, clips, card, "metric", known)
        for name, card in cards["encoder"].items():
            _note(missing, clips, card, "encoder", FeatureStore(name, card.version).known())
        todo = [clip for clip in clips if any(missing[clip.pk].values())]
        block_of = {
            clip.pk: place // settings.DUBSCORE_SHARD_CLIPS for place, clip in enumerate(clips)
        }
        waiting: dict[int, set[int]] = {}
        for clip in todo:
            waiting.setdefault(block_of[clip.pk], set()).add(clip.pk)
        return cls(cards, todo, missing, block_of, waiting)

    def __post_init__(self) -> None:
        self.by_id = {clip.public_id: clip for clip in self.todo}

    def orders(self) -> Iterable[Order]:
        """What the engine is to do, in the order of the corpus."""
        for clip in self.todo:
            wanted = self.missing[clip.pk]
            yield order_of(clip, wanted["metric"], wanted["encoder"])

    def take(self, done: Done, pulse: Pulse) -> None:
        """Keep the answers to one order, at once or with others."""
        clip = self.by_id[done.clip]
        block = self.block_of[clip.pk]
        for answer in done.answers:
            self.n_without += bool(answer.error)
            card = self.cards[answer.kind][answer.name]
            key = inputs_key(card, clip) if answer.is_final else ""
            if answer.kind == "metric":
                self.scores.append(_row(clip, card, key, answer))
            else:
                made = Feature(clip.public_id, key, answer.vector, answer.error)
                self.features.setdefault(block, {}).setdefault(answer.name, {})[clip.pk] = made
        self.waiting[block].discard(clip.pk)
        if not self.waiting[block]:
            self._keep_features(block, pulse)
        if len(self.scores) >= KEEP_EVERY * max(1, len(self.cards["metric"])):
            self.keep_scores(pulse)

    def keep_scores(self, pulse: Pulse) -> None:
        """Write rows, while the job is still this worker's."""
        with transaction.atomic():
            pulse.write()
            MetricScore.objects.bulk_create(
                self.scores,
                update_conflicts=True,
                unique_fields=["clip", "metric", "version"],
                update_fields=["inputs_key", "value", "details", "error", "computed_at"],
            )
        self.scores = []

    def keep_rest(self, pulse: Pulse) -> None:
        """Write what is there, blocks that are not whole as well."""
        for block in sorted(self.features):
            self._keep_features(block, pulse)
        self.keep_scores(pulse)

    def _keep_features(self, block: int, pulse: Pulse) -> None:
        """One shard an encoder, of all that was missing in a block."""
        pulse.write()  # raises where the job has become another's
        for name, made in sorted(self.features.pop(block, {}).items()):
            features = [feature for _, feature in sorted(made.items())]
            FeatureStore(name, self.cards["encoder"][name].version).add(features)

    def summary(self) -> str:
        """What came of it, in words."""
        if not self.todo:
            return "Nothing was missing"
        clips = f"{len(self.todo)} clips computed"
        return f"{clips}, {self.n_without} answers are reasons" if self.n_without else clips


def _chosen(extraction: Extraction) -> dict[str, dict[str, Card]]:
    """Cards of the parts that were asked for, or of all that are set up."""
    config = extraction.config
    asked = {"metric": config.get("metrics"), "encoder": config.get("encoders")}
    if not any(asked.values()):
        return {kind: shelf(kind).set_up() for kind in asked}
    return {
        kind: {name: card for name, card in shelf(kind).cards().items() if name in (names or ())}
        for kind, names in asked.items()
    }


def _row(clip: Clip, card: Card, key: str, answer: Answer) -> MetricScore:
    return MetricScore(
        clip=clip,
        metric=card.name,
        version=card.version,
        inputs_key=key,
        value=answer.value,
        details=answer.details,
        error=answer.error,
    )


def _note(
    missing: dict[int, dict[str, list[str]]],
    clips: list[Clip],
    card: Card,
    kind: str,
    known: dict[str, str],
) -> None:
    for clip in clips:
        if known.get(clip.public_id) != inputs_key(card, clip):
            missing[clip.pk][kind].append(card.name)


def order_of(clip: Clip, metrics: Iterable[str] = (), encoders: Iterable[str] = ()) -> Order:
    """What parts are to see of a clip: the original file, its texts, and its source."""
    file = Source(clip.original.path, clip.transcript, clip.translation, language_of(clip))
    source = None
    if clip.source:
        said = clip.source
        source = Source(
            said.original.path, said.transcript, said.translation, _source_language(clip)
        )
    return Order(clip.public_id, file, source, tuple(metrics), tuple(encoders))


def language_of(clip: Clip) -> str:
    """What is spoken in a clip; of a source, importing writes it into both of its fields."""
    return clip.target_language or ("" if clip.source else clip.source_language)


def _source_language(clip: Clip) -> str:
    """What is spoken in the source of a clip; what the dub says of it goes first."""
    return clip.source_language or (language_of(clip.source) if clip.source else "")
