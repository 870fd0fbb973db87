"""Training: resumable to the same numbers, blind to what it is judged on."""

from __future__ import annotations

import numpy as np
import pytest

from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.evaluation import agreement, errors
from learner.fusion.training import TrainingData, assign_folds, predict, train

SPECS = (EncoderSpec("voice", "1", "audio", 12), EncoderSpec("words", "1", "text", 6))
SMALL = FusionConfig(SPECS, width=16, layers=1, epochs_ws=6, epochs_ft=6, folds=3)


def make_data(n=36, seed=0, folds=3, noise_labels=False):
    random = np.random.default_rng(seed)
    quality = np.repeat(random.normal(size=n // 3), 3) if noise_labels else random.normal(size=n)
    voice = random.normal(size=(n, 12)).astype("float32")
    if not noise_labels:
        voice[:, :4] += quality[:, None]
    else:
        voice = np.repeat(voice[::3], 3, axis=0)  # a source's dubs look alike
    words = random.normal(size=(n, 6)).astype("float32")
    words[3] = np.nan
    mos = np.clip(3 + 0.8 * quality, 1, 5)
    mos[n - 6 :] = np.nan
    sources = np.repeat(np.arange(n // 3), 3)
    fold = assign_folds(sources, ~np.isnan(mos), folds, seed)
    proxy = np.tile(np.full(n, 3.0) + 0.01 * random.normal(size=n), (folds, 1))
    variance = np.full((folds, n), 0.3)
    return TrainingData(
        {"voice": voice, "words": words}, proxy, variance, mos, np.full(n, 0.2), fold
    )


class Enough(Exception):
    """Stop here."""


@pytest.mark.parametrize("stop_after", [2, 6, 9, 17])
def test_a_stopped_training_goes_on_to_the_same_numbers(tmp_path, monkeypatch, stop_after):
    monkeypatch.setattr("learner.fusion.training.SAVE_EVERY_S", 0.0)
    data = make_data()
    whole = train(SMALL, data, tmp_path / "whole")
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == stop_after:
            raise Enough

    with pytest.raises(Enough):
        train(SMALL, data, tmp_path / "stopped", stop)
    train(SMALL, data, tmp_path / "stopped")
    for fold in range(3):
        first = predict(tmp_path / "whole", data.features, 3).mean_FN[fold]
        again = predict(tmp_path / "stopped", data.features, 3).mean_FN[fold]
        assert np.array_equal(first, again)
    assert len(whole) == 3 * 12


def test_progress_runs_from_nothing_to_all(tmp_path):
    seen = []
    train(SMALL, make_data(), tmp_path, seen.append)
    shares = [progress.frac for progress in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert {progress.stage for progress in seen} == {"ws", "ft"}


def test_it_learns_what_can_be_learned_and_says_so_out_of_fold(tmp_path):
    config = FusionConfig(SPECS, width=32, layers=2, epochs_ws=5, epochs_ft=60, folds=3)
    data = make_data(n=90)
    train(config, data, tmp_path)
    said = predict(tmp_path, data.features, 3)
    own = said.mean_FN[data.fold_N, np.arange(90)]
    assert agreement("network", own, data.mos_N)["pcc"] > 0.5
    assert said.gates_NS.sum(axis=1) == pytest.approx(np.ones(90))
    assert own.min() >= 1 and own.max() <= 5


def test_labels_that_are_noise_of_the_source_are_not_predicted_out_of_fold(tmp_path):
    found = []
    for seed in range(4):
        data = make_data(n=60, seed=seed, noise_labels=True)
        train(SMALL, data, tmp_path / str(seed))
        said = predict(tmp_path / str(seed), data.features, 3)
        own = said.mean_FN[data.fold_N, np.arange(60)]
        found.append(agreement("network", own, data.mos_N)["pcc"])
    assert abs(np.mean(found)) < 0.35


def test_a_stage_without_targets_is_left_out(tmp_path):
    data = make_data()
    blind = TrainingData(
        data.features,
        np.full_like(data.proxy_FN, np.nan),
        data.proxy_var_FN,
        data.mos_N,
        data.mos_var_N,
        data.fold_N,
    )
    assert {point["stage"] for point in train(SMALL, blind, tmp_path)} == {"ft"}


def test_all_clips_of_a_source_are_in_one_fold_and_labels_are_spread():
    sources = np.repeat(np.arange(20), 4)
    labelled = np.random.default_rng(1).random(80) < 0.5
    folds = assign_folds(sources, labelled, 4, seed=3)
    assert all(len(set(folds[sources == source])) == 1 for source in range(20))
    counts = np.bincount(folds, labelled)
    assert counts.max() - counts.min() <= 4


@pytest.mark.parametrize(
    ("sources", "labelled"), [(["a"] * 20, [True] * 20), (list("abcd"), [True] * 4)]
)
def test_too_little_to_leave_anything_out_is_said(sources, labelled):
    with pytest.raises(ValueError, match="Training needs 8 clips with a MOS from 2 sources"):
        assign_folds(sources, labelled, 4, 0)


def test_progress_of_another_configuration_is_not_taken_up(tmp_path, monkeypatch):
    monkeypatch.setattr("learner.fusion.training.SAVE_EVERY_S", 0.0)

    def stop(progress):
        if progress.epoch == 3:
            raise Enough

    with pytest.raises(Enough):
        train(SMALL, make_data(), tmp_path, stop)
    other = FusionConfig(SPECS, width=32, layers=1, folds=3)
    with pytest.raises(ValueError, match="another configuration"):
        train(other, make_data(), tmp_path)


def test_agreement_is_that_of_the_library_and_undefined_is_none():
    row = agreement("x", [1.0, 2, 3, 5, np.nan], [1.0, 3, 2, 5, 4])
    assert row["n"] == 4
    assert row["pcc"] == pytest.approx(np.corrcoef([1, 2, 3, 5], [1, 3, 2, 5])[0, 1], abs=1e-6)
    assert agreement("flat", [2.0, 2, 2], [1.0, 2, 3])["pcc"] is None
    assert errors([2.0, 3.0], [1.0, 3.0]) == {"mse": 0.5, "r2": 0.5, "bias": 0.5}
    assert errors([], []) == {"mse": None, "r2": None, "bias": None}
