"""Orders over many clips: every engine gives every clip its answers, whatever dies on the way."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch

from learner.compute import Order, Source, engine_of
from learner.compute.local import LocalEngine
from learner.registry import shelf
from tests.clips import write_clip
from tests.dummy_parts import install
from tests.parts import weights_or_skip


@pytest.fixture
def dummy(tmp_path, monkeypatch):
    """The package, installed for this test and the processes it starts."""
    folder = install(tmp_path / "site")
    monkeypatch.syspath_prepend(folder)
    shelves = [shelf("metric"), shelf("encoder")]
    before = [dict(one.parts) for one in shelves]
    for one in shelves:
        one.discover()
    yield folder
    for one, parts in zip(shelves, before, strict=True):
        one._parts = parts


def orders(*texts: str) -> list[Order]:
    return [
        Order(f"clip{n}", Source("none.mp4", text), None, ("dummy_letters",), ("dummy_codes",))
        for n, text in enumerate(texts)
    ]


def by_clip(answered):
    return {done.clip: {a.name: a for a in done.answers} for done in answered}


@pytest.fixture(scope="module")
def ray_cluster():
    """A cluster of this machine, which ends with this file."""
    import ray

    yield
    ray.shutdown()


@pytest.mark.parametrize("processes", [1, 2])
def test_every_clip_gets_every_answer(dummy, tmp_path, processes):
    engine = LocalEngine(tmp_path, processes)
    done = by_clip(engine.run(orders(*[f"words {n:02d}" for n in range(20)])))
    assert len(done) == 20
    assert {answers["dummy_letters"].value for answers in done.values()} == {8.0}
    np.testing.assert_array_equal(done["clip12"]["dummy_codes"].vector, [ord(c) for c in " 12"])


@pytest.mark.parametrize("processes", [1, 2])
def test_a_part_that_fails_or_has_no_answer_keeps_no_other_from_answering(
    dummy, tmp_path, processes
):
    engine = LocalEngine(tmp_path, processes)
    texts = ["fail", "nothing", "nan", *["words"] * 9]
    done = by_clip(engine.run(orders(*texts)))
    assert len(done) == 12
    failed = done["clip0"]["dummy_letters"]
    assert failed.error.startswith("the part failed") and "own words" in failed.error
    assert not failed.is_final
    said = done["clip1"]["dummy_letters"]
    assert said.error == "the clip has nothing to say" and said.is_final
    assert "gave nan, which is no number" in done["clip2"]["dummy_letters"].error
    assert all(answers["dummy_codes"].vector is not None for answers in done.values())


def test_a_vector_that_is_not_as_wide_as_its_card_says_is_a_fault(dummy, tmp_path):
    done = by_clip(LocalEngine(tmp_path, 1).run(orders("words", "ab")))
    assert done["clip0"]["dummy_codes"].is_final
    fault = done["clip1"]["dummy_codes"]
    assert not fault.is_final and "shape (2,); its card says (3,)" in fault.error


def test_one_process_computes_in_one_thread_and_gives_the_others_back(dummy, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        done = by_clip(LocalEngine(tmp_path, 1).run(orders("threads", "threads")))
        assert {answers["dummy_letters"].error for answers in done.values()} == {"threads: 1"}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_clip_at_which_processes_die_gets_that_as_its_reason(dummy, tmp_path):
    texts = ["words"] * 20
    texts[3] = texts[11] = "die"
    done = by_clip(LocalEngine(tmp_path, 2).run(orders(*texts)))
    assert len(done) == 20
    for name, answers in done.items():
        answer = answers["dummy_letters"]
        if name in {"clip3", "clip11"}:
            assert "died twice" in answer.error and "-9" in answer.error
            assert not answer.is_final
        else:
            assert answer.value == 5.0


def test_a_process_that_dies_once_costs_nothing(dummy, tmp_path):
    texts = ["wait"] * 18
    texts[5] = f"once {tmp_path / 'died'}"
    done = by_clip(LocalEngine(tmp_path, 2).run(orders(*texts)))
    assert (tmp_path / "died").exists()
    assert all(not answers["dummy_letters"].error for answers in done.values())
    assert len(done) == 18


@pytest.mark.parametrize("processes", [1, 2])
def test_weights_that_are_missing_stop_everything_with_their_own_words(dummy, tmp_path, processes):
    engine = LocalEngine(tmp_path / "nowhere", processes)
    with pytest.raises(FileNotFoundError, match="nowhere is not there"):
        list(engine.run(orders(*["words"] * 12)))


def test_closing_the_answers_ends_the_processes(dummy, tmp_path):
    engine = LocalEngine(tmp_path, 2)
    answered = engine.run(orders(*["wait"] * 400))
    next(answered)
    started = time.monotonic()
    answered.close()
    assert time.monotonic() - started < 8
    assert _children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_a_check_that_raises_stops_the_work(dummy, tmp_path, processes):
    asked = []

    def check():
        asked.append(1)
        if len(asked) > 3:
            raise KeyboardInterrupt("enough")

    with pytest.raises(KeyboardInterrupt, match="enough"):
        list(LocalEngine(tmp_path, processes).run(orders(*["wait"] * 100), check))
    assert _children() == []


def _children() -> list[int]:
    """Processes that this one started with spawn and that still live."""
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        for pid in task.read_text().split():
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"spawn_main" in command:
                found.append(int(pid))
    return found


@pytest.mark.slow
def test_real_parts_give_the_same_in_every_engine(tmp_path_factory, ray_cluster):
    weights = weights_or_skip()
    folder = tmp_path_factory.mktemp("films")
    clips = [write_clip(folder / f"{n}.mp4", seconds=1.6, tone_hz=200 + 20 * n) for n in range(10)]
    wanted = [
        Order(
            f"clip{n}",
            Source(str(path), f"word {n}", f"शब्द {n}"),
            None,
            ("speech_quality", "semantic_alignment", "speaker_similarity"),
            ("speaker_ge2e", "sentence_e5", "frame_efficientnet"),
        )
        for n, path in enumerate(clips)
    ]
    runs = [
        by_clip(engine_of(name, weights, workers).run(wanted))
        for name, workers in (("local", 1), ("local", 2), ("ray", 2))
    ]
    assert [len(run) for run in runs] == [10, 10, 10]
    for clip, answers in runs[0].items():
        for run in runs[1:]:
            for name, answer in answers.items():
                other = run[clip][name]
                assert other.error == answer.error
                if answer.vector is not None:
                    np.testing.assert_allclose(other.vector, answer.vector, atol=1e-5)
                elif answer.value is not None:
                    assert other.value == pytest.approx(answer.value, abs=1e-5)


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_in_the_middle_still_answers_every_order(
    tmp_path_factory, monkeypatch
):
    import ray
    from ray.cluster_utils import Cluster

    weights = weights_or_skip()
    folder = tmp_path_factory.mktemp("films")
    clip = write_clip(folder / "one.mp4", seconds=2.0)
    wanted = [
        Order(f"clip{n}", Source(str(clip), f"word {n}"), None, (), ("speaker_ge2e", "sentence_e5"))
        for n in range(60)
    ]
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    try:
        answered = engine_of("ray", weights, 2).run(wanted)
        done = [next(answered) for _ in range(5)]
        cluster.remove_node(second, allow_graceful=False)
        done += list(answered)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert sorted(one.clip for one in done) == sorted(order.clip for order in wanted)
    assert not any(answer.error for one in done for answer in one.answers)
