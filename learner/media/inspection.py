"""What a file is that somebody brought: looked at before any part is asked about it."""

from __future__ import annotations

from codecs import getincrementaldecoder
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer

from learner.media._file import films_of

HEAD_BYTES = 4096
# Text is never opened: a playlist would make the decoder read files and addresses that it names.
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"<smil", b"v=0", b"[playlist]")
CONTAINERS = {
    "aac", "ac3", "aiff", "amr", "asf", "avi", "caf", "dv", "eac3", "flac", "flv", "ivf", "m4v",
    "matroska", "mov", "mp3", "mpeg", "mpegts", "mpegvideo", "mxf", "nut", "ogg", "wav", "w64",
    "h264", "hevc", "rm",
}  # fmt: skip
KNOWN_HEADS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
CURE = "Bring a video with speech, such as MP4, MOV, MKV or WebM."
MISSING_S, MISSING_FRAC = 0.5, 0.1  # so much less than declared is cut off


class NoMedia(ValueError):  # noqa: N818 (an answer, not a fault)
    """A file that cannot be scored; the words say what it is and what to do."""


@dataclass(frozen=True)
class Inspected:
    """What a file holds, by its packets: nothing of it was decoded.

    Args:
        container: Format name as FFmpeg gives it.
        has_picture, has_sound: Whether there is such a stream.
        duration_s: From first to last packet.
        declared_s: As the file says itself; 0 where it does not.
    """

    container: str
    has_picture: bool
    has_sound: bool
    duration_s: float
    declared_s: float

    @property
    def is_cut_off(self) -> bool:
        """Whether much less is there than it declares."""
        missing_s = self.declared_s - self.duration_s
        return missing_s > max(MISSING_S, MISSING_FRAC * self.declared_s)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with it, in words; it can be scored nevertheless."""
        found = []
        if not self.has_picture:
            found.append("The file has no picture: nothing that is seen counts.")
        if not self.has_sound:
            found.append("The file has no sound: nothing that is heard counts.")
        if self.is_cut_off:
            found.append(
                f"The file is cut off: {self.duration_s:.1f} s of the {self.declared_s:.1f} s it "
                "declares are there. Only these are scored."
            )
        return found


def inspect(path: Path) -> Inspected:
    """Say what a file holds.

    Raises:
        NoMedia: it is empty, no media, damaged, or without picture and sound.
        FileNotFoundError: it is gone.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise NoMedia(f"The file is empty (0 bytes). {CURE}")
    if what := _what_else(head):
        raise NoMedia(f"The file is {what}, no video. {CURE}")
    try:
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            return _inspected(container)
    except (av.error.FFmpegError, OSError) as error:
        raise NoMedia(
            f"The file cannot be read as video ({error.strerror}): it is no media file, damaged, "
            f"or cut off before its table of contents. Export it anew. {CURE}"
        ) from error


def _what_else(head: bytes) -> str:
    """What a file is by its first bytes, where that is no media; empty where it may be.

    >>> _what_else(b"%PDF-1.7"), _what_else(b"Dear reader"), _what_else(bytes(8))
    ('a PDF document', 'text', '')
    """
    for start, what in KNOWN_HEADS.items():
        if head.startswith(start):
            return what
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if bare.startswith(PLAYLISTS):
        return "a playlist or other text"
    try:
        words = getincrementaldecoder("utf-8")().decode(head)  # may end within a letter
    except UnicodeDecodeError:
        return ""
    return "" if any(ord(letter) < 9 for letter in words) else "text"


def _inspected(container: InputContainer) -> Inspected:
    names = container.format.name
    if not set(names.split(",")) & CONTAINERS:
        raise NoMedia(f"The file is {names}, no video. {CURE}")
    films, sounds = films_of(container), container.streams.audio[:1]
    if not films and not sounds:
        raise NoMedia(f"The file has neither picture nor sound. {CURE}")
    return Inspected(
        container=names,
        has_picture=bool(films),
        has_sound=bool(sounds),
        duration_s=_length_s(container, [*films, *sounds]),
        declared_s=(container.duration or 0) / av.time_base,
    )


def _length_s(container: InputContainer, streams: list[av.stream.Stream]) -> float:
    """From the first packet to the end of the last that can be read."""
    first, last = float("inf"), 0.0
    try:
        for packet in container.demux(streams):
            if packet.pts is None or packet.time_base is None or not packet.size:
                continue
            start = float(packet.pts * packet.time_base)
            first = min(first, start)
            last = max(last, start + float((packet.duration or 0) * packet.time_base))
    except av.error.FFmpegError:
        pass  # what was read until here is what there is
    return max(0.0, last - first) if first < float("inf") else 0.0
