"""Arrays that grow with each rating give what all ratings read at once would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mos.ledger import Block, Ledger, View
from mos.tally import Tally, n_islands

SYSTEMS = ["acme", "basic", "acme", "basic", "acme"]
VIEWS = [
    View(0),
    View(1),
    View(0, ("system", "acme")),
    View(0, None, frozenset({1})),
    View(1, ("system", "basic"), frozenset({0, 2})),
]
RATING = st.tuples(
    st.integers(0, 4), st.integers(0, 3), st.tuples(st.integers(0, 5), st.integers(0, 5))
)


def block_of(ratings, first=0, revisions=None):
    """Ratings (clip, rater, scores) as a block; the next revision of each pair."""
    revisions = {} if revisions is None else revisions
    numbers = []
    for clip, rater, _ in ratings:
        revisions[clip, rater] = revisions.get((clip, rater), 0) + 1
        numbers.append(revisions[clip, rater])
    clips, raters, scores = zip(*ratings, strict=True)
    return Block(
        rating=np.arange(first, first + len(ratings)),
        clip=np.array(clips, dtype=np.int32),
        rater=np.array(raters, dtype=np.int32),
        revision=np.array(numbers, dtype=np.int16),
        lead_time_s=np.full(len(ratings), 9.0, dtype=np.float32),
        watched_frac=np.ones(len(ratings), dtype=np.float32),
        scores=np.array(scores, dtype=np.uint8),
    )


def slowly(ratings, view):
    """What a view is of, found by walking through all ratings."""
    last = {(clip, rater): scores[view.aspect] for clip, rater, scores in ratings}
    return sorted(
        (score, clip, rater)
        for (clip, rater), score in last.items()
        if score and rater not in view.without
        if view.group is None or SYSTEMS[clip] == view.group[1]
    )


def sums(tally):
    """For comparison, without the room behind the last clip and rater."""
    return [
        np.trim_zeros(getattr(tally, name), "b").tolist()
        for name in ("n_C", "sum_C", "squares_C", "n_R", "sum_R", "squares_R")
    ]


@settings(max_examples=150, deadline=None)
@given(blocks=st.lists(st.lists(RATING, min_size=1, max_size=6), min_size=1, max_size=8))
def test_sums_of_every_view_are_those_of_its_last_revisions(blocks):
    ledger, seen, revisions = Ledger(2), [], {}
    ledger.label({"system": SYSTEMS})
    for ratings in blocks:
        ledger.append(block_of(ratings, len(seen), revisions))
        seen += ratings
        for view in VIEWS:
            expected = slowly(seen, view)
            tally = ledger.tally(view)
            assert sorted(zip(*(part.tolist() for part in ledger.select(view)), strict=True)) == (
                expected
            )
            columns = np.array(expected, dtype=np.int64).reshape(-1, 3).T
            assert sums(tally) == sums(Tally.of(*columns))
            assert ledger.islands(view) == n_islands(*columns[1:])
    assert len(ledger) == len(seen)


def test_a_label_that_changes_moves_the_clip_to_its_new_group():
    ledger = Ledger(1)
    ledger.label({"system": ["acme", "acme"]})
    ledger.append(block_of([(0, 0, (5,)), (1, 0, (2,))]))
    of_acme, of_all = View(0, ("system", "acme")), View(0)
    assert ledger.tally(of_acme).n_ratings == 2
    all_of_them = ledger.tally(of_all)
    ledger.label({"system": ["acme", "basic"]})
    assert ledger.tally(of_acme).n_ratings == 1
    assert ledger.tally(of_all) is all_of_them


def test_revisions_that_come_out_of_order_change_nothing():
    ledger = Ledger(1)
    late, early = block_of([(0, 0, (5,)), (0, 0, (2,))]), block_of([(0, 0, (4,))], 7)
    ledger.append(late)
    ledger.append(early)  # its revision is 1
    assert ledger.tally(View(0)).sum_C.tolist() == [2]


def test_it_knows_what_is_here_and_what_watching_was():
    ledger = Ledger(1)
    assert not ledger.has(np.array([3])).any()
    ledger.append(block_of([(0, 0, (5,)), (1, 1, (4,))], first=3))
    assert ledger.has(np.array([2, 3, 4, 5])).tolist() == [False, True, True, False]
    assert ledger.rows().lead_time_s.tolist() == [9.0, 9.0]
    assert ledger.rows(without=frozenset({0})).rating.tolist() == [4]
    assert len(Ledger(2).rows()) == 0


def test_another_number_of_aspects_is_refused():
    with pytest.raises(ValueError, match=r"not \(1, 2\)"):
        Ledger(3).append(block_of([(0, 0, (5, 4))]))


def test_an_unknown_label_is_refused_with_the_known_ones():
    ledger = Ledger(1)
    ledger.label({"system": ["acme"]})
    ledger.append(block_of([(0, 0, (5,))]))
    with pytest.raises(ValueError, match="known are system"):
        ledger.tally(View(0, ("mood", "calm")))
