"""Scores on one aspect as the matrix that the demo of ITU-T P.910, annex E, reads."""

from __future__ import annotations

from collections.abc import Iterator

from annotator.models import Aspect, Campaign
from mos.exports.votes import RatedClip, counted_ratings, rated_clips
from mos.selectors import raters_by_pk

BYTES_A_BLOCK = 2**16
NO_VOTE = "nan"


def p910_blocks(campaign: Campaign, aspect: Aspect) -> Iterator[bytes]:
    """A row a clip, in the order of names; a column a rater who scored, in the order of joining.

    The demo takes numbers alone, so that no name can stand here: row after row is that of
    `votes_per_clip`, and columns are the `workerid` of `votes_per_worker` by their numbers.
    """
    raters = _raters(campaign, aspect)
    text = bytearray()
    for clip in rated_clips(campaign, aspect):
        # Who gave a first rating after the reading began has no column, and waits for another day.
        if any(name in clip.votes for name in raters):
            text += _line(clip, raters)
        if len(text) >= BYTES_A_BLOCK:
            yield bytes(text)
            text.clear()
    yield bytes(text)


def _line(clip: RatedClip, raters: list[str]) -> bytes:
    cells = (f"{clip.votes[name]:.1f}" if name in clip.votes else NO_VOTE for name in raters)
    return (",".join(cells) + "\n").encode()


def _raters(campaign: Campaign, aspect: Aspect) -> list[str]:
    rated = counted_ratings(campaign, aspect).order_by().values_list("assignment__rater")
    keys = {key for (key,) in rated.distinct()}
    return [rater.name for pk, rater in raters_by_pk(campaign).items() if pk in keys]
