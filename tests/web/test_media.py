"""Clips by byte ranges, only to those who may see them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from annotator import actions

SIZE = 256 * 40
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def media(campaign, make_clip, bob, signed_in):
    """Ask for the clip that Bob holds."""
    make_clip("one")
    live = actions.set_campaign_state(campaign=campaign, state="live")
    rater = live.memberships.get(user=bob)
    url = reverse(
        "annotator:media", args=[actions.claim_assignments(membership=rater)[0].public_id]
    )
    client = signed_in(bob)
    return lambda method="get", **headers: getattr(client, method)(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


def body(answer):
    return b"".join(answer.streaming_content)


def test_a_clip_comes_whole_when_no_range_is_asked_for(media):
    answer = media()
    assert answer.status_code == 200
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Content-Type"] == "video/mp4"
    assert answer["Content-Length"] == str(SIZE)
    assert body(answer) == CONTENT


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=10000-", 10000, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        ("bytes=10000-999999", 10000, SIZE - 1),
    ],
)
def test_a_range_gets_206_and_just_its_bytes(media, asked, start, end):
    answer = media(Range=asked)
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {start}-{end}/{SIZE}"
    assert answer["Content-Length"] == str(end - start + 1)
    assert body(answer) == CONTENT[start : end + 1]


def test_a_range_behind_the_end_gets_416_and_the_size(media):
    answer = media(Range=f"bytes={SIZE}-")
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("asked", ["bytes=5-1", "lines=1-2", "bytes=a-b", "bytes=0-1,5-9"])
def test_a_range_that_is_none_gets_the_whole_clip(media, asked):
    assert media(Range=asked).status_code == 200


def test_a_range_of_another_version_gets_the_whole_clip(media):
    assert media(Range="bytes=0-9", If_Range='"another"').status_code == 200
    etag = media()["ETag"]
    assert media(Range="bytes=0-9", If_Range=etag).status_code == 206


def test_a_browser_that_has_the_clip_gets_304(media):
    answer = media(If_None_Match=media()["ETag"])
    assert answer.status_code == 304
    assert answer.content == b""


def test_head_tells_the_size_without_the_bytes(media):
    answer = media("head")
    assert answer["Content-Length"] == str(SIZE)
    assert body(answer) == b""


def test_only_the_rater_may_keep_the_clip(media):
    assert media()["Cache-Control"].startswith("private")


def test_researchers_see_clips_of_their_corpora_and_strangers_do_not(
    campaign, make_clip, alice, charlie, bob, signed_in
):
    url = reverse("annotator:clip_media", args=[make_clip("one").public_id])
    assert signed_in(alice).get(url).status_code == 200
    assert signed_in(charlie).get(url).status_code == 404
    assert signed_in(bob).get(url).status_code == 404
