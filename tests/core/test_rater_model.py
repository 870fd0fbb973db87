"""MOS recovered from raters of different level and care, against references and planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mos.rater_model import METHODS, recover_mos


def netflix(real_data):
    table = pd.read_csv(real_data / "ratings" / "nflx_79x26.csv")
    return table["rating"], table["item"], table["rater"]


def test_plain_means_and_errors_of_the_netflix_ratings_are_the_published_ones(real_data):
    found = recover_mos(*netflix(real_data), "mean")
    assert found.mos[[0, 10]] == pytest.approx([4.884615384615385, 2.0769230769230771], abs=1e-12)
    assert found.mos.mean() == pytest.approx(3.544790652385589, abs=1e-12)
    assert found.se[0] == pytest.approx(0.084615, abs=1e-6)
    assert found.se.mean() == pytest.approx(0.12986637, abs=1e-8)


def projected_slowly(scores, clips, raters):
    """Alternating projection as annex E words it, a rating at a time."""
    rows = list(zip(scores, clips, raters, strict=True))
    psi = {c: np.mean([u for u, k, _ in rows if k == c]) for c in set(clips)}
    for _ in range(500):
        apart = {r: [u - psi[c] for u, c, k in rows if k == r] for r in set(raters)}
        bias = {r: np.mean(of) for r, of in apart.items()}
        spread = {r: np.mean([(e - bias[r]) ** 2 for e in of]) for r, of in apart.items()}
        weight = {r: 1 / value for r, value in spread.items()}
        before = psi
        psi = {
            c: sum(weight[r] * (u - bias[r]) for u, k, r in rows if k == c)
            / sum(weight[r] for u, k, r in rows if k == c)
            for c in before
        }
        if np.linalg.norm([psi[c] - before[c] for c in psi]) < 1e-8:
            break
    common = np.mean(list(bias.values()))
    return (
        [psi[c] + common for c in sorted(psi)],
        [bias[r] - common for r in sorted(bias)],
        [np.sqrt(spread[r]) for r in sorted(spread)],
        [1 / np.sqrt(sum(weight[r] for _, k, r in rows if k == c)) for c in sorted(psi)],
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_alternating_projection_equals_a_second_implementation(seed):
    random = np.random.default_rng(seed)
    clips, raters = (ids.ravel() for ids in np.indices((15, 6)))
    keep = random.random(90) < 0.9
    clips, raters = clips[keep], raters[keep]
    scores = np.clip(3 + random.normal(0, 1, 15)[clips] + random.normal(0, 1, len(clips)), 1, 5)
    found = recover_mos(scores, clips, raters, "plain")
    if not found.has_converged or found.inconsistency.min() < 0.05:
        return  # it runs towards one rater who would be right in everything
    mos, bias, inconsistency, se = projected_slowly(scores, clips.tolist(), raters.tolist())
    assert found.mos == pytest.approx(mos, abs=1e-5)
    assert found.bias == pytest.approx(bias, abs=1e-5)
    assert found.inconsistency == pytest.approx(inconsistency, abs=1e-4)
    assert found.se == pytest.approx(se, rel=1e-3)


def sparse_campaign(seed, k, is_mixed, n_clips=450, n_raters=30):
    """k ratings a clip; raters alike, or one in four so careless that it hurts."""
    random = np.random.default_rng(seed)
    truth_C = random.normal(3, 0.8, n_clips)
    level_R = random.normal(0, 0.4, n_raters)
    noise_R = np.where(np.arange(n_raters) % 4 == 0, 2.0, 0.7) if is_mixed else np.full(30, 0.9)
    clips = np.repeat(np.arange(n_clips), k)
    raters = np.concatenate([random.permutation(n_raters)[:k] for _ in range(n_clips)])
    scores = truth_C[clips] + level_R[raters] + noise_R[raters] * random.normal(size=len(clips))
    return truth_C, level_R, noise_R, np.clip(scores.round(), 1, 5), clips, raters


@pytest.mark.parametrize("is_mixed", [False, True])
def test_with_three_ratings_a_clip_the_shrunk_model_beats_plain_means_and_plain_projection(
    is_mixed,
):
    gains = {"mean": [], "plain": []}
    for seed in range(12):
        truth_C, _, _, *ratings = sparse_campaign(seed, 3, is_mixed)
        reach = {
            method: np.corrcoef(recover_mos(*ratings, method).mos, truth_C)[0, 1]
            for method in METHODS
        }
        for other, gained in gains.items():
            gained.append(reach["shrunk"] - reach[other])
    for gained in gains.values():
        assert np.mean(gained) > 0.005
        assert min(gained) > -0.01


def test_levels_and_care_of_raters_are_found_again():
    _, level_R, noise_R, *ratings = sparse_campaign(3, 10, is_mixed=True)
    found = recover_mos(*ratings)
    assert np.corrcoef(found.bias, level_R)[0, 1] > 0.9
    careless = noise_R > 1
    assert found.inconsistency[careless].min() > found.inconsistency[~careless].max()


def test_the_mean_bias_is_nothing_and_order_of_ratings_does_not_matter():
    *_, scores, clips, raters = sparse_campaign(1, 3, is_mixed=True)
    turned = np.random.default_rng(0).permutation(len(scores))
    for method in METHODS:
        found = recover_mos(scores, clips, raters, method)
        again = recover_mos(scores[turned], clips[turned], raters[turned], method)
        np.testing.assert_allclose(found.mos, again.mos, atol=1e-7)
    for method in ("plain", "shrunk"):
        assert recover_mos(scores, clips, raters, method).bias.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "ratings",
    [
        ([3.0], ["a"], ["x"]),
        ([3.0, 5.0], ["a", "b"], ["x", "x"]),
        ([3.0, 5.0], ["a", "a"], ["x", "y"]),
        ([4.0] * 6, list("aabbcc"), list("xyxyxy")),
        ([1.0, 2.0, 3.0, 4.0], list("aabb"), list("xyzw")),
    ],
)
def test_one_rater_one_clip_no_spread_and_islands_have_means_that_are_numbers(method, ratings):
    found = recover_mos(*ratings, method)
    assert np.isfinite(found.mos).all() and np.isfinite(found.bias).all()
    assert found.mos.min() >= min(ratings[0]) - 2 and found.mos.max() <= max(ratings[0]) + 2


@pytest.mark.parametrize(
    ("scores", "clips", "raters", "method", "words"),
    [
        ([1, 2], [0], [0, 1], "mean", "one entry a rating"),
        ([], [], [], "mean", "no rating"),
        ([1, np.nan], [0, 1], [0, 0], "mean", "1 scores are missing"),
        ([1], [0], [0], "median", "'median': choose one of shrunk"),
    ],
)
def test_what_cannot_be_recovered_is_refused(scores, clips, raters, method, words):
    with pytest.raises(ValueError, match=words):
        recover_mos(scores, clips, raters, method)
