"""Settings of the test suite: fast hashes, plain static files, a media folder of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

from config.settings.base import *  # noqa: F403 (settings modules extend one another)

SECRET_KEY = "only-for-tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
_SCRATCH = Path(tempfile.mkdtemp(prefix="dubscore-test-"))
MEDIA_ROOT = _SCRATCH / "media"
DUBSCORE_INCOMING = MEDIA_ROOT / "incoming"
DUBSCORE_FEATURES = _SCRATCH / "features"
DUBSCORE_ARRAYS = _SCRATCH / "arrays"
DUBSCORE_MODELS = _SCRATCH / "models"
if DATABASES["default"]["ENGINE"] == "config.sqlite":  # noqa: F405
    # A file, not memory: threads and live servers of the tests must see one database.
    DATABASES["default"]["TEST"] = {"NAME": str(_SCRATCH / "test.sqlite3")}  # noqa: F405
