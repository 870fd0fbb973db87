"""What a face shows, and how it changes: FER's small network on a followed face.

Shape letters: S = 64 side of a crop, D numbers of one picture, B stretches of half a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learner.media import ClipMedia
from learner.media.faces import RATE_HZ, FaceFinder
from learner.registry import Card
from learner.weights import path_of

FEATURES, LABELS = 128, 7
D = FEATURES + LABELS
STRETCH_S = 0.5
# Of the one file that is examined: the maps before its last layer, and its answers.
TENSORS = (74, 77)
ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


class FaceFER:
    r"""Statistics of the features of a face over time.

    .. math:: v = [\overline{x}, \mathrm{sd}(\overline{x}_{1\,\mathrm{s}})]

    x are the 128 maps before the last layer, pooled, and the seven answers as probabilities; single
    pictures flicker, so change is that of means over a second. It says much of who it is, too.

    Source: Arriaga et al. (2017), mini-Xception; the network trained on FER2013 of fer 25.10.3.
    """

    card = Card(
        name="face_fer",
        version="1",
        title="Facial expression (FER)",
        source="Arriaga et al. (2017); fer 25.10.3",
        licence="MIT",
        kind="encoder",
        role="face expression",
        weights=("face_detection", "face_mesh", "face_expression"),
        modality="video",
        needs=("frames",),
        width=2 * D,
    )
    _networks: ClassVar[dict[Path, Any]] = {}

    def __init__(self) -> None:
        self._finder = FaceFinder()
        self._network: Any = None

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find the face."""
        FaceFinder.prepare(media, weights)

    def load(self, weights: Path) -> None:
        """Read the weights from the folder they were fetched into, once a process.

        Raises:
            WeightsError: they are missing or altered.
        """
        from learner.media._tflite import Network

        self._finder.load(weights)
        if weights not in self._networks:
            self._networks[weights] = Network(path_of(weights, "face_expression"), TENSORS)
        self._network = self._networks[weights]

    def embed(self, media: ClipMedia) -> NDArray[np.float32]:
        """The clip's face, shape (270,): mean, then standard deviation of one-second means.

        Raises:
            Unavailable: too few of its pictures show a face.
        """
        sums: dict[int, NDArray[np.float64]] = {}  # the last entry of each is the count
        small_TSS = self._finder.small(media)
        for row in np.flatnonzero(self._finder.find(media).is_seen_T):
            stretch = int(row / RATE_HZ / STRETCH_S + 1e-6)
            seen = np.append(self.features(small_TSS[row]), 1.0)
            sums[stretch] = sums[stretch] + seen if stretch in sums else seen
        return statistics(sums)

    def features(self, grey_SS: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of one upright face: 128 pooled features, then seven probabilities, as `ORDER` says."""
        scaled_SS = grey_SS.astype(np.float32) / np.float32(127.5) - np.float32(1)
        maps, answers = self._network(scaled_SS[..., None])
        return np.concatenate([maps[0].mean(axis=(0, 1)), answers[0]])


def statistics(sums: dict[int, NDArray[np.float64]]) -> NDArray[np.float32]:
    """Mean over all pictures, and how much means over one second change.

    Args:
        sums: Number of a stretch of half a second to the sums over its pictures, shape (D,), and
            last their count.

    >>> still, moved = np.array([2.0, 1.0]), np.array([12.0, 2.0])
    >>> statistics({0: still, 1: still, 2: moved}).round(2)
    array([4.  , 1.33], dtype=float32)
    """
    total = sum(sums.values(), start=np.zeros(()))
    nothing = np.zeros_like(total)
    seconds_B = [sums[number] + sums.get(number + 1, nothing) for number in sorted(sums)]
    if len(seconds_B) > 1 and max(sums) - 1 in sums:
        seconds_B.pop()  # half a second at the end, which the one before holds already
    means_BD = np.stack([second[:-1] / second[-1] for second in seconds_B])
    return np.concatenate([total[:-1] / total[-1], means_BD.std(axis=0)]).astype(np.float32)
