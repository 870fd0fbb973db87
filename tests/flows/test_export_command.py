"""`manage.py export_labels`: from ratings as raters send them to a file."""

from __future__ import annotations

import csv
import json
from io import StringIO
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command, load_command_class

from annotator import actions
from annotator.evidence import Evidence
from annotator.models import Assignment
from mos import exports
from mos.exports import text

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

    monkeypatch.setattr(text, "jsonl_line", break_off)
    with pytest.raises(CommandError, match="No space left"):
        call_command("export_labels", "Spring", format="jsonl", output=file)
    assert file.read_text() == "from before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["labels.csv"]


@pytest.mark.parametrize("kind", exports.FORMATS)
def test_every_form_goes_to_a_file_and_to_a_pipe(campaign, sent, tmp_path, capfdbinary, kind):
    file = tmp_path / "labels"
    call_command("export_labels", "Spring", format=kind, output=file, stderr=StringIO())
    call_command("export_labels", "Spring", format=kind)
    assert file.read_bytes() == capfdbinary.readouterr().out
    assert file.read_bytes() == b"".join(exports.blocks(campaign, kind))


def test_parquet_in_a_file_holds_what_raters_sent(campaign, sent, tmp_path):
    file = tmp_path / "labels.parquet"
    call_command("export_labels", "Spring", format="parquet", output=file, stderr=StringIO())
    assert as_sent(pq.read_table(file, use_threads=False).to_pylist()) == sent


def test_an_aspect_can_be_chosen(campaign, sent, capsys):
    call_command("export_labels", "Spring", format="votes_per_worker", aspect="emotion")
    rows = csv.DictReader(StringIO(capsys.readouterr().out))
    found = {(row["file"], row["workerid"], "emotion"): int(row["vote"]) for row in rows}
    assert found == {key: score for key, score in sent.items() if key[2] == "emotion"}


def test_what_is_no_text_is_not_shown_where_only_text_can_be(campaign, sent):
    with pytest.raises(CommandError, match=r"parquet is no text .* \(--output\)"):
        call_command("export_labels", "Spring", format="parquet", stdout=StringIO())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format": "p910", "aspect": "looks"}, "choose one of sync"),
        ({"format": "sureal", "revisions": "all"}, "no place for earlier revisions"),
        ({"format": "csv", "aspect": "sync"}, "holds every aspect"),
    ],
)
def test_what_a_form_has_no_place_for_is_refused(campaign, options, says):
    with pytest.raises(CommandError, match=says):
        call_command("export_labels", "Spring", **options)


def test_the_help_says_what_each_form_is():
    command = load_command_class("mos", "export_labels")
    words = command.create_parser("manage.py", "export_labels").format_help()
    assert all(f"{name}: {form.says}" in words for name, form in exports.FORMATS.items())
