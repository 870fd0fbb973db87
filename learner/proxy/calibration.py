"""From weighted sums to the scale of MOS, and whether what is said of the errors is true.

Shape letters: N clips, P levels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LEVEL = 0.90
SCALE = (1.0, 5.0)
LEVELS = np.arange(1, 100) / 100
MOST_SCORES = 2001  # of a conformal distribution; more make no quantile better that is asked for


@dataclass(frozen=True)
class Line:
    """MOS = offset + slope · sum, with what the line itself is unsure of.

    Args:
        offset, slope: NaN where no rising line fits; `reason` says why.
        residual_var: Of MOS about the line, in MOS points squared.
        mean_sum, var_sum, n: Of the clips it was fitted on.
        reason: In words for people; empty where there is a line.
    """

    offset: float
    slope: float
    residual_var: float
    mean_sum: float
    var_sum: float
    n: int
    reason: str = ""

    def variance(self, sum_N: Floats) -> Floats:
        r"""Of the line at these sums: :math:`\frac{s^2}{n}(1+(x-\bar x)^2/s_x^2)`, shape (N,)."""
        distance_N = (sum_N - self.mean_sum) ** 2 / self.var_sum
        return np.asarray(self.residual_var / self.n * (1 + distance_N))

    def errors(self, sum_N: Floats, mos_N: Floats, count_N: Floats) -> Floats:
        r"""Of the clips it was fitted on, each by the line without it: :math:`e_i/(1-h_i)`.

        Source: the leverage of linear regression; Belsley, Kuh and Welsch (1980).
        """
        share_N = count_N / count_N.sum()
        leverage_N = share_N * (1 + (sum_N - self.mean_sum) ** 2 / self.var_sum)
        return np.asarray(
            (mos_N - self.offset - self.slope * sum_N) / np.maximum(1 - leverage_N, 1e-3)
        )


def fit_line(sums: ArrayLike, mos: ArrayLike, counts: ArrayLike | None = None) -> Line:
    """The line of least squares from weighted sums to MOS, refused where it does not rise.

    A line that falls or is flat means that the metrics do not follow MOS; a proxy MOS by such a
    line would turn the metrics' directions round without anyone having said so.

    Args:
        sums: Out of bag, so that the line is not flattered, shape (N,).
        mos: Shape (N,).
        counts: How much each clip counts, shape (N,); equally if not given.

    >>> line = fit_line([0.0, 1.0, 2.0, 3.0], [2.0, 2.5, 3.0, 3.5])
    >>> line.offset, line.slope
    (2.0, 0.5)
    >>> fit_line([0.0, 1.0, 2.0], [3.0, 2.0, 1.0]).reason
    'The weighted metrics fall as MOS rises.'
    """
    x_N, y_N = np.asarray(sums, dtype=np.float64), np.asarray(mos, dtype=np.float64)
    count_N = np.ones(len(y_N)) if counts is None else np.asarray(counts, dtype=np.float64)
    if len(y_N) < 3:
        return _no_line(len(y_N), f"{len(y_N)} clips have a MOS; 3 are needed for a line.")
    share_N = count_N / count_N.sum()
    mean_x, mean_y = float(share_N @ x_N), float(share_N @ y_N)
    spread = float(share_N @ (x_N - mean_x) ** 2)
    if spread <= 1e-24:
        return _no_line(len(y_N), "The weighted metrics are the same for every clip with a MOS.")
    slope = float(share_N @ ((x_N - mean_x) * (y_N - mean_y))) / spread
    varies = float(np.ptp(y_N)) > 1e-9 * max(1.0, float(np.abs(y_N).max()))
    if not varies:
        return _no_line(len(y_N), "Every clip has the same MOS.")
    if slope <= 1e-12:
        flat = slope > -1e-12
        words = "do not change with" if flat else "fall as"
        return _no_line(len(y_N), f"The weighted metrics {words} MOS{'' if flat else ' rises'}.")
    left_N = y_N - mean_y - slope * (x_N - mean_x)
    residual_var = float(share_N @ left_N**2) * len(y_N) / (len(y_N) - 2)
    return Line(mean_y - slope * mean_x, slope, residual_var, mean_x, spread, len(y_N))


def _no_line(n: int, reason: str) -> Line:
    nan = float("nan")
    return Line(nan, nan, nan, nan, nan, n, reason)


@dataclass(frozen=True)
class Conformal:
    """How far, in predicted standard deviations, MOS of clips left out lay from their prediction.

    Args:
        scores: Sorted; of more than 2001 clips, as many quantiles.
        n: Clips.
    """

    scores: tuple[float, ...]
    n: int

    @classmethod
    def fit(cls, errors: ArrayLike, sd: ArrayLike) -> Conformal:
        """From errors of clips left out and what was said of their size, each of shape (N,)."""
        ratio_N = np.sort(np.abs(np.asarray(errors)) / np.asarray(sd))
        n = len(ratio_N)
        if n > MOST_SCORES:
            ratio_N = np.quantile(ratio_N, np.linspace(0, 1, MOST_SCORES))
        return cls(tuple(ratio_N.tolist()), n)

    def reach(self, level: float) -> float:
        r"""Standard deviations to either side that hold a new clip with this chance at least.

        .. math:: q = \text{the } \lceil (n+1)(1-\alpha) \rceil \text{-th smallest score}

        Source: Papadopoulos et al. (2002); here of clips out of the bag.

        Returns:
            The normal quantile where n clips are too few to say: that is, below
            :math:`1/\alpha - 1`.

        >>> Conformal((0.1, 0.5, 0.9, 1.2), 4).reach(0.8)
        1.2
        """
        rank = int(np.ceil((self.n + 1) * level - 1e-9))
        if rank > self.n:
            return float(scipy.stats.norm.ppf((1 + level) / 2))
        place = (rank - 1) / max(self.n - 1, 1) * (len(self.scores) - 1)
        return self.scores[min(int(np.ceil(place - 1e-9)), len(self.scores) - 1)]


@dataclass(frozen=True)
class Calibration:
    """Whether intervals hold what they promise, on clips that had no part in the fit.

    Args:
        level: Promised chance to hold the truth.
        target: Of what the intervals are: of a new MOS, or of true quality.
        apv_epistemic, apv_total: Average predicted variance, in MOS points squared: of not knowing
            the weights, and of all.
        picp, picp_low, picp_high: Share of intervals that held, with its 95 % Wilson interval.
        mpiw, mpiw_frac: Mean width in MOS points, and as a share of the scale's range.
        ece: Mean distance between promised and found shares over levels of .01 to .99.
        crps: Mean continuous ranked probability score, in MOS points; 0 is perfect.
        observed: Found share of central intervals at levels .01, .02, ... .99.
        n: Clips.
    """

    level: float
    target: str
    apv_epistemic: float
    apv_total: float
    picp: float
    picp_low: float
    picp_high: float
    mpiw: float
    mpiw_frac: float
    ece: float
    crps: float
    observed: tuple[float, ...]
    n: int

    @property
    def holds(self) -> bool:
        """Whether the found share agrees with the promise as far as n clips can tell."""
        return self.picp_low <= self.level <= self.picp_high

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {**asdict(self), "observed": list(self.observed)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Calibration:
        """As it was stored."""
        return cls(**{**kept, "observed": tuple(kept["observed"])})


def calibration(
    mean: ArrayLike,
    epistemic_var: ArrayLike,
    total_var: ArrayLike,
    mos: ArrayLike,
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    level: float = LEVEL,
    target: str = "a new MOS",
    scale: tuple[float, float] = SCALE,
) -> Calibration:
    r"""Judge predictions by MOS that had no part in them.

    .. math:: PICP = \frac1n\sum 1\{l_i\le y_i\le u_i\}, \quad MPIW = \frac1n\sum (u_i-l_i), \quad
       ECE = \frac1{99}\sum_p |\hat p(p) - p|, \quad
       CRPS = \frac1n\sum \sigma_i\left[z_i(2\Phi(z_i)-1)+2\varphi(z_i)-\pi^{-1/2}\right]

    Source: PICP and MPIW of the paper's table 3; Kuleshov et al. (2018) for the diagram; Gneiting
    and Raftery (2007) for CRPS. Variances of weights alone are no intervals of MOS: of 60 labels
    they held a third of what they promised at 95 %.

    Args:
        mean, epistemic_var, total_var: Predicted, shape (N,).
        mos: Shape (N,).
        low, high: Ends of the intervals, shape (N,); normal ones if not given.
        level: Promised.
        target: What they are intervals of, in words.
        scale: Lowest and highest MOS.

    Raises:
        ValueError: shapes differ, there are no clips, or a variance is not above 0.

    >>> found = calibration([3, 3, 3], [0, 0, 0], [1, 1, 1], [3, 2, 9])
    >>> round(found.picp, 3), round(found.mpiw, 2), found.apv_total
    (0.667, 3.29, 1.0)
    """
    m_N, epi_N, var_N, y_N = (
        np.asarray(a, dtype=np.float64) for a in (mean, epistemic_var, total_var, mos)
    )
    if not m_N.shape == epi_N.shape == var_N.shape == y_N.shape or not y_N.size:
        raise ValueError(f"{m_N.shape} predictions do not fit {y_N.shape} MOS.")
    if not (var_N > 0).all():
        raise ValueError(f"A predicted variance is {var_N.min():g}; it must be above 0.")
    sd_N = np.sqrt(var_N)
    half_N = scipy.stats.norm.ppf((1 + level) / 2) * sd_N
    low_N = m_N - half_N if low is None else np.asarray(low, dtype=np.float64)
    high_N = m_N + half_N if high is None else np.asarray(high, dtype=np.float64)
    held = int(((low_N <= y_N) & (y_N <= high_N)).sum())
    wilson = scipy.stats.binomtest(held, len(y_N)).proportion_ci(method="wilson")
    z_N = (y_N - m_N) / sd_N
    observed_P = _observed(z_N)
    crps_N = sd_N * (z_N * (2 * scipy.stats.norm.cdf(z_N) - 1) + 2 * scipy.stats.norm.pdf(z_N))
    width = float((high_N - low_N).mean())
    return Calibration(
        level=level,
        target=target,
        apv_epistemic=float(epi_N.mean()),
        apv_total=float(var_N.mean()),
        picp=held / len(y_N),
        picp_low=float(wilson.low),
        picp_high=float(wilson.high),
        mpiw=width,
        mpiw_frac=width / (scale[1] - scale[0]),
        ece=float(np.abs(observed_P - LEVELS).mean()),
        crps=float((crps_N - sd_N / np.sqrt(np.pi)).mean()),
        observed=tuple(observed_P.tolist()),
        n=len(y_N),
    )


def _observed(z_N: Floats) -> Floats:
    """Share of clips inside the central normal interval of each level, shape (P,)."""
    inside_N = np.sort(2 * scipy.stats.norm.cdf(np.abs(z_N)) - 1)
    return np.asarray(np.searchsorted(inside_N, LEVELS, side="right") / len(z_N))
