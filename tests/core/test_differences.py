"""Differential MOS and the SOS parameter, against hand and planted truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mos.aggregate import mos_table
from mos.differences import dmos_table, sos_parameter


def test_each_rater_is_his_own_yardstick():
    random = np.random.default_rng(0)
    bias = random.integers(-1, 2, 40)
    rows = [
        (clip, rater, level + bias[rater])
        for rater in range(40)
        for clip, level in (("source", 4), ("good", 4), ("bad", 2))
    ]
    clips, raters, scores = zip(*rows, strict=True)
    found = dmos_table(scores, clips, raters, {"good": "source", "bad": "source"})
    assert dict(zip(found.keys, found.dmos.tolist(), strict=True)) == {"bad": 3.0, "good": 5.0}
    assert found.n.tolist() == [40, 40] and found.sd.tolist() == [0.0, 0.0]


def test_what_is_liked_better_than_its_source_is_crushed():
    ratings = [1, 5], ["s", "d"], [7, 7]
    assert dmos_table(*ratings, {"d": "s"}).dmos[0] == pytest.approx(7 * 9 / 11)
    assert dmos_table(*ratings, {"d": "s"}, crushes=False).dmos[0] == 9


def test_the_interval_is_students():
    scores = [5, 4, 5, 2, 5, 3]
    found = dmos_table(scores, ["s", "d"] * 3, [1, 1, 2, 2, 3, 3], {"d": "s"})
    low, high = stats.t.interval(0.95, 2, np.mean([4, 2, 3]), stats.sem([4, 2, 3]))
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))


def test_who_did_not_rate_the_reference_does_not_count_and_is_counted():
    found = dmos_table([4, 3, 1], ["s", "d", "d"], [1, 1, 2], {"d": "s"})
    assert found.n.tolist() == [1] and found.n_unpaired == 1
    assert np.isnan(found.sd[0]) and np.isnan(found.low[0])


@pytest.mark.parametrize(
    ("ratings", "words"),
    [
        (([4, 3], ["s", "d"], [1, 2]), "Nobody rated"),
        (([4, 6], ["s", "d"], [1, 1]), "first is 6"),
        (([4, 3, 3], ["s", "d", "d"], [1, 1, 1]), "second of one clip"),
        (([4], ["s", "d"], [1, 1]), "one entry a rating"),
    ],
)
def test_what_has_no_difference_is_refused(ratings, words):
    with pytest.raises(ValueError, match=words):
        dmos_table(*ratings, {"d": "s"})


def test_a_planted_parameter_is_found_again():
    random = np.random.default_rng(0)
    share = random.uniform(0.1, 0.9, 400)  # five-point scores as binomial trials: a is 1/4
    scores = 1 + random.binomial(4, share[:, None], (400, 40))
    found = sos_parameter(scores.mean(axis=1), scores.std(axis=1, ddof=1))
    assert found.a == pytest.approx(0.25, abs=0.01)
    assert found.interval.low < found.a < found.interval.high


def test_it_equals_least_squares_on_real_ratings(real_data):
    table = pd.read_csv(real_data / "ratings" / "nflx_79x26.csv")
    by_clip = mos_table(table["rating"], table["item"])
    found = sos_parameter(by_clip.mos_raw, by_clip.sd)
    room = (by_clip.mos_raw - 1) * (5 - by_clip.mos_raw)
    theirs = np.linalg.lstsq(room[:, None], by_clip.sd**2, rcond=None)[0][0]
    assert found.a == pytest.approx(theirs, abs=1e-12) and 0.05 < found.a < 0.3


def test_raters_who_say_only_the_ends_have_a_of_about_one():
    scores = np.repeat([[1, 1, 1, 5], [1, 5, 5, 5], [1, 1, 5, 5]], 10, axis=1)
    found = sos_parameter(scores.mean(axis=1), scores.std(axis=1))
    assert found.a == pytest.approx(1.0)


@pytest.mark.parametrize(("mos", "sd"), [([1.0, 5.0], [0.0, 0.0]), ([3.0], [np.nan])])
def test_clips_that_say_nothing_are_refused(mos, sd):
    with pytest.raises(ValueError, match="No clip between"):
        sos_parameter(mos, sd)
