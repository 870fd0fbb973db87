"""A part that looks at languages sees those of both clips, and is asked again when they change."""

from __future__ import annotations

import pytest

from annotator.models import Clip
from learner.actions.extraction import inputs_key, order_of
from learner.compute.bench import media_of
from learner.registry import shelf

CARD = shelf("metric").cards()["log_f0_rmse"]


def dub_of(source: dict[str, str], dub: dict[str, str]) -> Clip:
    """Clips as the import keeps them, but for their files."""
    original = Clip(original="source.mp4", sha256="1" * 64, **source)
    return Clip(original="dub.mp4", sha256="2" * 64, source=original, **dub)


@pytest.mark.parametrize(
    ("source", "dub", "heard"),
    [
        ({}, {"source_language": "en", "target_language": "hi"}, ("hi", "en")),
        (
            {"source_language": "en", "target_language": "en"},
            {"target_language": "hi"},
            ("hi", "en"),
        ),
        ({"source_language": "en"}, {"source_language": ""}, ("", "en")),
        ({}, {"source_language": "en"}, ("", "en")),
        ({}, {}, ("", "")),
    ],
)
def test_each_clip_has_the_language_that_is_spoken_in_it(source, dub, heard):
    media = media_of(order_of(dub_of(source, dub)))
    assert (media.language, media.original.language) == heard


def test_another_language_or_text_makes_the_result_stale():
    known = {"source_language": "en", "target_language": "hi", "translation": "नमस्ते"}
    key = inputs_key(CARD, dub_of({}, known))
    assert key == inputs_key(CARD, dub_of({}, known))
    for field, value in (
        ("target_language", "ta"),
        ("source_language", "de"),
        ("translation", "अलविदा"),
        ("transcript", "Hello"),
    ):
        assert key != inputs_key(CARD, dub_of({}, {**known, field: value}))


def test_parts_that_use_no_language_are_not_asked_again():
    card = shelf("metric").cards()["speech_quality"]
    one, other = dub_of({}, {"target_language": "hi"}), dub_of({}, {"target_language": "ta"})
    assert inputs_key(card, one) == inputs_key(card, other)
