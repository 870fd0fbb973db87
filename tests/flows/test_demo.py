"""`manage.py demo` as its user meets it: set up, stopped, begun again, on a port that is taken."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.installation import answers, free_port, wait_until

pytestmark = pytest.mark.slow

COUNTS = """
from annotator.models import Campaign, Clip, Rating
from learner.models import FusionModel, Prediction
dubs = Clip.objects.filter(dubs=None).count()
print(Campaign.objects.count(), Clip.objects.count(), dubs,
    Rating.objects.exclude(assignment__rater__is_simulated=True).count(),
    FusionModel.objects.count(), Prediction.objects.count())
"""


def said(films, log):
    return (films.folder / log).read_text(errors="replace")


def test_the_demo_is_set_up_once_whatever_stops_it(installation):
    installation.env.pop("DUBSCORE_DATA", None)  # clips made here, whatever else is at hand
    port = free_port()
    words = (sys.executable, "manage.py", "demo", "--port", str(port))

    # Stopped while it works out the metrics, it says how to go on, and goes on; meanwhile no
    # second one gets in its way.
    demo = installation.start(*words, log="first.log")
    wait_until(lambda: "Computing metrics" in said(installation, "first.log"), "metrics", 240)
    beside = installation.manage("demo", "--port", str(free_port()), check=False)
    assert beside.returncode == 1 and "is setting up" in beside.stderr
    demo.send_signal(signal.SIGINT)
    demo.wait(timeout=60)
    assert demo.returncode != 0
    assert "`make demo` goes on from here" in said(installation, "first.log")

    demo = installation.start(*words, log="second.log")
    wait_until(lambda: "Dubscore is ready" in said(installation, "second.log"), "the demo", 300)
    assert answers(f"http://127.0.0.1:{port}/healthz")
    assert installation.shell(COUNTS).split() == ["1", "72", "48", "0", "1", "48"]

    # A second one beside it is told that the port is taken.
    refused = installation.manage(*words[2:], check=False)
    assert refused.returncode == 1
    assert f"Port {port} is taken" in refused.stderr and f"PORT={port + 1}" in refused.stderr

    # Ctrl-C ends both processes; the next start has nothing left to set up.
    demo.send_signal(signal.SIGINT)
    demo.wait(timeout=30)
    assert demo.returncode == 0
    assert "Server and worker have stopped" in said(installation, "second.log")
    assert not answers(f"http://127.0.0.1:{port}/healthz")
    demo = installation.start(*words, log="third.log")
    wait_until(lambda: "Dubscore is ready" in said(installation, "third.log"), "the demo", 30)
    assert "The demo was set up" not in said(installation, "third.log")
    demo.send_signal(signal.SIGTERM)
    demo.wait(timeout=30)
    assert demo.returncode == 0
