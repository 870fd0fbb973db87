"""Metrics without what they learned from the person who is tried.

The shipped map of `av_sync` was fitted on clips that anybody may use; where a benchmark meets one
of them, the map is fitted again on the others.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.av_sync import CLIPS
from learner.media import ClipMedia
from learner.metrics._sync_fit import Take, fit_sync_map
from learner.metrics.av_sync import AVSync

if TYPE_CHECKING:
    from benchmarks._judging import Judges

FITTED = {f"{place}/{name}" for place, (_, names) in CLIPS.items() for name in names}
SAME_PERSON = {"sonitranslate/video_dub.mp4": "sonitranslate/Video.mp4"}
# A machine dub over the picture of its source: there is no right offset to be found.
NOT_IN_SYNC = set(SAME_PERSON)
LEAST_CLIPS = 8  # fewer others make no map


def person(path: Path) -> str:
    """Whose clip it is, as far as fitting is concerned: folder and file."""
    name = "/".join(path.parts[-2:])
    return SAME_PERSON.get(name, name)


def is_in_sync(path: Path) -> bool:
    """Whether lips and sound of the file as it is belong together."""
    return "/".join(path.parts[-2:]) not in NOT_IN_SYNC


def fitted_among(paths: list[Path]) -> list[Path]:
    """Those of the clips that the shipped map was fitted on."""
    return [path for path in paths if "/".join(path.parts[-2:]) in FITTED]


def take(path: Path, weights: Path) -> Take:
    """What fitting needs of one clip."""
    metric = AVSync()
    metric.load(weights)
    return metric.take(ClipMedia(path), person(path))


def leave_out(path: Path, takes: list[Take], judges: Judges) -> str:
    """Give the judges a map that does not know this person; says which map it is."""
    metric: Any = judges.metrics.get("av_sync")
    if metric is None:
        return "none"
    if not hasattr(metric, "shipped"):
        metric.shipped = metric._map
    others = [one for one in takes if one.speaker != person(path)]
    metric._map = metric.shipped
    if len(others) == len(takes) and person(path) not in FITTED:
        return "shipped, which never met this person"
    if len(others) < LEAST_CLIPS:
        return "shipped, fitted on this person as well"
    metric._map = replace(fit_sync_map(others), level=metric.shipped.level)
    return f"fitted on {len(others)} other clips"
