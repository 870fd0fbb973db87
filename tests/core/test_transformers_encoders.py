"""The paper's encoders out of folders of transformers: small random models, saved by the test."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Model, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from learner.encoders._lora import LORA_RANK, attach_lora, load_lora
from learner.encoders._whisper import hidden_states
from learner.encoders.face_vit import FaceViT
from learner.encoders.sentence_bert import SentenceBERT
from learner.encoders.timesformer import TimeSformer
from learner.encoders.wav2vec2 import Wav2Vec2
from learner.media import ClipMedia, Unavailable
from learner.media.faces import FaceFinder
from learner.weights import WeightsError
from tests.clips import write_clip
from tests.hub_models import SAVE, save_all
from tests.parts import man, sounding, woman

ALL = {part: SAVE[part.card.name] for part in (TimeSformer, FaceViT, Wav2Vec2, SentenceBERT)}
EACH = pytest.mark.parametrize(("part", "save"), ALL.items(), ids=lambda one: one.__name__)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of weights with every model in its place, always the same."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    save_all(folder)
    return folder


@pytest.fixture(autouse=True)
def _no_faces_are_needed(monkeypatch):
    """The crops are another's work: here they are stripes that move."""

    def each_crop(self, media, rate_hz, size, room=1.0):
        for number in range(6):
            picture = np.zeros((*size, 3), dtype=np.uint8)
            picture[:, number:] = 200
            yield picture, number / rate_hz

    monkeypatch.setattr(FaceFinder, "load", lambda self, weights: None)
    monkeypatch.setattr(FaceFinder, "each_crop", each_crop)


def loaded(part, weights):
    encoder = part()
    encoder.load(weights)
    return encoder


def clip(tmp_path, **fields):
    path = write_clip(tmp_path / "clip.mp4", seconds=2.6, size=(64, 48))
    return ClipMedia(path, **{"transcript": "good morning", **fields})


# Setting up


@EACH
def test_an_encoder_is_ready_when_its_folder_is_there(tmp_path, part, save):
    assert not part.is_ready(tmp_path)
    with pytest.raises(WeightsError, match=f"fetch_weights --hub {part.card.name}"):
        part().load(tmp_path)
    save(tmp_path / "hub" / part.card.name)
    assert part.is_ready(tmp_path)


@EACH
def test_a_model_of_another_width_is_refused(tmp_path, part, save):
    save(tmp_path / "hub" / part.card.name, hidden_size=64)
    with pytest.raises(WeightsError, match=r"width 64; this part needs 768"):
        part().load(tmp_path)


@EACH
def test_a_damaged_folder_is_named(tmp_path, part, save):
    folder = tmp_path / "hub" / part.card.name
    save(folder)
    tensors = folder / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:2000])
    with pytest.raises(WeightsError, match=f"{part.card.name} cannot be read as a model"):
        part().load(tmp_path)


@EACH
def test_a_folder_that_holds_something_else_is_refused(tmp_path, part, save):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "hub" / part.card.name
    save(folder)
    tensors = load_file(folder / "model.safetensors")
    half = {name: one for name, one in tensors.items() if "attention" not in name}
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="lacks weights"):
        part().load(tmp_path)


# Asking


@EACH
def test_an_encoder_gives_its_width_and_the_same_twice(weights, tmp_path, part, save):
    media = clip(tmp_path)
    one, other = (loaded(part, weights).embed(media) for _ in range(2))
    assert one.shape == (part.card.width,) and one.dtype == np.float32
    assert np.isfinite(one).all() and np.abs(one).max() > 0
    np.testing.assert_array_equal(one, other)


def test_speech_is_what_the_library_makes_of_it(weights, tmp_path):
    wave = man(1.5)
    mine = loaded(Wav2Vec2, weights).embed(sounding(tmp_path / "man.wav", wave))
    model = Wav2Vec2Model.from_pretrained(weights / "hub" / "wav2vec2").eval()
    level = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
    with torch.inference_mode():
        theirs = model(torch.tensor(level)[None]).last_hidden_state[0].mean(dim=0)
    np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-5)


def test_long_speech_is_heard_in_pieces(weights, tmp_path, monkeypatch):
    encoder = loaded(Wav2Vec2, weights)
    wave = np.concatenate([man(2.0), woman(2.0)])
    whole = encoder.embed(sounding(tmp_path / "whole.wav", wave))
    monkeypatch.setattr("learner.encoders.wav2vec2.LONGEST", 32_000)
    cut = encoder.embed(sounding(tmp_path / "cut.wav", wave))
    assert np.corrcoef(whole, cut)[0, 1] > 0.99 and not np.array_equal(whole, cut)


def test_views_cover_the_whole_clip_and_the_last_is_filled_up(weights, tmp_path):
    encoder = loaded(TimeSformer, weights)
    seen = []
    network = encoder.network
    encoder.network = lambda view: (seen.append(view.shape), network(view))[1]
    encoder.network.config = network.config
    encoder.embed(clip(tmp_path))  # 2.6 s at 4 Hz: 11 pictures, three views of 4
    assert seen == [(1, 4, 3, 32, 32)] * 3


def test_sentences_are_unit_vectors_whose_words_count(weights):
    encoder = loaded(SentenceBERT, weights)
    said = {text: encoder.embed_text(text) for text in ("good morning", "good night", "नमस्ते")}
    assert all(np.linalg.norm(one) == pytest.approx(1, abs=1e-5) for one in said.values())
    assert not np.allclose(said["good morning"], said["good night"], atol=1e-4)
    long = encoder.embed_text("good morning " * 50)
    assert np.isfinite(long).all()


def test_what_a_clip_lacks_is_said(weights, tmp_path):
    with pytest.raises(Unavailable, match="neither a translation nor a transcript"):
        loaded(SentenceBERT, weights).embed(clip(tmp_path, transcript=""))
    silent = sounding(tmp_path / "silent.wav", np.zeros(16_000, dtype=np.float32))
    with pytest.raises(Unavailable, match="silent"):
        loaded(Wav2Vec2, weights).embed(silent)
    with pytest.raises(Unavailable, match="no video stream"):
        loaded(TimeSformer, weights).embed(sounding(tmp_path / "man.wav", man(1.0)))


# Adapters


def whisper():
    config = WhisperConfig(
        d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=32
    )
    network = WhisperEncoder(config)
    return network, lambda model: hidden_states(model.base_model.model, torch.ones(1, 80, 40))[-1]


def of_part(part, weights):
    encoder = loaded(part, weights)
    config = encoder.network.config
    inputs = {
        TimeSformer: lambda: {"pixel_values": torch.rand(1, config.num_frames, 3, 32, 32)},
        FaceViT: lambda: {"pixel_values": torch.rand(2, 3, 32, 32)},
        Wav2Vec2: lambda: {"input_values": torch.rand(1, 8000)},
        SentenceBERT: lambda: {"input_ids": torch.tensor([[2, 3, 4]])},
    }[part]()
    return encoder.network, lambda model: model(**inputs).last_hidden_state


@pytest.mark.parametrize("part", [*ALL, None], ids=lambda one: one.__name__ if one else "Whisper")
def test_a_gradient_reaches_every_adapter_and_base_weights_stay(part, weights, tmp_path):
    torch.manual_seed(1)
    network, ask = of_part(part, weights) if part else whisper()
    before = {name: one.detach().clone() for name, one in network.named_parameters()}
    adapted = attach_lora(network)
    trained = {name: one for name, one in adapted.named_parameters() if one.requires_grad}
    assert trained and all("lora_" in name for name in trained)
    assert {min(one.shape) for one in trained.values()} == {LORA_RANK}
    optimiser = torch.optim.SGD(trained.values(), lr=1.0)
    for _ in range(2):  # B is 0 at first, so A is reached by the second step
        optimiser.zero_grad()
        ask(adapted).square().mean().backward()
        optimiser.step()
    assert all(one.grad is not None and one.grad.abs().max() > 0 for one in trained.values())
    after = dict(network.named_parameters())
    for name, tensor in before.items():
        place = next(one for one in after if one.replace(".base_layer", "").endswith(name))
        torch.testing.assert_close(after[place].detach(), tensor, rtol=0, atol=0)
    with torch.inference_mode():
        said = ask(adapted.eval())
    adapted.save_pretrained(tmp_path)
    plain = of_part(part, weights)[0] if part else adapted.unload()
    with torch.inference_mode():
        torch.testing.assert_close(ask(load_lora(plain, tmp_path).eval()), said)


def test_adapters_of_an_unknown_kind_of_model_are_refused(weights):
    network, _ = whisper()
    network.config.model_type = "gpt2"
    with pytest.raises(ValueError, match="no adapters are known for 'gpt2'"):
        attach_lora(network)
    network.config.model_type = "whisper"
    with pytest.raises(ValueError, match="rank 0"):
        attach_lora(network, rank=0)
