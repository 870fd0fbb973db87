"""Tables as the P.808 toolkit (Naderi and Cutler, 2020) writes them: by clip, condition and vote.

Its conditions are what it reads out of file names by named groups; here those are `condition` and
`system`. Intervals are 1.96 standard errors wide to each side, as there; pages have Student's.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from math import sqrt
from tempfile import TemporaryFile
from typing import Any

from django.db.models import Count, F, Sum

from annotator.models import Aspect, Campaign
from mos.exports.rows import ROWS_A_BLOCK, in_blocks
from mos.exports.text import csv_text
from mos.exports.votes import CLIP, counted_ratings, rated_clips
from mos.selectors import raters_by_pk

NORMAL_975 = 1.96  # as the toolkit has it
LABELS = ("condition", "system")
NO_CONDITION = "NoCondition"  # of a clip that has none of these labels, in the column `Unknown`


def votes_per_clip(campaign: Campaign, aspect: Aspect) -> Iterator[bytes]:
    """A row a clip: MOS and every vote.

    How many columns of votes there are is known at the end of the one reading, so that rows wait in
    a file.
    """
    most = 0
    with TemporaryFile("w+", encoding="utf-8") as waiting:
        for clip in rated_clips(campaign, aspect):
            votes = list(clip.votes.values())
            most = max(most, len(votes))
            labels = _labels(clip.condition, clip.system)
            row = [clip.name, *_figures(*_sums(votes)), _short(clip.name), *labels, *votes]
            waiting.write(json.dumps(row) + "\n")
        waiting.seek(0)
        names = ["file_url", *_figure_names(aspect), "short_file_name", *LABELS, "Unknown"]
        yield csv_text([[*names, *(f"vote_{number + 1}" for number in range(most))]])
        for block in in_blocks(map(json.loads, waiting)):
            width = len(names) + most
            yield csv_text(row + [""] * (width - len(row)) for row in block)


def votes_per_condition(campaign: Campaign, aspect: Aspect) -> Iterator[bytes]:
    """A row for each condition, each system and each of both together, as the toolkit combines."""
    score = F("scores__value_raw")
    found = (
        counted_ratings(campaign, aspect)
        .order_by(*(f"{CLIP}{label}" for label in LABELS))
        .values_list(*(f"{CLIP}{label}" for label in LABELS))
        .annotate(n=Count(score), total=Sum(score), squares=Sum(score * score))
    )
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for condition, system, *more in found.iterator(chunk_size=ROWS_A_BLOCK):
        for kept in _combined(condition, system):
            sums[kept] = [old + new for old, new in zip(sums[kept], more, strict=True)]
    yield csv_text([["condition_name", *LABELS, "Unknown", *_figure_names(aspect)]])
    ordered = sorted(sums, key=lambda kept: (_name(kept), kept))
    yield csv_text([_name(kept), *kept, *_figures(*sums[kept])] for kept in ordered)


def votes_per_worker(campaign: Campaign, aspect: Aspect) -> Iterator[bytes]:
    """A row a vote."""
    names = {pk: rater.name for pk, rater in raters_by_pk(campaign).items()}
    mos = _figure_names(aspect)[1]
    columns = (
        "HITId workerid assignment_id assignmentstatus file short_file_name vote question_type"
    )
    yield csv_text([[*columns.split(), *LABELS, "Unknown"]])
    rows = (
        [wave, names[rater], place, "Approved", clip, _short(clip), vote, mos]
        + _labels(condition, system)
        for wave, rater, place, clip, condition, system, vote in counted_ratings(campaign, aspect)
        .order_by("assignment_id")
        .values_list(
            "assignment__wave__label",
            "assignment__rater",
            "assignment__public_id",
            *(f"{CLIP}{label}" for label in ("name", *LABELS)),
            "scores__value_raw",
        )
        .iterator(chunk_size=ROWS_A_BLOCK)
    )
    for block in in_blocks(rows):
        yield csv_text(block)


def _figure_names(aspect: Aspect) -> list[str]:
    """As the toolkit names them with one scale, and for other aspects as it does with several."""
    if aspect.key == "overall":
        return ["n", "MOS", "std", "95%CI"]
    return ["n", f"MOS_{aspect.key.upper()}", f"std_{aspect.key}", f"95%CI_{aspect.key}"]


def _sums(votes: list[int]) -> tuple[int, int, int]:
    return len(votes), sum(votes), sum(vote * vote for vote in votes)


def _figures(n: int, total: int, squares: int) -> list[Any]:
    """n, MOS, standard deviation over n - 1 and half the interval; one vote has no spread."""
    if n == 1:
        return [n, float(total), "", ""]
    std = sqrt((n * squares - total * total) / (n * (n - 1)))
    return [n, total / n, std, NORMAL_975 * std / sqrt(n)]


def _short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _labels(condition: str, system: str) -> list[str]:
    return [condition, system, "" if condition or system else NO_CONDITION]


def _combined(condition: str, system: str) -> list[tuple[str, str, str]]:
    """Each label alone and both together; an empty one is none."""
    given = [label for label in zip(LABELS, (condition, system), strict=True) if label[1]]
    chosen = [dict(some) for size in (1, 2) for some in combinations(given, size)]
    kept = [(some.get("condition", ""), some.get("system", ""), "") for some in chosen]
    return kept or [("", "", NO_CONDITION)]


def _name(kept: tuple[str, str, str]) -> str:
    return "____".join(label for label in kept if label)
