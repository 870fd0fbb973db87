"""Files that are brought to be scored: checked, and deleted when their time is over."""

from __future__ import annotations

import logging
import shutil
import time
from datetime import timedelta
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils import timezone

from learner.models import Job, Scoring

logger = logging.getLogger(__name__)

LEFT_S = 24 * 3600  # an upload that was broken off so long ago is not going on
GONE, STUCK = "uploads_deleted_at", "uploads_not_deleted"  # when; or why not
BATCH = 50
SWEEP_EVERY_S = 3600.0  # of each worker: looking at every folder takes a while
_swept_at: list[float] = []  # by time.monotonic, the last one


def check_file(what: str, file: File) -> None:
    """Refuse what nobody should have to decode to refuse.

    Raises:
        ValidationError: it is empty or too large.
    """
    if not file.size:
        raise ValidationError(f"The {what} {file.name!r} is empty (0 bytes): upload it again.")
    most = settings.DUBSCORE_SCORE_MOST_BYTES
    if file.size > most:
        raise ValidationError(
            f"The {what} {file.name!r} has {file.size / 1e6:,.0f} MB; {most / 1e6:,.0f} MB are "
            "the most. Cut it into scenes, or encode it smaller."
        )


def forget_uploads() -> int:
    """Delete files that were scored long ago, and what is nobody's; results stay.

    Returns:
        Of how many scorings files were deleted.
    """
    limit = timezone.now() - timedelta(days=settings.DUBSCORE_KEEP_UPLOADS_DAYS)
    over = Scoring.objects.exclude(state__in=Job.OPEN_STATES).filter(finished_at__lt=limit)
    kept = over.exclude(file="", source_file="").exclude(config__has_any_keys=[GONE, STUCK])
    n_deleted = 0
    for scoring in kept[:BATCH]:
        try:
            delete_files(scoring)
            found = {GONE: timezone.now().isoformat()}
            n_deleted += 1
        except OSError as error:  # whose disk it is must mend it; the worker has others to serve
            logger.error("The uploads of %s cannot be deleted: %s", scoring, error)
            found = {STUCK: str(error)}
        scoring.config = {**scoring.config, **found}
        scoring.save(update_fields=["config"])
    _forget_broken()
    _forget_orphans()
    return n_deleted


def delete_files(scoring: Scoring) -> None:
    """What was brought for a scoring, and its folder."""
    for field in (scoring.file, scoring.source_file):
        if field:
            field.storage.delete(field.name)
    kept = scoring.file or scoring.source_file
    folder = str(PurePosixPath(kept.name).parent)
    if folder.startswith("scored/") and kept.storage.exists(folder):
        kept.storage.delete(folder)


def _forget_broken() -> None:
    folder = Path(settings.DUBSCORE_INCOMING)
    for left in folder.glob("*.upload*") if folder.is_dir() else ():
        if _is_left(left):
            left.unlink(missing_ok=True)


def _forget_orphans() -> None:
    """Folders of uploads that no scoring knows of: its row was deleted, or never came to be."""
    now = time.monotonic()
    if _swept_at and now < _swept_at[-1] + SWEEP_EVERY_S:
        return
    _swept_at[:] = [now]
    scored = Path(settings.MEDIA_ROOT) / "scored"
    old = [folder for folder in scored.iterdir() if _is_left(folder)] if scored.is_dir() else []
    for first in range(0, len(old), BATCH):
        some = old[first : first + BATCH]
        names = [folder.name for folder in some]
        rows = Scoring.objects.filter(public_id__in=names)
        known = set(rows.values_list("public_id", flat=True))
        for folder in some:
            if folder.name not in known and folder.is_dir() and not folder.is_symlink():
                logger.info("Uploads in %s belong to no scoring: deleted", folder)
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(path: Path) -> bool:
    """Whether it has lain unchanged for so long that nobody is at it; not where it is gone."""
    try:
        return path.stat().st_mtime < time.time() - LEFT_S
    except FileNotFoundError:  # another worker tidies up as well
        return False
