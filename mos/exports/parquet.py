"""Rows as Parquet, written group by group."""

from __future__ import annotations

from collections.abc import Iterator
from io import RawIOBase
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from mos.exports.rows import ROWS_A_BLOCK, Row, in_blocks

ROWS_A_GROUP = 20_000
TEXT, FLAG = pa.string(), pa.bool_()
# Column of the export to its type and what it means, in the order of the columns.
MEANINGS: dict[str, tuple[pa.DataType, str]] = {
    "campaign": (TEXT, "the collection that the score comes from"),
    "wave": (TEXT, "clips that were opened for rating together"),
    "clip_id": (TEXT, "name of the clip, once a corpus"),
    "clip_public_id": (TEXT, "opaque id of the clip, once an installation"),
    "corpus": (TEXT, "set of clips"),
    "source_clip": (TEXT, "name of the clip that this one was dubbed from; empty for a source"),
    "content_id": (TEXT, "what is said and shown, the same for all dubs of it"),
    "system": (TEXT, "what made the dub"),
    "condition": (TEXT, "what is known to be done to the clip"),
    "source_language": (TEXT, "language of the source"),
    "target_language": (TEXT, "language of the dub"),
    "speaker": (TEXT, "who speaks"),
    "emotion": (TEXT, "emotion of the source, as the manifest names it"),
    "rater": (TEXT, "pseudonym in the order of joining, once a campaign"),
    "is_simulated": (FLAG, "the rater is no person: a stated random model made the score"),
    "aspect": (TEXT, "which question of the rubric"),
    "score": (pa.int8(), "1 (worst) to 5 (best)"),
    "revision": (pa.int32(), "1 for the first rating; a changed mind is a further one"),
    "created_at": (pa.timestamp("us", tz="UTC"), "when the rating was kept"),
    "lead_time_s": (pa.float64(), "seconds from seeing the page to sending"),
    "watched_frac": (pa.float64(), "share of the clip that was played, 0 to 1"),
    "is_surplus": (FLAG, "the place had been given on before the rating came"),
    "is_rejected": (FLAG, "the last verdict on the rater is that the ratings do not count"),
}
SCHEMA = pa.schema(
    [
        pa.field(name, kind, metadata={"description": meaning})
        for name, (kind, meaning) in MEANINGS.items()
    ]
)


class Sink(RawIOBase):
    """A file that keeps what is written only until it is taken, and cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Keep a copy: whoever writes may use the memory again."""
        part = bytes(data)
        self._parts.append(part)
        self._place += len(part)
        return len(part)

    def tell(self) -> int:
        """How much was ever written."""
        return self._place

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def parquet_blocks(rows: Iterator[Row]) -> Iterator[bytes]:
    """One row group for each 20 000 rows; the same rows make the same bytes."""
    sink = Sink()
    with pq.ParquetWriter(sink, SCHEMA) as writer:
        while batches := list(map(_batch, islice(in_blocks(rows), ROWS_A_GROUP // ROWS_A_BLOCK))):
            table = pa.Table.from_batches(batches, SCHEMA)
            writer.write_table(table, row_group_size=len(table))
            yield sink.take()
    yield sink.take()


def _batch(rows: list[Row]) -> pa.RecordBatch:
    columns = zip(*(row.values() for row in rows), strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
