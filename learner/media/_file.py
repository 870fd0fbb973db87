"""Opening a clip's file, and the clock that its sound and pictures share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition

LONGEST_S = 3 * 3600  # a damaged time stamp must not ask for years of silence


class Unavailable(Exception):  # noqa: N818 (it is an answer, not a fault)
    """A part has no answer for this clip; the words say why.

    >>> str(Unavailable("the clip is silent"))
    'the clip is silent'
    """


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The file, open.

    Raises:
        Unavailable: it cannot be decoded, now or while it is read.
        FileNotFoundError: it is gone.
    """
    if not path.is_file():
        # No Unavailable: that is kept as an answer about the clip, and a lost file is not one.
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # Absolute, so that no name is taken for an address; titles in broken letters do not matter.
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise Unavailable(f"the clip cannot be decoded: {error.strerror}") from error


def start_s(container: InputContainer) -> float:
    """When the clip's clock starts, on the clock of its file."""
    streams = [*films_of(container), *container.streams.audio[:1]]
    starts = [
        stream.start_time * stream.time_base
        for stream in streams
        if stream.start_time is not None and stream.time_base is not None
    ]
    return float(min(starts, default=0))


def films_of(container: InputContainer) -> list[av.VideoStream]:
    """The video stream, if there is one: the cover of a song is none."""
    cover = Disposition.attached_pic
    return [stream for stream in container.streams.video if not stream.disposition & cover][:1]


def check_length(what: str, seconds: float) -> None:
    """Refuse what lasts longer than three hours.

    Raises:
        Unavailable: it does.
    """
    if seconds > LONGEST_S:
        raise Unavailable(f"the clip's {what} lasts more than {LONGEST_S / 3600:.0f} hours")
