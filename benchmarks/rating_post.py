"""How many ratings a second are saved, against the least that Django can do with the same payload.

Ours: the rating page's own POST with session, CSRF, form checks, ownership, playback evidence,
idempotency, revision, six scores and the assignment's new state. Bare: one table row and six
scores, nothing checked (benchmarks/bare_django.py), once with Django's own handling of connections
and once keeping them open as ours does. All under gunicorn, gthread, SQLite in WAL; their turns
alternate in one run. With `--label-studio FOLDER/bin` a third column is measured.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.label_studio import LabelStudio  # noqa: E402
from benchmarks.reporting import aim, report  # noqa: E402
from tests.installation import Installation, free_port, wait_until  # noqa: E402

SEED = 20261123
CLIENTS = (1, 8)
SERVER = ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--log-level", "error"]
ASPECTS = ("sync", "speaker", "clarity", "emotion", "prosody", "overall")
EVIDENCE = {
    "watched_s": [[0.0, 2.1], [2.1, 4.0]],
    "plays": 2,
    "stalls": 0,
    "hidden_s": 0.0,
    "is_muted": False,
    "playback_rate": 1,
    "dropped_frames": 0,
    "viewport_width": 1280,
    "viewport_height": 800,
}
# Eight raters, each with clips enough for the whole run already assigned: only saving is timed.
SETUP = """
import json, sys
from datetime import timedelta
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from annotator.models import Assignment, Campaign, Clip, Corpus, Membership, Rubric, Wave
from django.conf import settings
corpus = Corpus.objects.create(name="bench")
Clip.objects.bulk_create(Clip(corpus=corpus, name=f"c{i}", sha256=f"{i:064x}", duration_s=4.0,
    width=64, height=48, original="o.mp4", rendition="r.mp4") for i in range(CLIPS))
clips = list(Clip.objects.all())
campaign = Campaign.objects.create(name="Bench", corpus=corpus, rubric=Rubric.objects.get(),
    state="live", ratings_per_clip=8, clips_per_rater=CLIPS)
wave = Wave.objects.create(campaign=campaign, number=1, label="First wave")
now = timezone.now()
out = []
for r in range(8):
    user = User.objects.create(username=f"rater{r}")
    rater = Membership.objects.create(campaign=campaign, user=user, role="rater")
    rows = Assignment.objects.bulk_create([Assignment(campaign=campaign, wave=wave, clip=clip,
        place=r + 1, rater=rater, position=i + 1, assigned_at=now,
        leased_until=now + timedelta(hours=9)) for i, clip in enumerate(clips)], batch_size=500)
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    out.append({"session": session.session_key, "assignments": [a.public_id for a in rows]})
print("JSON" + json.dumps(out))
"""


@dataclass(frozen=True)
class Post:
    """One request, ready to be sent, and the answer that means success."""

    path: str
    body: str
    headers: dict[str, str]
    expected: int


Posts = Callable[[int], Iterator[Post]]  # client number -> its requests


def our_posts(raters: list[dict[str, object]]) -> Posts:
    """The rating form of each rater's next assignment, never the same twice."""
    left = [iter(rater["assignments"]) for rater in raters]
    token = "b" * 32

    def posts(client: int) -> Iterator[Post]:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"sessionid={raters[client]['session']}; csrftoken={token}",
        }
        for assignment in left[client]:
            body = urlencode({"csrfmiddlewaretoken": token, **payload()})
            yield Post(f"/assignments/{assignment}/", body, headers, 302)
        raise RuntimeError("The benchmark ran out of assignments: raise --clips.")

    return posts


def bare_posts(client: int) -> Iterator[Post]:
    """The same payload for the bare view."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    while True:
        yield Post("/", urlencode(payload()), headers, 204)


def payload() -> dict[str, str]:
    """What the rating page sends."""
    scores = {aspect: str(1 + index % 5) for index, aspect in enumerate(ASPECTS)}
    return {
        "idempotency_key": str(uuid4()),
        "lead_time_s": "12.5",
        "evidence": json.dumps(EVIDENCE),
        **scores,
    }


def drive(address: str, posts: Posts, clients: int, seconds: float) -> list[float]:
    """Send for some seconds from so many clients at once; the time of each request."""
    end = time.perf_counter() + seconds
    times: list[list[float]] = [[] for _ in range(clients)]
    failures: list[BaseException] = []

    def one(client: int) -> None:
        try:
            connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
            for post in posts(client):
                start = time.perf_counter()
                connection.request("POST", post.path, post.body, post.headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status != post.expected:
                    raise RuntimeError(f"{address}{post.path} answered {answer.status}")
                times[client].append(time.perf_counter() - start)
                if time.perf_counter() > end:
                    return
        except BaseException as failure:  # a thread's failure must stop the run
            failures.append(failure)

    threads = [threading.Thread(target=one, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [value for client_times in times for value in client_times]


def start_bare(installation: Installation, conn_max_age: int) -> str:
    """Serve the bare view from the same machine, with the same server options."""
    env = {
        **installation.env,
        "BARE_DATABASE": str(installation.folder / f"bare-{conn_max_age}.sqlite3"),
        "BARE_CONN_MAX_AGE": str(conn_max_age),
    }
    make = "from benchmarks.bare_django import create_tables; create_tables()"
    subprocess.run([sys.executable, "-c", make], cwd=ROOT, env=env, check=True)
    address = f"127.0.0.1:{free_port()}"
    words = [sys.executable, "-m", "gunicorn", "benchmarks.bare_django:application", *SERVER]
    installation.start(*words, "--bind", address, log="bare.log", env=env)
    wait_until(lambda: is_listening(address), f"the bare server at {address}")
    return f"http://{address}"


def is_listening(address: str) -> bool:
    """Whether something answers there at all."""
    try:
        http.client.HTTPConnection(address, timeout=1).connect()
    except OSError:
        return False
    return True


def measure(systems: dict[str, tuple[str, Posts]], seconds: float, turns: int) -> dict[str, object]:
    """Rates and waits of each system at each number of clients, turn by turn."""
    rates: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    for _ in range(turns):
        for clients in CLIENTS:
            for name, (address, posts) in systems.items():
                times = drive(address, posts, clients, seconds)
                key = f"{name}, {clients} client{'s' if clients > 1 else ''}"
                rates.setdefault(key, []).append(len(times) / seconds)
                waits.setdefault(key, []).extend(times)
    return {
        key: {
            "per_second": round(statistics.median(rates[key]), 1),
            "turns_per_second": [round(rate, 1) for rate in rates[key]],
            "p50_ms": round(1000 * statistics.median(waits[key]), 2),
            "p95_ms": round(1000 * sorted(waits[key])[int(0.95 * len(waits[key]))], 2),
            "requests": len(waits[key]),
        }
        for key in rates
    }


def main() -> None:
    """Start the servers, drive them in turn, and report the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end within a minute")
    parser.add_argument("--label-studio", type=Path, help="bin folder of a Label Studio 1.23.2")
    options = parser.parse_args()
    seconds, turns = (2.0, 3) if options.quick else (6.0, 5)
    clips = int(1500 * seconds * turns / 8) + 4000

    os.environ.pop("DATABASE_URL", None)  # SQLite on both sides
    with tempfile.TemporaryDirectory() as folder, Installation(Path(folder)) as ours:
        made = ours.shell(f"CLIPS = {clips}\n{SETUP}")
        raters = json.loads(made.rsplit("JSON", 1)[1])
        _, address = ours.start_server(workers=2, threads=4)
        systems: dict[str, tuple[str, Posts]] = {
            "Dubscore": (address, our_posts(raters)),
            "bare Django": (start_bare(ours, 0), bare_posts),
            "bare Django, connections kept": (start_bare(ours, 60), bare_posts),
        }
        if options.label_studio:
            peer = LabelStudio(ours, options.label_studio)
            systems["Label Studio 1.23.2"] = (peer.start(), peer.posts)
        figures = measure(systems, seconds, turns)
    report(
        "rating_post",
        {
            f"rate against {peer}, {word}": aim(
                figures[f"Dubscore, {word}"]["per_second"]
                / figures[f"{peer}, {word}"]["per_second"],
                0.333,
            )
            for peer in systems
            if peer != "Dubscore"
            for word in ("1 client", "8 clients")
        },
        seed=SEED,
        packages=("Django", "gunicorn"),
        figures=figures,
        database="SQLite, WAL, synchronous=NORMAL",
    )


if __name__ == "__main__":
    main()
