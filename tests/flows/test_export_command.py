"""`manage.py export_labels`: from ratings as raters send them to a file."""

from __future__ import annotations

import csv
import json
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from annotator import actions
from annotator.evidence import Evidence
from annotator.models import Assignment
from mos import exports

KEYS = ("sync", "speaker", "clarity", "emotion", "prosody", "overall")


@pytest.fixture
def sent(campaign, make_clip, bob, bina):
    """What two raters sent for three clips, one mind changed: (clip, rater, aspect) to score."""
    for number in range(3):
        make_clip(f"clip-{number}", content_id=str(number))
    actions.set_campaign_state(campaign=campaign, state="live")
    sent = {}
    for rater, user in (("R01", bob), ("R02", bina)):
        membership = campaign.memberships.get(user=user)
        for number in range(3):
            (held,) = actions.claim_assignments(membership=membership, wanted=1)
            for change in range(2 if number == 0 else 1):
                scores = {key: (number + place + change) % 5 + 1 for place, key in enumerate(KEYS)}
                submit(held, scores)
            sent |= {(held.clip.name, rater, key): score for key, score in scores.items()}
    return sent


def submit(assignment, scores):
    held = Assignment.objects.select_related("clip", "campaign__rubric").get(pk=assignment.pk)
    actions.submit_rating(
        assignment=held,
        scores=scores,
        evidence=Evidence(watched_s=((0.0, 4.0),), plays=1),
        idempotency_key=uuid4(),
        lead_time_s=9.0,
    )


def as_sent(rows):
    return {(row["clip_id"], row["rater"], row["aspect"]): int(row["score"]) for row in rows}


def test_the_file_holds_exactly_what_raters_sent_last(campaign, sent, tmp_path):
    file = tmp_path / "labels.csv"
    call_command("export_labels", "Spring", output=file, stderr=StringIO())
    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == len(sent) == 36
    assert as_sent(rows) == sent


def test_json_lines_go_to_standard_output_and_a_campaign_is_found_by_its_id(campaign, sent, capsys):
    call_command("export_labels", campaign.public_id, format="jsonl")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert as_sent(rows) == sent


def test_all_revisions_come_when_asked_for(campaign, sent, capsys):
    call_command("export_labels", "Spring", format="jsonl", revisions="all")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 48
    assert {row["revision"] for row in rows} == {1, 2}


def test_an_unknown_campaign_is_refused_and_those_there_are_are_named(campaign):
    with pytest.raises(CommandError, match=r"no campaign 'Sprig'.*There are: Spring\."):
        call_command("export_labels", "Sprig")


def test_a_reader_who_stops_reading_is_no_failure(campaign, sent, monkeypatch, tmp_path):
    class Gone(StringIO):
        def write(self, text):
            raise BrokenPipeError

    kept = (tmp_path / "out").open("w")
    monkeypatch.setattr("sys.stdout", kept)
    call_command("export_labels", "Spring", stdout=Gone())
    kept.close()


def test_without_any_campaign_that_is_said(db):
    with pytest.raises(CommandError, match="none yet"):
        call_command("export_labels", "Spring")


def test_a_folder_that_is_not_there_is_named(campaign, tmp_path):
    with pytest.raises(CommandError, match=r"nowhere/labels\.csv cannot be written: No such"):
        call_command("export_labels", "Spring", output=tmp_path / "nowhere" / "labels.csv")


def test_a_file_that_was_there_stays_whole_when_writing_breaks_off(
    campaign, sent, tmp_path, monkeypatch
):
    file = tmp_path / "labels.csv"
    file.write_text("from before")

    def break_off(rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "_jsonl", break_off)
    with pytest.raises(CommandError, match="No space left"):
        call_command("export_labels", "Spring", format="jsonl", output=file)
    assert file.read_text() == "from before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.csv"]
