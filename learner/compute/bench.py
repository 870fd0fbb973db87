"""The bench of one process: parts loaded once, clips decoded once, one answer a part.

A part may have two class methods. `expect(media)` says which pictures it will ask for, so that the
film is decoded once for all parts. `prepare(media, weights)` does what it needs before its own
network is asked, such as faces or pitch, kept by `media.once`. Both run ahead of the networks, in
another thread or on another machine; `embed` and `score` find it there.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from learner.compute.orders import FAULT, LOST, Answer, Done, Order, Source
from learner.media import ClipMedia, Unavailable
from learner.media.clip import MOST_KEPT_BYTES, Reel
from learner.registry import shelf

ERROR_TAIL = 600


class Bench:
    """Parts of one process, each loaded when it is first needed.

    Args:
        weights: The folder of pretrained weights.
    """

    def __init__(self, weights: Path) -> None:
        self.weights = weights
        self._parts: dict[tuple[str, str], Any] = {}

    def part(self, kind: str, name: str) -> Any:
        """The part, loaded.

        Raises:
            WeightsError: its weights are missing or altered.
        """
        key = (kind, name)
        if key not in self._parts:
            part = shelf(kind).get(name)()
            part.load(self.weights)
            self._parts[key] = part
        return self._parts[key]

    def load(self, order: Order) -> None:
        """Load the parts of an order."""
        for kind, name in order.parts:
            self.part(kind, name)

    def answer(self, order: Order, media: ClipMedia, prepare_s: float = 0.0) -> Done:
        """Ask every part; what one cannot say, or fails at, keeps no other from being asked."""
        return Done(
            order.clip,
            [self._answer(kind, name, media) for kind, name in order.parts],
            prepare_s,
        )

    def _answer(self, kind: str, name: str, media: ClipMedia) -> Answer:
        part = self.part(kind, name)
        started = time.perf_counter()
        try:
            said = _said(part, kind, media)
            return Answer(kind, name, **said, seconds=time.perf_counter() - started)
        except Unavailable as reason:
            error = str(reason)
        except FileNotFoundError as lost:
            error = f"{LOST}: {lost.filename or lost}"
        except Exception:  # one clip's fault: kept with its trace, and tried again when asked
            error = f"{FAULT}: {traceback.format_exc()[-ERROR_TAIL:]}"
        return Answer(kind, name, error=error, seconds=time.perf_counter() - started)


def _said(part: Any, kind: str, media: ClipMedia) -> dict[str, Any]:
    """The fields of an answer.

    Raises:
        ArithmeticError: it gave something that is no number, or not as many as its card says.
    """
    if kind == "encoder":
        vector = np.asarray(part.embed(media), dtype=np.float32)
        if vector.shape != (part.card.width,):
            raise ArithmeticError(
                f"{part.card.name} gave a vector of shape {vector.shape}; its card says "
                f"({part.card.width},)"
            )
        if not np.isfinite(vector).all():
            raise ArithmeticError(
                f"{part.card.name} gave a vector with entries that are no numbers"
            )
        return {"vector": vector}
    value = float(part.score(media))
    if not np.isfinite(value):
        raise ArithmeticError(f"{part.card.name} gave {value}, which is no number")
    details = part.details(media) if hasattr(part, "details") else {}
    return {"value": value, "details": details}


def prepared(order: Order, weights: Path, most_bytes: int = MOST_KEPT_BYTES) -> ClipMedia:
    """The clip with what its parts need decoded and found, as far as it can be; loads no part.

    What is not to be had is not told here: the part that needs it says so.

    Args:
        order: What is wanted.
        weights: The folder of pretrained weights.
        most_bytes: Of pictures that are kept for several parts.
    """
    media = media_of(order, most_bytes)
    parts = [shelf(kind).get(name) for kind, name in order.parts]
    for part in parts:
        if hasattr(part, "expect"):
            _try(partial(part.expect, media))
    for part in parts:
        _try(partial(_decode, media, part.card.needs))
        if hasattr(part, "prepare"):
            _try(partial(part.prepare, media, weights))
    _try(media.wind)
    return media


def media_of(order: Order, most_bytes: int = MOST_KEPT_BYTES) -> ClipMedia:
    """A clip as parts see it."""
    media = _media(order.file, Reel(most_bytes))
    if order.source:
        media.source = _media(order.source, Reel(most_bytes))
    return media


def _media(file: Source, reel: Reel) -> ClipMedia:
    said = (file.transcript, file.translation)
    return ClipMedia(Path(file.path), *said, language=file.language, _reel=reel)


def _decode(media: ClipMedia, needs: tuple[str, ...]) -> None:
    if "speech" in needs:
        media.speech  # noqa: B018 (asked for so that it is kept)
    if "source_speech" in needs:
        media.original.speech  # noqa: B018


def _try(ask: Callable[[], object]) -> None:
    with suppress(Exception):  # the part meets it again, and its answer says so
        ask()
