"""Writers of one SQLite file take turns, and a turn ends however its writer does."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.db.utils import ConnectionHandler


@pytest.fixture
def writers(tmp_path, django_db_blocker):
    """Two connections to one file, neither of which belongs to the test's own database."""
    one = {
        "ENGINE": "config.sqlite",
        "NAME": str(tmp_path / "turns.sqlite3"),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 0.3},
    }
    handler = ConnectionHandler({"default": one, "other": {**one}})
    with django_db_blocker.unblock():
        handler["default"].cursor().execute("CREATE TABLE said (word text UNIQUE)")
        yield handler
        for connection in handler.all():
            connection.close()


def say(connection, word):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO said VALUES (%s)", [word])


def words(connection):
    with connection.cursor() as cursor:
        return [row[0] for row in cursor.execute("SELECT word FROM said ORDER BY rowid")]


def begin(connection):
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def test_the_second_writer_goes_on_as_soon_as_the_first_is_done(writers):
    first, second = writers["default"], writers["other"]
    second.inc_thread_sharing()
    begin(first)
    say(first, "first")
    waited = []

    def write():
        started = time.monotonic()
        begin(second)
        waited.append(time.monotonic() - started)
        say(second, "second")
        second.commit()

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.1)
    assert not waited
    first.commit()
    thread.join(timeout=5)
    assert words(first) == ["first", "second"]
    assert waited[0] < 0.25


@pytest.mark.parametrize("end", ["commit", "rollback", "close"])
def test_a_turn_ends_with_its_transaction(writers, end):
    begin(writers["default"])
    getattr(writers["default"], end)()
    begin(writers["other"])
    say(writers["other"], "next")
    writers["other"].commit()
    assert "next" in words(writers["other"])


def test_a_statement_that_fails_ends_the_turn_with_its_block(writers, monkeypatch):
    monkeypatch.setattr(transaction, "connections", writers)
    say(writers["default"], "once")
    with pytest.raises(DatabaseError), transaction.atomic():
        say(writers["default"], "once")
    with transaction.atomic(using="other"):
        say(writers["other"], "next")
    assert words(writers["default"]) == ["once", "next"]


def test_waiting_ends_with_sqlites_own_words(writers):
    begin(writers["default"])
    with pytest.raises(OperationalError, match="locked"):
        begin(writers["other"])
    writers["default"].rollback()
    begin(writers["other"])
    writers["other"].rollback()
