"""What encoders see of clips, decoded once and kept for every epoch.

A file holds what one encoder sees of one clip, or the reason why it sees nothing.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from learner.encoders._trainable import Trainable
from learner.media import ClipMedia, Unavailable

REASON = "reason"


class PreparedInputs:
    """Pieces of clips as safetensors: 64 kB for a second of sound, 600 kB of pictures.

    Args:
        folder: Where they lie; it can be deleted at any time, and is made again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, part: Trainable, version: str, key: str, media: ClipMedia) -> str:
        """Keep what a part sees of a clip, unless it is there; why it sees nothing, if so.

        Args:
            part: Loaded.
            version: Of the part and its weights, which say how a clip is prepared.
            key: Of the clip and all the part looks at.
            media: The clip.

        Raises:
            FileNotFoundError: the clip's file is gone; nothing is kept.
        """
        path = self._path(part.card.name, version, key)
        if not path.is_file():
            tensors, words = _asked(part, media)
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            save_file(tensors, unfinished, metadata=words)
            unfinished.replace(path)
        with safe_open(str(path), framework="pt") as file:
            return str((file.metadata() or {}).get(REASON, ""))

    def pieces(self, name: str, version: str, key: str) -> list[Tensor]:
        """What was kept; nothing where the part sees nothing, or the clip was not prepared."""
        path = self._path(name, version, key)
        if not path.is_file():
            return []
        with safe_open(str(path), framework="pt") as file:
            return [file.get_tensor(name) for name in sorted(file.keys())]

    def _path(self, name: str, version: str, key: str) -> Path:
        return self.folder / f"{name}@{version}" / f"{key}.safetensors"


def _asked(part: Trainable, media: ClipMedia) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        pieces = [torch.tensor(piece) for piece in part.pieces(media)]
    except Unavailable as reason:
        return {}, {REASON: str(reason) or "not available"}
    return {f"{number:06d}": piece for number, piece in enumerate(pieces)}, {}
