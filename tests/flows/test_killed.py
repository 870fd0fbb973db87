"""Processes killed with -9: what was answered for is there, what was begun is finished, once."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.request
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from learner.encoders.speaker_ge2e import SpeakerGE2E
from tests.clips import write_clip
from tests.installation import wait_until

pytestmark = pytest.mark.slow

SCORES = {"sync": 4, "speaker": 3, "clarity": 5, "emotion": 2, "prosody": 3, "overall": 4}
# A rater with one clip, and a corpus of clips that two systems dubbed, rated by simulated raters.
SETUP = """
from django.contrib.auth.models import User
from annotator.actions import set_campaign_state
from annotator.models import Campaign, Corpus, Membership, Rubric
from learner.actions.simulation import add_simulated_raters, rate_by_simulation
campaign = Campaign.objects.create(name="Films", corpus=Corpus.objects.get(name="films"),
    rubric=Rubric.objects.get(), ratings_per_clip=2, seed=3)
bob = User.objects.create_user("bob", password="bob-secret")
Membership.objects.create(campaign=campaign, user=bob, role="rater")
set_campaign_state(campaign=campaign, state="live")
"""
RATED = (
    SETUP
    + """
add_simulated_raters(campaign=campaign, wanted=2)
rate_by_simulation(campaign=campaign, wave=campaign.waves.get())
"""
)
# Every other content is noisy, so that raters and a metric agree and there is a proxy to train on.
FAULTS = """
for number in range(0, 6, 2):
    Clip.objects.filter(name__endswith=number).update(condition="noise")
"""
PLANTED = """
from learner.models import MetricScore
from learner.registry import shelf
version = shelf("metric").set_up()["speech_quality"].version
for score in MetricScore.objects.filter(metric="speech_quality", version=version):
    is_noisy = score.clip.condition == "noise"
    score.value, score.error = (1.5 if is_noisy else 4) + score.clip_id / 50, ""
    score.save()
"""
TRAINING = """
from annotator.models import Campaign
from learner.actions.jobs import enqueue
from learner.actions.proxy import fit_proxy
from learner.models import ProxyWeights, TrainingRun
campaign = Campaign.objects.get()
weights = ProxyWeights.objects.create(campaign=campaign, target="overall",
    **fit_proxy(campaign, "overall", seed=1))
run = TrainingRun.objects.create(campaign=campaign, proxy_weights=weights, seed=1,
    config={"epochs_ws": 250, "epochs_ft": 250, "width": 32, "layers": 1, "folds": 2})
enqueue(run)
"""


@pytest.fixture
def films(installation, tmp_path_factory):
    """Twelve clips of six contents, each dub with its source's words."""
    folder = tmp_path_factory.mktemp("films")
    lines = ["clip_id,path,source,condition,src_lang,tgt_lang,transcript,translation"]
    for number in range(6):
        for kind in ("source", "dub"):
            name = f"{kind}{number}"
            write_clip(folder / f"{name}.mp4", seconds=1.6, tone_hz=200 + 40 * number + len(kind))
            source = f"source{number}" if kind == "dub" else ""
            lines.append(f"{name},{name}.mp4,{source},clean,en,hi,word {number},शब्द {number}")
    (folder / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    installation.manage("import_clips", str(folder / "manifest.csv"), "--corpus", "films")
    return installation


def test_a_server_killed_right_after_answering_has_the_rating(films):
    films.shell(SETUP)
    server, address = films.start_server()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def send(path, **fields):
        page = browser.open(f"{address}{path}").read().decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page).group(1)
        key = re.search(r'name="idempotency_key" value="([^"]+)"', page)
        fields = {"csrfmiddlewaretoken": token, **fields}
        if key:
            fields.setdefault("idempotency_key", key.group(1))
        return browser.open(f"{address}{path}", urlencode(fields).encode())

    send("/login/", username="bob", password="bob-secret", next="/")
    link = re.search(r'href="(/rate/[^"]+)"', browser.open(f"{address}/").read().decode())
    page = browser.open(f"{address}{link.group(1)}")
    path = page.url.removeprefix(address)
    evidence = json.dumps({"watched_s": [[0, 60]], "plays": 1})
    browser.addheaders = [("Connection", "close")]
    no_redirect = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(_jar_of(browser)), _Stay()
    )
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode()).group(1)
    body = {
        "csrfmiddlewaretoken": token,
        "idempotency_key": str(uuid4()),
        "lead_time_s": "3",
        "evidence": evidence,
        **SCORES,
    }
    answer = no_redirect.open(f"{address}{path}", urlencode(body).encode())
    films.kill(server)
    assert answer.status == 302
    code = "from annotator.models import Score; print(Score.objects.count())"
    assert films.shell(code) == "6"


class _Stay(urllib.request.HTTPRedirectHandler):
    """Takes a redirect as the answer."""

    def http_error_302(self, request, answer, code, message, headers):
        return answer


def _jar_of(opener):
    return next(h.cookiejar for h in opener.handlers if hasattr(h, "cookiejar"))


STATE = """
import json
from learner.models import Extraction, FusionModel, MetricScore, Prediction, Promotion
from learner.models import TrainingRun
from learner.features import FeatureStore
job = {model}.objects.latest("pk")
print("JSON" + json.dumps(dict(state=job.state, frac=job.progress_frac, attempt=job.attempt,
    error=job.error_text, text=job.progress_text, scores=MetricScore.objects.count(),
    models=FusionModel.objects.count(), promotions=Promotion.objects.count(),
    predictions=Prediction.objects.count(),
    voices=len(FeatureStore("speaker_ge2e", "{voice}").known()))))
"""


def state_of(films, model):
    said = films.shell(STATE.format(model=model, voice=SpeakerGE2E.card.version))
    return json.loads(said.rsplit("JSON", 1)[1])


RUN = "TrainingRun.objects.latest('pk')"
RUNS = "from learner.models import TrainingRun"


def test_workers_killed_in_both_stages_of_training_are_followed_by_one_that_finishes_once(films):
    films.shell("from annotator.models import Clip\n" + FAULTS)
    films.shell(
        RATED.replace("ratings_per_clip=2", "ratings_per_clip=2, has_hidden_references=True")
    )
    parts = ["--metrics", "speech_quality", "--encoders", "speaker_ge2e"]
    films.manage("extract", "--corpus", "films", *parts)
    films.shell(PLANTED)
    films.shell(TRAINING)
    first = films.start_worker("first.log")
    films.kill_when(first, f"'on proxy MOS' in {RUN}.progress_text", RUNS)
    assert state_of(films, "TrainingRun")["state"] == "running"
    second = films.start_worker("second.log")
    films.kill_when(second, f"'on human MOS' in {RUN}.progress_text", RUNS)
    assert state_of(films, "TrainingRun")["state"] == "running"
    films.start_worker("third.log")
    films.start_worker("fourth.log")
    films.until(f"{RUN}.state in ('done', 'failed')", RUNS, 180)
    end = state_of(films, "TrainingRun")
    assert end["state"] == "done", end["error"]
    assert (end["attempt"], end["models"], end["predictions"]) == (3, 1, 12)
    assert end["promotions"] == 1


def test_a_worker_that_is_asked_to_stop_gives_its_job_back_at_once(films):
    films.manage("extract", "--corpus", "films", "--queue")
    worker = films.start_worker()
    wait_until(lambda: state_of(films, "Extraction")["state"] != "queued", "the worker to begin")
    asked = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=30)
    assert time.monotonic() - asked < 20
    assert worker.returncode == 0
    assert state_of(films, "Extraction")["state"] in {"queued", "done"}
