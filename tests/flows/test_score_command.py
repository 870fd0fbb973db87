"""The command that scores beside running workers, and what of uploads belongs to nobody."""

from __future__ import annotations

import json
import os
import time
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from learner.actions import uploads
from learner.management.commands import score
from learner.models import Scoring
from tests.web.test_scoring_pages import light  # noqa: F401 (a fixture)


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "new.mp4"
    path.write_bytes(bytes(500))
    return path


def test_the_command_waits_for_a_worker_that_was_faster(light, film, monkeypatch):  # noqa: F811
    campaign, _ = light
    looks = []

    def worker_goes_on(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            Scoring.objects.update(state="failed", error_text="The worker's own words.")

    monkeypatch.setattr(
        score, "run_scoring", lambda pk: Scoring.objects.filter(pk=pk).update(state="running")
    )
    monkeypatch.setattr(score.time, "sleep", worker_goes_on)
    said = StringIO()
    with pytest.raises(CommandError, match="1 of 1 could not be scored"):
        call_command("score", str(film), campaign=campaign.name, json=True, stdout=said)
    assert json.loads(said.getvalue())[0]["error_text"] == "The worker's own words."
    assert len(looks) == 3
    monkeypatch.setattr(score, "WAIT_MOST_S", 0.0)
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("score", str(film), campaign=campaign.name, stdout=said)
    assert "a worker took it and is not done after 0 minutes" in said.getvalue()


def test_the_command_says_what_to_do_about_a_folder_and_a_missing_file(light, tmp_path):  # noqa: F811
    campaign, _ = light
    said = StringIO()
    with pytest.raises(CommandError, match="2 of 2"):
        names = [str(tmp_path), str(tmp_path / "lost.mp4")]
        call_command("score", *names, campaign=campaign.name, stdout=said)
    assert f"name the videos in it, such as {tmp_path}/*.mp4" in said.getvalue()
    assert "lost.mp4 is not there: check the name" in said.getvalue()


def test_old_uploads_that_no_scoring_knows_of_are_deleted(light, film, monkeypatch):  # noqa: F811
    campaign, _ = light
    monkeypatch.setattr(uploads, "_swept_at", [])
    call_command("score", str(film), campaign=campaign.name, queue=True, stdout=StringIO())
    known = Path(Scoring.objects.get().file.path).parent
    orphan, fresh = (Path(settings.MEDIA_ROOT) / "scored" / name for name in ("0" * 16, "1" * 16))
    for folder in (orphan, fresh):
        folder.mkdir(parents=True)
        (folder / "a.mp4").write_bytes(b"film")
    long_ago = time.time() - uploads.LEFT_S - 60
    for folder in (known, orphan):
        os.utime(folder, (long_ago, long_ago))
    uploads.forget_uploads()
    assert [folder.is_dir() for folder in (known, orphan, fresh)] == [True, False, True]
    os.utime(fresh, (long_ago, long_ago))
    uploads.forget_uploads()
    assert fresh.is_dir()  # not at every look
    uploads._swept_at.clear()
    uploads.forget_uploads()
    assert not fresh.exists()
