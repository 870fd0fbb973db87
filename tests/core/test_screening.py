"""Flags on raters: the bad ones and nobody else, and each rule for what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mos.screening import ScreeningRules, Watching, screen


def flagged(flags, rule=None):
    return sorted({flag.rater for flag in flags if rule in (None, flag.rule)})


def panel(seed=0, n_clips=40, n_raters=12, level=0.3):
    """Careful raters of one panel, as long rows."""
    random = np.random.default_rng(seed)
    clips, raters = (ids.ravel() for ids in np.indices((n_clips, n_raters)))
    quality, bias = random.uniform(1, 5, n_clips), random.normal(0, level, n_raters)
    scores = quality[clips] + bias[raters] + random.normal(0, 0.5, len(clips))
    return np.clip(scores.round(), 1, 5), clips, raters


def test_the_four_raters_known_to_be_bad_are_flagged_and_no_others(real_data):
    table = pd.read_csv(real_data / "ratings" / "nflx_79x30_last4_bad.csv")
    flags = screen(table["rating"], table["item"], table["rater"])
    assert flagged(flags) == [26, 27, 28, 29]


def test_a_careful_panel_gets_no_flag():
    for seed in range(10):
        assert not flagged(screen(*panel(seed)), "correlation")
        assert not flagged(screen(*panel(seed)), "straight-lining")


def test_whoever_rolls_dice_is_flagged_by_correlation_and_by_bt_500():
    scores, clips, raters = panel(n_raters=30)
    dice = np.random.default_rng(1).integers(1, 6, 40)
    scores[raters == 5] = dice
    flags = screen(scores, clips, raters)
    assert flagged(flags, "correlation") == [5]
    assert 5 in flagged(flags, "BT.500")


def test_a_strict_rater_has_a_level_and_is_no_case_for_bt_500():
    scores, clips, raters = panel(level=0.0)
    scores = scores.astype(float)
    scores[raters == 3] -= 2.0
    assert 3 not in flagged(screen(scores, clips, raters), "BT.500")


def test_in_a_sparse_design_a_raters_own_votes_are_counted():
    scores, clips, raters = panel(n_raters=30)
    scores[raters == 7] = np.where(np.arange(40) % 2, 5, 1)
    kept = (raters != 7) | (clips < 20)  # 20 votes of 1180
    rules = ScreeningRules(extreme_balance=2.0)  # whatever the balance: only the share matters
    flags = screen(scores[kept], clips[kept], raters[kept], rules=rules)
    own = [flag for flag in flags if flag.rater == 7 and flag.rule == "BT.500"]
    assert own and own[0].value >= 0.2  # of 20, not of all 40 clips


def test_clips_on_which_all_agree_make_nobody_extreme():
    clips, raters = (ids.ravel() for ids in np.indices((10, 4)))
    assert not screen(clips % 5 + 1.0, clips, raters)


def test_where_everyone_would_be_rejected_nobody_is():
    random = np.random.default_rng(0)
    clips, raters = (ids.ravel() for ids in np.indices((200, 3)))
    scores = random.choice([1.0, 5.0], len(clips))
    rules = ScreeningRules(extreme_share=-1.0, extreme_balance=2.0)
    assert not flagged(screen(scores, clips, raters, rules=rules), "BT.500")


def test_always_the_same_score_is_straight_lining():
    scores, clips, raters = panel()
    scores[raters == 2] = 4
    flags = screen(scores, clips, raters)
    assert flagged(flags, "straight-lining") == [2]
    (flag,) = [one for one in flags if one.rule == "straight-lining"]
    assert flag.value == 0 and "vary by 0.00" in flag.reason


def test_fast_and_unwatched_ratings_are_told_from_careful_ones():
    scores, clips, raters = panel()
    lead, watched = np.full(len(scores), 9.0), np.ones(len(scores))
    lead[raters == 1], watched[raters == 4] = 1.5, 0.4
    watching = Watching(lead, watched, np.full(len(scores), 4.0))
    flags = screen(scores, clips, raters, watching)
    assert flagged(flags, "too fast") == [1] and flagged(flags, "not watched") == [4]
    assert not flagged(screen(scores, clips, raters), "too fast")


def test_too_few_clips_say_nothing_of_a_rater():
    scores, clips, raters = panel()
    kept = (raters != 6) | (clips < 3)
    scores[raters == 6] = 3
    assert 6 not in flagged(screen(scores[kept], clips[kept], raters[kept]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, c, r: (s[:-1], c, r), "one entry a rating"),
        (lambda s, c, r: (np.append(s[:-1], np.nan), c, r), "is nan"),
    ],
)
def test_what_is_no_table_of_ratings_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        screen(*change(*panel()))


def test_watching_of_other_ratings_is_refused():
    with pytest.raises(ValueError, match="480 ratings but 3"):
        screen(*panel(), Watching([1.0] * 3, [1.0] * 3, [4.0] * 3))
