"""Which clip to which rater, in what order: balanced over clips, seeded by rater.

Source of the design rules: ITU-T P.910 and P.913 (an order of its own for each rater, the same
content never twice in a row).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True)
class Candidate:
    """A clip with places to give.

    Args:
        clip: Its key.
        content: What is said and shown; clips of one content are not given one after another.
        taken: Places rated or held.
        target: Places in all.
    """

    clip: Hashable
    content: str
    taken: int
    target: int

    def __post_init__(self) -> None:
        if not 0 <= self.taken <= self.target:
            raise ValueError(f"{self.clip!r} has {self.taken} of {self.target} places taken")


def own_order(rater: str, seed: int, clip: Hashable) -> int:
    """Where a clip stands in a rater's own order: a number that is random but always the same.

    >>> own_order("ann", 1, 7) == own_order("ann", 1, 7) != own_order("ben", 1, 7)
    True
    """
    digest = blake2b(f"{seed}|{rater}|{clip!r}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def next_clips(
    candidates: Sequence[Candidate], *, rater: str, seed: int, last_content: str = "", wanted: int
) -> list[Hashable]:
    """The next clips for a rater: those with most places left to fill first, in the rater's order.

    The share of places taken never differs by more than one place between clips of one target
    while every rater may have every clip. A content just seen waits while there is another choice.

    Args:
        candidates: Clips with a free place that this rater has not had.
        rater: Name of the rater, part of the seed.
        seed: Of the campaign.
        last_content: Content of the clip seen before; empty for none or unknown.
        wanted: How many clips.

    Returns:
        Keys of at most `wanted` clips, best first; empty when there is no candidate.

    >>> full = Candidate("a", "x", taken=1, target=2)
    >>> empty = Candidate("b", "y", taken=0, target=2)
    >>> next_clips([full, empty], rater="ann", seed=1, wanted=1)
    ['b']
    """
    left = [candidate for candidate in candidates if candidate.taken < candidate.target]
    order = sorted(
        left, key=lambda c: (c.taken / c.target, own_order(rater, seed, c.clip), repr(c.clip))
    )
    chosen: list[Hashable] = []
    while order and len(chosen) < wanted:
        fresh = (c for c in order if not c.content or c.content != last_content)
        pick = next(fresh, order[0])
        order.remove(pick)
        chosen.append(pick.clip)
        last_content = pick.content
    return chosen
