"""Whisper's encoder out of a CTranslate2 file, into the folder that transformers reads.

Shape letters: D width.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {0: "f4", 1: "i1", 2: "i2", 3: "i4", 4: "f2"}
LAYERS, HEADS, WIDTH = 6, 8, 512
# OpenAI's whisper-base, as its authors published its sizes.
CONFIG = {
    "model_type": "whisper",
    "architectures": ["WhisperModel"],
    "d_model": WIDTH,
    "encoder_layers": LAYERS,
    "encoder_attention_heads": HEADS,
    "encoder_ffn_dim": 4 * WIDTH,
    "decoder_layers": LAYERS,
    "decoder_attention_heads": HEADS,
    "decoder_ffn_dim": 4 * WIDTH,
    "num_mel_bins": 80,
    "max_source_positions": 1500,
    "vocab_size": 51865,
}

Tensors = dict[str, NDArray[np.float16]]


def convert(parts: Sequence[Path], target: Path) -> None:
    """Write the encoder's tensors in half precision, as they came, and its config beside them.

    Args:
        parts: Pieces of a CTranslate2 `model.bin`, in order.
        target: The safetensors file to write; its folder is then one that transformers reads.

    Raises:
        ValueError: the pieces are no Whisper model of this form.
    """
    from safetensors.numpy import save_file

    tensors = encoder_tensors(b"".join(part.read_bytes() for part in parts))
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target, metadata={"format": "pt"})
    (target.parent / "config.json").write_text(json.dumps(CONFIG, indent=1), encoding="utf-8")


def encoder_tensors(content: bytes) -> Tensors:
    """Names as in transformers' Whisper, float16.

    Raises:
        ValueError: this is no Whisper model of six layers and 512 wide in CTranslate2's form 6.
    """
    try:
        found = {
            name.removeprefix("encoder/"): tensor
            for name, tensor in _variables(content)
            if name.startswith("encoder/")
        }
        return dict(sorted(_renamed(found)))
    except (struct.error, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"this is no Whisper model in CTranslate2's form: {error!r}") from error


def _variables(content: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every variable of a CTranslate2 file, version 6: names, shapes, types, and their bytes."""
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{form}", content, at)
        at += struct.calcsize(form)
        return int(value)

    def word() -> str:
        nonlocal at
        length = number("H")
        value = content[at : at + length].rstrip(b"\0").decode()
        at += length
        return value

    version, spec = number("I"), word()
    if (version, spec) != (6, "WhisperSpec"):
        raise ValueError(f"version {version} of a {spec!r}, not 6 of a 'WhisperSpec'")
    number("I")  # the revision of the spec
    for _ in range(number("I")):
        name = word()
        shape = [number("I") for _ in range(number("B"))]
        kind = np.dtype(TYPES[number("B")])
        size = number("I")
        tensor = np.frombuffer(content, kind, size // kind.itemsize, at)
        at += size
        yield name, tensor.reshape(shape)


def _renamed(found: dict[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[np.float16]]]:
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            yield f"encoder.{conv}.{kind}", _half(found[f"{conv}/{kind}"])
    yield "encoder.embed_positions.weight", _half(found["position_encodings/encodings"])
    yield from _norm(found, "layer_norm", "encoder.layer_norm")
    for number in range(LAYERS):
        old, new = f"layer_{number}", f"encoder.layers.{number}"
        yield from _norm(found, f"{old}/self_attention/layer_norm", f"{new}.self_attn_layer_norm")
        yield from _norm(found, f"{old}/ffn/layer_norm", f"{new}.final_layer_norm")
        yield from _attention(found, f"{old}/self_attention", f"{new}.self_attn")
        for place, name in enumerate(("fc1", "fc2")):
            for kind in ("weight", "bias"):
                yield f"{new}.{name}.{kind}", _half(found[f"{old}/ffn/linear_{place}/{kind}"])


def _norm(
    found: dict[str, NDArray[Any]], old: str, new: str
) -> Iterator[tuple[str, NDArray[np.float16]]]:
    yield f"{new}.weight", _half(found[f"{old}/gamma"])
    yield f"{new}.bias", _half(found[f"{old}/beta"])


def _attention(
    found: dict[str, NDArray[Any]], old: str, new: str
) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Query, key and value lie in one matrix; keys have no bias, which is kept as zeros."""
    for kind in ("weight", "bias"):
        three = np.split(found[f"{old}/linear_0/{kind}"], 3)
        for name, tensor in zip(("q_proj", "k_proj", "v_proj"), three, strict=True):
            if (name, kind) != ("k_proj", "bias"):
                yield f"{new}.{name}.{kind}", _half(tensor)
        yield f"{new}.out_proj.{kind}", _half(found[f"{old}/linear_1/{kind}"])


def _half(tensor: NDArray[Any]) -> NDArray[np.float16]:
    if tensor.dtype != np.float16:
        raise ValueError(f"tensors of {tensor.dtype}, not float16")
    return np.ascontiguousarray(tensor)
