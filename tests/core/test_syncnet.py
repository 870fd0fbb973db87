"""SyncNet out of its checkpoint: shapes are the published ones, and late sound is told as late."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from learner.media import ClipMedia, Unavailable
from learner.metrics import _syncnet
from learner.metrics.syncnet import MOST_LAG, SyncNetSync, wanted_pieces
from learner.weights import WeightsError
from tests.clips import write_clip
from tests.films import write_talk
from tests.hub import save_syncnet, syncnet_shapes, tensors
from tests.parts import man, weights_or_skip

PUBLISHED = ((64, 192, 384, 256, 256, 512), (96, 256, 256, 256, 256, 512), 512, 1024)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    for path in weights_or_skip().iterdir():
        if path.name != "hub":
            (folder / path.name).symlink_to(path.resolve())
    save_syncnet(folder)
    return folder


@pytest.fixture(scope="module")
def metric(weights) -> SyncNetSync:
    metric = SyncNetSync()
    metric.load(weights)
    return metric


def test_the_published_sizes_make_the_published_network():
    network = _syncnet.SyncNet(tensors(syncnet_shapes(*PUBLISHED)))
    assert sum(one.numel() for one in network.parameters()) == 13_631_616
    assert len(network.state_dict()) == 102
    with torch.inference_mode():
        assert network.eval().of_faces(torch.zeros(1, 3, 5, 224, 224)).shape == (1, 1024)
        assert network.of_sounds(torch.zeros(2, 1, 13, 20)).shape == (2, 1024)


def test_the_sound_is_heard_as_the_published_front_end_hears_it():
    # python_speech_features 0.6's mfcc() of the same samples at 16-bit scale.
    heard = _syncnet.mfcc(man(0.5))
    assert heard.shape == (49, 13)
    expected = [
        [16.1944, 4.3566, -23.7098, -21.9785],
        [18.0979, 7.7928, -20.0252, -11.6601],
        [16.1228, 11.5994, -25.5135, -15.5465],
    ]
    np.testing.assert_allclose(heard[[0, 20, 48], :4], expected, atol=1e-3)


def test_sound_shorter_than_a_window_is_one_window():
    assert _syncnet.mfcc(np.ones(100, np.float32)).shape == (1, 13)


def test_pieces_are_spread_over_a_long_clip():
    starts = wanted_pieces(np.ones(10_000, bool))
    assert len(starts) == 250
    assert (starts[0], starts[-1]) == (0, 9_995)


@pytest.mark.parametrize("late", [-9, 0, 4])
def test_sound_that_is_late_has_an_offset_above_zero(metric, monkeypatch, late):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(120, 1024)).astype(np.float32)
    monkeypatch.setattr(metric, "_of_faces", lambda media: (vectors[:60], np.arange(30, 90)))
    sound = np.full((160, 1024), 5, dtype=np.float32)
    sound[30 + late : 90 + late] = vectors[:60]
    monkeypatch.setattr(metric, "_of_sound", lambda speech: sound)
    clip = ClipMedia("a")
    clip.once("speech", lambda: np.zeros(16_000, np.float32))
    found = metric.details(clip)
    assert found["offset_ms"] == 40 * late
    assert found["distance"] == 0
    assert found["confidence"] > 1
    expected = found["confidence"] * np.exp(-abs(late) * 40 / 200)
    assert metric.score(clip) == pytest.approx(expected)


def test_a_clip_gets_a_score_from_any_checkpoint_of_the_kind(metric, tmp_path):
    clip = ClipMedia(write_talk(tmp_path / "a.mp4", man(2)))
    found = metric.details(clip)
    assert set(found) == {"offset_ms", "confidence", "distance"}
    assert abs(found["offset_ms"]) <= 40 * MOST_LAG
    assert metric.score(clip) >= 0


def test_the_face_fills_the_picture_it_is_shown(metric, tmp_path, monkeypatch):
    seen = []
    network = metric._network

    class Watcher:
        def of_faces(self, pictures):
            seen.append(pictures)
            return network.of_faces(pictures)

        of_sounds = staticmethod(network.of_sounds)

    monkeypatch.setattr(metric, "_network", Watcher())
    metric.details(ClipMedia(write_talk(tmp_path / "a.mp4", man(1.5))))
    pictures = torch.cat(seen)
    assert pictures.shape[1:] == (3, 5, 224, 224)
    assert len(pictures) == wanted_pieces(np.ones(37, bool))[-1] + 1
    assert 0 <= pictures.min() < 60 and 150 < pictures.max() < 255.01


def test_no_face_and_too_little_of_it_are_told(metric, tmp_path):
    with pytest.raises(Unavailable, match="a face is seen on 0%"):
        metric.score(ClipMedia(write_clip(tmp_path / "a.mp4", seconds=2)))
    with pytest.raises(Unavailable, match="five pictures in a row"):
        metric.score(ClipMedia(write_talk(tmp_path / "b.mp4", man(0.5))))


def test_without_a_checkpoint_it_is_not_ready_and_says_what_to_bring(tmp_path):
    assert not SyncNetSync.is_ready(tmp_path)
    with pytest.raises(WeightsError, match=r"syncnet is not set up.*syncnet_v2\.model"):
        SyncNetSync().load(tmp_path)


def test_another_checkpoint_is_refused(tmp_path):
    path = save_syncnet(tmp_path)
    torch.save({"weight": torch.zeros(3)}, path)
    assert SyncNetSync.is_ready(tmp_path)
    with pytest.raises(WeightsError, match="is no checkpoint of SyncNet"):
        SyncNetSync().load(tmp_path)
