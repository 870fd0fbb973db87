"""Metrics on one scale, the better the higher, frozen over a corpus so that old scores never move.

Shape letters: N clips, M metrics, Q quantiles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
QUANTILES = 1001
KINDS = ("rank-gauss", "z", "robust")
MAD_TO_SD = 1.4826  # of a normal distribution


class Normalisation(ABC):
    """What every kind does: NaN stays NaN, a constant metric is 0, beyond the corpus is its end."""

    kind: str
    directions: tuple[int, ...]
    n: int

    @abstractmethod
    def _scores(self, values_NM: Floats) -> Floats:
        """Scores, the better the higher, of values of any size."""

    @property
    @abstractmethod
    def ends(self) -> tuple[Floats, Floats]:
        """Lowest and highest value of each metric in the corpus, each of shape (M,)."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """As stored."""

    def transform(self, values: ArrayLike) -> Floats:
        """Scores of shape (N, M), the better the higher.

        Values outside the corpus get the score of its nearer end: one odd clip cannot outweigh
        all others. NaN stays NaN; a metric that is constant over the corpus is 0.

        Raises:
            ValueError: another number of metrics, or an infinite value.
        """
        values_NM = np.asarray(values, dtype=np.float64)
        if values_NM.ndim != 2 or values_NM.shape[1] != len(self.directions):
            raise ValueError(
                f"Values of shape {values_NM.shape} do not fit {len(self.directions)} metrics."
            )
        _refuse_infinite(values_NM)
        scores_NM = self._scores(np.clip(values_NM, *self.ends)) * self.directions
        scores_NM[:, self.constant] = np.where(np.isnan(values_NM[:, self.constant]), np.nan, 0.0)
        return scores_NM

    def outside(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Which values lie beyond all that the corpus had, shape (N, M)."""
        values_NM = np.asarray(values, dtype=np.float64)
        low_M, high_M = self.ends
        return np.asarray((values_NM < low_M) | (values_NM > high_M))

    @property
    def constant(self) -> list[int]:
        """Columns that tell nothing, being the same everywhere."""
        low_M, high_M = self.ends
        return np.flatnonzero(low_M == high_M).tolist()


@dataclass(frozen=True)
class RankGauss(Normalisation):
    r"""Normal scores :math:`\Phi^{-1}(F(x))` of each metric's rank in the corpus.

    Ties share their mean rank. Metrics are skewed and heavy-tailed, ranks are not, and no label is
    needed.

    Args:
        quantiles: For each metric, its values at 1001 even shares of the corpus.
        directions: +1 where more is better, -1 where less is; metadata, never learned.
        n: Clips it was fitted on.
        counts: Of each metric, clips with a value: its ends lie as far out as so many normal scores
            do.
    """

    quantiles: tuple[tuple[float, ...], ...]
    directions: tuple[int, ...]
    n: int
    counts: tuple[int, ...]
    kind: str = "rank-gauss"

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """Lowest and highest value of each metric."""
        known = np.array(self.quantiles)
        return known[:, 0], known[:, -1]

    def _scores(self, values_NM: Floats) -> Floats:
        shares = [
            np.clip(_share(np.array(known), column_N), 0.5 / count, 1 - 0.5 / count)
            for known, count, column_N in zip(self.quantiles, self.counts, values_NM.T, strict=True)
        ]
        scores: Floats = scipy.stats.norm.ppf(np.stack(shares, axis=1))
        return scores

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {
            "kind": self.kind,
            "n": self.n,
            "directions": list(self.directions),
            "counts": list(self.counts),
            "quantiles": [list(known) for known in self.quantiles],
        }


@dataclass(frozen=True)
class Linear(Normalisation):
    r"""Scores :math:`(x-c)/s`: `z` by mean and standard deviation, `robust` by median and MAD.

    Args:
        kind: `z` or `robust`.
        centres, scales, lows, highs: Of each metric.
        directions: +1 where more is better, -1 where less is.
        n: Clips it was fitted on.
    """

    kind: str
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    directions: tuple[int, ...]
    n: int

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """Lowest and highest value of each metric."""
        return np.array(self.lows), np.array(self.highs)

    def _scores(self, values_NM: Floats) -> Floats:
        return np.asarray((values_NM - np.array(self.centres)) / np.array(self.scales))

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {
            "kind": self.kind,
            "n": self.n,
            "directions": list(self.directions),
            "centres": list(self.centres),
            "scales": list(self.scales),
            "lows": list(self.lows),
            "highs": list(self.highs),
        }


def fit_normalisation(
    values: ArrayLike, directions: ArrayLike, kind: str = "rank-gauss"
) -> Normalisation:
    """Freeze how the metrics of a corpus are brought to one scale. No label is looked at.

    Args:
        values: Shape (N, M); NaN where a metric has no value.
        directions: Shape (M,), +1 or -1.
        kind: `rank-gauss`, `z` or `robust`. Robust scales fall back to the standard deviation
            where more than half of the values are the same.

    Raises:
        ValueError: shapes differ, a direction is neither +1 nor -1, a value is infinite, a metric
            has no value at all, or the kind is unknown.

    >>> norm = fit_normalisation([[1.0], [2.0], [4.0]], [-1])
    >>> norm.transform([[1.0], [4.0]]).round(2).tolist()
    [[0.97], [-0.97]]
    >>> fit_normalisation([[1.0], [3.0]], [1], "z").transform([[1.0], [99.0]]).tolist()
    [[-1.0], [1.0]]
    """
    values_NM = np.asarray(values, dtype=np.float64)
    signs = tuple(int(sign) for sign in np.asarray(directions))
    _check(values_NM, signs, kind)
    columns = [column[~np.isnan(column)] for column in values_NM.T]
    if kind == "rank-gauss":
        shares = np.linspace(0, 1, QUANTILES)
        quantiles = tuple(tuple(np.quantile(column, shares).tolist()) for column in columns)
        return RankGauss(quantiles, signs, len(values_NM), tuple(len(c) for c in columns))
    spread = _deviation if kind == "z" else _robust_spread
    return Linear(
        kind=kind,
        centres=tuple(float(np.mean(c) if kind == "z" else np.median(c)) for c in columns),
        scales=tuple(spread(column) for column in columns),
        lows=tuple(float(column.min()) for column in columns),
        highs=tuple(float(column.max()) for column in columns),
        directions=signs,
        n=len(values_NM),
    )


def normalisation_from_json(kept: dict[str, Any]) -> Normalisation:
    """As it was stored.

    Raises:
        ValueError: a kind that is not known.
    """
    if kept.get("kind") not in KINDS:
        raise ValueError(f"There is no normalisation {kept.get('kind')!r}; known: {KINDS}.")
    if kept["kind"] == "rank-gauss":
        quantiles = tuple(tuple(known) for known in kept["quantiles"])
        counts = kept.get("counts", [kept["n"]] * len(quantiles))  # not kept before they mattered
        return RankGauss(quantiles, tuple(kept["directions"]), kept["n"], tuple(counts))
    own: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
    }
    return Linear(**own)


def _check(values_NM: Floats, signs: tuple[int, ...], kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"There is no normalisation {kind!r}; there are: {', '.join(KINDS)}.")
    if values_NM.ndim != 2 or values_NM.shape[1] != len(signs):
        raise ValueError(f"{values_NM.shape} values do not fit {len(signs)} directions.")
    if set(signs) - {1, -1}:
        raise ValueError(f"Directions must be +1 or -1, not {signs}.")
    _refuse_infinite(values_NM)
    empty = np.flatnonzero(np.isnan(values_NM).all(axis=0)).tolist()
    if empty:
        raise ValueError(f"The metrics in columns {empty} have no value: leave them out.")


def _refuse_infinite(values_NM: Floats) -> None:
    bad = np.flatnonzero(np.isinf(values_NM).any(axis=0)).tolist()
    if bad:
        raise ValueError(
            f"The metrics in columns {bad} have infinite values: make them missing (NaN)."
        )


def _deviation(column: Floats) -> float:
    return float(column.std()) or 1.0


def _robust_spread(column: Floats) -> float:
    middle = float(np.median(np.abs(column - np.median(column))))
    return MAD_TO_SD * middle or _deviation(column)


def _share(known_Q: Floats, column_N: Floats) -> Floats:
    """Share of the corpus below each value; the middle of the step where values are tied."""
    spread = np.linspace(0, 1, len(known_Q))
    steps, first = np.unique(known_Q, return_index=True)
    last = np.append(first[1:], len(known_Q)) - 1
    middles = (spread[first] + spread[last]) / 2
    share_N: Floats = np.interp(column_N, steps, middles)
    return np.where(np.isnan(column_N), np.nan, share_N)
