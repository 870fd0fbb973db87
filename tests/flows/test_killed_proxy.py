"""Workers killed with -9 while they fit and replay: each job ends once, with the same numbers."""

from __future__ import annotations

import json
import random
import time

import pytest

from tests.browser.test_rounds import SETUP
from tests.clips import write_clip

pytestmark = pytest.mark.slow

ASK = """
from annotator.models import Campaign
from learner.actions import ask_audit, ask_refit
{call}(campaign=Campaign.objects.get(), seed=5)
"""
STATE = """
import json
from learner.models import Audit, ProxyWeights, Refit
job = {model}.objects.latest("pk")
print("JSON" + json.dumps(dict(state=job.state, attempt=job.attempt, error=job.error_text,
    replays=len(getattr(job, "replays", [])), fits=ProxyWeights.objects.count())))
"""


@pytest.fixture
def films(installation, tmp_path_factory):
    """A campaign of fifty-four rated clips with metrics; dead workers are noticed soon."""
    folder = tmp_path_factory.mktemp("clips") / "in"
    folder.mkdir()
    write_clip(folder / "new.mp4", seconds=1.2)
    installation.env |= {"DUBSCORE_STALE_SECONDS": "2", "DUBSCORE_MAX_ATTEMPTS": "9"}
    installation.manage("import_clips", str(folder), "--corpus", "films")
    installation.shell(SETUP)
    return installation


def state_of(films, model):
    return json.loads(films.shell(STATE.format(model=model)).rsplit("JSON", 1)[1])


def finish_with_kills(films, model, call, longest_s, seed):
    """Queue a job, kill five workers at random points of it, and let a sixth one finish."""
    dice = random.Random(seed)
    state = f"{model}.objects.latest('pk').state"
    code = f"from learner.models import {model}"
    films.shell(ASK.format(call=call))
    for number in range(5):
        worker = films.start_worker(f"{model}-{number}.log")
        after = dice.uniform(0.0, longest_s)
        films.kill_when(worker, f"{state} in ('running', 'done')", code, after)
        time.sleep(2.1)  # silent for long enough to count as dead
    films.start_worker(f"{model}-last.log")
    films.until(f"{state} in ('done', 'failed')", code, 180)
    return state_of(films, model)


def test_an_audit_killed_five_times_reports_what_an_undisturbed_one_does(films):
    alone = films.manage("audit", "Films", "--seed", "5", "--json").stdout.splitlines()[-1]
    end = finish_with_kills(films, "Audit", "ask_audit", 2.0, seed=1)
    assert end["state"] == "done", end["error"]
    assert end["replays"] == 30 and end["attempt"] >= 2
    code = "import json; from learner.models import Audit; print(json.dumps({})"
    report = films.shell(code.format("Audit.objects.latest('pk').report)"))
    assert json.loads(report) == json.loads(alone)


def test_a_refit_killed_five_times_keeps_one_fit_with_the_same_numbers(films):
    alone = films.manage("refit", "Films", "--seed", "5", "--json").stdout.splitlines()[-1]
    expected = json.loads(alone)
    end = finish_with_kills(films, "Refit", "ask_refit", 0.4, seed=2)
    assert end["state"] == "done", end["error"]
    assert end["fits"] == 2  # the undisturbed one and this one
    code = "import json; from learner.models import Refit; print(json.dumps({})"
    fit = films.shell(code.format("Refit.objects.latest('pk').proxy_weights.fit)"))
    expected.pop("metrics")
    assert json.loads(fit) == expected
