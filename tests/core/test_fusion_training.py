"""Training: resumable to the same numbers, blind to what it is judged on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.data import TrainingData, blind_proxies, set_aside, targets_of
from learner.fusion.ensemble import members, predict
from learner.fusion.folds import assign_folds
from learner.fusion.training import proxy_share, train
from learner.proxy.missing import fill_missing

SPECS = (EncoderSpec("voice", "1", "audio", 12), EncoderSpec("words", "1", "text", 6))
SMALL = FusionConfig(SPECS, width=16, layers=1, epochs_ws=6, epochs_ft=6, folds=3)


def make_data(n=36, seed=0, folds=3, is_noise_of_sources=False, is_grouped=True, a_source=3):
    """Clips whose voice tells their quality; or whose labels are noise that a source shares."""
    random = np.random.default_rng(seed)
    source = np.repeat(np.arange(n // a_source), a_source)
    voice = random.normal(size=(n, 12)).astype("float32")
    if is_noise_of_sources:
        quality = random.normal(size=n // a_source)[source]
        voice = voice[::a_source][source] + 0.1 * voice  # a source's dubs sound alike
        mos = np.clip(3 + 0.8 * quality, 1, 5)
    else:
        quality = random.normal(size=n)
        voice[:, :4] += quality[:, None]
        mos = np.clip(3 + 0.8 * quality, 1, 5)
        mos[n - 6 :] = np.nan
    words = random.normal(size=(n, 6)).astype("float32")
    words[3] = np.nan
    units = source if is_grouped else np.arange(n)
    fold = assign_folds(units, ~np.isnan(mos), folds, seed)
    proxy = np.tile(np.full(n, 3.0) + 0.01 * random.normal(size=n), (folds, 1))
    return TrainingData(
        features={"voice": voice.astype("float32"), "words": words},
        proxy_FN=proxy,
        proxy_var_FN=np.full((folds, n), 0.3),
        mos_N=mos,
        mos_var_N=np.full(n, 0.2),
        fold_N=fold,
        source_N=units,
    )


def scores(data, folder):
    return predict(members(folder, data.n_folds), data.features)


def own(data, folder):
    return scores(data, folder).of_folds(data.fold_N)


def pcc(score, mos):
    known = ~np.isnan(mos)
    return np.corrcoef(score[known], mos[known])[0, 1]


class Enough(Exception):
    """Stop here."""


@pytest.mark.parametrize("patience", [0, 2])
@pytest.mark.parametrize("stop_after", [1, 6, 7, 15])
def test_a_stopped_training_goes_on_to_the_same_numbers(
    tmp_path, monkeypatch, stop_after, patience
):
    monkeypatch.setattr("learner.fusion.training.SAVE_EVERY_S", 0.0)
    data, config = make_data(n=240), replace(SMALL, patience=patience, aside_frac=0.3)
    whole = train(config, data, tmp_path / "whole")
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == stop_after:
            raise Enough

    with pytest.raises(Enough):
        train(config, data, tmp_path / "stopped", stop)
    again = train(config, data, tmp_path / "stopped")
    assert again == whole  # every loss of every epoch, once
    first, second = (scores(data, tmp_path / name) for name in ("whole", "stopped"))
    assert np.array_equal(first.mean_FN, second.mean_FN)


def test_progress_runs_from_nothing_to_all(tmp_path):
    seen = []
    train(replace(SMALL, patience=0), make_data(), tmp_path, seen.append)
    shares = [progress.frac for progress in seen]
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert {progress.stage for progress in seen} == {"ws", "ft"}
    assert len(seen) == 3 * 12


def test_it_learns_what_can_be_learned_and_says_so_out_of_fold(tmp_path):
    config = FusionConfig(SPECS, width=32, layers=2, epochs_ws=5, epochs_ft=60, folds=3)
    data = make_data(n=90)
    train(config, data, tmp_path)
    said = scores(data, tmp_path)
    assert pcc(said.of_folds(data.fold_N), data.mos_N) > 0.4
    assert said.gates_NS.sum(axis=1) == pytest.approx(np.ones(90))
    assert said.mean_FN.min() >= 1 and said.mean_FN.max() <= 5
    assert said.inner_gates["words"][0] == 1 and said.inner_gates["words"][3] == 0


def leak(tmp_path, *, is_grouped):
    config = FusionConfig(
        SPECS,
        width=16,
        layers=1,
        epochs_ws=1,
        epochs_ft=30,
        rate_ft=3e-3,
        patience=0,
        dropout=0.0,
        modality_dropout=0.0,
    )
    found = []
    for seed in range(3):
        data = make_data(
            n=400, seed=seed, folds=4, is_noise_of_sources=True, is_grouped=is_grouped, a_source=4
        )
        folder = tmp_path / f"{is_grouped}-{seed}"
        train(config, data, folder)
        found.append((own(data, folder), data.mos_N))
    return np.mean([pcc(score, mos) for score, mos in found])


def test_noise_that_a_source_shares_is_not_predicted_unless_sources_are_torn_apart(tmp_path):
    assert abs(leak(tmp_path, is_grouped=True)) < 0.1
    assert leak(tmp_path, is_grouped=False) > 0.3  # so the test above can fail


def test_no_label_and_no_proxy_of_a_fold_reaches_its_member(tmp_path):
    data = make_data()
    train(SMALL, data, tmp_path / "as it is")
    changed = data.fold_N == 0
    other = replace(
        data,
        mos_N=np.where(changed, 6 - data.mos_N, data.mos_N),
        proxy_FN=np.where(changed, 1.0, data.proxy_FN),
    )
    train(SMALL, other, tmp_path / "changed")
    first, second = (scores(data, tmp_path / name) for name in ("as it is", "changed"))
    assert np.array_equal(first.own_FN[0], second.own_FN[0])
    assert not np.array_equal(first.own_FN[1], second.own_FN[1])


def test_clips_set_aside_are_whole_sources_and_the_same_in_both_stages():
    data = make_data(n=240)
    for stage in ("ws", "ft"):
        fitted, aside = targets_of(data, 0, stage, 0.3, 5)
        assert aside is not None
        sources = data.source_N
        assert not set(sources[fitted.rows]) & set(sources[aside.rows])
        assert (data.fold_N[aside.rows] != 0).all()
    assert targets_of(make_data(), 0, "ft", 0.2, 5)[1] is None  # too few to tell anything
    assert targets_of(data, 0, "ws", 0.0, 5)[1] is None


def test_a_stage_that_gets_no_better_ends_and_keeps_its_best(tmp_path):
    data = replace(make_data(n=240), mos_N=make_data(n=240, seed=9).mos_N)  # nothing to learn
    config = replace(SMALL, epochs_ws=0, epochs_ft=200, patience=4, aside_frac=0.3)
    curves = train(config, data, tmp_path)
    for fold in range(3):
        losses = [p["aside"] for p in curves if p["fold"] == fold and p["stage"] == "ft"]
        assert len(losses) < 200 and np.argmin(losses) <= len(losses) - 4


def test_a_stage_without_targets_is_left_out(tmp_path):
    data = make_data()
    blind = replace(data, proxy_FN=np.full_like(data.proxy_FN, np.nan))
    assert {point["stage"] for point in train(SMALL, blind, tmp_path)} == {"ft"}


def test_the_proxy_counts_by_what_clips_set_aside_say_and_by_half_where_none_are():
    random = np.random.default_rng(0)
    mos, noise = random.normal(size=400), random.normal(size=(2, 400))
    assert proxy_share([], [], []) == 0.5
    assert proxy_share(mos + 2 * noise[0], mos, mos) > 0.8
    assert proxy_share(mos, mos + 2 * noise[1], mos) < 0.2
    assert proxy_share(mos + noise[0], mos + noise[1], mos) == pytest.approx(0.5, abs=0.1)
    few = proxy_share(mos[:3] + 2 * noise[0][:3], mos[:3], mos[:3])
    assert 0.5 <= few < 0.6  # three clips move it little


def test_members_join_network_and_proxy_by_the_share_they_learned(tmp_path):
    data = make_data(n=72)
    train(SMALL, data, tmp_path)
    networks = members(tmp_path, 3)
    said = predict(networks, data.features, data.proxy_FN)
    shares = np.array([float(network.proxy_share) for network in networks])[:, None]
    assert said.mean_FN == pytest.approx((1 - shares) * said.own_FN + shares * data.proxy_FN)
    unknown = np.where(np.arange(72) == 5, np.nan, data.proxy_FN)
    said = predict(networks, data.features, unknown)
    assert said.mean_FN[:, 5] == pytest.approx(said.own_FN[:, 5])
    assert said.proxy_share_N[5] == 0


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


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("what", ["configuration", "data"])
def test_what_was_trained_otherwise_is_not_taken_up(tmp_path, monkeypatch, what, is_whole):
    monkeypatch.setattr("learner.fusion.training.SAVE_EVERY_S", 0.0)

    def stop(progress):
        if progress.epoch == 3:
            raise Enough

    data = make_data()
    if is_whole:
        train(SMALL, data, tmp_path)
    else:
        with pytest.raises(Enough):
            train(SMALL, data, tmp_path, stop)
    config = replace(SMALL, width=32) if what == "configuration" else SMALL
    if what == "data":
        data = replace(data, mos_N=data.mos_N[::-1].copy())
    with pytest.raises(ValueError, match=f"other {what}|another {what}"):
        train(config, data, tmp_path)


def test_numbers_that_are_none_are_refused_or_taken_as_absent(tmp_path):
    data = make_data()
    with pytest.raises(ValueError, match="a variance of a clip with ratings is not a finite"):
        replace(data, mos_var_N=np.full(36, np.inf))
    voice = data.features["voice"].copy()
    voice[5, 2] = np.inf
    odd = replace(data, features={**data.features, "voice": voice})
    train(SMALL, odd, tmp_path)
    said = scores(odd, tmp_path)
    assert np.isfinite(said.mean_FN).all() and said.inner_gates["voice"][5] == 0


def test_the_first_training_killed_after_a_member_keeps_its_curves(tmp_path):
    def stop(progress):
        if progress.fold == 1:
            raise Enough

    with pytest.raises(Enough):
        train(SMALL, make_data(), tmp_path, stop)
    curves = train(SMALL, make_data(), tmp_path)
    assert {point["fold"] for point in curves} == {0, 1, 2}


def test_the_share_is_learned_beside_a_proxy_that_saw_neither_fold_nor_clips_set_aside():
    random = np.random.default_rng(1)
    n, source = 400, np.repeat(np.arange(100), 4)
    z = random.normal(size=(n, 3))
    mos = np.clip(3 + 0.6 * z[:, 0] + 0.3 * random.normal(size=n), 1, 5)
    fold = assign_folds(source, np.ones(n, bool), 4, 0)
    config = replace(SMALL, folds=4, aside_frac=0.2)
    known = (fill_missing(z), np.full(n, 0.1), fold, source)
    before = blind_proxies(known[0], mos, *known[1:], config)
    is_aside = set_aside(mos, fold, source, 0, 0.2, config.seed)
    assert is_aside.sum() >= 40 and not (is_aside & (fold == 0)).any()
    other = np.where(is_aside | (fold == 0), 6 - mos, mos)
    after = blind_proxies(known[0], other, *known[1:], config)
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[1], after[1])
    nothing = blind_proxies(known[0], mos, *known[1:], replace(config, patience=0))
    assert np.isnan(nothing).all()
