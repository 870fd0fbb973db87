"""Whether lips and speech belong together, by SyncNet, where its checkpoint is there.

Shape letters: T frames of 40 ms, B pieces of the clip, D width, J lags, H and W height and width.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from learner.device import sent
from learner.encoders._checkpoint import built, fingerprint_of, hub_file, needed_file, tensors_of
from learner.media import ClipMedia, Unavailable
from learner.media.faces import FaceFinder, Faces
from learner.registry import Card

if TYPE_CHECKING:
    import torch

FILES = ("syncnet_v2.model",)
WIDTH = 1024
FRAME_MS = 40.0
MOST_LAG = 15  # frames, .6 s either way: as its authors look
LEAST_PIECES = 15
MOST_PIECES = 250  # spread over the clip; ten seconds are looked at whole
AT_ONCE = 8
SIDE = 1.4  # of the picture, in longer sides of the box around the face, which lies high in it
DOWN = 0.2
FADE_MS = 200.0  # the same as of av_sync


class SyncNetSync:
    r"""SyncNet's confidence, faded by the offset it finds.

    .. math:: O = c \exp(-|o| / 200\,\mathrm{ms}), \quad
        c = \mathrm{median}_j\, d_j - \min_j d_j, \quad o = \arg\min_j d_j

    where d_j is the mean distance between vectors of five pictures of the face and of the fifth of
    a second of sound that is heard j frames later. c is what others report as LSE-C, min d as
    LSE-D.

    It reads `hub/syncnet/syncnet_v2.model` below the folder of weights. Network, front end and the
    cutting of faces are written anew; the published weights were not at hand: names and shapes are
    those of the published class, how it does on real clips was not measured here.

    Source: Chung and Zisserman (2016), Out of time: automated lip sync in the wild.
    """

    card = Card(
        name="syncnet",
        version="1",
        title="Lip sync (SyncNet)",
        source="Chung and Zisserman (2016); syncnet_v2.model",
        licence="MIT",
        kind="metric",
        role="audio-visual synchrony",
        weights=("face_detection", "face_mesh"),
        modality="video",
        needs=("speech", "frames"),
        direction=1,
    )

    def __init__(self) -> None:
        self._faces = FaceFinder()
        self._network: Any = None

    @classmethod
    def is_ready(cls, weights: Path) -> bool:
        """Whether the checkpoint is there."""
        return hub_file(weights, cls.card.name, FILES) is not None

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the weights that lie there."""
        path = hub_file(weights, cls.card.name, FILES)
        return fingerprint_of(path) if path else ""

    def load(self, weights: Path) -> None:
        """Read the checkpoint.

        Raises:
            WeightsError: it is missing, cannot be read, or is that of something else.
        """
        from learner.metrics import _syncnet

        path = needed_file(weights, self.card.name, FILES, "SyncNet (joonson/syncnet_python)")
        self._network = built(_syncnet.SyncNet, tensors_of(path), path, WIDTH)
        self._faces.load(weights)

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find the face ahead of time."""
        FaceFinder.prepare(media, weights)

    def score(self, media: ClipMedia) -> float:
        """0 and above: more confidence and less offset are more.

        Raises:
            Unavailable: there is no speech or no face, or too little of both together.
        """
        found = self.details(media)
        return float(found["confidence"] * np.exp(-abs(found["offset_ms"]) / FADE_MS))

    def details(self, media: ClipMedia) -> dict[str, float]:
        """Offset in ms, above 0 where the sound is late; confidence; and the least distance.

        Raises:
            Unavailable: as for `score`.
        """
        return media.once(f"syncnet@{self.card.version}", lambda: self._found(media))

    def _found(self, media: ClipMedia) -> dict[str, float]:
        faces_BD, at_B = self._of_faces(media)
        distance_J = self._distances(faces_BD, at_B, media.speech)
        best = int(np.nanargmin(distance_J))
        return {
            "offset_ms": (best - MOST_LAG) * FRAME_MS,
            "confidence": float(np.nanmedian(distance_J) - distance_J[best]),
            "distance": float(distance_J[best]),
        }

    def _of_faces(self, media: ClipMedia) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Vectors of pieces of the face track, and the first frame of each."""
        import torch

        faces = self._faces.find(media)
        wanted = wanted_pieces(faces.is_seen_T)
        if len(wanted) < LEAST_PIECES:
            raise Unavailable(
                f"{len(wanted)} times five pictures in a row show a face; {LEAST_PIECES} are needed"
            )
        pieces, vectors = _pieces(media, faces, set(wanted)), []
        while some := list(islice(pieces, AT_ONCE)):
            with torch.inference_mode():
                vectors.append(self._network.of_faces(sent(torch.stack(some))).cpu().numpy())
        return np.concatenate(vectors), np.array(wanted)

    def _distances(
        self,
        faces_BD: NDArray[np.float32],
        at_B: NDArray[np.int64],
        speech_N: NDArray[np.float32],
    ) -> NDArray[np.float64]:
        """Mean distance at each lag, shape (J,); NaN where too little lies on both sides."""
        sound_TD = self._of_sound(speech_N)
        distance_J = np.full(2 * MOST_LAG + 1, np.nan)
        for place in range(len(distance_J)):
            heard_B = at_B + place - MOST_LAG
            is_in_B = (heard_B >= 0) & (heard_B < len(sound_TD))
            if is_in_B.sum() >= LEAST_PIECES:
                apart = faces_BD[is_in_B] - sound_TD[heard_B[is_in_B]]
                distance_J[place] = np.linalg.norm(apart, axis=1).mean()
        if np.isnan(distance_J).all():
            raise Unavailable("face and speech are never there together")
        return distance_J

    def _of_sound(self, speech_N: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors of the sound from each frame of 40 ms on, shape (T, D)."""
        import torch

        from learner.metrics._syncnet import COEFFICIENTS, SOUNDS, mfcc

        heard_SC = mfcc(speech_N)
        if len(heard_SC) < SOUNDS:
            raise Unavailable(f"{len(speech_N) / 16_000:.2f} s of sound are too little")
        pieces = np.lib.stride_tricks.sliding_window_view(heard_SC, SOUNDS, axis=0)[::4]
        vectors = []
        for first in range(0, len(pieces), 16 * AT_ONCE):
            some = sent(torch.from_numpy(pieces[first : first + 16 * AT_ONCE].copy()))
            with torch.inference_mode():
                sounds = self._network.of_sounds(some.reshape(-1, 1, COEFFICIENTS, SOUNDS))
                vectors.append(sounds.cpu().numpy())
        return np.concatenate(vectors)


def wanted_pieces(is_seen_T: NDArray[np.bool_]) -> list[int]:
    """First frames of five in a row with a face; at most 250 of them, spread evenly.

    >>> wanted_pieces(np.array([True] * 7 + [False] + [True] * 5))
    [0, 1, 2, 8]
    """
    from learner.metrics._syncnet import PICTURES

    whole = np.convolve(is_seen_T, np.ones(PICTURES), mode="valid") > PICTURES - 0.5
    starts = np.flatnonzero(whole)
    if len(starts) > MOST_PIECES:
        starts = starts[np.linspace(0, len(starts) - 1, MOST_PIECES).round().astype(int)]
    return [int(start) for start in starts]


def _pieces(media: ClipMedia, faces: Faces, wanted: set[int]) -> Iterator[torch.Tensor]:
    """Five pictures each, in order of time, shape (3, 5, 224, 224), blue first."""
    import torch

    from learner.media._sampling import Square, cut_out
    from learner.metrics._syncnet import PICTURES
    from learner.metrics._syncnet import SIDE as PIXELS

    last_five: deque[torch.Tensor] = deque(maxlen=PICTURES)
    for frame, picture_HW3 in enumerate(media.pictures(faces.rate_hz, media.picture_size)):
        if frame >= len(faces.is_seen_T) or not faces.is_seen_T[frame]:
            last_five.clear()
            continue
        x0, y0, x1, y1 = (float(value) for value in faces.box_T4[frame])
        side = max(x1 - x0, y1 - y0)
        square = Square((x0 + x1) / 2, (y0 + y1) / 2 + DOWN * side, SIDE * side)
        seen_HW3 = cut_out(picture_HW3, square, (PIXELS, PIXELS))
        last_five.append(torch.from_numpy(seen_HW3[..., ::-1].transpose(2, 0, 1).copy()))
        if frame - PICTURES + 1 in wanted:
            yield torch.stack(list(last_five), dim=1)
