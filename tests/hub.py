"""Small checkpoints with the names of published ones and random weights, as tests save them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

Shapes = dict[str, tuple[int, ...]]


def tensors(shapes: Shapes, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that keep what flows through a network near 1; the same ones everywhere."""
    random = np.random.default_rng(seed)
    made = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(0)
            continue
        is_scale = name.endswith("weight") and len(shape) == 1
        if is_scale or name.endswith(("running_var", "alibi_scale")):
            values = random.uniform(0.5, 1.5, shape)
        else:
            values = random.normal(size=shape) / np.sqrt(max(1, np.prod(shape[1:])))
        made[name] = torch.tensor(values, dtype=torch.float32)
    return made


def ecapa_shapes(
    channels: int = 32, wide: int = 96, narrow: int = 16, groups: int = 8, width: int = 192
) -> Shapes:
    """Names and shapes of spkrec-ecapa-voxceleb's; published: 1024, 3072, 128, 8, 192."""

    def conv(name: str, after: int, before: int, kernel: int = 1) -> Shapes:
        return {f"{name}.conv.weight": (after, before, kernel), f"{name}.conv.bias": (after,)}

    def norm(name: str, size: int) -> Shapes:
        parts = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.norm.{part}": (size,) for part in parts} | {
            f"{name}.norm.num_batches_tracked": ()
        }

    def delay(name: str, after: int, before: int, kernel: int = 1) -> Shapes:
        return conv(f"{name}.conv", after, before, kernel) | norm(f"{name}.norm", after)

    shapes = delay("blocks.0", channels, 80, 5)
    for number in (1, 2, 3):
        block, each = f"blocks.{number}", channels // groups
        shapes |= delay(f"{block}.tdnn1", channels, channels)
        for stair in range(groups - 1):
            shapes |= delay(f"{block}.res2net_block.blocks.{stair}", each, each, 3)
        shapes |= delay(f"{block}.tdnn2", channels, channels)
        shapes |= conv(f"{block}.se_block.conv1", narrow, channels)
        shapes |= conv(f"{block}.se_block.conv2", channels, narrow)
    shapes |= delay("mfa", wide, 3 * channels) | delay("asp.tdnn", narrow, 3 * wide)
    shapes |= conv("asp.conv", wide, narrow) | norm("asp_bn", 2 * wide)
    return shapes | conv("fc", width, 2 * wide)


def emotion2vec_shapes(
    width: int = 768,
    heads: int = 12,
    waves: int = 16,
    inner: int = 24,
    kernel: int = 3,
    early: int = 1,
    late: int = 2,
) -> Shapes:
    """Names and shapes of emotion2vec_base's; published: 768, 12, 512, 3072, 19, 4, 8."""
    above = "modality_encoders.AUDIO"
    shapes: Shapes = {
        f"{above}.extra_tokens": (1, 10, width),
        f"{above}.alibi_scale": (1, 1, heads, 1, 1),
    }
    for number, reach in enumerate((10, 3, 3, 3, 3, 2, 2)):
        layer = f"{above}.local_encoder.conv_layers.{number}"
        shapes[f"{layer}.0.weight"] = (waves, waves if number else 1, reach)
        shapes |= {f"{layer}.2.1.weight": (waves,), f"{layer}.2.1.bias": (waves,)}
    shapes |= {f"{above}.project_features.1.{part}": (waves,) for part in ("weight", "bias")}
    shapes[f"{above}.project_features.2.weight"] = (width, waves)
    shapes[f"{above}.project_features.2.bias"] = (width,)
    for number in range(1, 6):
        place = f"{above}.relative_positional_encoder.{number}.0"
        shapes |= {f"{place}.weight": (width, width // 16, kernel), f"{place}.bias": (width,)}
    blocks = [f"{above}.context_encoder.blocks.{number}" for number in range(early)]
    for block in [*blocks, *(f"blocks.{number}" for number in range(late))]:
        for name, after, before in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", inner, width),
            ("mlp.fc2", width, inner),
        ):
            shapes |= {f"{block}.{name}.weight": (after, before), f"{block}.{name}.bias": (after,)}
        for name in ("norm1", "norm2"):
            shapes |= {f"{block}.{name}.{part}": (width,) for part in ("weight", "bias")}
    shapes |= {f"{above}.context_encoder.norm.{part}": (width,) for part in ("weight", "bias")}
    return shapes


def save_ecapa(weights: Path, **sizes: int) -> Path:
    """As SpeechBrain saves it: names and tensors, nothing around them."""
    return _saved(weights / "hub/ecapa_tdnn/embedding_model.ckpt", tensors(ecapa_shapes(**sizes)))


def save_emotion2vec(weights: Path, **sizes: int) -> Path:
    """As fairseq and FunASR save it: under `model`."""
    content = {"model": tensors(emotion2vec_shapes(**sizes))}
    return _saved(weights / "hub/emotion2vec/emotion2vec_base.pt", content)


def _saved(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def syncnet_shapes(
    sound: tuple[int, ...] = (4, 6, 8, 6, 6, 16),
    face: tuple[int, ...] = (4, 8, 8, 8, 8, 16),
    hidden: int = 16,
    width: int = 1024,
) -> Shapes:
    """Names and shapes of syncnet_v2.model; published: 64, 192, 384, 256, 256, 512 and 96, 256,
    256, 256, 256, 512, then 512 and 1024."""
    sizes = {
        "netcnnaud": (1, sound, [(3, 3)] * 5 + [(5, 4)]),
        "netcnnlip": (3, face, [(5, 7, 7), (1, 5, 5), *[(1, 3, 3)] * 3, (1, 6, 6)]),
    }
    shapes: Shapes = {}
    for net, (before, channels, kernels) in sizes.items():
        for place, after, kernel in zip((0, 4, 8, 11, 14, 18), channels, kernels, strict=True):
            shapes |= {f"{net}.{place}.weight": (after, before, *kernel)}
            shapes |= {f"{net}.{place}.bias": (after,)} | _norm(f"{net}.{place + 1}", after)
            before = after
    for net, last in (("netfcaud", sound[-1]), ("netfclip", face[-1])):
        shapes |= {f"{net}.0.weight": (hidden, last), f"{net}.0.bias": (hidden,)}
        shapes |= _norm(f"{net}.1", hidden)
        shapes |= {f"{net}.3.weight": (width, hidden), f"{net}.3.bias": (width,)}
    return shapes


def _norm(name: str, size: int) -> Shapes:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (size,) for part in parts}


def save_syncnet(folder: Path, **sizes: object) -> Path:
    """A checkpoint where the part looks for it; as old ones, without counts of batches."""
    path = folder / "hub" / "syncnet" / "syncnet_v2.model"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors(syncnet_shapes(**sizes)), path)
    return path


def utmos_shapes(
    width: int = 128,
    waves: int = 16,
    inner: int = 32,
    reach: int = 8,
    layers: int = 2,
    hidden: int = 8,
    between: int = 12,
    about: int = 6,
    listeners: int = 300,
) -> Shapes:
    """Names and shapes of UTMOS's; published: 768, 512, 3072, 128, 12, 512, 2048, 128, 3000."""
    ssl, last = "feature_extractors.0.ssl_model", "output_layers"
    shapes: Shapes = {f"{ssl}.mask_emb": (width,)}
    for number, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        name = f"{ssl}.feature_extractor.conv_layers.{number}"
        shapes[f"{name}.0.weight"] = (waves, waves if number else 1, kernel)
    first = f"{ssl}.feature_extractor.conv_layers.0.2"
    shapes |= _pair(first, waves) | _pair(f"{ssl}.layer_norm", waves)
    shapes |= _pair(f"{ssl}.post_extract_proj", width, waves)
    place = f"{ssl}.encoder.pos_conv.0"
    shapes |= {f"{place}.bias": (width,), f"{place}.weight_g": (1, 1, reach)}
    shapes[f"{place}.weight_v"] = (width, width // 16, reach)
    shapes |= _pair(f"{ssl}.encoder.layer_norm", width)
    for number in range(layers):
        layer = f"{ssl}.encoder.layers.{number}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _pair(f"{layer}.self_attn.{name}", width, width)
        shapes |= _pair(f"{layer}.fc1", inner, width) | _pair(f"{layer}.fc2", width, inner)
        for name in ("self_attn_layer_norm", "final_layer_norm"):
            shapes |= _pair(f"{layer}.{name}", width)
    shapes["feature_extractors.1.embedding.weight"] = (3, about)
    shapes[f"{last}.0.judge_embedding.weight"] = (listeners, about)
    for side in ("", "_reverse"):
        rnn = f"{last}.0.decoder_rnn"
        shapes[f"{rnn}.weight_ih_l0{side}"] = (4 * hidden, width + 2 * about)
        shapes[f"{rnn}.weight_hh_l0{side}"] = (4 * hidden, hidden)
        shapes |= {f"{rnn}.bias_{kind}_l0{side}": (4 * hidden,) for kind in ("ih", "hh")}
    return (
        shapes
        | _pair(f"{last}.1.net.0", between, 2 * hidden)
        | _pair(f"{last}.1.net.3", 1, between)
    )


def utmos_tensors(**sizes: int) -> dict[str, torch.Tensor]:
    """Weights under which what is said matters: else random attention makes all frames alike."""
    made = tensors(utmos_shapes(**sizes))
    for name in made:
        if ".0.weight" in name and "conv_layers" in name:
            made[name] *= 2
        if "q_proj.weight" in name or "k_proj.weight" in name or "net.3.weight" in name:
            made[name] *= 3
        if ".fc" in name or "out_proj" in name:
            made[name] *= 0.4
        if name.endswith("bias"):
            made[name] *= 0.1
    return made


def _pair(name: str, *shape: int) -> Shapes:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def save_utmos(weights: Path, **sizes: int) -> Path:
    """As it is published without the program around it: names and tensors."""
    return _saved(weights / "hub/utmos/utmos_state_dict.pt", utmos_tensors(**sizes))
