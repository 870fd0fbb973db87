"""What a face shows: a smile is one, a still face does not change, and no face shows nothing."""

from __future__ import annotations

import numpy as np
import pytest

from learner.encoders.face_fer import FEATURES, ORDER, D, FaceFER, statistics
from learner.media import ClipMedia, Unavailable
from tests.clips import write_clip
from tests.films import officer, photo, write_film
from tests.parts import weights_or_skip

PUBLISHED = [0.796633, 0.000004, 0.048353, 0.001393, 0.057424, 0.000257, 0.095936]


@pytest.fixture(scope="module")
def expression() -> FaceFER:
    encoder = FaceFER()
    encoder.load(weights_or_skip())
    return encoder


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, ClipMedia]:
    """Two seconds of one photograph, of the other, and of one after the other."""
    folder = tmp_path_factory.mktemp("films")
    smiling, calm = photo(), officer()[:512, :512]
    smiling = smiling[: calm.shape[0], : calm.shape[1]]
    ends = {"smiling": [smiling, smiling], "calm": [calm, calm], "both": [smiling, calm]}
    return {
        name: ClipMedia(write_film(folder / f"{name}.mkv", pictures, fps=1))
        for name, pictures in ends.items()
    }


def test_a_smile_is_joy_and_a_calm_face_is_calm(expression, films):
    for name, label in (("smiling", "happy"), ("calm", "neutral")):
        answers = expression.embed(films[name])[FEATURES:D]
        assert answers.sum() == pytest.approx(1, abs=1e-4)
        assert ORDER[int(answers.argmax())] == label and answers.max() > 0.7


def test_answers_are_those_of_the_published_network(expression):
    # The wheel's own reading of its file: grey, scaled to -1..1, on the same picture.
    y, x = np.mgrid[:64, :64]
    found = expression.features(((x * 3 + y * 5) % 256).astype(np.uint8))
    assert len(found) == D
    np.testing.assert_allclose(found[FEATURES:], PUBLISHED, atol=0.03)


def test_what_stands_still_does_not_change(expression, films):
    assert np.abs(expression.embed(films["smiling"])[D:]).max() < 0.1
    assert np.abs(expression.embed(films["both"])[D:]).max() > 0.3


def test_the_mean_is_over_all_pictures(expression, films):
    one, other, both = (expression.embed(films[name])[:D] for name in ("smiling", "calm", "both"))
    np.testing.assert_allclose(both, (one + other) / 2, atol=0.15)


def test_half_a_second_has_a_mean_and_no_change():
    found = statistics({0: np.array([3.0, 1.0, 2.0])})
    np.testing.assert_allclose(found, [1.5, 0.5, 0, 0])


def test_a_clip_without_a_face_shows_nothing(expression, tmp_path):
    with pytest.raises(Unavailable, match="a face is seen on 0%"):
        expression.embed(ClipMedia(write_clip(tmp_path / "a.mp4")))


def test_halves_of_a_real_clip_are_more_alike_than_clips_are(expression, real_data):
    def halves(path):
        crops_TSS = expression._finder.small(ClipMedia(path))
        features_TD = np.stack([expression.features(crop_SS) for crop_SS in crops_TSS])
        middle = len(features_TD) // 2
        return [half.mean(axis=0) for half in (features_TD[:middle], features_TD[middle:])]

    clips = [halves(path) for path in sorted((real_data / "clips" / "grid").glob("*.mpg"))]
    first_ND, second_ND = (np.stack(side) for side in zip(*clips, strict=True))
    first_ND /= np.linalg.norm(first_ND, axis=1, keepdims=True)
    second_ND /= np.linalg.norm(second_ND, axis=1, keepdims=True)
    assert ((first_ND @ second_ND.T).argmax(axis=1) == np.arange(6)).mean() > 0.8
