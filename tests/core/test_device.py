"""Networks compute where they are told to; nothing of them stays behind on the processor."""

from __future__ import annotations

import re

import pytest
import torch

from learner.media import ClipMedia
from learner.registry import shelf
from tests.films import write_talk
from tests.hub import save_ecapa, save_emotion2vec, save_syncnet, save_utmos
from tests.hub_models import save_all
from tests.parts import man, weights_or_skip

PARTS = [
    ("encoder", "ecapa_tdnn"),
    ("encoder", "emotion2vec"),
    ("encoder", "face_vit"),
    ("encoder", "frame_efficientnet"),
    ("encoder", "sentence_bert"),
    ("encoder", "speech_whisper"),
    ("encoder", "timesformer"),
    ("encoder", "wav2vec2"),
    ("metric", "speech_quality"),
    ("metric", "syncnet"),
    ("metric", "utmos"),
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Every part's, those of the hub small and random."""
    folder = tmp_path_factory.mktemp("weights")
    for path in weights_or_skip().iterdir():
        if path.name != "hub":
            (folder / path.name).symlink_to(path.resolve())
    for save in (save_ecapa, save_emotion2vec, save_syncnet, save_utmos, save_all):
        save(folder)
    return folder


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return write_talk(tmp_path_factory.mktemp("talk") / "talk.mp4", man(3.0))


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_all_of_a_network_is_on_the_device(weights, talk, monkeypatch, kind, name):
    """Torch's `meta` device has shapes and no numbers: what comes back from it cannot be read.

    A tensor that was left on the processor would be told before that, as on a GPU.
    """
    monkeypatch.setattr("learner.device.device", lambda: torch.device("meta"))
    monkeypatch.setattr("learner.encoders._whisper._encoder", _fresh_encoder)
    part = shelf(kind).get(name)()
    part.load(weights)
    media = ClipMedia(talk, transcript="good morning")
    with pytest.raises((NotImplementedError, RuntimeError), match="meta") as said:
        part.embed(media) if kind == "encoder" else part.score(media)
    assert not re.search("two devices|same device|expected device", str(said.value)), said.value


def _fresh_encoder(folder):
    from learner.encoders._whisper import load_encoder

    return load_encoder(folder)
