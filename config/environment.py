"""What the environment says, read strictly: a malformed value stops the start with its name."""

from __future__ import annotations

import os
from pathlib import Path

import environ
from django.core.management.utils import get_random_secret_key

env = environ.Env()


def kept_secret_key(folder: Path) -> str:
    """The key of this installation: made once, kept in a file only its owner can read."""
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"secret_key.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(get_random_secret_key())
        fresh.replace(path)
    return path.read_text()
