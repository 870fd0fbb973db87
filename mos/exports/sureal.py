"""Scores on one aspect as a dataset of Netflix's sureal, in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from tempfile import TemporaryFile
from typing import Any

from annotator.models import Aspect, Campaign
from mos.exports.rows import ROWS_A_BLOCK
from mos.exports.votes import RatedClip, rated_clips

BEST_SCORE = 5.0  # what sureal takes a reference to be worth


def sureal_blocks(campaign: Campaign, aspect: Aspect) -> Iterator[bytes]:
    """`dis_videos`, each with its `os` (rater to score), then `ref_videos`, one a content.

    A clip's path is its name. A hidden reference has the path of its content's reference, by which
    sureal knows it; a content whose source is not known has an empty one.
    """
    about = {"dataset_name": campaign.name, "aspect": aspect.key, "ref_score": BEST_SCORE}
    yield (_json(about)[:-1] + ', "dis_videos": [').encode()
    with TemporaryFile("w+", encoding="utf-8") as waiting:
        yield from _joined(_dis_videos(rated_clips(campaign, aspect, by_content=True), waiting))
        waiting.seek(0)
        yield b'], "ref_videos": ['
        yield from _joined(line.rstrip("\n") for line in waiting)
    yield b"]}\n"


def _dis_videos(clips: Iterator[RatedClip], references: Any) -> Iterator[str]:
    """Each clip; what it refers to goes into the file, a line a content."""
    asset_id = 0
    by_content = groupby(clips, key=lambda clip: clip.content)
    for content_id, (content, of_content) in enumerate(by_content):
        kind, name = content[0], content[1:]
        path = name if kind == "s" else ""
        reference = {"content_id": content_id, "content_name": name, "path": path}
        references.write(_json(reference) + "\n")
        for clip in of_content:
            ids = {"content_id": content_id, "asset_id": asset_id, "path": clip.name}
            labels = {"system": clip.system, "condition": clip.condition}
            yield _json({**ids, **labels, "os": clip.votes})
            asset_id += 1


def _joined(objects: Iterable[str]) -> Iterator[bytes]:
    """Objects with commas between them, a thousand at a time."""
    rest, before = iter(objects), "\n"
    while block := list(islice(rest, ROWS_A_BLOCK)):
        yield (before + ",\n".join(block)).encode()
        before = ",\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
