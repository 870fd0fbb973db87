"""Metrics and vectors of one clip that somebody asks about: what is kept of it, and what is not.

Nothing that is computed here is kept: neither corpus nor feature store know of it.
"""

from __future__ import annotations

from contextlib import closing
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from annotator.models import Clip
from learner.actions.extraction import inputs_key, order_of
from learner.actions.jobs import Pulse
from learner.actions.rescoring import specs_of
from learner.compute import Done, Order, engine_of
from learner.features import FeatureStore
from learner.fusion.inputs import Inputs, encoders_of
from learner.models import FusionModel, MetricScore, Scoring
from learner.registry import Card, shelf

Key = tuple[str, str]  # name and version of a part


@dataclass
class Measured:
    """What parts say of one clip, by name and version.

    Args:
        values: Of metrics.
        vectors, of_source: Of encoders, of the clip and of what it was dubbed from.
        reasons: Why there is none, by kind, name and version.
    """

    values: dict[Key, float] = field(default_factory=dict)
    vectors: dict[Key, NDArray[np.float32]] = field(default_factory=dict)
    of_source: dict[Key, NDArray[np.float32]] = field(default_factory=dict)
    reasons: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def knows(self, kind: str, name: str, version: str) -> bool:
        """Whether a part has answered, be it by a reason."""
        made = self.values if kind == "metric" else self.vectors
        return (name, version) in made or (kind, name, version) in self.reasons

    def inputs(self, model: FusionModel) -> Inputs:
        """What the model looks at; NaN where there is nothing."""
        specs = encoders_of(specs_of(model))
        return Inputs(
            encoders=specs,
            vectors={spec.name: _row(self.vectors, spec) for spec in specs},
            of_source={spec.name: _row(self.of_source, spec) for spec in specs},
        )


def _row(made: dict[Key, NDArray[np.float32]], spec: Any) -> NDArray[np.float32]:
    nothing = np.full(spec.width, np.nan, dtype=np.float32)
    return made.get((spec.name, spec.version), nothing)[None, :]


def subject_of(scoring: Scoring) -> Clip:
    """The clip as parts are to see it; made for the occasion, and never saved."""
    texts = ("transcript", "translation", "source_language")
    brought = {name: getattr(scoring, name) for name in texts if getattr(scoring, name)}
    if scoring.language:
        brought["target_language"] = scoring.language
    if scoring.clip:
        clip = copy(scoring.clip)
        clip.source = scoring.clip.source
    else:
        clip = Clip(public_id=scoring.public_id, name=scoring.name, original=scoring.file.name)
    for name, value in brought.items():
        setattr(clip, name, value)
    if scoring.source or scoring.source_file:
        clip.source = scoring.source or _source_of(scoring)
    if clip.source and not clip.source.original:  # known from ratings alone
        clip.source = None
    return clip


def _source_of(scoring: Scoring) -> Clip:
    return Clip(
        public_id=f"{scoring.public_id}-source",
        name="source",
        sha256=scoring.public_id,  # unlike that of any kept result
        original=scoring.source_file.name,
        transcript=scoring.transcript,
        source_language=scoring.source_language,
        target_language=scoring.source_language,
    )


def measure(clip: Clip, model: FusionModel, pulse: Pulse) -> Measured:
    """Take what is kept of a clip, and ask every part that is set up for the rest."""
    cards = {kind: shelf(kind).set_up() for kind in ("metric", "encoder")}
    wanted = _wanted(cards["encoder"], model)
    found = Measured()
    if clip.pk:
        _take_kept(found, clip, cards["metric"], wanted)
    if clip.source and clip.source.pk:
        for key, card in wanted.items():
            kept = _kept_vector(clip.source, key, card)
            if kept is not None and kept.vector is not None:
                found.of_source[key] = kept.vector
    orders = _orders(clip, found, cards)
    if orders:
        _ask(orders, clip, found, cards, pulse)
    return found


def _wanted(encoders: dict[str, Card], model: FusionModel) -> dict[Key, Card | None]:
    """Every encoder that is set up, and those of the model, which may be of other versions."""
    wanted: dict[Key, Card | None] = {
        (spec.name, spec.version): None for spec in encoders_of(specs_of(model))
    }
    return wanted | {(name, card.version): card for name, card in encoders.items()}


def _take_kept(
    found: Measured, clip: Clip, metrics: dict[str, Card], encoders: dict[Key, Card | None]
) -> None:
    for row in MetricScore.objects.filter(clip_id=clip.pk):
        card = metrics.get(row.metric)
        is_current = card is None or card.version != row.version
        if not is_current and row.inputs_key != inputs_key(card, clip):
            continue
        if row.value is None:
            found.reasons["metric", row.metric, row.version] = row.error
        else:
            found.values[row.metric, row.version] = row.value
    for key, encoder in encoders.items():
        kept = _kept_vector(clip, key, encoder)
        if kept is not None and kept.vector is not None:
            found.vectors[key] = kept.vector
        elif kept is not None and kept.error:
            found.reasons["encoder", *key] = kept.error


def _kept_vector(clip: Clip, key: Key, card: Card | None) -> Any:
    """The row of a clip, where it was made of what the clip is now."""
    kept = FeatureStore(*key).of(clip.public_id)
    is_stale = kept is not None and card is not None and kept.inputs != inputs_key(card, clip)
    return None if is_stale else kept


def _orders(clip: Clip, found: Measured, cards: dict[str, dict[str, Card]]) -> list[Order]:
    """What is missing, of the source first: it is the shorter way to hear that a file is lost."""
    missing = {
        kind: [name for name, card in of_kind.items() if not found.knows(kind, name, card.version)]
        for kind, of_kind in cards.items()
    }
    of_source = [
        name
        for name, card in cards["encoder"].items()
        if clip.source and (name, card.version) not in found.of_source
    ]
    orders = [order_of(clip.source, (), of_source)] if clip.source and of_source else []
    if any(missing.values()):
        orders.append(order_of(clip, missing["metric"], missing["encoder"]))
    return orders


def _ask(
    orders: list[Order],
    clip: Clip,
    found: Measured,
    cards: dict[str, dict[str, Card]],
    pulse: Pulse,
) -> None:
    engine = engine_of(
        settings.DUBSCORE_ENGINE, settings.DUBSCORE_WEIGHTS, settings.DUBSCORE_PROCESSES
    )
    n_parts = sum(len(order.parts) for order in orders)
    with closing(engine.run(orders, pulse.check)) as answered:
        done_parts = 0
        for done in answered:
            _take(done, done.clip == clip.public_id, found, cards)
            done_parts += len(done.answers)
            pulse.progress(0.1 + 0.8 * done_parts / n_parts, f"{done_parts} of {n_parts} parts")


def _take(done: Done, is_subject: bool, found: Measured, cards: dict[str, dict[str, Card]]) -> None:
    for answer in done.answers:
        key = (answer.name, cards[answer.kind][answer.name].version)
        if not is_subject:
            if answer.vector is not None:
                found.of_source[key] = answer.vector
        elif answer.vector is not None:
            found.vectors[key] = answer.vector
        elif answer.value is not None:
            found.values[key] = answer.value
        else:
            found.reasons[answer.kind, *key] = answer.error
