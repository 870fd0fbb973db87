"""UTMOS reads its checkpoint as several publish it, and says what its own network says."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import torch

from learner.media import Unavailable
from learner.metrics import utmos
from learner.metrics._utmos import LISTENER, Utmos
from learner.metrics.utmos import UTMOS
from learner.weights import WeightsError
from tests.hub import save_utmos, utmos_shapes, utmos_tensors
from tests.parts import man, sounding, woman

SHORTER = {
    "feature_extractors.0.ssl_model.": "wav2vec2.",
    "output_layers.0.decoder_rnn.": "blstm.",
    "output_layers.1.net.0.": "projection.0.",
    "output_layers.1.net.3.": "projection.2.",
}
DOMAINS = "feature_extractors.1.embedding.weight"
LISTENERS = "output_layers.0.judge_embedding.weight"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_utmos(folder)
    return folder


def loaded(weights) -> UTMOS:
    metric = UTMOS()
    metric.load(weights)
    return metric


def put(weights, name, content) -> None:
    path = weights / "hub" / "utmos" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def by_shorter_names(tensors):
    """As SpeechMOS names them, with one row each of tests and listeners."""
    named = {"domain_emb": tensors[DOMAINS][:1], "judge_emb": tensors[LISTENERS][288:289]}
    for name, tensor in tensors.items():
        for long, short in SHORTER.items():
            if name.startswith(long):
                named[short + name.removeprefix(long)] = tensor
    return named


# Setting up


def test_it_is_ready_when_its_checkpoint_is_there(tmp_path):
    assert not UTMOS.is_ready(tmp_path)
    assert UTMOS.fingerprint(tmp_path) == ""
    with pytest.raises(WeightsError, match="utmos is not set up: put the checkpoint of UTMOS"):
        UTMOS().load(tmp_path)
    save_utmos(tmp_path)
    assert UTMOS.is_ready(tmp_path)


def test_other_weights_are_another_version(tmp_path):
    path = save_utmos(tmp_path)
    before = UTMOS.fingerprint(tmp_path)
    content = torch.load(path)
    content["output_layers.1.net.3.bias"] += 0.1
    torch.save(content, path)
    assert before != UTMOS.fingerprint(tmp_path) != ""


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = save_utmos(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=f"{path.name} cannot be read"):
        UTMOS().load(tmp_path)


def without(name):
    return {key: one for key, one in utmos_tensors().items() if name not in key}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"lstm.weight": torch.zeros(3)}, "is no checkpoint of Utmos: 'blstm"),
        ({"epoch": 3}, "holds no tensors"),
        (without("layers.1.fc2"), r"encoder\.layers\.1\.feed_forward\.output_dense"),
        (without("ssl_model"), r"is no checkpoint of Utmos: 'feature_extractor"),
        # Another size of Wav2Vec 2.0 has biases in its convolutions and normalises every layer.
        (
            utmos_tensors()
            | {
                "feature_extractors.0.ssl_model.feature_extractor.conv_layers.1.0.bias": torch.ones(
                    16
                )
            },
            r"conv_layers\.1\.conv\.bias",
        ),
        # The variant that reads phonemes.
        (
            utmos_tensors() | {"feature_extractors.1.encoder.weight_ih_l0": torch.zeros(4, 4)},
            r"feature_extractors\.1\.encoder\.weight_ih_l0",
        ),
        (utmos_tensors() | {LISTENERS: torch.zeros(300, 7)}, "hears 140 numbers, not 141"),
        (utmos_tensors(listeners=288), "judge_embedding.weight has 288 rows; row 288 is needed"),
    ],
)
def test_the_checkpoint_of_something_else_is_refused_by_what_is_wrong(tmp_path, content, words):
    put(tmp_path, "model.ckpt", content)
    with pytest.raises(WeightsError, match=words):
        UTMOS().load(tmp_path)


def test_published_sizes_have_the_published_number_of_weights():
    shapes = utmos_shapes(768, 512, 3072, 128, 12, 512, 2048, 128, 3000)
    assert len(shapes) == 225
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 103_156_225 + 768
    with torch.device("meta"):
        network = Utmos({name: torch.zeros(shape) for name, shape in shapes.items()})
    spare = 2 * 128 + 2999 * 128  # of tests and listeners that are not asked
    assert sum(each.numel() for each in network.parameters()) == 103_156_225 - spare


# Asking


@pytest.mark.parametrize(
    ("wave", "mos_raw"), [(man(3), 3.657968), (woman(3), 3.970377), (man(1.013), 3.629157)]
)
def test_scores_are_those_of_a_published_program(weights, tmp_path, wave, mos_raw):
    # utmos-pytorch 0.1.0's own classes in these sizes on the same samples and weights.
    score = loaded(weights).score(sounding(tmp_path / "a.wav", wave))
    assert score == pytest.approx(mos_raw, abs=1e-4)


@pytest.mark.parametrize("name", utmos.FILES)
def test_every_publishers_form_gives_the_same(weights, tmp_path, name):
    tensors = utmos_tensors()
    content = {
        "utmos22_strong_step7459_v1.pt": by_shorter_names(tensors),
        "utmos_state_dict.pt": without("mask_emb"),
        "epoch=3-step=7459.ckpt": {
            "state_dict": tensors,
            "hyper_parameters": {"cfg": argparse.Namespace(lr=0.1)},
            "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}],
        },
        "model.ckpt": {"state_dict": tensors, "epoch": 3},
    }[name]
    put(tmp_path, name, content)
    media = sounding(tmp_path / "a.wav", woman(1.5))
    assert loaded(tmp_path).score(media) == loaded(weights).score(media)


def test_it_answers_for_the_mean_listener_of_the_main_test(weights, tmp_path):
    media, tensors = sounding(tmp_path / "a.wav", man(1.5)), utmos_tensors()
    before = loaded(weights).score(media)
    tensors[LISTENERS][:LISTENER] = 0
    tensors[LISTENERS][LISTENER + 1 :] = 0
    tensors[DOMAINS][1:] = 0
    put(tmp_path, "model.ckpt", tensors)
    assert loaded(tmp_path).score(media) == before
    tensors[LISTENERS][LISTENER] += 1
    put(tmp_path, "model.ckpt", tensors)
    assert loaded(tmp_path).score(media) != before


def test_a_long_clip_is_heard_in_pieces_that_count_by_their_frames(weights, tmp_path, monkeypatch):
    metric = loaded(weights)
    waves = {"man": man(2.0), "woman": woman(2.0)}
    alone = [metric.score(sounding(tmp_path / f"{one}.wav", wave)) for one, wave in waves.items()]
    monkeypatch.setattr(utmos, "LONGEST", 32_000)
    both = metric.score(sounding(tmp_path / "both.wav", np.concatenate(list(waves.values()))))
    assert both == pytest.approx(np.mean(alone), abs=1e-5)
    assert alone[0] != pytest.approx(alone[1], abs=0.1)


def test_a_syllable_is_not_judged(weights, tmp_path):
    with pytest.raises(Unavailable, match=r"0\.90 s of audio; naturalness needs at least 1\.0 s"):
        loaded(weights).score(sounding(tmp_path / "a.wav", man(0.9)))
