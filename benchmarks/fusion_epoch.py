"""What an epoch of the network costs, beside a bare loop of the same matrix products.

Twelve thousand clips with the paper's six encoders at their widths lie in memory-mapped arrays, as
the feature store gives them; the network is the paper's (width 256, three layers of four heads,
batch 64). One side is `learner.fusion.training.train` as it runs in the product: batches gathered,
modalities dropped, gates, normalisation, dropout, loss, Adam, bookkeeping. The other multiplies
matrices of the same shapes as often, forward and backward, and does nothing else. They take turns.
Then members score all clips: of that size, and of the one that is trained unless the paper's is
asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks.reporting import aim, report  # noqa: E402
from learner.device import device  # noqa: E402
from learner.fusion.config import EncoderSpec, FusionConfig  # noqa: E402
from learner.fusion.data import TrainingData  # noqa: E402
from learner.fusion.ensemble import members, predict  # noqa: E402
from learner.fusion.training import Progress, _precision, count_parameters, train  # noqa: E402

SEED = 20261127
CLIPS, QUICK_CLIPS = 12_000, 2_500
ROUNDS, QUICK_ROUNDS = 4, 2
SPECS = (
    EncoderSpec("wav2vec2", "1", "audio", 768),
    EncoderSpec("ecapa_tdnn", "1", "audio", 192),
    EncoderSpec("emotion2vec", "1", "audio", 768),
    EncoderSpec("timesformer", "1", "video", 768),
    EncoderSpec("face", "1", "video", 512),
    EncoderSpec("sentence_bert", "1", "text", 768),
)
SMALL = FusionConfig(SPECS, folds=2, patience=0)  # what is trained unless `paper` is asked for
PAPER = SMALL.as_paper()


def clips_of(n: int, folder: Path) -> TrainingData:
    """Clips with vectors in memory-mapped files and a proxy MOS each."""
    random = np.random.default_rng(SEED)
    features = {}
    for spec in SPECS:
        path = folder / f"{spec.name}.npy"
        np.save(path, random.normal(size=(n, spec.width)).astype(np.float32))
        features[spec.name] = np.load(path, mmap_mode="r")
    fold_N = np.ones(n, dtype=np.int64)
    fold_N[:2] = 0  # so that the first member trains on all but two clips
    nothing = np.full(n, np.nan)
    return TrainingData(
        features=features,
        proxy_FN=np.tile(random.uniform(1, 5, size=n), (2, 1)),
        proxy_var_FN=np.full((2, n), 0.3),
        mos_N=nothing,
        mos_var_N=nothing,
        fold_N=fold_N,
        source_N=np.arange(n),
    )


class Enough(Exception):  # noqa: N818 (no fault)
    """The epochs that were wanted are timed."""


def epochs(data: TrainingData, folder: Path, config: FusionConfig) -> Iterator[float]:
    """Seconds of each epoch of the first member; the first, which warms up, is left out."""
    times: list[float] = []

    def note(progress: Progress) -> None:
        times.append(time.perf_counter())
        if len(times) == config.epochs_ws:
            raise Enough

    with contextlib.suppress(Enough):
        train(config, data, folder, note)
    yield from np.diff(times).tolist()


def products(config: FusionConfig) -> list[tuple[int, int, int, int, bool]]:
    """Matrix products of one batch forward: how many, rows, inner, columns, and whether the left
    side wants a gradient as well."""
    b, d, tokens = config.batch, config.width, 1 + len(config.modalities)
    made = []
    for spec in config.encoders:
        made += [(1, b, spec.width, d, False), (1, b, spec.width, config.rank, False)]
        made += [(1, b, config.rank, d, True)]
    every, inner, each = b * tokens, d * config.spread, d // config.heads
    for layer in range(1, config.layers + 1):
        looking = 1 if layer == config.layers else tokens  # the last is wanted of one token alone
        rows = b * looking
        made += [(1, every, d, 2 * d, True), (1, rows, d, d, True)]
        made += [(b * config.heads, looking, each, tokens, True)]
        made += [(b * config.heads, looking, tokens, each, True)]
        made += [(1, rows, d, d, True), (1, rows, d, inner, True), (1, rows, inner, d, True)]
    return [*made, (1, b, d, 2, True)]


class Bare:
    """The same products on matrices that lie ready, and nothing else."""

    def __init__(self, config: FusionConfig) -> None:
        where = device()
        self.sides = []
        for count, rows, inner, columns, wants_both in products(config):
            shape = (count,) if count > 1 else ()
            left = torch.randn(*shape, rows, inner, device=where)
            right = torch.randn(*shape, inner, columns, device=where)
            back = torch.randn(*shape, rows, columns, device=where)
            self.sides.append((left, right, back, wants_both))

    def batch(self) -> None:
        """Forward, then backward: a product for each weight, another for what came in."""
        for left, right, _, _ in self.sides:
            torch.matmul(left, right)
        for left, right, back, wants_both in reversed(self.sides):
            torch.matmul(left.mT, back)
            if wants_both:
                torch.matmul(back, right.mT)

    def epoch(self, batches: int) -> float:
        """Seconds of so many batches."""
        started = time.perf_counter()
        with torch.inference_mode(), _precision(PAPER, device()):
            for _ in range(batches):
                self.batch()
        if device().type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started


def scoring(data: TrainingData, folder: Path, config: FusionConfig) -> list[float]:
    """Seconds to score all clips with one network, and with an ensemble of four."""
    short = replace(config, epochs_ws=0, epochs_ft=0)
    train(short, data.only(np.arange(64)), folder)
    four, seconds = members(folder, 2) * 2, []
    predict(four, {name: x[:64] for name, x in data.features.items()})
    for networks in (four[:1], four):
        started = time.perf_counter()
        predict(networks, data.features)
        seconds.append(time.perf_counter() - started)
    return seconds


def main() -> None:
    """Time both sides in turns, then scoring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    asked = parser.parse_args()
    n, rounds = (QUICK_CLIPS, QUICK_ROUNDS) if asked.quick else (CLIPS, ROUNDS)
    torch.manual_seed(SEED)
    batches = -(-n // PAPER.batch)
    bare = Bare(PAPER)
    bare.epoch(20)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = clips_of(n, folder)
        timed = replace(PAPER, epochs_ws=3, epochs_ft=0)
        for number in range(rounds):
            theirs.append(bare.epoch(batches))
            ours += list(epochs(data, folder / f"round-{number}", timed))
            theirs.append(bare.epoch(batches))
        one_s, four_s = scoring(data, folder / "score", PAPER)
        _, small_s = scoring(data, folder / "score-small", SMALL)
        kept = sum(x.nbytes for x in data.features.values())
    ratio = float(np.median(ours) / np.median(theirs))
    name = torch.cuda.get_device_name() if device().type == "cuda" else "processor"
    print(f"epoch {np.median(ours):.2f} s, bare {np.median(theirs):.2f} s: {ratio:.2f} times")
    print(f"{n} clips scored by one network in {one_s:.2f} s, by four in {four_s:.2f} s")
    print(f"by four of the usual size in {small_s:.2f} s")
    report(
        "fusion_epoch" if name == "processor" else f"fusion_epoch_{name.replace(' ', '_')}",
        {
            "epoch against the same matrix products": aim(ratio, 1.2, at_least=False),
            "12 000 clips, one network, seconds": aim(one_s * CLIPS / n, 5.0, at_least=False),
            "12 000 clips, four members, seconds": aim(four_s * CLIPS / n, 5.0, at_least=False),
            "12 000 clips, four members of the usual size, seconds": aim(
                small_s * CLIPS / n, 5.0, at_least=False
            ),
        },
        seed=SEED,
        packages=("torch", "numpy"),
        keep=not asked.quick,
        device=name,
        threads=torch.get_num_threads(),
        clips=n,
        epoch_s=[round(one, 3) for one in ours],
        bare_s=[round(one, 3) for one in theirs],
        parameters=count_parameters(members_network()),
        features_mb=round(kept / 1e6),
        most_resident_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


def members_network() -> torch.nn.Module:
    """The network, to be counted."""
    from learner.fusion.network import FusionNetwork

    return FusionNetwork(PAPER)


if __name__ == "__main__":
    main()
