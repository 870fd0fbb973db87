"""Which clips each member of the ensemble never sees.

Shape letters: N clips, F folds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_CLIPS, FEWEST_SOURCES = 8, 2


def assign_folds(
    sources: ArrayLike, is_labelled: ArrayLike, folds: int, seed: int
) -> NDArray[np.int64]:
    """Which fold leaves each clip out: all clips of one source together, labels spread evenly.

    Args:
        sources: Shape (N,): what each clip was made from.
        is_labelled: Shape (N,): whether it has a human MOS.
        folds: At most this many; fewer when there are fewer labelled sources.
        seed: Of the order of sources of equal size.

    Raises:
        ValueError: too few labelled clips or sources to leave any out.

    >>> assign_folds(list("aabbccdd"), [True] * 8, 4, 0).tolist()
    [2, 2, 0, 0, 1, 1, 3, 3]
    """
    names, source_N = np.unique(np.asarray(sources), return_inverse=True)
    labelled_N = np.asarray(is_labelled, dtype=bool)
    labels = np.bincount(source_N, labelled_N, len(names))
    n_sources = int((labels > 0).sum())
    if labelled_N.sum() < FEWEST_CLIPS or n_sources < FEWEST_SOURCES:
        raise ValueError(
            f"Training needs {FEWEST_CLIPS} clips with a MOS from {FEWEST_SOURCES} sources; there "
            f"are {int(labelled_N.sum())} from {n_sources}. Collect more ratings."
        )
    used = min(folds, n_sources)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(names)), -labels))
    held, fold_of = np.zeros((used, 2)), np.zeros(len(names), dtype=np.int64)
    sizes = np.bincount(source_N)
    for source in order:
        fold = int(np.lexsort((held[:, 1], held[:, 0]))[0])
        fold_of[source] = fold
        held[fold] += labels[source], sizes[source]
    return fold_of[source_N]
