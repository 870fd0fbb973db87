"""Byte ranges against what slicing says."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.byteranges import Unsatisfiable, parse_range, read_chunks

CONTENT = bytes(range(200))


@given(first=st.integers(0, 300), last=st.integers(0, 300))
def test_a_closed_range_is_a_slice(first, last):
    if last < first:
        assert parse_range(f"bytes={first}-{last}", len(CONTENT)) is None
    elif first >= len(CONTENT):
        with pytest.raises(Unsatisfiable):
            parse_range(f"bytes={first}-{last}", len(CONTENT))
    else:
        part = parse_range(f"bytes={first}-{last}", len(CONTENT))
        read = b"".join(read_chunks(io.BytesIO(CONTENT), part.start, part.length, chunk=7))
        assert read == CONTENT[first : last + 1]


@given(count=st.integers(1, 300))
def test_a_suffix_is_the_end_of_the_file(count):
    part = parse_range(f"bytes=-{count}", len(CONTENT))
    assert CONTENT[part.start : part.start + part.length] == CONTENT[-count:]


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,4-5"])
def test_what_is_not_one_range_means_the_whole_file(header):
    assert parse_range(header, 10) is None


def test_an_empty_suffix_cannot_be_had():
    with pytest.raises(Unsatisfiable):
        parse_range("bytes=-0", 10)


def test_a_file_is_closed_even_when_left_early():
    file = io.BytesIO(CONTENT)
    chunks = read_chunks(file, 0, 100, chunk=10)
    next(chunks)
    chunks.close()
    assert file.closed
