"""The feature store: what encoders made of clips, in Parquet shards by encoder and version.

It lies in a folder or, as any address that fsspec knows, in a bucket. A shard is written once and
never changed; a later row of the same clip wins, and what is missing is a question. Rows without a
vector keep the reason. Arrays come back memory-mapped from a copy on the local disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.conf import settings
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

SCHEMA = pa.schema(
    [
        ("clip", pa.string()),
        ("inputs", pa.string()),
        ("vector", pa.list_(pa.float32())),
        ("error", pa.string()),
    ]
)
MERGED_ROWS = 4096  # of the shards that `merge` leaves
KEPT_ARRAYS = 4  # of one encoder: as many campaigns may be read in turn without copying anew


class DamagedShard(ValueError):
    """A shard that cannot be read; the message names it and the cure."""


@dataclass(frozen=True)
class Feature:
    """One clip's vector, or the reason why there is none."""

    clip: str
    inputs: str
    vector: NDArray[np.float32] | None = None
    error: str = ""


@dataclass(frozen=True)
class Holding:
    """What a store holds: shards, bytes, rows, and of them those that still count."""

    shards: int
    size: int
    rows: int
    vectors: int
    reasons: int


class FeatureStore:
    """The shards of one encoder at one version.

    Args:
        encoder, version: As its card says.
        root: A folder or an address such as `s3://bucket/features`; by default the setting's.
    """

    def __init__(self, encoder: str, version: str, root: str | Path | None = None) -> None:
        self.name = f"{encoder}@{version}"
        self.files, self.folder = url_to_fs(f"{root or settings.DUBSCORE_FEATURES}/{self.name}")
        self.arrays = Path(settings.DUBSCORE_ARRAYS) / sha256(self.folder.encode()).hexdigest()[:16]

    # Writing

    def add(self, features: Sequence[Feature]) -> None:
        """Write one more shard; it appears whole or not at all."""
        if features:
            shards = self.shards()
            self._write(_table(features), 1 + (_number(shards[-1]) if shards else 0))

    def merge(self, keep: set[str]) -> int:
        """Put what still counts of these clips into few shards, and delete all others.

        What another process adds meanwhile stays.

        Returns:
            How many rows went.
        """
        shards = self.shards()
        if not shards:
            return 0
        rows = sum(len(table) for _, table in self._tables(["clip"], shards))
        features = [one for one in self._last(shards) if one.clip in keep]
        merged = []
        for start in range(0, len(features), MERGED_ROWS):
            # The last number of those merged: whatever came later still wins.
            block = _table(features[start : start + MERGED_ROWS])
            merged.append(self._write(block, _number(shards[-1])))
        for path in set(shards) - set(merged):
            self.files.rm_file(path)
        return rows - len(features)

    def delete(self) -> None:
        """Delete the whole store."""
        if self.files.exists(self.folder):
            self.files.rm(self.folder, recursive=True)
        for path in self.arrays.glob("*.npy"):
            path.unlink()

    def _write(self, table: pa.Table, number: int) -> str:
        """The same rows make the same bytes, so that a shard written twice is one."""
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        content = sink.getvalue().to_pybytes()
        path = f"{self.folder}/{number:08d}-{sha256(content).hexdigest()[:16]}.parquet"
        if not isinstance(self.files, LocalFileSystem):
            self.files.pipe_file(path, content)  # an object appears whole by itself
            return path
        self.files.makedirs(self.folder, exist_ok=True)
        unfinished = f"{path}.{uuid4().hex[:8]}.unfinished"
        with open(unfinished, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        return path

    # Asking

    def shards(self) -> list[str]:
        """Paths of the shards, oldest first."""
        self.files.invalidate_cache()
        if not self.files.exists(self.folder):
            return []
        found = self.files.ls(self.folder, detail=False)
        return sorted(path for path in found if path.endswith(".parquet"))

    def known(self) -> dict[str, str]:
        """Clip to the key of the inputs that its last row was made from."""
        tables = self._tables(["clip", "inputs"])
        return {
            clip: inputs
            for _, table in tables
            for clip, inputs in zip(
                table["clip"].to_pylist(), table["inputs"].to_pylist(), strict=True
            )
        }

    def missing(self, wanted: Mapping[str, str]) -> list[str]:
        """Of these clips and the keys of their inputs, those that have neither vector nor reason.

        Args:
            wanted: Clip to the key of its inputs as they are now.
        """
        known = self.known()
        return [clip for clip, inputs in wanted.items() if known.get(clip) != inputs]

    def errors(self) -> dict[str, str]:
        """Clip to reason, of those whose last row has no vector."""
        last = {
            clip: error
            for _, table in self._tables(["clip", "error"])
            for clip, error in zip(
                table["clip"].to_pylist(), table["error"].to_pylist(), strict=True
            )
        }
        return {clip: error for clip, error in last.items() if error}

    def of(self, clip: str) -> Feature | None:
        """The row of one clip that counts, without keeping an array of it; None where none is."""
        found = None
        for _, table in self._tables(["clip", "inputs", "error", "vector"]):
            for row in table.filter(pc.equal(table["clip"], clip)).to_pylist():
                vector = row["vector"]
                array = None if vector is None else np.array(vector, dtype=np.float32)
                found = Feature(clip, row["inputs"], array, row["error"])
        return found

    def holding(self) -> Holding:
        """Counts and size."""
        shards = self.shards()
        last = {one.clip: bool(one.error) for one in self._last(shards, with_vectors=False)}
        reasons = sum(last.values())
        return Holding(
            shards=len(shards),
            size=sum(self.files.size(path) for path in shards),
            rows=sum(len(table) for _, table in self._tables(["clip"], shards)),
            vectors=len(last) - reasons,
            reasons=reasons,
        )

    def read(self, clips: Iterable[str], width: int) -> NDArray[np.float32]:
        """Vectors in the order of the clips, memory-mapped, read-only.

        Args:
            clips: Public ids, each once.
            width: Of the vectors.

        Returns:
            Shape (N, width); NaN rows where there is none. The first reading of new shards writes
            the array beside the database; later ones only map it.

        Raises:
            ValueError: a vector has another width, or a shard cannot be read.
        """
        ids, shards = list(clips), self.shards()
        if not ids:
            return np.empty((0, width), dtype=np.float32)
        names = "\n".join([str(width), *shards, "", *ids])
        path = self.arrays / f"{sha256(names.encode()).hexdigest()[:32]}.npy"
        if not path.is_file():
            self._map(path, ids, width, shards)
        path.touch()
        mapped: NDArray[np.float32] = np.load(path, mmap_mode="r")
        return mapped

    def _map(self, path: Path, clips: list[str], width: int, shards: list[str]) -> None:
        """Write the array of these clips where `read` finds it, and forget the oldest ones."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{uuid4().hex[:8]}.unfinished")
        array = np.lib.format.open_memmap(
            unfinished, mode="w+", dtype=np.float32, shape=(len(clips), width)
        )
        array[:] = np.nan
        place = {clip: row for row, clip in enumerate(clips)}
        for shard, table in self._tables(["clip", "vector"], shards):
            _fill(array, place, table, shard)
        array.flush()
        unfinished.replace(path)
        others = sorted(path.parent.glob("*.npy"), key=lambda one: one.stat().st_mtime)
        for old in others[:-KEPT_ARRAYS]:
            old.unlink(missing_ok=True)

    def _tables(
        self, columns: list[str], shards: list[str] | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        for path in self.shards() if shards is None else shards:
            try:
                # Without any thread of Arrow's: now and then one aborts a process that ends while
                # it starts.
                with (
                    self.files.open(path, "rb") as file,
                    pq.ParquetFile(file, pre_buffer=False) as shard,
                ):
                    table = shard.read(columns=columns, use_threads=False)
                yield path, table
            except FileNotFoundError:
                continue  # merged into another meanwhile
            except (pa.ArrowInvalid, OSError) as error:
                raise DamagedShard(
                    f"the shard {path} cannot be read ({error}): delete it, and extract again"
                ) from error

    def _last(self, shards: list[str], with_vectors: bool = True) -> list[Feature]:
        """The rows that count, in the order in which their clips first came."""
        columns = ["clip", "inputs", "error", *(["vector"] if with_vectors else [])]
        last: dict[str, Feature] = {}
        for _, table in self._tables(columns, shards):
            for row in table.to_pylist():
                vector = row.get("vector")
                array = None if vector is None else np.array(vector, dtype=np.float32)
                last[row["clip"]] = Feature(row["clip"], row["inputs"], array, row["error"])
        return list(last.values())


def stores(root: str | Path | None = None) -> list[tuple[str, str]]:
    """Encoder and version of every store there is."""
    files, folder = url_to_fs(str(root or settings.DUBSCORE_FEATURES))
    files.invalidate_cache()
    found = files.ls(folder, detail=False) if files.exists(folder) else []
    names = sorted(path.rstrip("/").rpartition("/")[2] for path in found)
    return [(name.partition("@")[0], name.partition("@")[2]) for name in names if "@" in name]


def _number(shard: str) -> int:
    return int(shard.rpartition("/")[2].split("-")[0])


def _table(features: Sequence[Feature]) -> pa.Table:
    vectors = [one.vector for one in features]
    lengths = [0 if vector is None else len(vector) for vector in vectors]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    there = [vector for vector in vectors if vector is not None]
    flat = np.concatenate(there) if there else np.zeros(0, dtype=np.float32)
    is_absent = pa.array([vector is None for vector in vectors])
    return pa.table(
        {
            "clip": [one.clip for one in features],
            "inputs": [one.inputs for one in features],
            "vector": pa.ListArray.from_arrays(offsets, pa.array(flat), mask=is_absent),
            "error": [one.error for one in features],
        },
        schema=SCHEMA,
    )


def _fill(
    array: NDArray[np.float32], place: Mapping[str, int], table: pa.Table, shard: str
) -> None:
    """Vectors of one shard into their rows; a row without a vector empties its clip's."""
    vectors = table["vector"].combine_chunks()
    has_vector = np.asarray(vectors.is_valid())
    flat = np.asarray(vectors.flatten(), dtype=np.float32)
    width = array.shape[1]
    if len(flat) != width * has_vector.sum():
        raise ValueError(f"the shard {shard} holds vectors that are not {width} wide: delete it")
    vectors_ND = flat.reshape(-1, width)
    rows = np.array([place.get(clip, -1) for clip in table["clip"].to_pylist()], dtype=np.int64)
    array[rows[(rows >= 0) & ~has_vector]] = np.nan
    is_ours = rows[has_vector] >= 0
    array[rows[has_vector][is_ours]] = vectors_ND[is_ours]
