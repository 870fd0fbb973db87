"""Whisper's encoder: out of a CTranslate2 file, through transformers, layer by layer."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperModel

from learner.encoders import _whisper
from learner.encoders._whisper import WhisperLayers, hidden_states, load_encoder, log_mel, spans
from learner.encoders._whisper_conversion import CONFIG, convert, encoder_tensors
from learner.encoders.emotion_whisper import EmotionWhisper
from learner.encoders.speech_whisper import SpeechWhisper
from learner.media import Unavailable
from tests.parts import man, sounding, weights_or_skip, woman

SMALL = {
    **CONFIG,
    "d_model": 16,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "decoder_layers": 1,
    "vocab_size": 20,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


@pytest.fixture(scope="module")
def small():
    """A small random Whisper, of transformers' own making."""
    torch.manual_seed(3)
    return WhisperModel(WhisperConfig(**SMALL)).eval()


def ctranslate2(tensors: dict[str, np.ndarray], version: int = 6) -> bytes:
    """A file of CTranslate2's form, written from its description."""

    def word(text):
        raw = text.encode() + b"\0"
        return struct.pack("<H", len(raw)) + raw

    content = struct.pack("<I", version) + word("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    for name, tensor in tensors.items():
        content += word(name) + struct.pack("<B", tensor.ndim)
        content += struct.pack(f"<{tensor.ndim}I", *tensor.shape)
        content += struct.pack("<BI", 4, tensor.nbytes) + tensor.tobytes()
    return content


def as_ctranslate2(model) -> dict[str, np.ndarray]:
    """The encoder's tensors under CTranslate2's names."""
    state = {
        name: tensor.detach().numpy().astype(np.float16)
        for name, tensor in model.encoder.state_dict().items()
    }
    names = {"position_encodings/encodings": "embed_positions.weight"}
    norms = {"layer_norm": "layer_norm"}
    for conv in ("conv1", "conv2"):
        names |= {f"{conv}/{kind}": f"{conv}.{kind}" for kind in ("weight", "bias")}
    found = {}
    for n in range(6):
        old, new = f"layer_{n}", f"layers.{n}"
        norms[f"{old}/self_attention/layer_norm"] = f"{new}.self_attn_layer_norm"
        norms[f"{old}/ffn/layer_norm"] = f"{new}.final_layer_norm"
        for kind in ("weight", "bias"):
            names[f"{old}/self_attention/linear_1/{kind}"] = f"{new}.self_attn.out_proj.{kind}"
            names[f"{old}/ffn/linear_0/{kind}"] = f"{new}.fc1.{kind}"
            names[f"{old}/ffn/linear_1/{kind}"] = f"{new}.fc2.{kind}"
            three = [state.get(f"{new}.self_attn.{one}_proj.{kind}") for one in "qkv"]
            three = [np.zeros_like(three[0]) if one is None else one for one in three]
            found[f"{old}/self_attention/linear_0/{kind}"] = np.concatenate(three)
    names |= {f"{old}/gamma": f"{new}.weight" for old, new in norms.items()}
    names |= {f"{old}/beta": f"{new}.bias" for old, new in norms.items()}
    found |= {old: state[new] for old, new in names.items()}
    return {f"encoder/{name}": tensor for name, tensor in found.items()} | {
        "decoder/embeddings/weight": np.zeros((2, 2), dtype=np.float16)
    }


def test_a_converted_file_gives_the_tensors_it_was_written_from(small):
    tensors = encoder_tensors(ctranslate2(as_ctranslate2(small)))
    want = small.encoder.state_dict()
    assert set(tensors) == {f"encoder.{name}" for name in want}
    for name, tensor in want.items():
        np.testing.assert_array_equal(
            tensors[f"encoder.{name}"], tensor.numpy().astype(np.float16), err_msg=name
        )


def test_pieces_are_joined_and_the_folder_is_one_that_transformers_reads(
    small, tmp_path, monkeypatch
):
    monkeypatch.setattr("learner.encoders._whisper_conversion.CONFIG", SMALL)
    content = ctranslate2(as_ctranslate2(small))
    pieces = [tmp_path / "1", tmp_path / "2"]
    pieces[0].write_bytes(content[:5000])
    pieces[1].write_bytes(content[5000:])
    convert(pieces, tmp_path / "made" / "model.safetensors")
    ours = load_encoder(tmp_path / "made").state_dict()
    theirs, report = WhisperModel.from_pretrained(tmp_path / "made", output_loading_info=True)
    assert not [name for name in report["missing_keys"] if "encoder." in name.split("decoder")[0]]
    for name, tensor in theirs.encoder.state_dict().items():
        torch.testing.assert_close(ours[name], tensor.float(), rtol=0, atol=0)


@pytest.mark.parametrize("content", [b"", b"no model at all" * 9, struct.pack("<I", 5)])
def test_what_is_no_such_model_is_refused(content):
    with pytest.raises(ValueError, match=r"no Whisper model|version 5|version \d+ of"):
        encoder_tensors(content)


def test_on_thirty_seconds_layers_are_those_of_transformers_own_forward(small, tmp_path):
    small.save_pretrained(tmp_path)
    encoder = load_encoder(tmp_path)
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        mine = hidden_states(encoder, mel)
        theirs = small.encoder(mel, output_hidden_states=True)
    torch.testing.assert_close(mine[-1], theirs.last_hidden_state)
    for ours, state in zip(mine[:-2], theirs.hidden_states[1:-1], strict=True):
        torch.testing.assert_close(ours, state)


def test_the_input_is_that_of_transformers_own_feature_extractor():
    from transformers import WhisperFeatureExtractor

    speech = man(3.2)
    want = WhisperFeatureExtractor()(speech, sampling_rate=16_000, return_tensors="pt")
    mine = log_mel(torch.tensor(speech))
    assert mine.shape == (80, 320)
    # Theirs ends in silence, ours in nothing: the last window of 25 ms differs.
    torch.testing.assert_close(mine[:, :318], want.input_features[0, :, :318], atol=2e-4, rtol=0)


def test_windows_cover_every_frame_once():
    for total in (1, 1499, 1500, 1501, 2999, 10_000):
        found = list(spans(total))
        assert found[0][2] == 0 and found[-1][3] == total
        assert all(one[3] == after[2] for one, after in pairwise(found))
        assert all(stop - start <= 1500 for start, stop, _, _ in found)


@pytest.fixture(scope="module")
def whisper():
    layers = WhisperLayers()
    layers.load(weights_or_skip())
    return layers


def test_layers_are_computed_once_and_have_fifty_frames_a_second(whisper, tmp_path):
    media = sounding(tmp_path / "man.wav", man(2.0))
    layers = whisper.layers(media)
    assert layers.shape == (7, 100, 512) and layers.dtype == np.float32
    assert whisper.layers(media) is layers
    assert np.isfinite(layers).all()


def test_long_speech_in_windows_is_much_what_it_is_at_once(whisper, tmp_path, monkeypatch):
    wave = np.concatenate([man(4.0), woman(4.0)])
    whole = whisper.layers(sounding(tmp_path / "whole.wav", wave))
    monkeypatch.setattr(_whisper, "WINDOW", 300)
    cut = whisper.layers(sounding(tmp_path / "cut.wav", wave))
    assert cut.shape == whole.shape
    one, other = cut[6].ravel(), whole[6].ravel()
    assert np.corrcoef(one, other)[0, 1] > 0.8


def test_very_long_speech_is_pooled_window_by_window(whisper, tmp_path, monkeypatch):
    monkeypatch.setattr(_whisper, "LONGEST_S", 3)
    monkeypatch.setattr(_whisper, "WINDOW", 200)
    media = sounding(tmp_path / "long.wav", man(6.0))
    with pytest.raises(Unavailable, match=r"6 s of sound.*up to 3 s"):
        whisper.layers(media)
    pieces = list(whisper.windows(media))
    assert len(pieces) > 1 and sum(piece.shape[1] for piece in pieces) == 300


@pytest.mark.parametrize("part", [SpeechWhisper, EmotionWhisper])
def test_pooled_layers_tell_voices_apart(part, tmp_path):
    encoder = part()
    encoder.load(weights_or_skip())
    clips = {
        name: encoder.embed(sounding(tmp_path / f"{name}.wav", wave))
        for name, wave in {"man": man(2.0), "longer": man(2.4), "woman": woman(2.0)}.items()
    }
    assert clips["man"].shape == (encoder.card.width,)

    def apart(one, other):
        return float(np.linalg.norm(clips[one] - clips[other]))

    assert apart("man", "longer") < apart("man", "woman")


def test_a_silent_clip_has_no_layers(whisper, tmp_path):
    with pytest.raises(Unavailable, match="silent"):
        whisper.layers(sounding(tmp_path / "silent.wav", np.zeros(16_000, dtype=np.float32)))


def test_a_folder_of_something_else_is_refused(tmp_path, small):
    small.save_pretrained(tmp_path)
    from safetensors.torch import load_file, save_file

    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("encoder.conv1.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not hold Whisper's encoder"):
        load_encoder(tmp_path)
