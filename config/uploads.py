"""Taking uploads in: refused by size before a byte is read, and streamed to disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

FORM_BYTES = 4 << 20  # for the other fields of a form
TOO_LARGE = 413  # HTTP: content too large


class SizeLimit:
    """Refuses a form that is larger than a clip and its source may be together, or of nobody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at what the other side says it will send, and read none of it if it is too much."""
        sent = request.META.get("CONTENT_LENGTH") or ""
        most = 2 * settings.DUBSCORE_SCORE_MOST_BYTES + FORM_BYTES
        is_form = (request.content_type or "").startswith("multipart/")
        if not is_form or not sent.isdecimal():
            return self.get_response(request)
        is_api = request.path.startswith("/api/")  # which asks who it is before it reads
        if int(sent) > FORM_BYTES and not is_api and not request.user.is_authenticated:
            return redirect_to_login(request.path)
        if int(sent) <= most:
            return self.get_response(request)
        words = (
            f"{int(sent) / 1e6:,.0f} MB were sent; {most / 1e6:,.0f} MB are the most. Cut the "
            "video into scenes, or encode it smaller."
        )
        if is_api:
            return JsonResponse({"detail": words}, status=TOO_LARGE)
        return render(request, "413.html", {"words": words}, status=TOO_LARGE)


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
