"""Scoring of real files by real parts: odd ones, large ones, told of, and killed in the middle."""

from __future__ import annotations

import hmac
import http.client
import json
import threading
import time
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.authtoken.models import Token

from annotator.models import Clip
from learner import actions
from learner.actions import webhooks
from learner.actions.scoring import run_scoring
from learner.actions.uploads import forget_uploads
from learner.features import FeatureStore
from learner.models import MetricScore, Scoring
from learner.registry import Shelf, shelf
from tests.browser.test_rounds import SETUP
from tests.clips import write_clip
from tests.films import write_talk
from tests.installation import wait_until
from tests.parts import man, weights_or_skip, woman, write_sound
from tests.web.test_scoring_pages import light  # noqa: F401 (a fixture)

CHEAP = {"log_f0_rmse", "emotion_alignment", "face_fer", "sentence_e5"}
TRAIN = """
from learner.actions.training import ask_training, run_training
from learner.models import TrainingRun
run = ask_training(campaign=campaign)
TrainingRun.objects.filter(pk=run.pk).update(
    config=dict(epochs_ws=1, epochs_ft=1, width=16, layers=1, folds=2))
run_training(run.pk)
run.refresh_from_db()
assert run.state == "done", run.error_text
"""

CORPUS = """
from annotator.models import Corpus
Corpus.objects.create(name="films")
"""
ASK = """
from django.core.files import File
from learner.actions import ask_scoring
ask_scoring(campaign=campaign, file=File(open({path!r}, "rb"), name="new.mp4"), webhook_url={url!r})
"""


@pytest.fixture
def scored(model, settings):
    """Have a file scored here, and give the row."""
    settings.DUBSCORE_WEIGHTS = weights_or_skip()

    def score(path: Path, source: Path | None = None, **fields) -> Scoring:
        with path.open("rb") as clip, (source or path).open("rb") as original:
            given = {"source_file": File(original, name=source.name)} if source else {}
            scoring = actions.ask_scoring(
                campaign=model.campaign, file=File(clip, name=path.name), **given, **fields
            )
        run_scoring(scoring.pk)
        scoring.refresh_from_db()
        return scoring

    return score


def kept():
    stores = [FeatureStore(card.name, card.version) for card in shelf("encoder").cards().values()]
    return MetricScore.objects.count(), Clip.objects.count(), [len(s.known()) for s in stores]


def about(scoring):
    return {row["about"] for row in scoring.result["warnings"]}


def test_a_file_is_scored_with_its_source_by_every_part_and_nothing_of_it_is_kept(scored, tmp_path):
    before = kept()
    dub, source = write_talk(tmp_path / "dub.mp4", man(2.0)), tmp_path / "source.mp4"
    write_talk(source, woman(2.0))
    texts = {"transcript": "Good day to you.", "translation": "Guten Tag."}
    scoring = scored(dub, source, **texts, language="de", source_language="en")
    assert scoring.state == "done", scoring.error_text
    result = scoring.result
    reasons = {row["name"]: row["reason"] for row in result["metrics"] if row["reason"]}
    assert set(reasons) <= {"speech_bertscore"}, reasons  # it hears one language alone
    assert all(row["has_vector"] for row in result["encoders"])
    assert 1 <= result["low"] <= result["dubscore_raw"] <= result["high"] <= 5
    assert result["proxy"]["low"] <= result["proxy"]["mos_raw"] <= result["proxy"]["high"]
    assert sum(result["gates"].values()) == pytest.approx(1, abs=0.01)
    assert result["has_source"] and "source" not in about(scoring)
    pitch = next(row for row in result["metrics"] if row["name"] == "log_f0_rmse")
    assert pitch["value"] > 600  # cents: a man's voice for a woman's
    assert pitch["corpus"]["n"] == 24 and sum(pitch["corpus"]["counts"]) == 24
    assert kept() == before


def test_what_a_file_lacks_is_said_and_the_rest_goes_on(scored, tmp_path, monkeypatch, model):
    everything = Shelf.set_up
    monkeypatch.setattr(
        Shelf, "set_up", lambda s: {n: c for n, c in everything(s).items() if n in CHEAP}
    )
    no_sound = scored(write_clip(tmp_path / "mute.mp4", has_sound=False), translation="Hello.")
    assert no_sound.state == "done" and {"file", "absent", "source"} <= about(no_sound)
    assert "no sound" in no_sound.result["warnings"][0]["text"]
    values = {row["name"]: row for row in no_sound.result["metrics"]}
    assert "no audio stream" in values["emotion_alignment"]["reason"]
    assert "not set up here" in values["speech_quality"]["reason"]
    faces = {row["name"]: row for row in no_sound.result["encoders"]}["face_fer"]
    assert not faces["has_vector"] and "face" in faces["reason"]
    assert [row["modality"] for row in no_sound.result["absent"]] == ["audio", "video"]
    assert no_sound.result["gates"]["text"] == pytest.approx(1)

    heard = scored(write_sound(tmp_path / "voice.wav", man(1.0)), translation="Hello.")
    assert heard.state == "done" and "no picture" in heard.result["warnings"][0]["text"]

    whole = write_clip(tmp_path / "whole.mp4", seconds=4.0, size=(320, 240)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    cut = scored(tmp_path / "cut.mp4", translation="Hello.")
    assert cut.state == "done" and "cut off" in cut.result["warnings"][0]["text"]

    silent = scored(tmp_path / "mute.mp4")  # nothing that the model looks at is left
    assert silent.state == "failed" and "Nothing that Fusion model" in silent.error_text

    _check_refusals(scored, tmp_path, whole)
    _check_command(tmp_path, heard)
    _check_clip_of_the_corpus(model)


def _check_refusals(scored, tmp_path, whole):
    """What is no video fails in words that say what it is and what to do."""
    for name, content, words in (
        ("letter.mp4", b"Dear reader, this is no film.\n" * 50, "is text, no video"),
        ("paper.mp4", b"%PDF-1.7\n" + bytes(500), "a PDF document"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "playlist"),
        ("list2.mp4", b"ffconcat version 1.0\nfile /etc/hostname\xff\n", "playlist"),
        ("half.mp4", whole[len(whole) // 2 :], "Export it anew"),
        ("zeros.mp4", bytes(9000), "Export it anew"),
    ):
        (tmp_path / name).write_bytes(content)
        refused = scored(tmp_path / name)
        assert refused.state == "failed" and words in refused.error_text, refused.error_text
        assert "Bring a video" in refused.error_text and "Traceback" not in refused.error_text


def _check_clip_of_the_corpus(model):
    """Only what is missing of it is computed, and not kept."""
    clip = model.predictions.filter(is_out_of_fold=False).first().clip
    MetricScore.objects.filter(clip=clip, metric="log_f0_rmse").delete()
    before = kept()
    of_corpus = actions.ask_scoring(campaign=model.campaign, clip=clip)
    run_scoring(of_corpus.pk)
    of_corpus.refresh_from_db()
    reasons = {row["name"]: row["reason"] for row in of_corpus.result["metrics"] if row["reason"]}
    assert reasons == {"log_f0_rmse": "no source clip is known"}  # the others were there already
    assert kept() == before


def _check_command(tmp_path, heard):
    """It says what the page says, and ends with 1 when a file could not be scored."""
    said = StringIO()
    call_command(
        "score",
        str(tmp_path / "voice.wav"),
        campaign="Spring",
        translation="Hello.",
        json=True,
        stdout=said,
    )
    assert json.loads(said.getvalue())[0]["result"]["dubscore_raw"] == heard.result["dubscore_raw"]
    with pytest.raises(CommandError, match="1 of 2 could not be scored: letter"):
        names = [str(tmp_path / "voice.wav"), str(tmp_path / "letter.mp4")]
        call_command("score", *names, campaign="Spring", translation="Hello.")


# Being told


class Listener(BaseHTTPRequestHandler):
    """Keeps what it is sent; answers what its server is set to."""

    def do_POST(self):  # noqa: N802 (the library's name)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, dict(self.headers), body))
        if self.server.answer == "drip":
            return self.drip()
        self.send_response(self.server.answer)
        if self.server.answer == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def drip(self):
        """A byte of a header now and then, for ever."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        with suppress(OSError):  # until the other side has had enough
            while True:
                self.wfile.write(b".")
                time.sleep(0.02)

    def log_message(self, *args):
        """Quietly."""


@pytest.fixture
def listener():
    """A server of the test's own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.heard, server.answer = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
    yield server
    server.daemon_threads = True
    server.shutdown()
    server.server_close()


@pytest.fixture
def done(light, settings, monkeypatch):  # noqa: F811
    """A scoring that is over, whose address may be local."""
    campaign, _ = light
    settings.DUBSCORE_WEBHOOKS_MAY_BE_LOCAL = True
    monkeypatch.setattr(webhooks, "WAIT_S", 0.01)
    clip = campaign.pool()[0]
    scoring = Scoring(campaign=campaign, clip=clip, name="dub", state="done", progress_frac=1)
    scoring.finished_at = timezone.now()
    scoring.result = {"dubscore_raw": 3.5, "name": "\u0928\u092e"}
    scoring.save()
    return scoring


def test_a_webhook_is_sent_the_result_signed_as_documented(done, listener, settings):
    done.webhook_url = listener.url
    assert "it answered 200" in webhooks.tell(done)
    path, headers, body = listener.heard[0]
    assert path == "/hook?a=1" and json.loads(body)["result"]["dubscore_raw"] == 3.5
    key = hmac.new(settings.SECRET_KEY.encode(), b"dubscore webhook", sha256).hexdigest()
    signed = headers["X-Dubscore-Timestamp"].encode() + b"." + body
    right = "sha256=" + hmac.new(key.encode(), signed, sha256).hexdigest()
    assert headers["X-Dubscore-Signature"] == right
    done.refresh_from_db()
    assert done.webhook_text.startswith("Told") and done.state == "done"


def test_a_webhook_that_fails_is_tried_three_times_and_never_redirected(
    done, listener, monkeypatch
):
    done.webhook_url = listener.url
    for answer in (500, 302):
        listener.answer, listener.heard[:] = answer, []
        assert f"after 3 tries: it answered {answer}" in webhooks.tell(done)
        assert [path for path, _, _ in listener.heard] == ["/hook?a=1"] * 3
    listener.answer, began = "drip", time.monotonic()
    monkeypatch.setattr(webhooks, "DEADLINE_S", 0.2)
    assert "Not told after 3 tries" in webhooks.tell(done)
    assert time.monotonic() - began < 3
    listener.server_close()
    assert "Not told after 3 tries" in webhooks.tell(done)
    done.refresh_from_db()
    assert done.state == "done" and done.webhook_text.startswith("Not told")


def test_a_host_that_moves_into_the_network_is_not_sent_to(done, settings, monkeypatch):
    settings.DUBSCORE_WEBHOOKS_MAY_BE_LOCAL = False
    where = ["93.184.215.14"]
    look_up = [(2, 1, 6, "", (address, 443)) for address in where]
    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lambda *a, **k: look_up)
    assert webhooks.check_webhook("https://hooks.example/").ips == tuple(where)
    look_up.append((2, 1, 6, "", ("10.0.0.7", 443)))  # one bad address among good ones is enough
    with pytest.raises(ValidationError, match="private network"):
        webhooks.check_webhook("https://hooks.example/")
    done.webhook_url = "https://hooks.example/"
    assert webhooks.tell(done).startswith("Not told. The webhook's host")


def test_a_scoring_whose_worker_died_before_telling_is_told_of_later(done, listener):
    Scoring.objects.filter(pk=done.pk).update(webhook_url=listener.url)
    assert webhooks.tell_again() == 0  # its worker may be at it
    long_ago = timezone.now() - timedelta(minutes=5)
    Scoring.objects.filter(pk=done.pk).update(finished_at=long_ago)
    assert (webhooks.tell_again(), webhooks.tell_again(), len(listener.heard)) == (1, 0, 1)


def test_uploads_are_deleted_when_their_time_is_over_and_results_stay(light, tmp_path):  # noqa: F811
    campaign, _ = light
    path = write_clip(tmp_path / "a.mp4", seconds=0.2)
    with path.open("rb") as clip:
        scoring = actions.ask_scoring(campaign=campaign, file=File(clip, name="a.mp4"))
    lies = Path(scoring.file.path)
    over = timezone.now() - timedelta(days=31)
    Scoring.objects.update(finished_at=over)
    assert forget_uploads() == 0 and lies.is_file()  # it waits for a worker
    Scoring.objects.update(state="done", result={"dubscore_raw": 3.0})
    assert (forget_uploads(), forget_uploads()) == (1, 0)
    assert not lies.parent.exists() and Scoring.objects.get().result == {"dubscore_raw": 3.0}
    Scoring.objects.update(state="queued")
    run_scoring(scoring.pk)
    assert "upload it again" in Scoring.objects.get().error_text


def high_water_mb():
    words = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()
    return int(words[0]) / 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for memory")
def test_half_a_gigabyte_is_taken_in_without_being_held_in_memory(live_server, light, tmp_path):  # noqa: F811
    campaign, _ = light
    token = Token.objects.create(user=campaign.memberships.get(role="researcher").user)
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(500_000_000)
    part = 'Content-Disposition: form-data; name="{}"{}\r\n\r\n'
    head = f"--x\r\n{part.format('campaign', '')}{campaign.public_id}\r\n--x\r\n"
    head += part.format("file", '; filename="large.mp4"')
    tail = b"\r\n--x--\r\n"
    address = live_server.url.partition("//")[2]
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.putrequest("POST", "/api/v1/score/")
    connection.putheader("Authorization", f"Token {token.key}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(len(head) + 500_000_000 + len(tail)))
    Path("/proc/self/clear_refs").write_text("5")
    before = high_water_mb()
    connection.endheaders(head.encode())
    with large.open("rb") as file:
        while chunk := file.read(1 << 20):
            connection.send(chunk)
    connection.send(tail)
    answer = connection.getresponse()
    assert answer.status == 202, answer.read()
    answer.read()
    connection.close()
    assert high_water_mb() - before < 60
    scoring = Scoring.objects.get()
    assert scoring.file.size == 500_000_000
    scoring.file.delete(save=False)


# Killed in the middle


@pytest.mark.slow
def test_a_scoring_killed_in_the_middle_ends_once_and_is_told_of_once(
    installation, tmp_path_factory, listener
):
    film = write_clip(tmp_path_factory.mktemp("films") / "new.mp4", seconds=1.2)
    installation.env |= {"DUBSCORE_STALE_SECONDS": "2", "DUBSCORE_WEBHOOKS_MAY_BE_LOCAL": "1"}
    asked = ASK.format(path=str(film), url=listener.url)
    installation.shell("\n".join([CORPUS, SETUP, TRAIN, asked]))
    first = installation.start_worker("first.log")
    code = "from learner.models import Scoring"
    installation.kill_when(first, "Scoring.objects.get().state == 'running'", code, after=0.5)
    assert listener.heard == []
    installation.start_worker("second.log")
    wait_until(lambda: listener.heard, "the webhook", 60)
    said = json.loads(listener.heard[0][2])
    assert said["state"] == "done", said["error_text"]
    last = "from learner.models import Scoring; s = Scoring.objects.get(); "
    last += "print(s.state, s.attempt, s.webhook_text)"
    assert installation.shell(last) == "done 2 Told at try 1: it answered 200."
    assert len(listener.heard) == 1
