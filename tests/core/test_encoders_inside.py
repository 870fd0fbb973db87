"""Encoders inside the network, trained through it: small random models, saved by the test."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from learner.encoders._trainable import trainable, trainable_names
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.inside import EncodersInside, Recipe, spec_inside
from learner.fusion.inside_files import is_saved, load_inside
from learner.fusion.losses import loss_of
from learner.fusion.pieces import PreparedInputs
from learner.fusion.recipe import Clips, Targets, predict_inside, train_inside
from learner.media import ClipMedia
from learner.media.faces import FaceFinder
from learner.registry import shelf
from learner.weights import WeightsError
from tests.clips import write_clip
from tests.hub_models import save_all, save_sentence_bert
from tests.parts import man, sounding

NAMES = ("wav2vec2", "timesformer", "sentence_bert")
TEXTS = ("good morning", "good night", "morning good night", "good morning", "night", "good good")
N = len(TEXTS) + 1  # and one that has sound alone
NO_PICTURE = N - 1


def each_crop(self, media, rate_hz, size, room=1.0):
    """The crops are another's work: here they are stripes that move."""
    for number in range(11):
        picture = np.zeros((*size, 3), dtype=np.uint8)
        picture[:, number:] = 200
        yield picture, number / rate_hz


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Networks as small as these only wait for each other in two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def _no_faces_are_needed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FaceFinder, "load", lambda self, weights: None)
        patch.setattr(FaceFinder, "each_crop", each_crop)
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder of weights with every model in its place, always the same."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    save_all(folder)
    return folder


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Six small dubs of several lengths, and a recording without picture or words."""
    folder = tmp_path_factory.mktemp("clips")
    dubs = [
        ClipMedia(
            write_clip(folder / f"{n}.mp4", seconds=0.6 + 0.6 * (n % 3), tone_hz=200 + 90 * n),
            transcript=words,
        )
        for n, words in enumerate(TEXTS)
    ]
    return [*dubs, sounding(folder / "man.wav", man(0.7))]


@pytest.fixture(scope="module")
def clips(media, weights, tmp_path_factory):
    """All of them as encoders see them, and vectors of one that is not inside."""
    kept = PreparedInputs(tmp_path_factory.mktemp("inputs"))
    for name in trainable_names():
        part = trainable(name, weights)
        for row, clip in enumerate(media):
            kept.prepare(part, "1", str(row), clip)
    vectors = np.random.default_rng(2).normal(size=(N, 5)).astype(np.float32)
    vectors[1] = np.nan
    ids = tuple(map(str, range(N)))
    return Clips(lambda name, row: kept.pieces(name, "1", str(row)), {"kept": vectors}, ids)


def config_of(weights, names=NAMES, **changes):
    inputs = [spec_inside(name, weights) for name in names]
    sizes = {"width": 16, "layers": 1, "batch": 4, "epochs_ws": 2, "epochs_ft": 2, "seed": 3}
    kept = EncoderSpec("kept", "1", "audio", 5)
    return FusionConfig((*inputs, kept), **{**sizes, **changes})


def fresh(weights, names=NAMES, changes=None, **recipe):
    config = config_of(weights, names, **(changes or {}))
    return EncodersInside.fresh(config, Recipe(names, **{"rank": 4, **recipe}), weights, seed=1)


def targets_of(rows=range(N), seed=4):
    rows = torch.tensor(list(rows))
    unit = torch.rand(len(rows), generator=torch.Generator().manual_seed(seed))
    return Targets(rows, unit, torch.ones(len(rows)))


def loss(output, unit_B, weight_B):
    config = FusionConfig((EncoderSpec("kept", "1", "audio", 5),))
    return loss_of(output, unit_B, weight_B, config)


def trained(inside, clips, folder, **changes):
    config = inside.fusion.config
    targets = {"ws": targets_of(), "ft": targets_of(range(5), seed=5)}
    return train_inside(config, inside, clips, targets, folder, loss, **changes)


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, msg=name)


# Before training


@pytest.mark.parametrize("name", ["face_vit", *NAMES])
@pytest.mark.parametrize("at_once", [1, 3])
def test_before_training_a_clip_has_the_vector_that_would_be_kept(
    weights, media, clips, name, at_once
):
    inside = fresh(weights, (name,), at_once=at_once).train()
    part = trainable(name, weights)
    rows = [row for row in range(N) if clips.pieces(name, row)]
    mine = inside.vectors(name, [clips.pieces(name, row) for row in rows])
    theirs = np.stack([part.embed(media[row]) for row in rows])
    assert len(rows) >= N - 1 and mine.requires_grad
    np.testing.assert_allclose(mine.detach().numpy(), theirs, rtol=1e-4, atol=2e-6)


def test_no_more_pieces_go_through_an_encoder_together_than_asked(weights, clips):
    inside = fresh(weights, ("timesformer",), at_once=2)
    seen = []
    network = inside.parts["timesformer"].network
    network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    inside.vectors("timesformer", [clips.pieces("timesformer", row) for row in range(N)])
    n_views = sum(len(clips.pieces("timesformer", row)) for row in range(N))
    assert sum(seen) == n_views > len(seen) and max(seen) == 2


def test_what_a_clip_lacks_is_no_input_and_its_reason_is_kept(weights, media, tmp_path):
    kept = PreparedInputs(tmp_path)
    part = trainable("sentence_bert", weights)
    for _ in range(2):
        assert "neither a translation" in kept.prepare(part, "1", "man", media[-1])
    assert kept.prepare(part, "1", "dub", media[0]) == ""
    assert kept.pieces("sentence_bert", "1", "man") == []
    assert kept.pieces("sentence_bert", "1", "never prepared") == []


def test_a_file_that_is_gone_is_an_error_and_nothing_is_kept(weights, tmp_path):
    gone = ClipMedia(tmp_path / "gone.mp4")
    with pytest.raises(FileNotFoundError):
        PreparedInputs(tmp_path).prepare(trainable("wav2vec2", weights), "1", "gone", gone)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_pictures_that_were_decoded_once_are_not_decoded_again(weights, media, tmp_path):
    kept, part = PreparedInputs(tmp_path), trainable("wav2vec2", weights)
    kept.prepare(part, "1", "dub", media[0])
    kept.prepare(part, "1", "dub", ClipMedia(tmp_path / "gone.mp4"))
    assert len(kept.pieces("wav2vec2", "1", "dub")) == 1


# Training


def test_gradients_reach_every_adapter_and_no_base_weight_moves(weights, clips, tmp_path):
    inside = fresh(weights)
    before = {k: one.detach().clone() for k, one in inside.networks.named_parameters()}
    trained(inside, clips, tmp_path)
    adapters = inside.adapters()
    assert {name.split(".")[0] for name in adapters} == set(NAMES)
    for name, one in inside.networks.named_parameters():
        is_moved = not torch.equal(before[name], one)
        assert is_moved == one.requires_grad == (name in adapters), name
        assert (one.grad is not None and one.grad.abs().max() > 0) == is_moved, name


@pytest.mark.parametrize("stage", ["ws", "ft"])
def test_a_stage_trains_what_the_network_says_beside_the_adapters(weights, stage):
    inside = fresh(weights, ("sentence_bert",))
    fusion, adapters = (group["params"] for group in inside.groups(stage))
    names = {name for name, one in inside.named_parameters() if one.requires_grad}
    assert len(names) == len(fusion) + len(adapters)
    assert ("fusion.adapters.kept.project.weight" in names) == (stage == "ws")
    assert ("fusion.adapters.kept.up.weight" in names) == (stage == "ft")


def test_computing_again_gives_the_gradients_that_keeping_gives(weights, clips):
    grads = []
    for is_recomputed in (True, False):
        inside = fresh(weights, is_recomputed=is_recomputed)
        inside.groups("ws")
        output = inside(clips.known([0, 1, 2]), clips.seen(inside, [0, 1, 2]))
        loss(output, torch.tensor([0.1, 0.5, 0.9]), torch.ones(3)).backward()
        grads.append({name: one.grad for name, one in inside.adapters().items()})
    same(*grads)


def test_the_loss_of_a_small_batch_falls(weights, clips, tmp_path):
    still = {"dropout": 0.0, "modality_dropout": 0.0, "epochs_ws": 0, "epochs_ft": 12, "batch": 8}
    inside = fresh(weights, ("sentence_bert", "wav2vec2"), still, rate=1e-2)
    inside.fusion.requires_grad_(False)
    optimised = inside.groups

    inside.groups = lambda stage: optimised(stage)[1:]  # the encoders alone have to do it
    curves = trained(inside, clips, tmp_path)
    assert curves[-1]["loss"] < 0.7 * curves[0]["loss"]
    assert [row["epoch"] for row in curves] == list(range(12))


def test_clips_without_picture_words_or_kept_vector_are_legal(weights, clips, tmp_path):
    inside = fresh(weights)
    assert (
        clips.pieces("timesformer", NO_PICTURE) == clips.pieces("sentence_bert", NO_PICTURE) == []
    )
    curves = trained(inside, clips, tmp_path)
    assert np.isfinite([row["loss"] for row in curves]).all()
    mean_N, var_N = predict_inside(inside, clips, list(range(N)))
    assert ((mean_N >= 1) & (mean_N <= 5)).all() and (var_N > 0).all()
    nobody = Clips(lambda name, row: [], clips.features, clips.ids)
    assert np.isfinite(predict_inside(inside, nobody, [0, 1])[0]).all()


def test_bfloat16_scores_nearly_as_single_precision_does(weights, clips):
    exact, rough = (
        predict_inside(fresh(weights, is_bf16=is_bf16), clips, list(range(N)))[0]
        for is_bf16 in (False, True)
    )
    assert not np.array_equal(exact, rough)
    np.testing.assert_allclose(rough, exact, atol=0.05)


# Stopping, keeping, using


@pytest.fixture(scope="module")
def undisturbed(weights, clips, tmp_path_factory):
    """A training that nothing stopped, and its curves."""
    whole = fresh(weights, ("sentence_bert",))
    return whole, trained(whole, clips, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("stop_after", [0, 1, 3, 4, 5])
def test_a_stopped_training_goes_on_to_the_numbers_of_an_undisturbed_one(
    weights, clips, tmp_path, undisturbed, stop_after
):
    names, (whole, curves) = ("sentence_bert",), undisturbed
    stopped = fresh(weights, names)

    def stop(step):
        if step.stage != "scale" and step.number == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(stopped, clips, tmp_path / "cut", report=stop, save_every_s=0)
    assert not is_saved(tmp_path / "cut")
    again, steps = fresh(weights, names), []
    resumed = trained(again, clips, tmp_path / "cut", report=steps.append, save_every_s=0)
    assert [step.number for step in steps] == list(range(stop_after + 1, 6))
    assert resumed == curves and all(step.frac <= 1 for step in steps)
    same(again.trained(), whole.trained())


def test_training_that_is_done_is_not_done_again(weights, clips, tmp_path):
    names, steps = ("sentence_bert",), []
    once, again = fresh(weights, names), fresh(weights, names)
    curves = trained(once, clips, tmp_path)
    assert trained(again, clips, tmp_path, report=steps.append) == curves and not steps
    same(once.trained(), again.trained())


def test_a_folder_of_other_work_is_refused(weights, clips, tmp_path):
    names = ("sentence_bert",)
    trained(fresh(weights, names), clips, tmp_path)
    for other in (
        lambda: trained(fresh(weights, names, rate=1e-3), clips, tmp_path),
        lambda: trained(fresh(weights, names, {"seed": 4}), clips, tmp_path),
        lambda: trained(fresh(weights, names), replace(clips, ids=("a", "b")), tmp_path),
    ):
        with pytest.raises(ValueError, match="start anew in another folder"):
            other()


def test_nothing_to_train_on_is_said(weights, clips, tmp_path):
    inside = fresh(weights, ("sentence_bert",))
    one = {"ft": targets_of([2])}
    with pytest.raises(ValueError, match="needs an epoch, two clips"):
        train_inside(inside.fusion.config, inside, clips, one, tmp_path, loss)


@pytest.fixture(scope="module")
def kept(weights, clips, tmp_path_factory):
    """A network that was trained and saved, and what it says."""
    folder = tmp_path_factory.mktemp("kept")
    inside = fresh(weights, rate=1e-2)
    trained(inside, clips, folder)
    return folder, predict_inside(inside, clips, list(range(N)))


def test_a_loaded_network_says_what_the_saved_one_said(weights, clips, kept):
    folder, said = kept
    again = predict_inside(load_inside(folder, weights), clips, list(range(N)))
    np.testing.assert_allclose(again, said, rtol=1e-6)  # where numbers lie in memory moves the last
    assert not [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]
    untrained = predict_inside(fresh(weights), clips, list(range(N)))
    assert not np.allclose(untrained[0], said[0], atol=1e-3)


def test_a_network_is_not_loaded_around_another_model(weights, kept, tmp_path):
    folder, _ = kept
    other = tmp_path / "weights"
    shutil.copytree(weights, other)
    save_sentence_bert(other / "hub" / "sentence_bert")
    with pytest.raises(ValueError, match=r"was trained on sentence_bert 1-\w+\+inside, and 1-"):
        load_inside(folder, other)
    with pytest.raises(ValueError, match="holds no network"):
        load_inside(tmp_path, weights)


def test_adapters_beside_a_model_make_it_another_version_with_trained_vectors(
    weights, media, clips, kept, tmp_path
):
    folder, _ = kept
    name, after = "sentence_bert", tmp_path / "weights"
    shutil.copytree(weights, after)
    shutil.copytree(folder / "adapters" / name, after / "hub" / name / "adapter")
    part = shelf("encoder").get(name)
    assert part.fingerprint(after) != part.fingerprint(weights)
    before, now = (trainable(name, place).embed(media[0]) for place in (weights, after))
    inside = load_inside(folder, weights).vectors(name, [clips.pieces(name, 0)])[0]
    np.testing.assert_allclose(now, inside.detach().numpy(), atol=1e-5)
    assert np.abs(now - before).max() > 1e-3
    assert np.linalg.norm(now) == pytest.approx(1, abs=1e-5)


def test_adapters_of_another_model_or_damaged_ones_are_refused(weights, kept, tmp_path):
    folder, _ = kept
    hub = tmp_path / "hub" / "sentence_bert"
    shutil.copytree(weights / "hub" / "sentence_bert", hub)
    shutil.copytree(folder / "adapters" / "sentence_bert", hub / "adapter")
    said = hub / "adapter" / "made_on.json"
    right = said.read_text()
    said.write_text(json.dumps({"fingerprint": "abc"}))
    with pytest.raises(WeightsError, match="was trained on abc, which is not the model beside it"):
        trainable("sentence_bert", tmp_path)
    said.write_text(right)
    (hub / "adapter" / "adapter_model.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot be read as adapters"):
        trainable("sentence_bert", tmp_path)


# What makes no sense


def test_an_encoder_that_is_not_there_or_cannot_be_trained_is_named(weights, clips):
    with pytest.raises(ValueError, match="there is no encoder 'wav3vec'"):
        spec_inside("wav3vec", weights)
    with pytest.raises(ValueError, match=r"'sentence_e5' cannot be trained; those that can: face"):
        spec_inside("sentence_e5", weights)
    config = config_of(weights, ("sentence_bert",))
    with pytest.raises(ValueError, match="the network has no encoder 'wav2vec2'; it has sentence_"):
        EncodersInside.fresh(config, Recipe(("wav2vec2",)), weights)
    inside = fresh(weights, ("sentence_bert",))
    without = inside({}, clips.seen(inside, [0]))  # no kept vector is as one without an answer
    assert torch.isfinite(without.mean_B).all()
    with pytest.raises(ValueError, match=r"encoders \[\] were given; the recipe is for \['sent"):
        EncodersInside(inside.fusion, {}, inside.recipe)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoders": ()}, "name at least one encoder to train; those that can be: face_vit"),
        ({"rank": 0}, "rank must be above 0, not 0"),
        ({"rate": -1.0}, "rate must be above 0"),
        ({"at_once": 0}, "at_once must be above 0"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**{"encoders": ("wav2vec2",), **changes})
