"""Whether what is heard is said by the lips that are seen, and how late it comes."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from learner.encoders._checkpoint import fingerprint_of
from learner.encoders._whisper import WhisperLayers
from learner.media import ClipMedia, Unavailable
from learner.media.faces import FaceFinder
from learner.registry import Card
from learner.weights import WeightsError

if TYPE_CHECKING:
    from learner.metrics._sync_fit import Take
    from learner.metrics._sync_map import Located, SyncMap

SHIPPED = Path(__file__).with_name("av_sync_map.safetensors")
OWN = "av_sync_map.safetensors"  # below the folder of weights: what `manage.py fit_sync` wrote


class AVSync:
    r"""How near the speech is to the lips it belongs to, 0 to 1: audio-visual synchrony.

    .. math:: O = e^{-|o| / 200\,\mathrm{ms}} \cdot \frac{1}{1 + e^{-2 (c - \ell)}}

    Lips (eight distances of the face mesh and their last and next values) and speech (three layers
    of Whisper, 200 ms of them) are turned by a linear map into numbers that agree where both come
    from one utterance. Their correlation over lags of a second either way is the curve; o is where
    it is highest, **above 0 where the sound is late**, c how far that stands above the rest of the
    curve in its standard deviations, and l the c that 95 % of strangers' voices stay below. So the
    located offset counts, never the correlation at lag 0, which says nothing from 200 ms on. Speech
    that cannot be located, such as a dub that was not fitted to the lips, is no failure of the
    metric but what it is asked for: it is not in sync, and gets a value near 0.

    Of the whole clip one offset is told. Who is seen and who speaks is not asked: of a clip that
    shows the listener it says that they are not in sync.

    Source: Hotelling (1936) for the map, Chung and Zisserman (2016) for offset and confidence; it
    takes the place of PEAVS (Goncalves et al. 2024), whose weights nobody packages.
    """

    card: ClassVar[Card] = Card(
        name="av_sync",
        version="1",
        title="Audio-visual synchrony (0 to 1)",
        source="our own map between face mesh and Whisper base",
        licence="Apache-2.0",
        kind="metric",
        role="audio-visual synchrony",
        weights=("face_detection", "face_mesh", "whisper"),
        modality="video",
        needs=("speech", "frames"),
        direction=1,
    )

    def __init__(self) -> None:
        self._faces, self.whisper = FaceFinder(), WhisperLayers()
        self._map: Any = None
        self._version = self.card.version

    @classmethod
    def fingerprint(cls, weights: Path) -> str:
        """Of the map that lies there: another map gives other numbers."""
        return fingerprint_of(map_file(weights))

    def load(self, weights: Path) -> None:
        """Read the weights, and the corpus's own map if there is one, else the shipped one.

        Raises:
            WeightsError: weights are missing or altered, or the map is none.
        """
        from learner.metrics._sync_map import read_map

        self._faces.load(weights)
        self.whisper.load(weights)
        path = map_file(weights)
        try:
            self._map = read_map(path.read_bytes())
        except ValueError as error:
            raise WeightsError(f"{path} is {error}: run `manage.py fit_sync` again.") from error
        self._version = f"{self.card.version}-{self.fingerprint(weights)}"

    @classmethod
    def prepare(cls, media: ClipMedia, weights: Path) -> None:
        """Find the face ahead of time."""
        FaceFinder.prepare(media, weights)

    def score(self, media: ClipMedia) -> float:
        """0 (another voice, or far off) to 1 (in sync).

        Raises:
            Unavailable: there is no speech or no face, or less than 1.8 s of both together.
        """
        fitted: SyncMap = self._map
        return fitted.score(self.locate(media))

    def details(self, media: ClipMedia) -> dict[str, float]:
        """Offset in ms, above 0 where the sound is late; peak and confidence; and whether it counts
        as located (1) or stays below the level of strangers' voices (0).

        Raises:
            Unavailable: as for `score`.
        """
        found = self.locate(media)
        return {
            "offset_ms": round(found.offset_ms, 1),
            "peak": round(found.peak, 4),
            "confidence": round(found.confidence, 3),
            "is_located": float(found.confidence >= self._map.level),
        }

    def locate(self, media: ClipMedia) -> Located:
        """The offset and how sure it is; found once a clip.

        Raises:
            Unavailable: as for `score`.
        """
        return media.once(f"av_sync@{self._version}", lambda: self._located(media))

    def take(self, media: ClipMedia, speaker: str, longest_s: float = inf) -> Take:
        """The middle of a clip that is in sync, as fitting sees it.

        Raises:
            Unavailable: there is no speech or no face.
        """
        from learner.metrics._sync_features import FACE_HZ, mouth_features
        from learner.metrics._sync_fit import LAYERS, Take
        from learner.metrics._sync_map import PER_FACE

        mouth_TM = mouth_features(self._faces.find(media).landmarks_TL3)
        n_frames = int(min(len(mouth_TM), longest_s * FACE_HZ))
        first = (len(mouth_TM) - n_frames) // 2
        heard = slice(PER_FACE * first, PER_FACE * (first + n_frames))
        layers_LSD = self.whisper.layers(media)[list(LAYERS), heard].astype(np.float16)
        return Take(speaker, mouth_TM[first : first + n_frames], layers_LSD)

    def _located(self, media: ClipMedia) -> Located:
        from learner.metrics._sync_features import mouth_features
        from learner.metrics._sync_map import locate

        mouth_TM = mouth_features(self._faces.find(media).landmarks_TL3)
        heard_SK = self._map.heard(self.whisper.windows(media))
        found = locate(self._map.curve(mouth_TM, heard_SK))
        if found is None:
            raise Unavailable(
                "face and speech are there together for less than 1.8 s, or one never changes"
            )
        return found


def map_file(weights: Path) -> Path:
    """The map that counts: the corpus's own where there is one, else the shipped one."""
    own = weights / OWN
    return own if own.is_file() else SHIPPED
