"""Clips to browsers: byte ranges, and nobody but those who may see them."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.files.storage import Storage
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from annotator.byteranges import Unsatisfiable, if_range_holds, parse_range, read_chunks
from annotator.models import Assignment, Campaign, Clip

# The rendition of a clip never changes, and only its raters may keep it.
CACHE_CONTROL = "private, max-age=86400, immutable"


@login_required
@require_safe
def assigned_clip(request: HttpRequest, assignment_id: str) -> HttpResponse:
    """The video of an assignment, for the rater who holds it."""
    mine = Assignment.objects.for_rater(request.user).select_related("clip")
    return serve_clip(request, get_object_or_404(mine, public_id=assignment_id).clip)


@login_required
@require_safe
def studied_clip(request: HttpRequest, clip_id: str) -> HttpResponse:
    """The video of a clip, for researchers of a campaign on its corpus."""
    campaigns = Campaign.objects.studied_by(request.user)
    clips = Clip.objects.with_file().filter(corpus__campaigns__in=campaigns).distinct()
    return serve_clip(request, get_object_or_404(clips, public_id=clip_id))


def serve_clip(request: HttpRequest, clip: Clip) -> HttpResponse:
    """Answer with the rendition, whole or in part (RFC 9110, section 14)."""
    storage, name = clip.rendition.storage, clip.rendition.name
    etag, size = f'"{clip.public_id}"', clip.rendition.size
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = _answer(request, storage, name, size, etag)
    response["ETag"] = etag
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = CACHE_CONTROL
    return response


def _answer(
    request: HttpRequest, storage: Storage, name: str, size: int, etag: str
) -> HttpResponse:
    asked = request.headers.get("Range")
    if not if_range_holds(request.headers.get("If-Range"), etag):
        asked = None
    try:
        part = parse_range(asked, size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, length = (part.start, part.length) if part else (0, size)
    body = read_chunks(storage.open(name), start, length) if request.method == "GET" else []
    response = StreamingHttpResponse(body, status=206 if part else 200, content_type="video/mp4")
    response["Content-Length"] = str(length)
    if part:
        response["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return response
