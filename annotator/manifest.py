"""Lists of clips: a CSV manifest, or a folder of videos."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from io import StringIO
from pathlib import Path

VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".mpg", ".mpeg", ".mkv", ".webm", ".avi"}
# Manifest column to the name that the product uses.
KNOWN_COLUMNS = {
    "src_lang": "source_language",
    "tgt_lang": "target_language",
    "source_language": "source_language",
    "target_language": "target_language",
    "content_id": "content_id",
    "transcript": "transcript",
    "translation": "translation",
    "speaker": "speaker",
    "system": "system",
    "condition": "condition",
    "emotion": "emotion",
}
OWN_COLUMNS = {"clip_id", "path", "source", "source_path", "duration"}


class ManifestError(ValueError):
    """A manifest that cannot be used, with the line and column to be mended."""


@dataclass(frozen=True)
class ClipRow:
    """One clip as it is listed.

    Args:
        name: The manifest's `clip_id`, or the file's path below the folder without its suffix.
        path: The file.
        source: `clip_id` of the clip it was dubbed from, if that is listed too.
        source_path: File it was dubbed from, if that is not listed.
        known: Columns that the product knows, by its own names.
        metadata: Every other column, as it stands.
        line: Where it stands in the manifest; 0 for a folder.
    """

    name: str
    path: Path
    source: str = ""
    source_path: Path | None = None
    known: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    line: int = 0


def read_listing(path: Path) -> list[ClipRow]:
    """The clips of a manifest or of a folder, sources before what was dubbed from them.

    Raises:
        ManifestError: there is no such path, a folder without videos, or a manifest that lacks a
            column or value, is no CSV in UTF-8, names a column or a clip twice, or dubs in a ring.
    """
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        raise ManifestError(f"There is no manifest and no folder at {path}.")
    return _sources_first(_manifest(path))


def _folder(folder: Path) -> list[ClipRow]:
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in VIDEO_SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    if not files:
        kinds = ", ".join(sorted(VIDEO_SUFFIXES))
        raise ManifestError(f"{folder} holds no video ({kinds}).")
    rows = [ClipRow(file.relative_to(folder).with_suffix("").as_posix(), file) for file in files]
    _refuse_doubles(rows, folder)
    return rows


def _manifest(path: Path) -> list[ClipRow]:
    reader = csv.DictReader(StringIO(_text(path), newline=""))
    try:
        reader.fieldnames = _checked(path, [name.strip() for name in reader.fieldnames or []])
        rows = [_row(path, reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num + 1}: {error}") from error
    if not rows:
        raise ManifestError(f"{path} lists no clip.")
    _refuse_doubles(rows, path)
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path} is not UTF-8 (byte {error.start} is {error.object[error.start]:#04x}): "
            "save it as CSV in UTF-8."
        ) from error


def _checked(path: Path, columns: list[str]) -> list[str]:
    if "url" in columns:
        raise ManifestError(
            f"{path}: column 'url': files are not fetched from the network; "
            "download them and give 'path'."
        )
    if "path" not in columns:
        raise ManifestError(f"{path}: the column 'path' is missing; there are: {columns}")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ManifestError(f"{path}: there are several columns {', '.join(map(repr, twice))}.")
    return columns


def _row(manifest: Path, line: int, cells: dict[str, str | None]) -> ClipRow:
    if None in cells:
        raise ManifestError(f"{manifest}, line {line}: more values than columns.")
    values = {column: (value or "").strip() for column, value in cells.items()}
    if not values["path"]:
        raise ManifestError(f"{manifest}, line {line}, column 'path': empty.")
    path = manifest.parent / values["path"]
    source_path = values.get("source_path", "")
    return ClipRow(
        name=values.get("clip_id") or Path(values["path"]).with_suffix("").as_posix(),
        path=path,
        source=values.get("source", ""),
        source_path=manifest.parent / source_path if source_path else None,
        known={KNOWN_COLUMNS[name]: text for name, text in values.items() if name in KNOWN_COLUMNS},
        metadata={
            name: text
            for name, text in values.items()
            if text and name not in KNOWN_COLUMNS and name not in OWN_COLUMNS
        },
        line=line,
    )


def _refuse_doubles(rows: list[ClipRow], where: Path) -> None:
    seen: dict[str, ClipRow] = {}
    for row in rows:
        if row.name in seen:
            raise ManifestError(
                f"{where}: the clip {row.name!r} is listed twice (lines {seen[row.name].line} and "
                f"{row.line}; files {seen[row.name].path.name} and {row.path.name})."
            )
        seen[row.name] = row


def _sources_first(rows: list[ClipRow]) -> list[ClipRow]:
    by_name = {row.name: row for row in rows}
    asked = {row.name: [row.source] if row.source in by_name else [] for row in rows}
    try:
        order = list(TopologicalSorter(asked).static_order())
    except CycleError as error:
        ring = error.args[1]
        raise ManifestError(
            f"Line {by_name[ring[0]].line}, column 'source': a clip names itself in the end: "
            f"{' is dubbed from '.join(ring[::-1])}."
        ) from error
    place = {name: number for number, name in enumerate(order)}
    return sorted(rows, key=lambda row: place[row.name])
