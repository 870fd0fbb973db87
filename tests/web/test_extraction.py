"""What is computed of a corpus: asked for in the admin or on its page, stopped, asked again."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotator.models import Clip
from learner import actions
from learner.actions.extraction import inputs_key, order_of, run_extraction
from learner.compute import Answer, Done
from learner.features import Feature, FeatureStore
from learner.models import Extraction, MetricScore
from learner.registry import shelf
from learner.selectors import coverage, missing_metrics
from tests.web.test_learner_pages import live, researcher  # noqa: F401 (fixtures)

ADD = "admin:learner_extraction_add"
E5 = shelf("encoder").cards()["sentence_e5"]


@pytest.fixture
def client(live, researcher, signed_in):  # noqa: F811
    return signed_in(researcher)


@pytest.fixture
def scripted(monkeypatch):
    """An engine that says of every part what a test tells it to, and notes what it was asked."""
    asked: list = []

    class Scripted:
        says = Answer("metric", "", value=3.0)

        def run(self, orders, check):
            for order in orders:
                asked.append(order)
                check()
                yield Done(order.clip, [self.of(*part) for part in order.parts])

        def of(self, kind, name):
            card = shelf(kind).cards()[name]
            if kind == "encoder":
                return Answer(kind, name, vector=np.ones(card.width, dtype=np.float32))
            return Answer(kind, name, value=self.says.value, error=self.says.error)

    engine = Scripted()
    engine.asked = asked
    monkeypatch.setattr("learner.actions.extraction.engine_of", lambda *_: engine)
    return engine


def run(corpus, **how):
    extraction = actions.queue_extraction(corpus=corpus, **how)
    run_extraction(extraction.pk)
    extraction.refresh_from_db()
    assert extraction.state == "done", extraction.error_text
    return extraction


# The admin and the page


def test_an_extraction_is_queued_from_the_admin(client, live):  # noqa: F811
    form = client.get(reverse(ADD)).content.decode()
    assert "speech_quality" in form and "timesformer" not in form  # it is not set up
    answer = client.post(
        reverse(ADD),
        {"corpus": live.corpus.pk, "metrics": ["speech_quality"], "engine": "local"},
        follow=True,
    )
    assert "is queued" in answer.content.decode()
    config = Extraction.objects.get().config
    assert config == {"metrics": ["speech_quality"], "encoders": [], "engine": "local"}


def test_raters_cannot_queue_one(live, bob, signed_in):  # noqa: F811
    bob.is_staff = True
    bob.save()
    assert signed_in(bob).get(reverse(ADD)).status_code == 403


def test_an_extraction_is_stopped_from_the_page(client, live):  # noqa: F811
    actions.queue_extraction(corpus=live.corpus)
    page = client.get(reverse("learner:overview", args=[live.public_id])).content.decode()
    assert 'value="cancel"' in page
    client.post(reverse("learner:extract", args=[live.public_id]), {"how": "cancel"})
    assert Extraction.objects.get().state == "cancelled"


def test_the_page_says_which_parts_are_exploratory(client, live):  # noqa: F811
    page = client.get(reverse("learner:overview", args=[live.public_id])).content.decode()
    assert page.count(">exploratory<") == 2


# What is asked again


def test_what_is_there_is_asked_of_nobody_twice(live, scripted):  # noqa: F811
    run(live.corpus)
    first = len(scripted.asked)
    assert first == 4
    end = run(live.corpus)
    assert len(scripted.asked) == first and end.progress_text == "Nothing was missing"
    assert missing_metrics(live) == 0


def test_a_changed_file_or_text_recomputes_only_what_looks_at_it(live, scripted):  # noqa: F811
    run(live.corpus)
    clip = live.corpus.clips.first()
    clip.transcript = "other words"
    clip.save()
    scripted.asked.clear()
    run(live.corpus)
    (order,) = scripted.asked
    assert order.clip == clip.public_id
    assert "sentence_e5" in order.encoders and "speaker_ge2e" not in order.encoders
    assert "speech_quality" not in order.metrics


def test_reasons_stand_until_they_are_asked_again(client, live, scripted):  # noqa: F811
    scripted.says = Answer("metric", "", error="the clip is silent")
    end = run(live.corpus)
    assert "answers are reasons" in end.progress_text
    scripted.asked.clear()
    run(live.corpus)
    assert scripted.asked == []
    scripted.says = Answer("metric", "", value=2.5)
    page = client.get(reverse("learner:overview", args=[live.public_id])).content.decode()
    assert 'value="again"' in page
    client.post(reverse("learner:extract", args=[live.public_id]), {"how": "again"})
    run_extraction(Extraction.objects.latest("pk").pk)
    assert len(scripted.asked) == 4 and not any(order.encoders for order in scripted.asked)
    assert not MetricScore.objects.exclude(error="").exists()


def test_features_without_a_vector_are_asked_again_too(live, scripted):  # noqa: F811
    clips = list(live.corpus.clips.order_by("pk"))
    store = FeatureStore(E5.name, E5.version)
    store.add([Feature(one.public_id, inputs_key(E5, one), None, "no words") for one in clips])
    run(live.corpus, encoders=["sentence_e5"])
    assert scripted.asked == []
    run(live.corpus, encoders=["sentence_e5"], is_retry=True)
    assert len(scripted.asked) == 4 and store.errors() == {}


def test_a_fault_is_tried_again_by_the_next_pass(live, scripted):  # noqa: F811
    scripted.says = Answer("metric", "", error="the part failed: ZeroDivisionError")
    run(live.corpus, metrics=["speech_quality"])
    run(live.corpus, metrics=["speech_quality"])
    assert len(scripted.asked) == 8


def test_only_the_parts_that_are_named_are_computed(live, scripted):  # noqa: F811
    run(live.corpus, metrics=["speech_quality"])
    assert {order.metrics for order in scripted.asked} == {("speech_quality",)}
    assert {order.encoders for order in scripted.asked} == {()}


def test_an_unknown_part_or_engine_is_refused(live):  # noqa: F811
    with pytest.raises(ValidationError, match="no metric 'loudness'"):
        actions.queue_extraction(corpus=live.corpus, metrics=["loudness"])
    with pytest.raises(ValidationError, match="no engine 'spark'.*local, ray"):
        actions.queue_extraction(corpus=live.corpus, engine="spark")


def test_a_part_that_is_not_set_up_is_missed_by_nobody(live, scripted, settings, tmp_path):  # noqa: F811
    named = {row["card"].name for row in coverage(live)}
    assert "speech_quality" in named and "timesformer" not in named
    settings.DUBSCORE_WEIGHTS = tmp_path
    run(live.corpus)
    assert not any("timesformer" in order.encoders for order in scripted.asked)
    assert missing_metrics(live) == 0


def test_an_order_says_what_a_part_needs_to_know(make_clip):
    source = make_clip("source", transcript="Good morning.", source_language="en")
    dub = make_clip("dub", translation="नमस्ते।", source=source, target_language="hi")
    order = order_of(dub, ["log_f0_rmse"])
    assert (order.file.language, order.source.language) == ("hi", "en")
    assert order.file.translation == "नमस्ते।" and order.source.transcript == "Good morning."
    assert order.parts == [("metric", "log_f0_rmse")]


# The store's command


def features(*words: str) -> str:
    out = StringIO()
    call_command("features", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def filled(make_clip, settings, tmp_path):
    """A store with a current, a superseded, a forgotten clip's and an old version's rows."""
    settings.DUBSCORE_FEATURES = str(tmp_path / "features")
    clip = make_clip("clip")
    make_clip("other")
    one = np.ones(E5.width, dtype=np.float32)
    store = FeatureStore(E5.name, E5.version)
    store.add([Feature(clip.public_id, "old", one), Feature("deleted-clip", "k", one)])
    store.add([Feature(clip.public_id, "new", 2 * one)])
    FeatureStore(E5.name, "0").add([Feature(clip.public_id, "k", one)])
    return store, clip


def test_status_says_what_is_there_missing_and_stale(filled):
    lines = {line.split()[0]: line.split() for line in features("status").splitlines()}
    assert lines[f"sentence_e5@{E5.version}"][1:6] == ["2", "0", "1", "1", "2"]
    assert lines["sentence_e5@0"][-4:] == ["no", "longer", "in", "use"]
    assert lines["speaker_ge2e@1"][1:4] == ["0", "0", "2"]


def test_prune_drops_what_no_longer_counts_and_only_that(filled):
    store, clip = filled
    before = store.shards()
    assert "3 rows would go in all" in features("prune", "--dry-run")
    assert store.shards() == before
    assert "3 rows went in all" in features("prune")
    assert store.known() == {clip.public_id: "new"} and len(store.shards()) == 1
    assert store.read([clip.public_id], E5.width)[0, 0] == 2
    assert not FeatureStore(E5.name, "0").known()
    assert "0 rows went in all" in features("prune")
    assert Clip.objects.count() == 2


def test_parts_says_which_are_set_up():
    out = StringIO()
    call_command("parts", stdout=out)
    lines = out.getvalue().splitlines()
    assert [line for line in lines if line.startswith("set up") and " speaker_ge2e 1:" in line]
    assert [line for line in lines if line.startswith("not set up") and " timesformer 1:" in line]


def test_a_corpus_that_does_not_exist_is_named(db):
    with pytest.raises(CommandError, match="no corpus 'nothing'"):
        call_command("extract", "--corpus", "nothing")


# What is damaged


def test_a_damaged_shard_is_told_with_its_cure_and_without_a_trace(
    client,
    live,  # noqa: F811
    scripted,
):
    run(live.corpus, encoders=["sentence_e5"])
    store = FeatureStore("sentence_e5", E5.version)
    store.files.pipe_file(store.shards()[0], b"no parquet")
    extraction = actions.queue_extraction(corpus=live.corpus, encoders=["sentence_e5"])
    run_extraction(extraction.pk)
    extraction.refresh_from_db()
    assert extraction.state == "failed"
    assert "delete it, and extract again" in extraction.error_text
    assert "Traceback" not in extraction.error_text
    with pytest.raises(CommandError, match="delete it, and extract again"):
        call_command("features", "status")
    page = client.get(reverse("learner:overview", args=[live.public_id]))
    assert page.status_code == 200 and "delete it, and extract again" in page.content.decode()
    store.files.rm(store.shards()[0])
    assert run(live.corpus, encoders=["sentence_e5"]).state == "done"
