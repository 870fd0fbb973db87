"""How picks are shared out over kinds of clips.

Shape letters: N clips of the pool, S kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def quotas(have: Mapping[str, int], n: int, seen: frozenset[str] = frozenset()) -> dict[str, int]:
    """How many picks each kind gets: its share of the pool, by largest remainder.

    Of kinds with the same remainder one without labels comes first, then the larger.

    Args:
        have: Clips of each kind in the pool.
        n: Picks in all, at most as many as there are clips.
        seen: Kinds of which there are labels.

    Raises:
        ValueError: more picks than clips.

    >>> quotas({"a": 3, "b": 1}, 2)
    {'a': 2, 'b': 0}
    >>> quotas({"a": 2, "b": 2}, 1, frozenset({"a"}))
    {'a': 0, 'b': 1}
    """
    total = sum(have.values())
    if n > total:
        raise ValueError(f"{n} clips cannot be picked from {total}.")
    exact = {kind: n * have[kind] / total for kind in sorted(have)}
    given = {kind: int(share + 1e-9) for kind, share in exact.items()}
    order = sorted(
        exact,
        key=lambda kind: (round(given[kind] - exact[kind], 9), kind in seen, -have[kind], kind),
    )
    for kind in order[: n - sum(given.values())]:
        given[kind] += 1
    return given


class Places:
    """Places that are left for each kind while clips are picked.

    Args:
        code_N: Kind of each clip, as a number.
        left_S: Picks each kind may still have.
    """

    def __init__(self, code_N: Ints, left_S: Ints) -> None:
        self.code_N = code_N
        self.left_S = left_S

    @classmethod
    def share_out(
        cls, strata: Sequence[str] | None, n_pool: int, n: int, seen: frozenset[str]
    ) -> Places:
        """n places over the kinds of a pool; over all clips alike where kinds are not given."""
        if strata is None:
            return cls(np.zeros(n_pool, dtype=np.int64), np.array([n]))
        names, code_N = np.unique(np.asarray(strata, dtype=object).astype(str), return_inverse=True)
        counts = Counter(dict(zip(names.tolist(), np.bincount(code_N).tolist(), strict=True)))
        given = quotas(counts, n, seen)
        return cls(code_N, np.array([given[name] for name in names.tolist()]))

    def first_of_each(self, order: Ints) -> Ints:
        """The rows that have a place when they are taken in this order."""
        codes = self.code_N[order]
        by_kind = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[by_kind], np.arange(len(self.left_S)))
        rank = np.empty(len(order), dtype=np.int64)
        rank[by_kind] = np.arange(len(order)) - starts[codes[by_kind]]
        return order[rank < self.left_S[codes]]

    def open_rows(self) -> NDArray[np.bool_]:
        """Which clips are of a kind that has places, shape (N,)."""
        return np.asarray((self.left_S > 0)[self.code_N])

    def take(self, index: int) -> bool:
        """Give a place to a clip; say whether it was the last of its kind."""
        kind = self.code_N[index]
        self.left_S[kind] -= 1
        return bool(self.left_S[kind] == 0)

    def of_kind(self, index: int) -> NDArray[np.bool_]:
        """Which clips are of the same kind, shape (N,)."""
        return np.asarray(self.code_N == self.code_N[index])
