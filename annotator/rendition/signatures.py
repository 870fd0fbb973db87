"""Signatures that encoders leave inside streams, taken out without a loss to picture or sound."""

from __future__ import annotations

import re
from collections.abc import Iterator

# H.264 units (ITU-T H.264, table 7-1) and messages (annex D.1.1).
SEI = 6
UNSPECIFIED = {0, *range(24, 32)}
USER_DATA = {4, 5}  # anyone's own: name, version and settings of encoders stand here
# AAC elements (ISO/IEC 14496-3, table 4.71), and the object types that are made of them.
DATA, FILL = 4, 6
PLAIN_AAC = {1, 2, 4, 5, 29}


def unsigned_picture(packet: bytes, length_bytes: int) -> bytes:
    """An H.264 packet without messages of its maker; those that players need stay.

    Recovery points above all: without them no player can enter a stream of open groups of pictures.

    Source: ITU-T H.264, sections 7.3.2.3 and 7.4.1.1; ISO/IEC 14496-15, section 5.3.

    Args:
        packet: Units, each after its length, as in MP4.
        length_bytes: How many bytes tell a length.

    >>> unsigned_picture(b"\\x00\\x04\\x06\\x05\\x01x" + b"\\x00\\x02\\x65y", 2)
    b'\\x00\\x02ey'
    """
    kept = (_unsigned_unit(unit) for unit in _units(packet, length_bytes))
    return b"".join(len(unit).to_bytes(length_bytes, "big") + unit for unit in kept if unit)


def _units(packet: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + length_bytes < len(packet):
        start = at + length_bytes
        at = start + int.from_bytes(packet[at:start], "big")
        yield packet[start:at]


def _unsigned_unit(unit: bytes) -> bytes:
    kind = unit[0] & 31 if unit else 0
    if kind in UNSPECIFIED:
        return b""
    if kind != SEI:
        return unit
    messages = list(_messages(unit[1:].replace(b"\0\0\3", b"\0\0")))
    kept = [message for of, message in messages if of not in USER_DATA]
    if len(kept) == len(messages):
        return unit
    escaped = re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", b"".join(kept))
    return unit[:1] + escaped + b"\x80" if kept else b""


def _messages(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and bytes of each message; the last byte but zeros is the stop bit's."""
    end, at = len(payload.rstrip(b"\0")) - 1, 0
    while at < end:
        start = at
        kind, at = _number(payload, at)
        size, at = _number(payload, at)
        at += size
        yield kind, payload[start:at]


def _number(payload: bytes, at: int) -> tuple[int, int]:
    value = 0
    while payload[at : at + 1] == b"\xff":
        value, at = value + 255, at + 1
    return value + int.from_bytes(payload[at : at + 1], "big"), at + 1


def unsigned_sound(frame: bytes) -> bytes:
    """An AAC frame of the same size whose leading filling and data are blank.

    Encoders sign there, before the sound; dynamic ranges and other extensions stay.

    Source: ISO/IEC 14496-3, tables 4.10, 4.11 and 4.57.

    Args:
        frame: One raw data block of an object type in `PLAIN_AAC`.

    >>> unsigned_sound(bytes([0b110_0011_0, 0b000_00000]) + b"ab" + b"\\x21")
    b'\\xc6\\x00\\x00\\x00!'
    """
    bits, total, at = int.from_bytes(frame, "big"), 8 * len(frame), 0

    def take(count: int) -> int:
        nonlocal at
        at += count
        return bits >> max(0, total - at) & (1 << count) - 1

    while at + 3 <= total and (kind := take(3)) in (DATA, FILL):
        if kind == FILL:
            size = take(4)
            size = size + take(8) - 1 if size == 15 else size
            end, is_free = at + 8 * size, size > 0 and take(4) == 0
        else:
            is_aligned = take(5) & 1
            size = take(8)
            size = size + take(8) if size == 255 else size
            at += -at % 8 if is_aligned else 0
            end, is_free = at + 8 * size, True
        if end > total:
            return frame
        if is_free:
            bits &= ~((1 << end - at) - 1 << total - end)
        at = end
    return bits.to_bytes(len(frame), "big")
