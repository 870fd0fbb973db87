"""Telling of scorings whatever the address is like, and workers that outlive any fault of it."""

from __future__ import annotations

import socket
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from learner.actions import jobs, uploads, webhooks
from learner.models import Scoring
from tests.flows.test_scoring import done, listener  # noqa: F401 (fixtures)
from tests.web.test_scoring_pages import light  # noqa: F401 (a fixture)


def test_an_address_in_any_script_is_sent_percent_encoded(done, listener):  # noqa: F811
    done.webhook_url = listener.url.replace("/hook?a=1", "/h\u00f3ok%20a?q=\u0928&r=%2F")
    assert "it answered 200" in webhooks.tell(done)
    assert listener.heard[0][0] == "/h%C3%B3ok%20a?q=%E0%A4%A8&r=%2F"


def test_whatever_goes_wrong_in_telling_stands_with_the_row(done, monkeypatch, caplog):  # noqa: F811
    long_ago = timezone.now() - timedelta(minutes=6)
    url = "http://127.0.0.1:9/"
    Scoring.objects.filter(pk=done.pk).update(webhook_url=url, finished_at=long_ago)

    def broken(*args):
        raise UnicodeEncodeError("ascii", "\udc80", 0, 1, "no such letter")

    monkeypatch.setattr(webhooks, "_post", broken)
    assert (webhooks.tell_again(), webhooks.tell_again()) == (1, 0)
    done.refresh_from_db()
    assert done.webhook_text.startswith("Not told: UnicodeEncodeError")
    assert "could not be told" in caplog.text


def test_a_stopped_scoring_is_not_told_of(done, listener):  # noqa: F811
    done.webhook_url, done.state = listener.url, "cancelled"
    assert webhooks.tell(done) == "" and not listener.heard


def test_an_odd_address_keeps_no_worker_from_its_other_work(done, monkeypatch):  # noqa: F811
    Scoring.objects.filter(pk=done.pk).update(
        webhook_url="http://127.0.0.1:9/hóok", finished_at=timezone.now() - timedelta(hours=1)
    )
    monkeypatch.setattr(uploads, "forget_uploads", lambda: taken.append("tidied up"))
    monkeypatch.setattr(jobs, "close_old_connections", lambda: None)  # the test's own is needed
    taken = []
    jobs.tick()
    done.refresh_from_db()
    assert done.webhook_text and taken == ["tidied up"]


def test_uploads_that_cannot_be_deleted_are_told_of_once(done, monkeypatch, caplog):  # noqa: F811
    long_ago = timezone.now() - timedelta(days=999)
    Scoring.objects.filter(pk=done.pk).update(finished_at=long_ago, file="scored/x/y.mp4")

    def refuse(scoring):
        raise PermissionError("a read-only disk")

    monkeypatch.setattr(uploads, "delete_files", refuse)
    assert (uploads.forget_uploads(), uploads.forget_uploads()) == (0, 0)
    assert caplog.text.count("cannot be deleted: a read-only disk") == 1
    done.refresh_from_db()
    assert done.config == {uploads.STUCK: "a read-only disk"}  # not called deleted


@pytest.mark.parametrize(
    ("address", "is_public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("192.0.0.9", False),
        ("192.88.99.1", False),
        ("::8.8.8.8", False),
        ("fec0::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("::ffff:192.0.0.9", False),
        ("2002:a00:1::", False),
    ],
)
def test_special_addresses_are_not_public(address, is_public):
    assert webhooks._is_public(address) is is_public


def test_one_deadline_binds_all_addresses_and_three_are_tried(done, monkeypatch):  # noqa: F811
    asked = []

    def silent(address, timeout_s):
        asked.append(timeout_s)
        time.sleep(0.15)
        raise TimeoutError("timed out")

    found = [(2, 1, 6, "", (f"127.0.0.{last}", 80)) for last in range(1, 9)]
    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda *a, **k: found)
    monkeypatch.setattr(webhooks.socket, "create_connection", silent)
    monkeypatch.setattr(webhooks, "TRIES", 1)
    done.webhook_url = "http://hooks.example/"
    assert "timed out" in webhooks.tell(done) and len(asked) == 3
    assert asked == [webhooks.TIMEOUT_S] * 3
    asked.clear()
    monkeypatch.setattr(webhooks, "DEADLINE_S", 0.2)
    assert "longer than 0.2 s" in webhooks.tell(done) and len(asked) == 2


def test_a_handshake_that_never_ends_is_cut(done, monkeypatch):  # noqa: F811
    monkeypatch.setattr(webhooks, "DEADLINE_S", 0.3)
    monkeypatch.setattr(webhooks, "TRIES", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        done.webhook_url = f"https://127.0.0.1:{mute.getsockname()[1]}/"
        began = time.monotonic()
        assert "Not told after 1 tries" in webhooks.tell(done)
    assert time.monotonic() - began < 3
