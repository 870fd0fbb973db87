"""An extraction whose worker is killed again and again ends as if nothing had happened."""

from __future__ import annotations

import random
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.dummy_parts import install
from tests.installation import wait_until

pytestmark = pytest.mark.slow

N_CLIPS, SHARD_CLIPS, KILLS, PROCESSES = 44, 4, 10, 2
# Clips need no files: the parts read their words alone.
CLIPS = """
from annotator.models import Clip, Corpus
corpus = Corpus.objects.create(name="films")
Clip.objects.bulk_create(Clip(corpus=corpus, public_id=f"clip{{n:03d}}", name=f"clip{{n:03d}}",
    original="none.mp4", rendition="none.mp4", sha256=f"{{n:064x}}", transcript=f"word {{n:03d}}",
    duration_s=1.0, width=64, height=48) for n in range({n}))
"""
STATE = """
from learner.models import Extraction, MetricScore
job = Extraction.objects.get()
print(job.state, MetricScore.objects.filter(value=8).count(), job.error_text)
"""


FORGET = """
from learner.models import Extraction, MetricScore
MetricScore.objects.all().delete()
Extraction.objects.all().delete()
"""


@pytest.fixture
def films(installation, tmp_path_factory):
    """Clips, and parts that write down whom they were asked about."""
    site = install(tmp_path_factory.mktemp("dummy") / "site")
    installation.env |= {
        "PYTHONPATH": str(site),
        "DUMMY_LOG": str(installation.folder / "log"),
        "DUBSCORE_SHARD_CLIPS": str(SHARD_CLIPS),
        "DUBSCORE_PROCESSES": str(PROCESSES),
        "DUBSCORE_STALE_SECONDS": "1",
        "DUBSCORE_MAX_ATTEMPTS": "50",
    }
    (installation.folder / "log").touch()
    installation.shell(CLIPS.format(n=N_CLIPS))
    return installation


def extract(films, *words):
    parts = ["--metrics", "dummy_letters", "--encoders", "dummy_codes"]
    return films.manage("extract", "--corpus", "films", *parts, *words)


def shards(films) -> dict[str, bytes]:
    folder = films.folder / "features" / "dummy_codes@1"
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def state_of(films) -> str:
    return films.shell(STATE)


def asked(films) -> list[str]:
    return (films.folder / "log").read_text().split("\n")[:-1]


def in_shards(found: dict[str, bytes]) -> set[str]:
    tables = [pq.read_table(pa.BufferReader(content)) for content in found.values()]
    return {f"word {clip[-3:]}" for table in tables for clip in table["clip"].to_pylist()}


def test_ten_kills_change_nothing_and_cost_only_what_was_in_flight(films):
    extract(films)
    assert state_of(films) == f"done {N_CLIPS}"
    undisturbed = sorted(shards(films).values())
    assert len(undisturbed) == N_CLIPS / SHARD_CLIPS and len(asked(films)) == N_CLIPS

    for path in (films.folder / "features" / "dummy_codes@1").iterdir():
        path.unlink()
    films.shell(FORGET)
    (films.folder / "log").write_text("")
    points = sorted(random.Random(7).sample(range(1, N_CLIPS), KILLS))
    extract(films, "--queue")
    for number, (before, point) in enumerate(pairwise([0, *points])):
        kept, n_asked = in_shards(shards(films)), len(asked(films))
        worker = films.start_worker(f"worker-{number}.log")
        enough = n_asked + point - before
        wait_until(lambda enough=enough: len(asked(films)) >= enough, f"kill {number}")
        films.kill(worker)
        assert not kept & set(asked(films)[n_asked:])
    films.start_worker("last.log")
    films.until("Extraction.objects.get().state == 'done'", "from learner.models import Extraction")
    assert state_of(films) == f"done {N_CLIPS}"
    assert sorted(shards(films).values()) == undisturbed
    in_flight = (PROCESSES + 1) * SHARD_CLIPS
    assert len(asked(films)) <= N_CLIPS + KILLS * in_flight
