"""Lists of clips: a CSV manifest, or a folder of videos."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
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
            column or value, names a clip twice, or names a source that is not listed.
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
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = [column.strip() for column in reader.fieldnames or []]
        if "url" in columns:
            raise ManifestError(
                f"{path}: column 'url': files are not fetched from the network; "
                "download them and give 'path'."
            )
        if "path" not in columns:
            raise ManifestError(f"{path}: the column 'path' is missing; there are: {columns}")
        reader.fieldnames = columns
        rows = [_row(path, number, cells) for number, cells in enumerate(reader, start=2)]
    if not rows:
        raise ManifestError(f"{path} lists no clip.")
    _refuse_doubles(rows, path)
    return rows


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
    names = {row.name for row in rows}
    for row in rows:
        if row.source == row.name:
            raise ManifestError(f"Line {row.line}, column 'source': {row.name!r} names itself.")
    sources = {row.source for row in rows if row.source in names}
    return sorted(rows, key=lambda row: (row.name not in sources, row.line))
