"""One face a clip: found, followed, told apart from none, and no one is made up."""

from __future__ import annotations

import numpy as np
import pytest

from learner.demo.portrait import ASTRONAUT, OFFICER
from learner.media import ClipMedia, Unavailable, faces
from learner.media._sampling import Square, cut_out
from learner.media.clip import together
from learner.media.faces import FaceFinder
from tests.clips import write_clip
from tests.films import officer, photo, placed, turned, write_film, zoomed
from tests.parts import man, weights_or_skip, write_sound

RIGHT_EYE, LEFT_EYE, LIPS = (33, 133), (362, 263), (13, 14)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    finder = FaceFinder()
    finder.load(weights_or_skip())
    return finder


def middle_of(landmarks, of) -> np.ndarray:
    return landmarks[list(of), :2].mean(axis=0)


def grey(size=(360, 360)) -> np.ndarray:
    return np.full((*size, 3), 96, dtype=np.uint8)


# Cutting out


def test_a_square_is_cut_out_where_it_lies():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    found = cut_out(picture, Square(20, 15, 10), (10, 10))
    np.testing.assert_allclose(found, picture[10:20, 15:25], atol=1e-3)


def test_a_square_turned_by_a_right_angle_is_the_turned_square():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    found = cut_out(picture, Square(20, 15, 10, np.pi / 2), (10, 10))
    np.testing.assert_allclose(found, np.rot90(picture[10:20, 15:25]), atol=1e-2)


@pytest.mark.parametrize("step", [2, 3, 5])
def test_a_coarser_result_shows_means(step):
    picture = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    found = cut_out(picture, Square(30, 30, 6 * step), (6, 6))
    part = picture[30 - 3 * step : 30 + 3 * step, 30 - 3 * step : 30 + 3 * step]
    means = part.reshape(6, step, 6, step, 3).mean(axis=(1, 3))
    # The part begins at a whole pixel, not at a block of the picture: they agree in the large.
    assert np.abs(found - means).mean() < 45
    assert found.mean() == pytest.approx(means.mean(), abs=6)


def test_outside_the_picture_all_is_black():
    picture = np.full((20, 20, 3), 200, dtype=np.uint8)
    found = cut_out(picture, Square(0, 10, 20), (20, 20))
    assert (found[:, :10] == 0).all() and (found[:, 10:] == 200).all()
    assert (cut_out(picture, Square(-50, 10, 20), (8, 8)) == 0).all()


def test_a_result_that_is_no_square_shows_more_along_its_longer_side():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    found = cut_out(picture, Square(20, 15, 10), (10, 14))
    np.testing.assert_allclose(found, picture[10:20, 13:27], atol=1e-3)


# Finding


@pytest.mark.parametrize("face", [ASTRONAUT, OFFICER], ids=["astronaut", "officer"])
def test_the_mesh_lies_on_a_photographed_face(finder, tmp_path, face):
    found = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", [photo(face)])))
    mesh = found.landmarks_TL3[0]
    eyes = sorted((eye.x, eye.y) for eye in face.eyes)
    apart = np.hypot(*np.subtract(*eyes))
    for of, place in ((RIGHT_EYE, eyes[0]), (LEFT_EYE, eyes[1])):
        assert np.hypot(*(middle_of(mesh, of) - place)) < 0.1 * apart
    mouth = (face.mouth_x, face.mouth_y)
    assert np.hypot(*(middle_of(mesh, LIPS) - mouth)) < 0.15 * apart
    assert found.score_T[0] > 0.9
    x0, y0, x1, y1 = found.box_T4[0]
    assert (x0, y0) == pytest.approx(mesh[:, :2].min(axis=0))
    assert (x1, y1) == pytest.approx(mesh[:, :2].max(axis=0))


@pytest.mark.parametrize("by", [0.4, 1.0, 2.5])
def test_landmarks_are_pixels_of_the_picture_at_its_own_size(finder, tmp_path, by):
    once = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", [photo()])))
    other = finder.find(ClipMedia(write_film(tmp_path / "b.mkv", [zoomed(photo(), by)])))
    apart = np.abs(other.landmarks_TL3 / by - once.landmarks_TL3)[..., :2]
    assert apart.mean() < 2


def test_a_small_face_in_a_wide_picture_is_found(finder, tmp_path):
    wide = placed(zoomed(photo(), 0.5), (540, 960), (30, 680))
    found = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", [wide])))
    eye = 0.5 * np.array([ASTRONAUT.eyes[0].x, ASTRONAUT.eyes[0].y]) + (680, 30)
    mesh = found.landmarks_TL3[0]
    assert min(np.hypot(*(middle_of(mesh, of) - eye)) for of in (RIGHT_EYE, LEFT_EYE)) < 4


# Following


def test_a_moving_face_is_followed(finder, tmp_path):
    head = photo()[:400, 60:400]
    shifts = np.arange(40) * 4
    film = [placed(head, (400, 560), (0, shift)) for shift in shifts]
    found = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", film)))
    assert found.is_seen_T.all() and len(found.score_T) == 40
    nose = found.landmarks_TL3[:, 1, 0]
    np.testing.assert_allclose(nose - nose[0], shifts, atol=2.5)


def test_a_face_that_goes_and_comes_is_nowhere_between(finder, tmp_path):
    film = [photo()] * 10 + [np.zeros_like(photo())] * 12 + [photo()] * 12
    found = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", film)))
    assert found.is_seen_T[:10].all() and not found.is_seen_T[10:22].any()
    assert found.is_seen_T[27:].all()  # after a while only every fifth picture is searched
    assert np.isnan(found.landmarks_TL3[10:22]).all() and np.isnan(found.box_T4[10:22]).all()
    assert (found.score_T[10:22] == 0).all()


@pytest.mark.parametrize("right", [False, True])
def test_of_two_faces_the_larger_one_is_followed(finder, tmp_path, right):
    small, large = zoomed(photo()[:300, 80:380], 0.6), zoomed(officer()[:420, 80:440], 0.9)
    film = placed(small, (400, 720), (60, 480 if right else 60))
    film[:378, 200 if right else 360 :][:, :324] = large[:378]
    found = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", [film] * 3)))
    nose = found.landmarks_TL3[:, 1, 0]
    left = 200 if right else 360
    assert ((nose > left) & (nose < left + 324)).all()


def test_a_face_of_twice_the_area_takes_over_and_a_somewhat_larger_one_does_not(finder, tmp_path):
    head = photo()[:300, 80:380]
    before = placed(head, (400, 900), (40, 40))
    after = before.copy()
    after[40:376, 500:836] = zoomed(head, 1.12)
    film = [before] * 10 + [after] * 30
    found = finder.find(ClipMedia(write_film(tmp_path / "like.mkv", film)))
    assert (found.landmarks_TL3[:, 1, 0] < 450).all()
    small = placed(zoomed(head, 0.6), (400, 900), (40, 40))
    after = small.copy()
    after[40:340, 500:800] = head
    film = [small] * 10 + [after] * 30
    found = finder.find(ClipMedia(write_film(tmp_path / "large.mkv", film)))
    assert found.landmarks_TL3[12, 1, 0] < 300 and found.landmarks_TL3[-1, 1, 0] > 450


def test_a_picture_that_stays_on_show_is_looked_at_once(finder, tmp_path, monkeypatch):
    looked = []
    really = finder._mesh.fit
    monkeypatch.setattr(finder._mesh, "fit", lambda *words: looked.append(1) or really(*words))
    found = finder.find(ClipMedia(write_film(tmp_path / "a.mkv", [photo()] * 3, fps=1)))
    assert len(found.score_T) == 75 and found.is_seen_T.all()
    assert len(looked) <= 6


def test_faces_are_found_once_and_networks_are_shared(finder, tmp_path):
    media = ClipMedia(write_film(tmp_path / "a.mkv", [photo()]))
    other = FaceFinder()
    other.load(weights_or_skip())
    assert other._mesh is finder._mesh
    assert other.find(media) is finder.find(media)
    with pytest.raises(ValueError, match="read-only"):
        finder.find(media).landmarks_TL3[0] = 0


# None


def test_where_there_is_no_face_no_one_is_made_up(finder, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 240, 320, 3), dtype=np.uint8)
    for name, film in (("grey", [grey()] * 20), ("noise", noise)):
        with pytest.raises(Unavailable, match="seen on 0% .* 20% are needed"):
            finder.find(ClipMedia(write_film(tmp_path / f"{name}.mkv", film)))
    with pytest.raises(Unavailable, match="seen on 0%"):
        finder.find(ClipMedia(write_clip(tmp_path / "bar.mp4")))


def test_a_face_on_a_tenth_of_the_clip_is_too_little(finder, tmp_path):
    film = [photo()] * 2 + [np.zeros_like(photo())] * 18
    with pytest.raises(Unavailable, match="seen on 10%"):
        finder.find(ClipMedia(write_film(tmp_path / "a.mkv", film)))


def test_sound_alone_has_no_face(finder, tmp_path):
    with pytest.raises(Unavailable, match="no video stream"):
        finder.find(ClipMedia(write_sound(tmp_path / "a.wav", man(1))))


# Crops


def test_crops_show_the_face_upright(finder, tmp_path):
    level = ClipMedia(write_film(tmp_path / "a.mkv", [photo()] * 5))
    slanted = ClipMedia(write_film(tmp_path / "b.mkv", [turned(photo(), 25)] * 5))
    crops, times_s = finder.crops(level, 12.5, (96, 96))
    other, _ = finder.crops(slanted, 12.5, (96, 96))
    assert crops.shape == (3, 96, 96, 3) and crops.dtype == np.uint8
    np.testing.assert_allclose(times_s, [0, 0.08, 0.16])
    middle = (slice(None), slice(20, 80), slice(20, 80))
    alike = np.corrcoef(crops[middle].ravel(), other[middle].ravel())[0, 1]
    assert alike > 0.9


def test_small_crops_are_the_crops_in_grey(finder, tmp_path):
    film = [photo()] * 3 + [np.zeros_like(photo())] * 3
    media = ClipMedia(write_film(tmp_path / "a.mkv", film))
    crops, _ = finder.crops(media, 25, (64, 64))
    small = finder.small(media)
    assert small.shape == (6, 64, 64) and small.dtype == np.uint8
    np.testing.assert_allclose(small[:3], crops @ [0.299, 0.587, 0.114], atol=1.5)
    assert (small[3:] == 0).all()


def test_crops_come_only_from_pictures_with_a_face(finder, tmp_path):
    film = [photo()] * 10 + [np.zeros_like(photo())] * 10
    crops, times_s = finder.crops(ClipMedia(write_film(tmp_path / "a.mkv", film)), 5, (64, 48))
    assert crops.shape == (2, 64, 48, 3)
    np.testing.assert_allclose(times_s, [0, 0.2])


def test_too_many_crops_together_say_so(finder, tmp_path, monkeypatch):
    media = ClipMedia(write_film(tmp_path / "a.mkv", [photo()] * 4))
    monkeypatch.setattr(faces, "together", lambda some, size: together(some, size, 10_000))
    with pytest.raises(Unavailable, match="take more than"):
        finder.crops(media, 25, (64, 64))


# Real clips


def test_real_talking_faces_are_seen_throughout(finder, real_data):
    for path in sorted((real_data / "clips" / "grid").glob("*.mpg")):
        assert finder.find(ClipMedia(path)).is_seen_T.mean() > 0.99
