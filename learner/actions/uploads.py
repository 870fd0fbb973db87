"""Files that are brought to be scored: checked, and deleted when their time is over."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils import timezone

from learner.models import Job, Scoring

LEFT_S = 24 * 3600  # an upload that was broken off so long ago is not going on
GONE = "uploads_deleted_at"
BATCH = 50


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
    """Delete files that were scored long ago, and what broken uploads left; results stay.

    Returns:
        Of how many scorings files were deleted.
    """
    limit = timezone.now() - timedelta(days=settings.DUBSCORE_KEEP_UPLOADS_DAYS)
    over = Scoring.objects.exclude(state__in=Job.OPEN_STATES).filter(finished_at__lt=limit)
    kept = over.exclude(file="", source_file="").exclude(config__has_key=GONE)
    scorings = list(kept[:BATCH])
    for scoring in scorings:
        delete_files(scoring)
        scoring.config = {**scoring.config, GONE: timezone.now().isoformat()}
        scoring.save(update_fields=["config"])
    _forget_broken()
    return len(scorings)


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
        if left.stat().st_mtime < time.time() - LEFT_S:
            left.unlink(missing_ok=True)
