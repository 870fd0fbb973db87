"""Taking uploads in: refused by size before a byte is read, and streamed to disk."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

FORM_BYTES = 4 << 20  # for the other fields of a form


class SizeLimit(FileUploadHandler):
    """Refuses a form that is larger than a clip and its source may be together."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 (Django's name)
        content_length: int,
        boundary: bytes,
        encoding: str | None = None,
    ) -> None:
        """Look at what the browser says it will send."""
        most = 2 * settings.DUBSCORE_SCORE_MOST_BYTES + FORM_BYTES
        if content_length > most:
            raise RequestDataTooBig(f"{content_length} bytes were sent; {most} are the most.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Leave it to the next."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave it to the next."""


class Incoming(TemporaryUploadedFile):
    """A file that lies on the disk of the clips while it comes in."""

    def __init__(
        self, name: str, content_type: str, size: int, charset: str, extra: Any = None
    ) -> None:
        folder = Path(settings.DUBSCORE_INCOMING)
        folder.mkdir(parents=True, exist_ok=True)
        file = NamedTemporaryFile(suffix=".upload", dir=folder)  # noqa: SIM115 (closed by Django)
        super(TemporaryUploadedFile, self).__init__(file, name, content_type, size, charset, extra)


class ToDisk(TemporaryFileUploadHandler):
    """Writes what comes in to disk."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        FileUploadHandler.new_file(self, *args, **kwargs)
        self.file = Incoming(
            self.file_name, self.content_type, 0, self.charset, self.content_type_extra
        )
