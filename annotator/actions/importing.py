"""Bringing clips in: looked through, rendered where needed, kept once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import IntegrityError, transaction

from annotator.manifest import ClipRow
from annotator.models import Clip, Corpus
from annotator.models.corpora import original_path
from annotator.rendition import BrokenMedia, make_rendition, probe


class RefusedClip(ValueError):
    """A listed clip that cannot be brought in, with the reason."""


class OvertakenClip(RefusedClip):
    """A clip that another import has brought in while this one was at it."""


@dataclass(frozen=True)
class ImportOutcome:
    """What became of one listed clip: `new`, `known`, `updated` or `refused`."""

    name: str
    what: str
    reason: str = ""


def import_clips(
    *,
    corpus: Corpus,
    rows: Iterable[ClipRow],
    tell: Callable[[ImportOutcome], None] = lambda outcome: None,
) -> list[ImportOutcome]:
    """Bring each listed clip in, tell what became of it, and go on when one is refused."""
    outcomes = []
    for row in rows:
        try:
            try:
                what = _import_clip(corpus, row)
            except OvertakenClip:
                what = _import_clip(corpus, row)  # it is known by now
            outcome = ImportOutcome(row.name, what)
        except (BrokenMedia, RefusedClip) as refusal:
            outcome = ImportOutcome(row.name, "refused", str(refusal))
        except OSError as error:
            reason = f"{error.strerror}: {error.filename or row.path}"
            outcome = ImportOutcome(row.name, "refused", reason)
        outcomes.append(outcome)
        tell(outcome)
    return outcomes


def _import_clip(corpus: Corpus, row: ClipRow) -> str:
    sha256 = _sha256(row.path)
    source = _source(corpus, row, sha256)
    known = corpus.clips.filter(name=row.name).first()
    if known is not None and known.state != Clip.State.ABSENT:
        return _update(known, row, sha256, source)
    twin = corpus.clips.filter(sha256=sha256).first()
    if twin is not None:
        raise RefusedClip(f"the same file is already here as {twin.name!r}")
    _keep(corpus, row, sha256, source, known)
    return "new" if known is None else "updated"


def _source(corpus: Corpus, row: ClipRow, sha256: str) -> Clip | None:
    """The clip it was dubbed from; a source named only by its file is brought in by itself."""
    if row.source_path is not None:
        source_sha256 = _sha256(row.source_path)
        if source_sha256 == sha256:
            raise RefusedClip("it is its own source: both are the same file")
        return _source_by_file(corpus, row, row.source_path, source_sha256)
    if not row.source:
        return None
    source = corpus.clips.filter(name=row.source).first()
    if source is None:
        raise RefusedClip(f"its source {row.source!r} is not in the corpus {corpus}")
    return source


def _source_by_file(corpus: Corpus, row: ClipRow, path: Path, sha256: str) -> Clip:
    known = corpus.clips.filter(sha256=sha256).first()
    if known is not None:
        return known
    name = row.source or row.source_name
    if corpus.clips.filter(name=name).exists():
        raise RefusedClip(f"its source {name!r} is here with another file than {path.name}")
    own = {
        "content_id": row.known.get("content_id", ""),
        "transcript": row.known.get("transcript", ""),
        "source_language": row.known.get("source_language", ""),
        "target_language": row.known.get("source_language", ""),
    }
    return _keep(corpus, ClipRow(name, path, known=own), sha256, None)


def _update(clip: Clip, row: ClipRow, sha256: str, source: Clip | None) -> str:
    """Take over what the list says of a clip we have; its file may not be another one."""
    if sha256 != clip.sha256:
        raise RefusedClip(
            "a clip of this name is here with another file: give the new file a new clip_id"
        )
    said = {name: text for name, text in row.known.items() if text}  # an empty cell says nothing
    changes = {name: text for name, text in said.items() if getattr(clip, name) != text}
    if source is not None and clip.source_id != source.pk:
        changes["source"] = source
    metadata = {**clip.metadata, **row.metadata}
    if clip.metadata != metadata:
        changes["metadata"] = metadata
    for name, value in changes.items():
        setattr(clip, name, value)
    _check(clip)
    if changes:
        clip.save(update_fields=[*changes, "changed_at"])
    return "updated" if changes else "known"


def _keep(
    corpus: Corpus, row: ClipRow, sha256: str, source: Clip | None, absent: Clip | None = None
) -> Clip:
    """Bring the file in, as a new clip or as that of one which was rated elsewhere."""
    looked = probe(row.path)
    clip = absent or Clip(corpus=corpus, name=row.name)
    clip.sha256, clip.source, clip.state = sha256, source or clip.source, Clip.State.READY
    clip.duration_s, clip.width, clip.height = looked.duration_s, looked.width, looked.height
    clip.metadata = {**clip.metadata, **row.metadata}
    for name, text in row.known.items():
        setattr(clip, name, text or getattr(clip, name))  # an empty cell says nothing
    _check(clip)
    with tempfile.TemporaryDirectory() as folder:
        rendition = Path(folder) / "rendition.mp4"
        make_rendition(row.path, rendition, looked)
        clip.duration_s = probe(rendition).duration_s  # what browsers will play, and count
        _save(clip, row.path, rendition)
    return clip


def _check(clip: Clip) -> None:
    """What the table cannot hold is refused in words, on every kind of database."""
    try:
        clip.clean_fields(exclude=["original", "rendition"])
    except ValidationError as error:
        faults = (f"{name}: {' '.join(words)}" for name, words in error.message_dict.items())
        raise RefusedClip("; ".join(faults)) from error


def _save(clip: Clip, original: Path, rendition: Path) -> None:
    with original.open("rb") as bytes_in, rendition.open("rb") as bytes_shown:
        place = original_path(clip, original.name)
        if _is_whole(clip, place, original):  # another corpus has this very file
            clip.original.name = place
        else:
            clip.original.save(original.name, File(bytes_in), save=False)
        clip.rendition.save(rendition.name, File(bytes_shown), save=False)
    try:
        with transaction.atomic():
            clip.save()
    except IntegrityError as race:
        clip.rendition.delete(save=False)
        if clip.original.name != place:
            clip.original.delete(save=False)
        raise OvertakenClip("another import has just brought it in: import again") from race


def _is_whole(clip: Clip, place: str, original: Path) -> bool:
    """Whether the file lies there already, and not just what a killed import wrote of it."""
    storage = clip.original.storage
    return storage.exists(place) and storage.size(place) == original.stat().st_size


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise BrokenMedia(f"there is no file at {path}")
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
