"""What a training step with encoders inside the network costs, by arithmetic, time and memory.

Wav2Vec 2.0 base, TimeSformer base and MPNet base with random weights, built from their
configurations (nothing is fetched), adapters of rank 16 in their attention, and the fusion network
around them; made-up clips of five seconds: a wave, three views of eight pictures, 32 tokens. FLOPs
are counted operator by operator by torch.utils.flop_counter, on tensors without content, so that
they are those of the full shapes everywhere; a multiplication with its addition is two. The share
of the peak is that of the FLOPs a step needs, without what is computed again to save memory: on a
GPU of the dense peak its maker states, on a processor of a large matrix product measured beside.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402
from tqdm import tqdm  # noqa: E402
from transformers import (  # noqa: E402
    MPNetConfig,
    MPNetModel,
    TimesformerConfig,
    TimesformerModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

from benchmarks.reporting import aim, report  # noqa: E402
from learner.device import device, placed  # noqa: E402
from learner.encoders._lora import attach_lora  # noqa: E402
from learner.encoders._pictures import Sight  # noqa: E402
from learner.encoders.sentence_bert import SentenceBERT  # noqa: E402
from learner.encoders.timesformer import TimeSformer  # noqa: E402
from learner.encoders.wav2vec2 import Wav2Vec2  # noqa: E402
from learner.fusion.config import EncoderSpec, FusionConfig  # noqa: E402
from learner.fusion.inside import EncodersInside, Recipe, seeded  # noqa: E402
from learner.fusion.losses import loss_of  # noqa: E402
from learner.fusion.network import FusionNetwork  # noqa: E402

SEED = 0
SECONDS, VIEWS, TOKENS = 5, 3, 32
PARTS = {"wav2vec2": Wav2Vec2, "timesformer": TimeSformer, "sentence_bert": SentenceBERT}
SMALL = {"num_hidden_layers": 2, "intermediate_size": 64}
# TFLOPS, dense, of the makers' data sheets: bfloat16, and single precision without TF32.
PEAKS = {"H200": (989.0, 67.0), "H100 PCIe": (756.0, 51.0), "H100": (989.0, 67.0)}
DERIVED_FORWARD = 0.67  # TFLOP a clip of 5 s with one view, from the models' layers

Batch = dict[str, list[list[Tensor]]]


def built(recipe: Recipe, is_quick: bool) -> EncodersInside:
    """Network and encoders in their full shapes, or in small ones."""
    few = SMALL if is_quick else {}
    sound = {"conv_dim": (32,) * 7} if is_quick else {}
    picture = {"image_size": 64} if is_quick else {}
    with seeded(SEED):
        models = {
            "wav2vec2": Wav2Vec2Model(Wav2Vec2Config(**few, **sound)),
            "timesformer": TimesformerModel(TimesformerConfig(**few, **picture)),
            "sentence_bert": MPNetModel(MPNetConfig(**few)),
        }
        parts: dict[str, Any] = {name: PARTS[name]() for name in recipe.encoders}
        for name, part in parts.items():
            part.network = attach_lora(placed(models[name]), recipe.rank)
        if "timesformer" in parts:
            parts["timesformer"]._sight = Sight(ROOT / "nowhere")
        specs = tuple(
            EncoderSpec(name, "random", part.card.modality, part.card.width)
            for name, part in parts.items()
        )
        return EncodersInside(FusionNetwork(FusionConfig(specs).as_paper()), parts, recipe)


def made_clips(inside: EncodersInside, n_clips: int) -> Batch:
    """Clips of noise."""
    views = inside.parts["timesformer"].network.config
    shape = (views.num_frames, views.image_size, views.image_size, 3)
    chance = torch.Generator().manual_seed(SEED)
    return {
        "wav2vec2": [[torch.randn(SECONDS * 16_000, generator=chance)] for _ in range(n_clips)],
        "timesformer": [
            [torch.randint(256, shape, dtype=torch.uint8, generator=chance) for _ in range(VIEWS)]
            for _ in range(n_clips)
        ],
        "sentence_bert": [
            [torch.randint(4, 30_000, (TOKENS,), generator=chance)] for _ in range(n_clips)
        ],
    }


def step(inside: EncodersInside, clips: Batch, optimiser: torch.optim.Optimizer) -> None:
    """One step of training, whole."""
    n_clips = len(clips["wav2vec2"])
    unit_B = torch.linspace(0, 1, n_clips, device=device())
    loss = loss_of(inside({}, clips), unit_B, torch.ones_like(unit_B), inside.fusion.config)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def optimiser_of(inside: EncodersInside) -> torch.optim.Optimizer:
    """As training on human MOS has it."""
    return torch.optim.Adam(inside.train().groups("ft"))


@contextmanager
def without_content() -> Iterator[None]:
    """Tensors have shapes and nothing else."""
    before = os.environ.get("DUBSCORE_DEVICE")
    os.environ["DUBSCORE_DEVICE"] = "meta"
    try:
        yield
    finally:
        os.environ.pop("DUBSCORE_DEVICE")
        if before is not None:
            os.environ["DUBSCORE_DEVICE"] = before


def counted(is_quick: bool) -> dict[str, Any]:
    """TFLOP a clip: of each encoder forward, and of a whole step with and without recomputing."""
    found: dict[str, Any] = {}
    with without_content(), sdpa_kernel(SDPBackend.MATH):  # of others not every one is counted
        for word, is_recomputed in (("needed", False), ("with_recomputing", True)):
            inside = built(Recipe(tuple(PARTS), is_recomputed=is_recomputed), is_quick)
            clips, optimiser = made_clips(inside, 2), optimiser_of(inside)
            with FlopCounterMode(display=False) as counter:
                step(inside, clips, optimiser)
            found[word] = counter.get_total_flops() / 2 / 1e12
        forward = {}
        for name in PARTS:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                inside.vectors(name, clips[name])
            forward[name] = counter.get_total_flops() / 2 / 1e12
        found["forward"] = forward
    return found


def kept_bytes(inside: EncodersInside, clips: Batch) -> int:
    """What a forward pass keeps for the gradient, weights not counted, pieces counted."""
    weights = {one.untyped_storage().data_ptr() for one in inside.parameters()}
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = inside.train()({}, clips)
    pieces = sum(x.nbytes for of_part in clips.values() for one in of_part for x in one)
    return sum(seen.values()) + pieces + output.mean_B.nbytes


def peak_tflops(is_bf16: bool) -> tuple[float, str]:
    """What the device could do, and how that is known."""
    if device().type == "cuda":
        name = torch.cuda.get_device_name()
        for known, peaks in PEAKS.items():
            if all(word in name for word in known.split()):
                return peaks[0 if is_bf16 else 1], f"data sheet of {known}, for {name}"
    size, kind = 2048, torch.bfloat16 if is_bf16 else torch.float32
    one = torch.randn(size, size, device=device(), dtype=kind)
    best = min(_seconds(lambda: one @ one) for _ in range(8))
    return 2 * size**3 / best / 1e12, f"measured: a product of matrices of {size} by {size}"


def _seconds(do: Any) -> float:
    _wait()
    started = time.perf_counter()
    do()
    _wait()
    return time.perf_counter() - started


def _wait() -> None:
    if device().type == "cuda":
        torch.cuda.synchronize()


def peak_mb() -> float:
    """Most memory so far: of the GPU, or of the process."""
    if device().type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def timed(recipe: Recipe, n_clips: int, n_steps: int, is_quick: bool) -> dict[str, Any]:
    """Seconds a step, the least of several, after one that is not counted."""
    if device().type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    inside = built(recipe, is_quick)
    clips, optimiser = made_clips(inside, n_clips), optimiser_of(inside)
    step(inside, clips, optimiser)
    bar = tqdm(range(n_steps), desc="steps", disable=None)
    seconds = [_seconds(lambda: step(inside, clips, optimiser)) for _ in bar]
    return {
        "step_s": round(min(seconds), 4),
        "median_step_s": round(sorted(seconds)[len(seconds) // 2], 4),
        "clips_a_s": round(n_clips / min(seconds), 3),
        "peak_mb": round(peak_mb()),
        "clips_a_step": n_clips,
        "at_once": recipe.at_once,
    }


def main() -> None:
    """Count, time, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small shapes, within a minute")
    parser.add_argument("--clips", type=int, default=16, help="a step")
    parser.add_argument("--at-once", type=int, default=8, help="pieces in an encoder together")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--float32", action="store_true", help="no bfloat16, also on a GPU")
    asked = parser.parse_args()
    n_clips, n_steps = (2, 2) if asked.quick else (asked.clips, asked.steps)
    is_bf16 = device().type == "cuda" and not asked.float32
    recipe = Recipe(tuple(PARTS), at_once=asked.at_once, is_bf16=is_bf16)
    flops = counted(asked.quick)
    time_ = timed(recipe, n_clips, n_steps, asked.quick)
    peak, known = peak_tflops(is_bf16)
    kept = {}
    for word, is_recomputed in (("recomputing", True), ("keeping", False)):
        inside = built(Recipe(tuple(PARTS), is_recomputed=is_recomputed), asked.quick)
        kept[word] = kept_bytes(inside, made_clips(inside, 2)) / 2 / 1e6
    reached = flops["needed"] * time_["clips_a_s"]
    forward = sum(flops["forward"].values())
    for name, value in (*flops["forward"].items(), ("all, forward", forward)):
        print(f"{name:<16}{value:9.4f} TFLOP a clip")
    print(f"{'a step':<16}{flops['needed']:9.4f} needed, {flops['with_recomputing']:.4f} done")
    print(f"{time_['clips_a_s']} clips a second, {reached:.3f} of {peak:.3f} TFLOPS ({known})")
    report(
        "encoder_lora",
        {
            "a step's arithmetic, forward passes": aim(
                flops["with_recomputing"] / forward, 3.3, at_least=False
            ),
            "kept for the gradient, share of keeping all": aim(
                kept["recomputing"] / kept["keeping"], 0.1, at_least=False
            ),
        },
        seed=SEED,
        packages=("torch", "transformers", "peft"),
        keep=not asked.quick,
        is_quick=asked.quick,
        device=torch.cuda.get_device_name() if device().type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        precision="bfloat16" if is_bf16 else "float32",
        tflop_a_clip={"forward": flops["forward"], **{k: flops[k] for k in list(flops)[:2]}},
        kept_mb_a_clip={word: round(mb, 1) for word, mb in kept.items()},
        time=time_,
        peak_tflops=round(peak, 3),
        peak_is=known,
        share_of_peak=round(reached / peak, 4),
    )


if __name__ == "__main__":
    main()
