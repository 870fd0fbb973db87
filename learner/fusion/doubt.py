"""How far a score may be off, and whether a clip is like any that was trained on.

Shape letters: N clips, D width.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from learner.proxy.calibration import LEVEL, Conformal

Floats = NDArray[np.float64]
SCALE = (1.0, 5.0)
NEIGHBOURS = 5
MOST_KNOWN = 2000
BLOCK = 2000  # clips whose distances are in memory together
USUAL = 0.99  # of clips that were trained on lie nearer than what is called far


@dataclass(frozen=True)
class Reach:
    """Intervals of scores, by what clips out of fold needed.

    Args:
        conformal: Errors out of fold, in predicted standard deviations.
        level: Chance that an interval holds a MOS.
    """

    conformal: Conformal
    level: float = LEVEL

    @classmethod
    def fit(cls, score: Floats, total_var: Floats, mos: Floats, level: float = LEVEL) -> Reach:
        """From scores out of fold, their variances, and the MOS of the same clips."""
        return cls(Conformal.fit(mos - score, np.sqrt(total_var)), level)

    def ends(self, score: Floats, total_var: Floats) -> tuple[Floats, Floats]:
        """Both ends of the interval of each score, on the scale."""
        half = self.conformal.reach(self.level) * np.sqrt(total_var)
        return np.clip(score - half, *SCALE), np.clip(score + half, *SCALE)

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Reach:
        """As it was stored."""
        conformal = Conformal(tuple(kept["conformal"]["scores"]), kept["conformal"]["n"])
        return cls(conformal, kept["level"])


@dataclass(frozen=True)
class Known:
    """Where the clips lie that were trained on, to tell a clip that is like none of them.

    Args:
        centre_D, scale_D: Of the summary tokens.
        tokens_ND: Standardised.
        far: Distance to the fifth nearest that 99 % of them have to clips of other sources.
    """

    centre_D: Floats
    scale_D: Floats
    tokens_ND: Floats
    far: float

    @classmethod
    def fit(cls, summary_ND: Floats, source_N: NDArray[np.int64]) -> Known:
        """From tokens of the training clips and what each was made from; of many, of 2000."""
        every = -(-len(summary_ND) // MOST_KNOWN)
        summary_ND, source_N = summary_ND[::every], source_N[::every]
        centre_D, spread_D = summary_ND.mean(axis=0), summary_ND.std(axis=0)
        scale_D = 1 / np.maximum(spread_D, 1e-6)
        tokens_ND = (summary_ND - centre_D) * scale_D
        apart_N = _distance(tokens_ND, tokens_ND, source_N[:, None] == source_N[None, :])
        known = apart_N[np.isfinite(apart_N)]
        far = float(np.quantile(known, USUAL)) if len(known) else float("inf")
        return cls(centre_D, scale_D, tokens_ND, far)

    def save(self, path: Path) -> None:
        """Keep it beside the members."""
        parts = {"centre": self.centre_D, "scale": self.scale_D, "tokens": self.tokens_ND}
        save_file({**parts, "far": np.array([self.far])}, str(path))

    @classmethod
    def load(cls, path: Path) -> Known:
        """As it was kept."""
        try:
            kept = load_file(str(path))
        except SafetensorError as error:
            raise ValueError(f"{path} cannot be read as safetensors: {error}") from error
        return cls(kept["centre"], kept["scale"], kept["tokens"], float(kept["far"][0]))

    def distance(self, summary_ND: Floats) -> Floats:
        """Of each clip, of what is far: above 1 it is outside; NaN where far is not known."""
        if not np.isfinite(self.far):
            return np.full(len(summary_ND), np.nan)  # of one source: nothing tells what is far
        tokens_ND = (summary_ND - self.centre_D) * self.scale_D
        blocks = [tokens_ND[start : start + BLOCK] for start in range(0, len(tokens_ND), BLOCK)]
        apart = [_distance(b, self.tokens_ND, np.zeros((len(b), 1), dtype=bool)) for b in blocks]
        return np.concatenate([np.empty(0), *apart]) / max(self.far, 1e-12)


def _distance(of_ND: Floats, to_ND: Floats, is_left_out: NDArray[np.bool_]) -> Floats:
    """To the fifth nearest, or the farthest there is; infinite where there is none."""
    square = (of_ND**2).sum(1)[:, None] + (to_ND**2).sum(1)[None, :] - 2 * of_ND @ to_ND.T
    square = np.sort(np.where(is_left_out, np.inf, np.maximum(square, 0.0)), axis=1)
    known_N = np.isfinite(square).sum(axis=1)
    place_N = np.clip(np.minimum(NEIGHBOURS, known_N) - 1, 0, None)
    return np.asarray(np.sqrt(square[np.arange(len(square)), place_N]))
