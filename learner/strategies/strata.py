"""Kinds of clips, and how many picks each kind gets.

Shape letters: N clips of the pool, G kinds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Strata:
    """What kind each clip of a pool is, and how many of each kind are wanted.

    Args:
        names: Of the kinds, in order, G of them; one without a name where kinds do not matter.
        code_N: Which of the names each clip bears.
        quota_G: How many picks each kind gets; they add up to the picks in all.
    """

    names: tuple[str, ...]
    code_N: NDArray[np.int32]
    quota_G: Ints

    @classmethod
    def one(cls, n_clips: int, n: int) -> Strata:
        """All clips are of one kind, which gets all n picks."""
        return cls(("",), np.zeros(n_clips, dtype=np.int32), np.array([n]))

    @classmethod
    def of(cls, kinds: Sequence[str], n: int, seen: Collection[str] = ()) -> Strata:
        """Kinds as named clip by clip, with their quotas of n picks.

        Args:
            kinds: Of each clip.
            n: Picks in all, at most as many as clips.
            seen: Kinds of which some clip is labelled already.

        >>> strata = Strata.of(["tv", "film", "tv", "tv"], 2)
        >>> strata.names, strata.code_N.tolist(), strata.quota_G.tolist()
        (('film', 'tv'), [1, 0, 1, 1], [1, 1])
        """
        # Not np.unique: it sorts all the strings, and a million of them take it seconds.
        names = tuple(sorted(set(kinds)))
        code = {name: number for number, name in enumerate(names)}
        code_N = np.fromiter(map(code.__getitem__, kinds), dtype=np.int32, count=len(kinds))
        counts_G = np.bincount(code_N, minlength=len(names))
        return cls(names, code_N, quotas(counts_G, n, [name in seen for name in names]))

    @cached_property
    def rows(self) -> list[Ints]:
        """Rows of each kind, ascending."""
        # Short whole numbers numpy sorts by radix, a million of them in a third of the time.
        is_short = len(self.names) <= np.iinfo(np.uint16).max
        code_N = self.code_N.astype(np.uint16) if is_short else self.code_N
        order_N = np.argsort(code_N, kind="stable")
        ends_G = np.cumsum(np.bincount(self.code_N, minlength=len(self.names)))
        return np.split(order_N, ends_G[:-1])

    def words(self, index: int) -> str:
        """The kind of one clip as it stands in a sentence; nothing where it has no name."""
        name = self.names[self.code_N[index]]
        return f" of the kind “{name}”" if name else ""


def quotas(counts: ArrayLike, n: int, is_seen: ArrayLike | None = None) -> Ints:
    r"""How many of n picks each kind gets: its share by largest remainder, new kinds first.

    .. math:: q_g = \lfloor n\,c_g / N \rfloor + (0 \text{ or } 1), \quad \textstyle\sum_g q_g = n

    Picks left over by rounding down go first to kinds of which nothing has been seen and which got
    none, then by remainder, then to the more frequent, then by order.

    Source: Hamilton's method of apportionment; new kinds first as in the paper's section 2.3.

    Args:
        counts: Clips of each kind, shape (G,), each at least 1.
        n: Picks in all, 0 to the sum of the counts.
        is_seen: Of which kinds clips are labelled already, shape (G,); of none if not given.

    Returns:
        Shape (G,), less than 1 away from the exact share, never more than there are clips.

    Raises:
        ValueError: n is negative or more than there are clips.

    >>> quotas([50, 47, 3], 10).tolist()
    [5, 4, 1]
    >>> quotas([50, 47, 3], 10, [True, True, True]).tolist()
    [5, 5, 0]
    """
    counts_G = np.asarray(counts, dtype=np.int64)
    total = int(counts_G.sum())
    if not 0 <= n <= total:
        raise ValueError(f"{n} clips cannot be picked of {total}.")
    # Whole numbers: a remainder in floats may be wrong by one clip.
    given_G, remainder_G = np.divmod(n * counts_G, max(total, 1))
    seen_G = np.zeros(len(counts_G), bool) if is_seen is None else np.asarray(is_seen, dtype=bool)
    is_new_G = (given_G == 0) & ~seen_G & (remainder_G > 0)
    order_G = np.lexsort((-counts_G, -remainder_G, ~is_new_G))
    given_G[order_G[: n - given_G.sum()]] += 1
    return np.asarray(given_G, dtype=np.int64)


def leaders(score_N: NDArray[np.float64], strata: Strata, random: np.random.Generator) -> Ints:
    """Rows with the highest scores, as many of each kind as its quota; chance decides ties.

    Returns:
        Rows, the highest score first.
    """
    chosen = [
        _highest(score_N, rows, int(quota), random)
        for rows, quota in zip(strata.rows, strata.quota_G, strict=True)
        if quota
    ]
    found = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    return found[np.argsort(-score_N[found], kind="stable")]


def _highest(
    score_N: NDArray[np.float64], rows: Ints, count: int, random: np.random.Generator
) -> Ints:
    """As many of these rows, without sorting those that have no chance."""
    scores = score_N[rows]
    cut = np.partition(scores, -count)[-count]
    close = rows[scores >= cut]
    order = np.lexsort((random.permutation(len(close)), -score_N[close]))
    return np.asarray(close[order[:count]])
