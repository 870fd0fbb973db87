"""What is seen: pictures that stand still do not move; the network is the published one."""

from __future__ import annotations

import numpy as np
import pytest

from learner.encoders.frame_efficientnet import RATE_HZ, SIZE, FrameEfficientNet
from learner.media import ClipMedia, Unavailable
from tests.clips import write_clip
from tests.parts import weights_or_skip


@pytest.fixture(scope="module")
def frames() -> FrameEfficientNet:
    encoder = FrameEfficientNet()
    encoder.load(weights_or_skip())
    return encoder


def test_features_are_those_of_the_published_network(frames):
    # efficientnet-lite-pytorch 0.1.0's own class, pooled, on the same picture.
    y, x = np.mgrid[:224, :224]
    picture_HW3 = np.stack([(x + y) % 256, (2 * x) % 256, (3 * y) % 256], -1).astype(np.uint8)
    found_D = frames._features(picture_HW3[None])[0]
    assert found_D[2:4] == pytest.approx([0.508444, 0.053488], abs=1e-5)
    assert float(found_D.mean()) == pytest.approx(0.0975278, abs=1e-6)
    assert int(found_D.argmax()) == 113 and float(found_D.max()) == pytest.approx(
        5.832591, abs=1e-5
    )


def test_mean_and_change_are_those_of_every_picture(frames, tmp_path):
    clip = ClipMedia(write_clip(tmp_path / "a.mp4", seconds=5.0))  # more pictures than one batch
    pictures = clip.frames(RATE_HZ, SIZE)
    assert len(pictures) == 20
    features_TD = np.concatenate([frames._features(one[None]) for one in pictures])
    expected_D = np.concatenate([features_TD.mean(axis=0), features_TD.std(axis=0)])
    np.testing.assert_allclose(frames.embed(clip), expected_D, atol=1e-4)


def test_a_clip_without_pictures_has_no_vector(frames, tmp_path):
    clip = ClipMedia(write_clip(tmp_path / "a.mp4", has_picture=False))
    with pytest.raises(Unavailable, match="no video stream"):
        frames.embed(clip)


def test_pictures_one_by_one_are_the_frames(tmp_path):
    clip = ClipMedia(write_clip(tmp_path / "a.mp4"))
    np.testing.assert_array_equal(
        np.stack(list(clip.pictures(10, (24, 32)))), clip.frames(10, (24, 32))
    )
    with pytest.raises(ValueError, match="above 0"):
        clip.pictures(0, (24, 32))


def test_halves_of_a_real_clip_look_more_alike_than_clips_do(frames, real_data):
    def halves(path):
        features_TD = frames._features(ClipMedia(path).frames(2.0, SIZE))
        middle = len(features_TD) // 2
        return [half.mean(axis=0) for half in (features_TD[:middle], features_TD[middle:])]

    clips = [halves(path) for path in sorted((real_data / "clips" / "grid").glob("*.mpg"))]
    first_ND, second_ND = (np.stack(side) for side in zip(*clips, strict=True))
    first_ND /= np.linalg.norm(first_ND, axis=1, keepdims=True)
    second_ND /= np.linalg.norm(second_ND, axis=1, keepdims=True)
    alike_NN = first_ND @ second_ND.T
    assert len(clips) == 6 and (alike_NN.argmax(axis=1) == np.arange(6)).all()
