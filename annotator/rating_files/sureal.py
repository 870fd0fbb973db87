"""Datasets of Netflix's sureal in JSON: `ref_videos`, and `dis_videos` with scores in `os`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotator.rating_files.given import (
    GivenClip,
    GivenRating,
    GivenRatings,
    RatingFileError,
    add_sources,
    name_of,
    score_of,
)
from annotator.rating_files.long_csv import LONE_ASPECT


def read_sureal(path: Path, columns: Mapping[str, str]) -> GivenRatings:
    """Every score of a dataset; see `annotator.rating_files.read_ratings`.

    A clip is named by its path; or by its asset_id where the path of another has the same name. An
    `os` that is a list has a rater for each place.
    """
    dataset = _object(path)
    aspect = columns.get("aspect") or str(dataset.get("aspect") or LONE_ASPECT)
    found = GivenRatings(aspects=[aspect])
    references = _references(path, dataset)
    for number, video in enumerate(_videos(path, dataset, "dis_videos")):
        where = f"{path}, dis_videos[{number}]"
        clip = name_of(str(video.get("path") or video.get("asset_id", "")), "clip", where)
        if clip in found.clips:
            clip = f"{clip} ({video.get('asset_id', number)})"
        source = references.get(video.get("content_id"), "")
        known = {key: str(video[key]) for key in ("system", "condition") if video.get(key)}
        known["content_id"] = str(video.get("content_id", ""))
        found.clips[clip] = GivenClip(
            clip, "" if source == clip else source, tuple(sorted(known.items()))
        )
        for rater, score in _scores(video, where):
            found.raters.setdefault(rater, False)
            rating = GivenRating({aspect: score_of(str(score), f"{where}, {rater}")})
            found.ratings[clip, rater] = [rating]
    if not found.ratings:
        raise RatingFileError(f"{path} has no rating: every `os` is empty.")
    add_sources(path, found)
    return found


def _object(path: Path) -> dict[str, Any]:
    try:
        dataset = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise RatingFileError(f"{path} is no JSON: {error}.") from error
    if not isinstance(dataset, dict):
        raise RatingFileError(f"{path} is no dataset: it should be an object with `dis_videos`.")
    return dataset


def _videos(path: Path, dataset: dict[str, Any], key: str) -> list[dict[str, Any]]:
    videos = dataset.get(key)
    if not isinstance(videos, list) or not all(isinstance(video, dict) for video in videos):
        raise RatingFileError(f"{path}: {key!r} should be a list of objects.")
    return videos


def _references(path: Path, dataset: dict[str, Any]) -> dict[Any, str]:
    """Content to the path of its source, where one is told."""
    if "ref_videos" not in dataset:
        return {}
    return {
        video.get("content_id"): str(video["path"])
        for video in _videos(path, dataset, "ref_videos")
        if video.get("path")
    }


def _scores(video: dict[str, Any], where: str) -> list[tuple[str, object]]:
    """Rater and score; gaps left out."""
    given = video.get("os")
    if isinstance(given, list):
        width = len(str(len(given)))
        given = {f"{number:0{width}d}": score for number, score in enumerate(given, start=1)}
    if not isinstance(given, dict):
        raise RatingFileError(f"{where}: `os` should be a list of scores, or rater to score.")
    if any(isinstance(score, list | dict) for score in given.values()):
        raise RatingFileError(
            f"{where}: a rater has several scores for it. Keep one, or make a long CSV with a"
            " column `revision`."
        )
    return [
        (name_of(str(rater), "rater", where), score)
        for rater, score in given.items()
        if score is not None and str(score).lower() != "nan"
    ]
