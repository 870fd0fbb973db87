"""Whether one score agrees with MOS better than another, and how many such questions were asked.

Shape letters: N clips, G sources, D draws, P tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

EXACT_SOURCES = 20  # so many at most, and all ways of flipping their signs are tried
FLIPS_AT_A_TIME = 4_000_000


@dataclass(frozen=True)
class WilliamsTest:
    """Two correlations with the same MOS compared; `reason` says why `t` and `p` are NaN."""

    t: float
    df: int
    p: float
    reason: str


def williams_test(pcc_a: float, pcc_b: float, pcc_ab: float, n: int) -> WilliamsTest:
    r"""Whether two scores correlate equally with the MOS of the same n clips.

    .. math:: t = (r_a-r_b)\sqrt{\frac{(n-1)(1+r_{ab})}
       {2|R|\frac{n-1}{n-3} + \bar r^2(1-r_{ab})^3}}, \quad
       |R| = 1 - r_a^2 - r_b^2 - r_{ab}^2 + 2 r_a r_b r_{ab}, \quad \bar r = \frac{r_a+r_b}2

    It takes clips for independent: where sources have several dubs, p comes out too small, and
    `sign_flip_test` is the one to use.

    Source: Williams (1959), as recommended by Steiger (1980).

    Args:
        pcc_a: Of the first score with MOS. Turn scores round first where less is better.
        pcc_b: Of the second score with MOS.
        pcc_ab: Of the two scores with one another.
        n: Clips.

    Returns:
        t, above 0 where the first correlates better, with n - 3 degrees of freedom and a two-sided
        p. NaN with a reason for fewer than 4 clips, a correlation that is NaN, and two scores that
        are one.

    Raises:
        ValueError: a correlation outside -1 to 1, or three that no three variables can have.

    >>> test = williams_test(0.4, 0.5, 0.1, 103)
    >>> round(test.t, 4), test.df, round(test.p, 4)
    (-0.8913, 100, 0.3749)
    """
    for r in (pcc_a, pcc_b, pcc_ab):
        if abs(r) > 1:
            raise ValueError(f"A correlation lies between -1 and 1, and {r:g} does not.")
    determinant = 1 - pcc_a**2 - pcc_b**2 - pcc_ab**2 + 2 * pcc_a * pcc_b * pcc_ab
    if determinant < -1e-9:
        raise ValueError(
            f"No three variables correlate by {pcc_a:g}, {pcc_b:g} and {pcc_ab:g}: take all three "
            "from the same clips."
        )
    reason = _no_williams(pcc_a, pcc_b, pcc_ab, n)
    if reason:
        return WilliamsTest(float("nan"), n - 3, float("nan"), reason)
    mean = (pcc_a + pcc_b) / 2
    # Of variables on one line the determinant is 0, and rounding may take it below.
    spread = 2 * max(determinant, 0.0) * (n - 1) / (n - 3) + mean**2 * (1 - pcc_ab) ** 3
    t = (pcc_a - pcc_b) * np.sqrt((n - 1) * (1 + pcc_ab) / spread)
    return WilliamsTest(float(t), n - 3, float(2 * scipy.stats.t.sf(abs(t), n - 3)), "")


def _no_williams(pcc_a: float, pcc_b: float, pcc_ab: float, n: int) -> str:
    if n < 4:
        return f"4 clips are needed, not {n}."
    if np.isnan([pcc_a, pcc_b, pcc_ab]).any():
        return "A correlation is not defined."
    if 1 - abs(pcc_ab) < 1e-12:
        return "The two scores are one and the same, but for scale."
    return ""


@dataclass(frozen=True)
class SignFlipTest:
    """A mean difference of losses, and how often chance makes one as large.

    `flips` is how many ways of flipping were tried, all that there are where `is_exact`;
    `least_p` is the smallest p that they could have given.
    """

    difference: float
    p: float
    n: int
    n_sources: int
    is_exact: bool
    flips: int
    least_p: float
    reason: str


def sign_flip_test(
    losses_a: ArrayLike,
    losses_b: ArrayLike,
    sources: ArrayLike,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> SignFlipTest:
    r"""Whether two scores err equally on the same clips, by swapping them source by source.

    If they do, each source's :math:`d_g=\sum_{i\in g}(a_i-b_i)` is as likely to have the other
    sign:

    .. math:: p = \Pr_{s\in\{-1,1\}^G}\left(\left|\sum_g s_g d_g\right|\ge
       \left|\sum_g d_g\right|\right)

    All signs are tried for up to 20 sources; beyond, b of m drawn ones reach the observed
    difference and :math:`p=(b+1)/(m+1)`.

    Source: Fisher (1935); the added ones Phipson and Smyth (2010).

    Args:
        losses_a: Of the first score for each clip, such as its squared error, shape (N,).
        losses_b: Of the second, likewise.
        sources: Shape (N,): the source of each clip, any labels.
        draws: Ways of flipping that are drawn beyond 20 sources.
        seed: Of the draws.

    Returns:
        The mean of a - b over clips, below 0 where the first errs less, and a two-sided p. With
        one source p is NaN with a reason.

    Raises:
        ValueError: no clips, lengths that differ, a loss that is missing or infinite, or fewer
            than 100 draws.

    >>> test = sign_flip_test([1, 2, 1, 1], [3, 3, 2, 4], ["a", "b", "c", "d"])
    >>> test.difference, test.p, test.is_exact
    (-1.75, 0.125, True)
    """
    gap_N, source_N = _gaps(losses_a, losses_b, sources)
    if draws < 100:
        raise ValueError(f"{draws} draws cannot show a small p: take 10000.")
    gap_G = np.bincount(source_N, gap_N).astype(np.float64)
    difference, size = float(gap_N.mean()), len(gap_G)
    if size < 2:
        reason = "2 sources are needed, not 1."
        nan = float("nan")
        return SignFlipTest(difference, nan, len(gap_N), size, False, 0, nan, reason)
    is_exact = size <= EXACT_SOURCES
    sums = _every_sum(gap_G) if is_exact else _drawn_sums(gap_G, draws, seed)
    # Sums that are equal but for the order of adding must count as equal.
    reached = int((np.abs(sums) >= abs(gap_G.sum()) - 1e-12 * np.abs(gap_G).sum()).sum())
    extra = 0 if is_exact else 1
    return SignFlipTest(
        difference=difference,
        p=(reached + extra) / (len(sums) + extra),
        n=len(gap_N),
        n_sources=size,
        is_exact=is_exact,
        flips=len(sums),
        least_p=1 / (len(sums) + extra),
        reason="",
    )


def _gaps(
    losses_a: ArrayLike, losses_b: ArrayLike, sources: ArrayLike
) -> tuple[Floats, NDArray[np.int64]]:
    a_N, b_N = np.asarray(losses_a, dtype=np.float64), np.asarray(losses_b, dtype=np.float64)
    if not a_N.shape == b_N.shape == np.shape(sources) == (a_N.size,):
        raise ValueError(
            f"Losses {a_N.shape} and {b_N.shape} and sources {np.shape(sources)} must have one "
            "entry a clip."
        )
    if not a_N.size:
        raise ValueError("There are 0 clips to compare on.")
    bad = int((~np.isfinite(a_N) | ~np.isfinite(b_N)).sum())
    if bad:
        raise ValueError(f"{bad} clips have a loss that is missing or infinite: leave them out.")
    return a_N - b_N, np.unique(np.asarray(sources), return_inverse=True)[1]


def _every_sum(gap_G: Floats) -> Floats:
    """Sums under all signs but for those of the first, whose mirror images are as far from 0."""
    sums = gap_G[:1]
    for gap in gap_G[1:]:
        sums = np.concatenate([sums + gap, sums - gap])
    return sums


def _drawn_sums(gap_G: Floats, draws: int, seed: int) -> Floats:
    random = np.random.default_rng(seed)
    step = max(1, FLIPS_AT_A_TIME // len(gap_G))
    sizes = [min(step, draws - start) for start in range(0, draws, step)]
    parts = [(2 * random.integers(0, 2, (size, len(gap_G))) - 1) @ gap_G for size in sizes]
    return np.concatenate(parts)


def holm(p_values: ArrayLike) -> Floats:
    r"""p-values adjusted for how many tests were made together.

    .. math:: \tilde p_{(i)} = \max_{j\le i} \min\left(1, (m-j+1)\, p_{(j)}\right)

    Source: Holm (1979).

    Args:
        p_values: Shape (P,); NaN where a test could not be made, which then counts as none.

    Returns:
        In the same order, 0 to 1; those at most 0.05 may all be called significant, with a chance
        of 0.05 that any of them is by luck. NaN stays NaN.

    Raises:
        ValueError: not one row of numbers, or a p outside 0 to 1.

    >>> holm([0.18, 0.07, 0.03]).round(4).tolist()
    [0.18, 0.14, 0.09]
    """
    p_P = np.asarray(p_values, dtype=np.float64)
    if p_P.ndim != 1:
        raise ValueError(f"p-values must be one row of numbers, not of shape {p_P.shape}.")
    off = p_P[(p_P < 0) | (p_P > 1)]
    if len(off):
        raise ValueError(f"A p-value lies between 0 and 1, and {off[0]:g} does not.")
    adjusted_P = np.full(p_P.shape, np.nan)
    made = np.flatnonzero(~np.isnan(p_P))
    ordered = made[np.argsort(p_P[made], kind="stable")]
    steps = p_P[ordered] * np.arange(len(ordered), 0, -1)
    adjusted_P[ordered] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted_P
