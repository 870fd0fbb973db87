"""Fitting the map from lips to speech, and what it is worth on people it has not seen.

Shape letters: N frames of all clips, T frames of 40 ms, S frames of 20 ms, L layers, D width of a
layer, Q components of all layers, M features of the mouth, F features of speech, K pairs of
directions, J lags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from learner.metrics._sync_features import Floats, known, scaled, with_neighbours
from learner.metrics._sync_map import (
    LAG_MS,
    PER_FACE,
    SPEECH_REACH,
    Located,
    SyncMap,
    components,
    locate,
)

LAYERS = (1, 3, 5)  # of Whisper's blocks, counted from 0
COMPONENTS = 48  # of each layer
DIRECTIONS = 4
RIDGE = 3.0  # mean variances; chosen high, since frames of one clip say much the same
NATIVE_MS = 160.0  # a clip's own offset, beyond which it is taken for a miss
TRACKED_MS = 80.0
MOST_FOLDS = 20
SWAPS = 12  # strangers whose speech each face is given
QUANTILE = 0.95

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Take:
    """One clip in sync, as fitting sees it.

    Args:
        speaker: Who speaks; clips of one speaker are left out together.
        mouth_TM: `mouth_features`.
        layers_LSD: The layers `LAYERS` of Whisper; may be float16.
    """

    speaker: str
    mouth_TM: Floats
    layers_LSD: NDArray[np.floating]


@dataclass(frozen=True)
class Figures:
    """What a map is worth on speakers it was not fitted on.

    Args:
        n_clips, n_speakers: What was fitted and tried.
        tracked_frac: Clips whose offset was found within 80 ms of 0.
        auc: How often a clip is more sure of its own speech than of a stranger's.
        level: The confidence that 95 % of pairs with a stranger's speech stay below.
        offsets_ms: Of each clip.
        confidences: Of each clip.
    """

    n_clips: int
    n_speakers: int
    tracked_frac: float
    auc: float
    level: float
    offsets_ms: tuple[float, ...]
    confidences: tuple[float, ...]


def fit_sync_map(takes: Sequence[Take]) -> SyncMap:
    r"""Regularised canonical correlation of lips and speech of the same moments.

    .. math:: \max_{a,b} \frac{a^T C_{xy} b}
        {\sqrt{a^T (C_{xx} + \lambda_x I) a \; b^T (C_{yy} + \lambda_y I) b}}

    Twice: the second time each clip's speech is moved by the offset that the first map found for
    it, less the median of all, so that clips that are 40 or 80 ms apart by their making do not
    blur it. The level is not known yet: `cross_validate` finds it.

    Source: Hotelling (1936); Vinod (1976) for the ridge.

    Args:
        takes: Clips in sync.

    Raises:
        ValueError: fewer than 13 frames in which a face is seen and something is heard.
    """
    basis_LDC = _basis(takes)
    heard = [_components(take, basis_LDC) for take in takes]
    first = _fitted(basis_LDC, takes, heard, [0] * len(takes))
    found = [_locate(first, take, said) for take, said in zip(takes, heard, strict=True)]
    return _fitted(basis_LDC, takes, heard, _moves(found))


def _components(take: Take, basis_LDC: NDArray[np.float32]) -> Floats:
    layers_LSD = take.layers_LSD.astype(np.float32)
    return scaled(components(layers_LSD, basis_LDC).astype(np.float64))


def _basis(takes: Sequence[Take]) -> NDArray[np.float32]:
    """Principal directions of each layer around each clip's mean, shape (L, D, C)."""
    found = []
    for layer in range(len(LAYERS)):
        width = takes[0].layers_LSD.shape[-1]
        scatter_DD = np.zeros((width, width))
        for take in takes:
            frames_SD = take.layers_LSD[layer].astype(np.float64)
            frames_SD -= frames_SD.mean(axis=0)
            scatter_DD += frames_SD.T @ frames_SD
        directions = np.linalg.eigh(scatter_DD)[1][:, ::-1][:, :COMPONENTS]
        # An eigenvector's sign is the solver's whim.
        signs = np.sign(
            directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
        )
        found.append(directions * signs)
    return np.stack(found).astype(np.float32)


def _fitted(
    basis_LDC: NDArray[np.float32],
    takes: Sequence[Take],
    heard: Sequence[Floats],
    moves: Sequence[int],
) -> SyncMap:
    """The map for clips whose speech is moved by so many frames of 20 ms."""
    pairs = [_pairs(take, said, move) for take, said, move in zip(takes, heard, moves, strict=True)]
    mouth_NM = np.concatenate([mouth for mouth, _ in pairs])
    speech_NF = np.concatenate([speech for _, speech in pairs])
    mouth_MK, speech_FK, strength_K = (
        part.astype(np.float32) for part in ridge_cca(mouth_NM, speech_NF, RIDGE, DIRECTIONS)
    )
    return SyncMap(np.array(LAYERS), basis_LDC, mouth_MK, speech_FK, strength_K)


def _pairs(take: Take, heard_SQ: Floats, move: int) -> tuple[Floats, Floats]:
    """Frames of the mouth that are known, and what is heard with them."""
    around_SF = with_neighbours(heard_SQ, SPEECH_REACH, PER_FACE)
    at_T = PER_FACE * np.arange(len(take.mouth_TM)) + move
    is_in_T = known(take.mouth_TM) & (at_T >= 0) & (at_T < len(around_SF))
    return take.mouth_TM[is_in_T], around_SF[at_T[is_in_T]]


def ridge_cca(
    one_NM: Floats, other_NF: Floats, ridge: float, directions: int
) -> tuple[Floats, Floats, Floats]:
    """Pairs of directions that agree most, and how far each pair does.

    Args:
        one_NM, other_NF: The same frames on both sides.
        ridge: What is added to each variance, in mean variances of its side.
        directions: How many pairs, at most as many as either side has columns.

    Returns:
        Weights of both sides, and correlations shrunk by the ridge, 0 to 1, falling.

    Raises:
        ValueError: fewer than 13 frames.

    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> y = np.stack([x[:, 1], x[:, 0] ** 2], axis=1)
    >>> a, b, r = ridge_cca(x, y, 1e-6, 1)
    >>> (np.abs(a[:, 0]) / np.abs(a[:, 0]).max()).round(1).tolist(), r.round(2).tolist()
    ([0.0, 1.0, 0.0], [1.0])
    """
    if len(one_NM) < 13:
        raise ValueError(f"{len(one_NM)} frames with face and speech are too few to fit on")
    one_NM, other_NF = one_NM - one_NM.mean(axis=0), other_NF - other_NF.mean(axis=0)
    values, vectors = np.linalg.eigh(_covariance(one_NM, ridge))
    whitening_MM = vectors / np.sqrt(np.maximum(values, 1e-12)) @ vectors.T
    # The best guess of one side by the other: only the narrow side needs its eigenvectors then.
    across_FM = other_NF.T @ one_NM / len(one_NM)
    guess_FM = cho_solve(cho_factor(_covariance(other_NF, ridge)), across_FM)
    squares, turned = np.linalg.eigh(whitening_MM @ across_FM.T @ guess_FM @ whitening_MM)
    strength_K = np.sqrt(np.maximum(squares[::-1][:directions], 1e-24))
    one_MK = whitening_MM @ turned[:, ::-1][:, :directions]
    return one_MK, guess_FM @ one_MK / strength_K, strength_K


def _covariance(side_NM: Floats, ridge: float) -> Floats:
    covariance = side_NM.T @ side_NM / len(side_NM)
    mean_variance = max(np.trace(covariance) / len(covariance), 1e-12)
    return np.asarray(covariance + ridge * mean_variance * np.eye(len(covariance)))


def _locate(fitted: SyncMap, take: Take, heard_SQ: Floats) -> Located | None:
    return locate(fitted.curve(take.mouth_TM, fitted.of_components(heard_SQ)))


def _moves(found: Sequence[Located | None]) -> list[int]:
    """By how many frames of 20 ms the speech of each clip lies off the median clip's."""
    median_ms = float(np.median([one.offset_ms for one in found if one] or [0.0]))
    off = [one.offset_ms - median_ms if one else 0.0 for one in found]
    return [round(ms / LAG_MS) if abs(ms) <= NATIVE_MS else 0 for ms in off]


# What it is worth


def cross_validate(takes: Sequence[Take], progress: Progress = lambda done, total: None) -> Figures:
    """Fit without each speaker in turn (or twentieth of them), and try on those left out.

    Args:
        takes: Clips in sync.
        progress: Told folds done and folds in all.

    Raises:
        ValueError: fewer than three speakers.
    """
    speakers = sorted({take.speaker for take in takes})
    if len(speakers) < 3:
        raise ValueError(f"{len(speakers)} speakers are too few to leave one out; 3 are needed")
    own: dict[int, Located | None] = {}
    swapped: list[Located | None] = []
    n_folds = min(MOST_FOLDS, len(speakers))
    for fold in range(n_folds):
        progress(fold, n_folds)
        away = set(speakers[fold::n_folds])
        fitted = fit_sync_map([take for take in takes if take.speaker not in away])
        for place, take in enumerate(takes):
            if take.speaker in away:
                own[place] = _tried(fitted, take, take)
                swapped += [_tried(fitted, take, other) for other in _strangers(takes, place)]
    progress(n_folds, n_folds)
    return _figures(takes, [own[place] for place in range(len(takes))], swapped)


def try_on(fitted: SyncMap, takes: Sequence[Take]) -> Figures:
    """What a map is worth on clips that it was not fitted on."""
    own = [_tried(fitted, take, take) for take in takes]
    pairs = [(take, other) for n, take in enumerate(takes) for other in _strangers(takes, n)]
    return _figures(takes, own, [_tried(fitted, take, other) for take, other in pairs])


def _tried(fitted: SyncMap, face: Take, voice: Take) -> Located | None:
    return _locate(fitted, face, _components(voice, fitted.basis_LDC))


def _strangers(takes: Sequence[Take], place: int) -> list[Take]:
    """The next takes of other speakers, in a circle."""
    circle = [*takes[place + 1 :], *takes[:place]]
    return [take for take in circle if take.speaker != takes[place].speaker][:SWAPS]


def _figures(
    takes: Sequence[Take], own: Sequence[Located | None], swapped: Sequence[Located | None]
) -> Figures:
    offsets = [one.offset_ms if one else np.nan for one in own]
    true, false = _confidences(own), _confidences(swapped)
    higher = (true[:, None] > false) + 0.5 * (true[:, None] == false)
    return Figures(
        n_clips=len(takes),
        n_speakers=len({take.speaker for take in takes}),
        tracked_frac=float(np.mean(np.abs(offsets) <= TRACKED_MS)),
        auc=float(higher.mean()),
        level=float(np.quantile(false, QUANTILE)),
        offsets_ms=tuple(float(offset) for offset in offsets),
        confidences=tuple(float(value) for value in true),
    )


def _confidences(found: Sequence[Located | None]) -> Floats:
    return np.array([one.confidence if one else 0.0 for one in found])
