"""The feature store: what encoders made of clips, in Parquet shards by encoder and version.

A shard is written once and never changed; a later row of the same clip and inputs wins, and what is
missing is a question. Rows without a vector keep the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from numpy.typing import NDArray

SCHEMA = pa.schema(
    [
        ("clip", pa.string()),
        ("inputs", pa.string()),
        ("vector", pa.list_(pa.float32())),
        ("error", pa.string()),
    ]
)


@dataclass(frozen=True)
class Feature:
    """One clip's vector, or the reason why there is none."""

    clip: str
    inputs: str
    vector: NDArray[np.float32] | None = None
    error: str = ""


class FeatureStore:
    """The shards of one encoder at one version."""

    def __init__(self, encoder: str, version: str, root: Path | None = None) -> None:
        self.folder = (root or settings.DUBSCORE_FEATURES) / f"{encoder}@{version}"

    def add(self, features: Sequence[Feature]) -> None:
        """Write one more shard; it appears whole or not at all."""
        if not features:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        table = pa.table(
            {
                "clip": [feature.clip for feature in features],
                "inputs": [feature.inputs for feature in features],
                "vector": [
                    None if feature.vector is None else feature.vector.tolist()
                    for feature in features
                ],
                "error": [feature.error for feature in features],
            },
            schema=SCHEMA,
        )
        shards = sorted(self.folder.glob("*.parquet"))
        number = 1 + (int(shards[-1].name.split("-")[0]) if shards else 0)
        path = self.folder / f"{number:08d}-{uuid4().hex[:8]}.parquet"
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(table, unfinished)
        unfinished.replace(path)

    def known(self) -> dict[str, str]:
        """Clip to the key of the inputs that its last row was made from."""
        return {clip: inputs for clip, inputs, _, _ in self._rows(("clip", "inputs"))}

    def errors(self) -> dict[str, str]:
        """Clip to reason, of those whose last row has no vector."""
        last = {clip: error for clip, _, _, error in self._rows(("clip", "error"))}
        return {clip: error for clip, error in last.items() if error}

    def read(self, clips: Iterable[str], width: int) -> NDArray[np.float32]:
        """Vectors in the order of the clips, shape (N, width); NaN rows where there is none."""
        place = {clip: row for row, clip in enumerate(clips)}
        found = np.full((len(place), width), np.nan, dtype=np.float32)
        for clip, _, vector, _ in self._rows(("clip", "vector")):
            if clip in place:
                found[place[clip]] = np.nan if vector is None else vector
        return found

    def _rows(self, columns: tuple[str, ...]) -> Iterable[tuple]:
        """(clip, inputs, vector, error) of every row, oldest shard first; unread columns None."""
        for path in sorted(self.folder.glob("*.parquet")):
            # Not `read_table`: it takes the way of data sets, whose threads now and then abort a
            # process that ends right after.
            with pq.ParquetFile(path, pre_buffer=False) as shard:
                table = shard.read(columns=list(columns), use_threads=False)
            read = {name: table[name].to_pylist() for name in columns}
            empty = [None] * table.num_rows
            yield from zip(*(read.get(name, empty) for name in SCHEMA.names), strict=True)
