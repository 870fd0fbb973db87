"""How a clip was watched, as the rater's browser saw it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

# What may stay unplayed of a clip that still counts as watched whole: players skip the last
# frames, and the length a browser sees differs from the container's by a frame or two.
UNWATCHED_S = 0.5
UNWATCHED_FRAC = 0.03

LONGEST_TEXT = 100_000  # a thousand played ranges, and all the rest, fit four times
FASTEST_RATE = 1.25  # beyond it speech is no longer heard as it was spoken

HIGHEST = 1e12  # no clip, window or wait is as long, and larger whole numbers fit no float
COUNTS = ("plays", "stalls", "dropped_frames", "viewport_width", "viewport_height")


def merge(ranges: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join ranges that touch or overlap.

    >>> merge([(2.0, 3.0), (0.0, 1.0), (0.5, 1.5)])
    [(0.0, 1.5), (2.0, 3.0)]
    """
    merged: list[tuple[float, float]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


@dataclass(frozen=True)
class Evidence:
    """Playback of one clip before its rating was sent.

    Args:
        watched_s: Played ranges in seconds of the clip, merged and in order.
        plays: How often playing began.
        stalls: How often the player waited for data.
        hidden_s: Seconds for which the page was not visible.
        is_muted: Whether the sound was off or at zero when the clip last played.
        playback_rate: Slowest or fastest speed used, 1 for normal.
        dropped_frames: Frames the browser could not show.
        viewport_width, viewport_height: Size of the window in CSS pixels.
    """

    watched_s: tuple[tuple[float, float], ...]
    plays: int = 0
    stalls: int = 0
    hidden_s: float = 0.0
    is_muted: bool = False
    playback_rate: float = 1.0
    dropped_frames: int = 0
    viewport_width: int = 0
    viewport_height: int = 0

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """Read what the rating page sends.

        Raises:
            ValueError: not JSON, not an object, or a value of the wrong kind, which is named.

        >>> Evidence.from_json('{"watched_s": [[0, 2.5]], "plays": 1}').watched_s
        ((0.0, 2.5),)
        """
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"evidence is {len(text)} characters long; {LONGEST_TEXT} are allowed")
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"evidence is not JSON ({error}): {text[:60]!r}") from error
        if not isinstance(given, dict):
            raise ValueError(f"evidence must be a JSON object, not {text[:60]!r}")
        return cls.from_dict(given)

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Evidence:
        """Check and convert each value; what is unknown is left out."""
        return cls(
            watched_s=tuple(merge(_range(pair) for pair in _list(given.get("watched_s", [])))),
            hidden_s=_number("hidden_s", given.get("hidden_s", 0)),
            is_muted=bool(given.get("is_muted", False)),
            playback_rate=_number("playback_rate", given.get("playback_rate", 1)),
            **{name: int(_number(name, given.get(name, 0))) for name in COUNTS},
        )

    def to_dict(self) -> dict[str, Any]:
        """As stored with the rating."""
        return asdict(self)

    def watched_frac(self, duration_s: float) -> float:
        """Share of the clip that was played at least once, 0 to 1.

        >>> Evidence(watched_s=((0.0, 2.5),)).watched_frac(5.0)
        0.5
        """
        played_s = sum(
            min(end, duration_s) - min(start, duration_s) for start, end in self.watched_s
        )
        return min(1.0, played_s / duration_s)

    @property
    def is_hurried(self) -> bool:
        """Whether it was played faster than it can be judged.

        >>> Evidence(watched_s=((0.0, 5.0),), playback_rate=4.0).is_hurried
        True
        """
        return self.playback_rate > FASTEST_RATE

    def is_whole(self, duration_s: float) -> bool:
        """Whether the clip was watched whole, but for what players skip.

        >>> Evidence(watched_s=((0.0, 4.8),)).is_whole(5.0)
        True
        """
        unwatched_s = duration_s * (1 - self.watched_frac(duration_s))
        return unwatched_s <= max(UNWATCHED_S, UNWATCHED_FRAC * duration_s)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 1000:
        raise ValueError(f"watched_s must be a list of [start, end] pairs, not {str(value)[:60]!r}")
    return value


def _range(pair: Any) -> tuple[float, float]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError(f"watched_s must hold [start, end] pairs, not {str(pair)[:60]!r}")
    start, end = (_number("watched_s", value) for value in pair)
    if end < start:
        raise ValueError(f"watched_s holds a range that ends before it starts: {pair!r}")
    return start, end


def _number(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) < HIGHEST:
        raise ValueError(f"{name} must be a number, not {str(value)[:60]!r}")
    if value < 0:
        raise ValueError(f"{name} must not be negative, but is {value!r}")
    return float(value)
