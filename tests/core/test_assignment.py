"""Which clip to which rater: balance, order, and what never happens."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.assignment import Candidate, next_clips


def serve(clips: int, target: int, raters: int, each: int, seed: int) -> dict[str, list[int]]:
    """Let raters take clips in turn; who got what."""
    taken: Counter[int] = Counter()
    given_to: dict[str, list[int]] = {f"r{number}": [] for number in range(raters)}
    for _ in range(each):
        for rater, mine in given_to.items():
            offered = [
                Candidate(clip, f"content-{clip % 3}", taken[clip], target)
                for clip in range(clips)
                if clip not in mine and taken[clip] < target
            ]
            last = f"content-{mine[-1] % 3}" if mine else ""
            for clip in next_clips(offered, rater=rater, seed=seed, last_content=last, wanted=1):
                mine.append(clip)
                taken[clip] += 1
    return given_to


@given(clips=st.integers(2, 12), raters=st.integers(1, 6), seed=st.integers(0, 99))
def test_nobody_gets_a_clip_twice_and_no_clip_too_many_raters(clips, raters, seed):
    got = serve(clips, target=3, raters=raters, each=clips, seed=seed)
    assert all(len(mine) == len(set(mine)) for mine in got.values())
    assert max(Counter(clip for mine in got.values() for clip in mine).values()) <= 3


@given(each=st.integers(1, 6), seed=st.integers(0, 99))
def test_ratings_spread_evenly_over_the_clips(each, seed):
    got = serve(clips=12, target=9, raters=4, each=each, seed=seed)
    counts = Counter(clip for mine in got.values() for clip in mine)
    per_clip = [counts[clip] for clip in range(12)]
    assert max(per_clip) - min(per_clip) <= 2  # content apart comes before perfect balance


def test_each_rater_has_an_order_of_their_own_that_is_always_the_same():
    offered = [Candidate(clip, "", 0, 5) for clip in range(30)]
    orders = {
        rater: tuple(next_clips(offered, rater=rater, seed=4, wanted=30)) for rater in "abcdef"
    }
    assert len(set(orders.values())) == 6
    assert next_clips(offered, rater="a", seed=4, wanted=30) == list(orders["a"])
    assert next_clips(offered, rater="a", seed=5, wanted=30) != list(orders["a"])


def test_a_content_just_seen_waits_while_there_is_another():
    offered = [Candidate(clip, "song" if clip < 9 else "talk", 0, 1) for clip in range(10)]
    assert next_clips(offered, rater="a", seed=1, last_content="song", wanted=1) == [9]
    assert len(next_clips(offered[:9], rater="a", seed=1, last_content="song", wanted=1)) == 1


def test_no_candidates_no_clips():
    assert next_clips([], rater="a", seed=1, wanted=3) == []


def test_more_taken_than_wanted_is_an_error():
    with pytest.raises(ValueError, match="3 of 2 places"):
        Candidate("a", "", 3, 2)
