"""Several processes train what one would: the same losses, the same members."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner.compute.training import train_with
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.data import TrainingData
from learner.fusion.ensemble import members, predict
from learner.fusion.folds import assign_folds
from learner.fusion.training import train

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SPECS = (EncoderSpec("voice", "1", "audio", 12), EncoderSpec("words", "1", "text", 6))
# Without dropout: what is dropped inside the network differs from process to process.
CONFIG = FusionConfig(
    SPECS, width=16, layers=1, folds=2, epochs_ws=3, epochs_ft=3, batch=33, dropout=0.0, patience=0
)


def make_data(n=100):
    random = np.random.default_rng(3)
    quality = random.normal(size=n)
    voice = (random.normal(size=(n, 12)) + quality[:, None]).astype("float32")
    words = random.normal(size=(n, 6)).astype("float32")
    words[::7] = np.nan
    mos = np.clip(3 + 0.7 * quality, 1, 5)
    fold = assign_folds(np.arange(n), np.ones(n, bool), 2, 0)
    return TrainingData(
        features={"voice": voice, "words": words},
        proxy_FN=np.tile(np.clip(3 + 0.5 * quality, 1, 5), (2, 1)),
        proxy_var_FN=np.full((2, n), 0.3),
        mos_N=mos,
        mos_var_N=np.full(n, 0.2),
        fold_N=fold,
        source_N=np.arange(n),
    )


def losses(curves):
    return np.array([point["loss"] for point in curves])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One process."""
    folder = tmp_path_factory.mktemp("alone")
    return train(CONFIG, make_data(), folder), folder


def said(folder):
    return predict(members(folder, 2), make_data().features).own_FN


@pytest.fixture(scope="module")
def ray_cluster():
    """A cluster of this machine, which ends with this file."""
    import ray

    address = os.environ.pop("RAY_ADDRESS", None)
    yield
    ray.shutdown()
    if address:
        os.environ["RAY_ADDRESS"] = address


def test_two_workers_of_ray_train_give_the_losses_of_one(alone, tmp_path, ray_cluster):
    told = []
    curves = train_with("ray", CONFIG, make_data(), tmp_path, told.append, workers=2)
    expected, folder = alone
    assert np.abs(losses(curves) - losses(expected)).max() < 1e-4
    assert said(tmp_path) == pytest.approx(said(folder), abs=1e-3)
    shares = [progress.frac for progress in told]
    assert shares == sorted(shares) and shares[-1] == 1.0


UNDER_TORCHRUN = """
import json, sys
from pathlib import Path
import torch.distributed as together
sys.path.insert(0, {root!r})
from tests.flows.test_training_engines import CONFIG, make_data
from learner.fusion.training import train
together.init_process_group("gloo")
curves = train(CONFIG, make_data(), Path({folder!r}))
if together.get_rank() == 0:
    Path({folder!r}, "said.json").write_text(json.dumps(curves))
together.destroy_process_group()
"""


def test_two_processes_of_torchrun_give_the_losses_of_one(alone, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNDER_TORCHRUN.format(root=str(ROOT), folder=str(tmp_path)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [*command, "--nproc-per-node=2", str(script)], check=True, env=env, timeout=120, cwd=ROOT
    )
    expected, folder = alone
    curves = json.loads((tmp_path / "said.json").read_text())
    assert np.abs(losses(curves) - losses(expected)).max() < 1e-4
    assert said(tmp_path) == pytest.approx(said(folder), abs=1e-3)


def test_a_ray_training_that_is_to_stop_stops(tmp_path, ray_cluster):
    class Enough(Exception):
        """Stop here."""

    def stop(progress):
        raise Enough

    with pytest.raises(Enough):
        long = replace(CONFIG, epochs_ws=2000)
        train_with("ray", long, make_data(), tmp_path, stop, workers=1)
    assert not (tmp_path / "member-0.safetensors").exists()


def test_an_engine_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is no engine 'spark'; there are: local, ray"):
        train_with("spark", CONFIG, make_data(), tmp_path)
