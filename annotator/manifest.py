"""Lists of clips: a CSV manifest, or a folder of videos."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from io import StringIO
from pathlib import Path, PurePosixPath

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
NAMELESS = "\0"  # begins what stands for the name of a column without one; no manifest holds it


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
        source_name: What that file is called where `source` does not say: its path as given.
        known: Columns that the product knows, by its own names.
        metadata: Every other column, as it stands.
        line: Where it stands in the manifest; 0 for a folder.
    """

    name: str
    path: Path
    source: str = ""
    source_path: Path | None = None
    source_name: str = ""
    known: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    line: int = 0


def read_listing(path: Path) -> list[ClipRow]:
    """The clips of a manifest or of a folder, sources before what was dubbed from them.

    Raises:
        ManifestError: there is no such path or it cannot be read, a folder without videos or with
            one whose name is no text, or a manifest that lacks a column or value, is no CSV in
            UTF-8, names a column or a clip twice, or dubs in a ring.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            raise ManifestError(f"There is no manifest and no folder at {path}.")
        return _sources_first(_manifest(path))
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}.") from error


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
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    for file, name in zip(files, names, strict=True):
        if re.search("[\ud800-\udfff]", name):
            raise ManifestError(
                f"The name {str(file.relative_to(folder))!r} is not UTF-8: mend it."
            )
    rows = [ClipRow(name, file) for file, name in zip(files, names, strict=True)]
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
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"{path} is not UTF-8 (byte {error.start} is {error.object[error.start]:#04x}): "
            "save it as CSV in UTF-8."
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ManifestError(f"{path}, line {line}: a NUL character: save it as CSV in UTF-8.")
    return text


def _checked(path: Path, columns: list[str]) -> list[str]:
    if "url" in columns:
        raise ManifestError(
            f"{path}: column 'url': files are not fetched from the network; "
            "download them and give 'path'."
        )
    if "path" not in columns:
        raise ManifestError(f"{path}: the column 'path' is missing; there are: {columns}")
    meant: dict[str, str] = {}
    for name in filter(None, columns):
        other = meant.setdefault(KNOWN_COLUMNS.get(name, name), name)
        if other != name:
            raise ManifestError(f"{path}: the columns {other!r} and {name!r} say the same.")
        if columns.count(name) > 1:
            raise ManifestError(f"{path}: there are several columns {name!r}.")
    return [name or f"{NAMELESS}{number}" for number, name in enumerate(columns)]


def _row(manifest: Path, line: int, cells: dict[str, str | None]) -> ClipRow:
    if None in cells:
        raise ManifestError(f"{manifest}, line {line}: more values than columns.")
    values = {column: (value or "").strip() for column, value in cells.items()}
    if any(value for column, value in values.items() if column.startswith(NAMELESS)):
        raise ManifestError(f"{manifest}, line {line}: a value in a column that has no name.")
    if not values["path"]:
        raise ManifestError(f"{manifest}, line {line}, column 'path': empty.")
    source_path = values.get("source_path", "")
    for column, given in (("path", values["path"]), ("source_path", source_path or "none")):
        if Path(given).name in {"", ".."}:
            raise ManifestError(
                f"{manifest}, line {line}, column {column!r}: {given!r} names no file."
            )
    return ClipRow(
        name=values.get("clip_id") or Path(values["path"]).with_suffix("").as_posix(),
        path=manifest.parent / values["path"],
        source=values.get("source", ""),
        source_name=_source_name(source_path),
        source_path=manifest.parent / source_path if source_path else None,
        known={KNOWN_COLUMNS[name]: text for name, text in values.items() if name in KNOWN_COLUMNS},
        metadata={
            name: text
            for name, text in values.items()
            if text and name not in KNOWN_COLUMNS and name not in OWN_COLUMNS
        },
        line=line,
    )


def _source_name(given: str) -> str:
    """By all of its path: many a corpus has one `source.mp4` a folder."""
    path = PurePosixPath(given)
    parts = (
        [part for part in path.with_suffix("").parts if part not in {"..", "/"}] if given else []
    )
    return "/".join(["source", *parts]) if parts else ""


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
