"""Mean MOS from few labels and many predictions: prediction-powered inference.

Shape letters: L clips with a MOS, drawn at random; U the other clips, which have a prediction only;
G sources of clips L; K the four sums kept of each source.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from mos.reliability import upper_quantile

Floats = NDArray[np.float64]

FEWEST = 10  # sources with a MOS: with fewer, the weight is luck and costs more than it saves
TINY = 1e-12  # of a variance: less than that is rounding
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A mean with its interval; ends are NaN where the labels allow none."""

    mean: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.high - self.low


@dataclass(frozen=True)
class PoweredMean:
    """The same mean by labels alone, and by labels and predictions.

    Args:
        n: Clips with a MOS and a prediction.
        n_others: Clips with a prediction only.
        n_sources: Sources of the n clips.
        lam: Weight of the predictions, 0 (not used) to 1.
        r: Correlation of MOS and prediction over the n clips; NaN where one of them is constant.
        classical, powered: The estimates. They are the same where `reason` says so.
        width_ratio: Width of the powered interval over the classical one; NaN without intervals.
        saved: Labels that the classical estimate would need beyond n for the powered width, at
            least 0.
        reason: Why predictions are not used; empty where they are.
        level: Of the intervals.
    """

    n: int
    n_others: int
    n_sources: int
    lam: float
    r: float
    classical: Estimate
    powered: Estimate
    width_ratio: float
    saved: float
    reason: str
    level: float


def powered_mean(
    mos_L: ArrayLike,
    predicted_L: ArrayLike,
    predicted_U: ArrayLike,
    level: float = 0.95,
    *,
    lam: float | None = None,
    sources_L: Sequence[Hashable] | None = None,
    sources_U: Sequence[Hashable] | None = None,
) -> PoweredMean:
    r"""Mean MOS of the clips that L and U were drawn from, with predictions where they help.

    .. math:: \hat\theta = \frac1n \sum_{i \in L} \left(Y_i
       - \hat\lambda_{-i}\,(f_i - \bar f_U)\right), \quad
       \hat\lambda = \frac{\mathrm{cov}_L(Y, f)}{\mathrm{var}_L f + \frac nN \mathrm{var}_U f},
       \quad SE^2 = \frac{\hat\lambda^2\,\mathrm{var}_U f}{N}
       + \frac{\mathrm{var}_L(Y - \hat\lambda f)}{n}

    It is the mean of all clips such as these, not of L and U alone. Any weight gives an estimate
    without bias, be the predictions as wrong as they like; a good one makes the interval about
    :math:`\sqrt{1 - r^2 N/(n+N)}` times as wide. The weight lies between 0 and 1, so predictions
    are to be on the scale of MOS. The weight of a label is learned from the other sources (here
    :math:`-i`), else the estimate leans towards the labels it has seen and the interval is too
    narrow; Student's quantile has one degree of freedom less for it.

    Predictions of L may be out of fold, each by a member of an ensemble that never saw the clip,
    and those of U the mean over members with equal weights: that is cross-prediction-powered
    inference. That members differ in level, and folds in size, is neglected: both are small where
    members learned from nearly the same labels.

    Dubs of one source share luck. Where `sources` are given, the variance is that of the sums over
    sources, within L, within U and across both.

    Source: Angelopoulos et al. (2023), prediction-powered inference; Angelopoulos, Duchi and Zrnic
    (2023), PPI++, the weight; Zrnic and Candes (2024), cross-prediction.

    Args:
        mos_L: MOS, shape (L,), of clips drawn at random from what is to be judged.
        predicted_L: Their predictions, made without their own MOS, shape (L,).
        predicted_U: Predictions of the other clips, shape (U,).
        level: Of the intervals.
        lam: Weight of the predictions, 0 to 1; None to learn it. With 0 the result is classical.
        sources_L, sources_U: What each clip was dubbed from; None for a source each.

    Raises:
        ValueError: no label, lengths differ, a number that is not finite, a level as
            `upper_quantile`, a weight outside of 0 to 1, or only one of the two lists of sources.

    >>> mos = [2.0, 2.5, 3.0, 3.5, 4.0, 2.2, 2.7, 3.1, 3.6, 4.1]
    >>> found = powered_mean(mos, [m + 0.1 * (-1) ** i for i, m in enumerate(mos)], mos * 4)
    >>> round(found.powered.mean, 2), round(found.width_ratio, 2), round(found.saved)
    (3.07, 0.47, 35)
    """
    upper_quantile(level)
    y_L, f_L, f_U = (_numbers(each) for each in (mos_L, predicted_L, predicted_U))
    if not len(y_L) or len(f_L) != len(y_L):
        raise ValueError(f"{len(y_L)} MOS and {len(f_L)} predictions of them: one each is needed.")
    if lam is not None and not 0 <= lam <= 1:
        raise ValueError(f"The weight of predictions lies between 0 and 1, not {lam:g}.")
    source_L, source_U, n_sources = _sources(sources_L, sources_U, len(y_L), len(f_U))
    centre_y, centre_f = float(y_L.mean()), float(f_L.mean())
    spread_y, spread_f = float(y_L.std()), float(f_L.std())
    own = _Labels(y_L - centre_y, f_L - centre_f, source_L, n_sources)
    half = own.half_width(own.y_L, level)
    classical = Estimate(centre_y, centre_y - half, centre_y + half)
    has_r = spread_y**2 > TINY and spread_f**2 > TINY
    r = float((own.y_L * own.f_L).mean() / (spread_y * spread_f)) if has_r else NAN
    alone = PoweredMean(
        n=len(y_L),
        n_others=len(f_U),
        n_sources=n_sources,
        lam=0.0,
        r=r,
        classical=classical,
        powered=classical,
        width_ratio=NAN if np.isnan(half) else 1.0,
        saved=0.0,
        reason=_why_alone(n_sources, len(np.unique(source_U)), spread_y, spread_f, lam),
        level=level,
    )
    if alone.reason or lam == 0:
        return alone
    u_G, rest = _shares_of_others(f_U, source_U, n_sources)
    lam_G = own.tuned(u_G, rest) if lam is None else np.full(n_sources, float(lam))
    return _weighed(alone, own, lam_G, float(f_U.mean()) - centre_f, u_G, rest, lam is None)


@dataclass(frozen=True)
class _Labels:
    """MOS and predictions of clips L about their means, with the place of each clip's source."""

    y_L: Floats
    f_L: Floats
    source_L: NDArray[np.intp]
    n_sources: int

    def half_width(
        self,
        score_L: Floats,
        level: float,
        u_G: Floats | None = None,
        rest: float = 0.0,
        spent: int = 1,
    ) -> float:
        """Half the interval of a mean of scores, by sums over sources; NaN without any spread."""
        size = self.n_sources
        if size < 2:
            return NAN
        sums_G = np.bincount(self.source_L, score_L - score_L.mean(), size) / len(score_L)
        sums_G *= np.sqrt(size / (size - 1))
        squares = float(((sums_G + (0 if u_G is None else u_G)) ** 2).sum()) + rest
        if squares <= TINY**2:
            return NAN
        return float(scipy.stats.t.ppf(upper_quantile(level), size - spent) * np.sqrt(squares))

    def tuned(self, u_G: Floats, rest: float) -> Floats:
        """The best weight for each source's labels, learned from the other sources."""
        size, of_G = self.n_sources, self.source_L
        sums_GK = np.stack(
            [np.bincount(of_G, each, size) for each in (np.ones(len(of_G)), self.y_L, self.f_L)]
            + [u_G],
            axis=1,
        )
        left_GK = sums_GK.sum(axis=0) - sums_GK
        products_GKK = sums_GK.T @ sums_GK - np.einsum("gi,gj->gij", sums_GK, sums_GK)
        n_G = left_GK[:, 0]
        scale_G = np.sqrt((size - 1) / (size - 2)) / n_G
        nought_G = np.zeros(size)
        mos_GK = np.stack([-left_GK[:, 1] / n_G * scale_G, scale_G, nought_G, nought_G], axis=1)
        gap_GK = np.stack([-left_GK[:, 2] / n_G * scale_G, nought_G, scale_G, nought_G - 1], axis=1)
        along_G = np.einsum("gi,gij,gj->g", mos_GK, products_GKK, gap_GK)
        around_G = np.einsum("gi,gij,gj->g", gap_GK, products_GKK, gap_GK) + rest
        is_known_G = around_G > TINY * (around_G.max() + TINY)
        lam_G = np.divide(along_G, around_G, out=np.zeros(size), where=is_known_G)
        return np.asarray(np.clip(lam_G, 0.0, 1.0), dtype=np.float64)


def _weighed(
    alone: PoweredMean,
    own: _Labels,
    lam_G: Floats,
    gap: float,
    u_G: Floats,
    rest: float,
    is_tuned: bool,
) -> PoweredMean:
    """The estimate with predictions; `gap` is how far those of U lie above those of L."""
    score_L = own.y_L - lam_G[own.source_L] * (own.f_L - gap)
    lam = float(lam_G.mean())
    half = own.half_width(score_L, alone.level, lam * u_G, lam**2 * rest, 1 + is_tuned)
    mean = alone.classical.mean + float(score_L.mean())
    ratio = 2 * half / alone.classical.width
    return replace(
        alone,
        lam=lam,
        powered=Estimate(mean, mean - half, mean + half),
        width_ratio=ratio,
        saved=max(0.0, alone.n * (1 / ratio**2 - 1)) if ratio > 0 else 0.0,
    )


def _why_alone(n: int, n_others: int, spread_y: float, spread_f: float, lam: float | None) -> str:
    """Why labels are left alone; empty where predictions may be weighed."""
    if n < 2 or (lam is None and n < FEWEST):
        fewest = 2 if lam is not None else FEWEST
        return f"{n} random labels of different sources are too few: {fewest} are needed."
    if spread_y**2 <= TINY:
        return "Every label is the same: nothing says how far the next would differ."
    if n_others < 2:
        return f"Other clips with a prediction are of {n_others} sources: 2 are needed."
    if spread_f**2 <= TINY:
        return "Every labelled clip has the same prediction: it tells nothing."
    return ""


def _shares_of_others(
    f_U: Floats, source_U: NDArray[np.intp], n_sources: int
) -> tuple[Floats, float]:
    """What sources add to the mean of U: each source of L, and the sum of squares of all others."""
    _, sizes = np.unique(source_U, return_counts=True)
    sums = np.bincount(source_U, f_U - f_U.mean(), max(n_sources, int(source_U.max()) + 1))
    share_of = np.asarray(sums * (np.sqrt(len(sizes) / (len(sizes) - 1)) / len(f_U)))
    return share_of[:n_sources], float((share_of[n_sources:] ** 2).sum())


def _sources(
    sources_L: Sequence[Hashable] | None,
    sources_U: Sequence[Hashable] | None,
    n: int,
    n_others: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Place of each clip's source, those of L first, and how many those are."""
    if (sources_L is None) != (sources_U is None):
        raise ValueError("Sources are needed of both the labelled and the other clips, or of none.")
    if sources_L is None or sources_U is None:
        return np.arange(n), np.arange(n, n + n_others), n
    if len(sources_L) != n or len(sources_U) != n_others:
        raise ValueError(
            f"{len(sources_L)} and {len(sources_U)} sources for {n} and {n_others} clips."
        )
    place: dict[Hashable, int] = {}
    of_L = np.array([place.setdefault(source, len(place)) for source in sources_L], dtype=np.intp)
    n_sources = len(place)
    of_U = np.array([place.setdefault(source, len(place)) for source in sources_U], dtype=np.intp)
    return of_L, of_U, n_sources


def _numbers(values: ArrayLike) -> Floats:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise ValueError(f"MOS and predictions are lists, one number a clip, not {found.shape}.")
    odd = found[~np.isfinite(found)]
    if len(odd):
        raise ValueError(f"{len(odd)} MOS or predictions are no number, the first is {odd[0]}.")
    return found
