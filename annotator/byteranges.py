"""HTTP byte ranges: what a Range header asks for, and the bytes themselves.

Source: RFC 9110, sections 13.1.5 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

CHUNK = 64 * 1024
# No file is longer than 18 digits say; Python reads numbers of thousands of digits only to refuse.
_ONE_RANGE = re.compile(r"^bytes=\s*(\d{0,18})-(\d{0,18})\s*$", re.ASCII)


class Unsatisfiable(ValueError):
    """The range lies wholly behind the end: answer 416 with the size."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no such range in a file of {size} bytes")
        self.size = size


@dataclass(frozen=True)
class ByteRange:
    """A part of a file: `length` bytes from `start`."""

    start: int
    length: int


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The one range that is asked for, or None for the whole file.

    Several ranges, other units and malformed headers are ignored, as the RFC allows.

    Args:
        header: Value of the Range header, if there is one.
        size: Size of the file in bytes.

    Raises:
        Unsatisfiable: no byte of the range lies in the file.

    >>> parse_range("bytes=2-5", 10)
    ByteRange(start=2, length=4)
    >>> parse_range("bytes=-3", 10)
    ByteRange(start=7, length=3)
    >>> parse_range(None, 10) is None
    True
    """
    match = _ONE_RANGE.match(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable(size)
    end = min(int(last), size - 1) if last else size - 1
    return ByteRange(start, end - start + 1)


def _suffix(wanted: int, size: int) -> ByteRange:
    if wanted == 0 or size == 0:
        raise Unsatisfiable(size)
    length = min(wanted, size)
    return ByteRange(size - length, length)


def if_range_holds(header: str | None, etag: str) -> bool:
    """Whether the range may be honoured: no condition, or the same strong ETag.

    >>> if_range_holds('"a"', '"a"'), if_range_holds('"b"', '"a"'), if_range_holds(None, '"a"')
    (True, False, True)
    """
    return header is None or header.strip() == etag


def read_chunks(file: IO[bytes], start: int, length: int, chunk: int = CHUNK) -> Iterator[bytes]:
    """The bytes of a range, piece by piece; the file is closed at the end, or when left early.

    >>> import io
    >>> b"".join(read_chunks(io.BytesIO(b"0123456789"), 2, 5, chunk=2))
    b'23456'
    """
    with file:
        file.seek(start)
        left = length
        while left > 0:
            piece = file.read(min(chunk, left))
            if not piece:
                return
            left -= len(piece)
            yield piece
