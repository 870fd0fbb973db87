"""The paper's speaker and emotion encoders read checkpoints as others publish them."""

from __future__ import annotations

import argparse
import sys
import types

import numpy as np
import pytest
import torch

from learner.encoders import ecapa_tdnn, emotion2vec
from learner.encoders._ecapa import EcapaTDNN as EcapaNetwork
from learner.encoders._emotion2vec import Emotion2vec as EmotionNetwork
from learner.encoders._emotion2vec import slopes
from learner.encoders.ecapa_tdnn import EcapaTDNN
from learner.encoders.emotion2vec import Emotion2vec
from learner.media import Unavailable
from learner.weights import WeightsError
from tests.hub import ecapa_shapes, emotion2vec_shapes, save_ecapa, save_emotion2vec
from tests.parts import RATE_HZ, man, sounding, woman

BOTH = pytest.mark.parametrize(
    ("part", "save"), [(EcapaTDNN, save_ecapa), (Emotion2vec, save_emotion2vec)]
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    save_ecapa(folder)
    save_emotion2vec(folder)
    return folder


def loaded(part, weights):
    encoder = part()
    encoder.load(weights)
    return encoder


# Setting up


@BOTH
def test_an_encoder_is_ready_when_its_checkpoint_is_there(tmp_path, part, save):
    assert not part.is_ready(tmp_path)
    with pytest.raises(WeightsError, match="is not set up: put the checkpoint of"):
        part().load(tmp_path)
    save(tmp_path)
    assert part.is_ready(tmp_path)


@BOTH
def test_a_damaged_checkpoint_is_named(tmp_path, part, save):
    path = save(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=f"{path.name} cannot be read"):
        part().load(tmp_path)


@BOTH
def test_the_checkpoint_of_something_else_is_named(tmp_path, part, save):
    path = save(tmp_path)
    torch.save({"lstm.weight": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"is no checkpoint of"):
        part().load(tmp_path)
    torch.save({"epoch": 3}, path)
    with pytest.raises(WeightsError, match="holds no tensors"):
        part().load(tmp_path)


@pytest.mark.parametrize(
    ("part", "save", "sizes", "width"),
    [
        (EcapaTDNN, save_ecapa, {"width": 64}, 64),
        (Emotion2vec, save_emotion2vec, {"width": 96, "heads": 4}, 96),
    ],
)
def test_another_size_is_refused_in_numbers(tmp_path, part, save, sizes, width):
    save(tmp_path, **sizes)
    with pytest.raises(WeightsError, match=f"gives vectors of {width} numbers, not"):
        part().load(tmp_path)


def test_a_tensor_that_is_missing_or_too_many_is_named(tmp_path, weights):
    path = save_ecapa(tmp_path)
    content = torch.load(path)
    torch.save({**content, "blocks.9.conv.conv.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"blocks\.9\.conv"):
        EcapaTDNN().load(tmp_path)
    del content["asp_bn.norm.running_mean"]
    torch.save(content, path)
    with pytest.raises(WeightsError, match=r"asp_bn\.norm\.running_mean"):
        EcapaTDNN().load(tmp_path)


def test_published_sizes_have_the_published_number_of_weights():
    with torch.device("meta"):
        shapes = ecapa_shapes(1024, 3072, 128)
        ecapa = EcapaNetwork({name: torch.zeros(shape) for name, shape in shapes.items()})
    assert len(shapes) == 231
    assert sum(each.numel() for each in ecapa.parameters()) == 20_767_552
    shapes = emotion2vec_shapes(768, 12, 512, 3072, 19, 4, 8)
    with torch.device("meta"):
        emotion = EmotionNetwork({name: torch.zeros(shape) for name, shape in shapes.items()})
    assert sum(each.numel() for each in emotion.parameters()) == 93_171_212


# Who speaks


def test_voices_are_those_of_speechbrains_own_class(weights, tmp_path):
    # speechbrain 1.1.2's Fbank, InputNormalization and ECAPA_TDNN on the same samples and weights.
    encoder = loaded(EcapaTDNN, weights)
    low = encoder.embed(sounding(tmp_path / "low.wav", man()))
    high = encoder.embed(sounding(tmp_path / "high.wav", woman()))
    np.testing.assert_allclose(
        low[[71, 1, 190, 39]], [0.30434, -0.23444, 0.17292, 0.17108], atol=1e-4
    )
    np.testing.assert_allclose(
        high[[71, 1, 190, 39]], [0.30471, -0.22459, 0.17727, 0.17219], atol=1e-4
    )
    assert np.linalg.norm(low) == pytest.approx(1, abs=1e-5)


def test_a_long_voice_is_heard_in_pieces(weights, tmp_path, monkeypatch):
    encoder = loaded(EcapaTDNN, weights)
    once = encoder.embed(sounding(tmp_path / "once.wav", man(2.0)))
    monkeypatch.setattr(ecapa_tdnn, "LONGEST", 2 * RATE_HZ)
    twice = encoder.embed(sounding(tmp_path / "twice.wav", np.tile(man(2.0), 2)))
    np.testing.assert_allclose(once, twice, atol=1e-5)


# How it is said


def test_manners_are_those_of_funasrs_own_class(weights, tmp_path):
    # FunASR 1.4.16's Emotion2vec on the same samples and weights.
    encoder = loaded(Emotion2vec, weights)
    low = encoder.embed(sounding(tmp_path / "low.wav", man()))
    high = encoder.embed(sounding(tmp_path / "high.wav", woman()))
    np.testing.assert_allclose(
        low[[577, 593, 691, 199]], [-5.06094, 4.72694, 4.64563, 4.27712], atol=1e-3
    )
    np.testing.assert_allclose(
        high[[577, 593, 691, 615]], [-5.05091, 4.72521, 4.6421, 4.28359], atol=1e-3
    )


def test_a_long_manner_is_heard_in_pieces_of_one_level(weights, tmp_path, monkeypatch):
    encoder = loaded(Emotion2vec, weights)
    once = encoder.embed(sounding(tmp_path / "once.wav", man(2.0)))
    monkeypatch.setattr(emotion2vec, "LONGEST", 2 * RATE_HZ)
    twice = encoder.embed(sounding(tmp_path / "twice.wav", np.tile(man(2.0), 2)))
    np.testing.assert_allclose(once, twice, atol=1e-4)


@pytest.mark.parametrize("above", ["", "d2v_model.", "w2v_encoder.w2v_model."])
def test_fine_tuned_checkpoints_are_read_as_well(weights, tmp_path, above):
    path = save_emotion2vec(tmp_path)
    content = {f"{above}{name}": value for name, value in torch.load(path)["model"].items()}
    content |= {f"{above}proj.weight": torch.zeros(9, 768), f"{above}_ema.blocks.0": torch.zeros(1)}
    content[f"{above}modality_encoders.AUDIO.decoder.proj.bias"] = torch.zeros(768)
    torch.save(content, path)
    media = sounding(tmp_path / "a.wav", man(1.0))
    again = sounding(tmp_path / "b.wav", man(1.0))
    np.testing.assert_array_equal(
        loaded(Emotion2vec, tmp_path).embed(media), loaded(Emotion2vec, weights).embed(again)
    )


def test_settings_in_a_checkpoint_are_left_alone_and_nothing_of_it_runs(tmp_path, monkeypatch):
    ran = []
    strange = types.ModuleType("strange_settings")

    class Config(dict):
        def __reduce__(self):
            return strange.make, ("config",)

    strange.make = lambda name: ran.append(name)
    strange.make.__module__, strange.make.__qualname__ = "strange_settings", "make"
    monkeypatch.setitem(sys.modules, "strange_settings", strange)
    path = save_emotion2vec(tmp_path)
    settings = {"cfg": Config(), "args": argparse.Namespace(lr=0.1), "optimizer_history": [{}]}
    torch.save({**torch.load(path), **settings}, path)
    loaded(Emotion2vec, tmp_path)
    assert ran == []


def test_attention_fades_by_the_published_rule():
    assert slopes(8) == [2.0**-number for number in range(1, 9)]
    assert slopes(12)[8:] == [2.0**-0.5, 2.0**-1.5, 2.0**-2.5, 2.0**-3.5]


# Both


@BOTH
def test_a_syllable_is_no_voice(weights, tmp_path, part, save):
    encoder = loaded(part, weights)
    with pytest.raises(Unavailable, match=r"0\.40 s of audio"):
        encoder.embed(sounding(tmp_path / "a.wav", man(0.4)))


@BOTH
def test_loudness_is_neither_voice_nor_manner(weights, tmp_path, part, save):
    encoder = loaded(part, weights)
    loud = encoder.embed(sounding(tmp_path / "loud.wav", man()))
    soft = encoder.embed(sounding(tmp_path / "soft.wav", man() * 0.2))
    assert loud @ soft / np.linalg.norm(loud) / np.linalg.norm(soft) > 0.999
