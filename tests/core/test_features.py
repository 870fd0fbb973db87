"""The feature store: what was put in comes out, once, whatever happens in between."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import numpy as np
import pytest

from learner.features import Feature, FeatureStore, stores


@pytest.fixture(params=["folder", "bucket"])
def root(request, tmp_path):
    """Where stores may lie: on a disk, or where there are only objects."""
    if request.param == "folder":
        yield str(tmp_path / "features")
        return
    yield "memory://bucket/features"
    fsspec.filesystem("memory").rm("/bucket", recursive=True)


@pytest.fixture
def store(root, settings, tmp_path):
    settings.DUBSCORE_ARRAYS = tmp_path / "arrays"
    return FeatureStore("voice", "1", root)


def vector(*values):
    return np.array(values, dtype=np.float32)


def test_vectors_come_back_in_the_order_of_the_clips_as_a_mapped_array(store):
    store.add([Feature("a", "k", vector(1, 2)), Feature("b", "k", None, "no face")])
    store.add([Feature("c", "k", vector(5, 6))])
    read = store.read(["c", "x", "a", "b"], 2)
    assert isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, [[5, 6], [np.nan] * 2, [1, 2], [np.nan] * 2])
    assert store.errors() == {"b": "no face"}


def test_a_later_row_wins_and_what_is_missing_is_a_question(store):
    store.add([Feature("a", "old", vector(1, 2)), Feature("b", "k", vector(3, 4))])
    store.read(["a"], 2)
    store.add([Feature("a", "new", vector(9, 9))])
    assert store.missing({"a": "new", "b": "k", "c": "k"}) == ["c"]
    assert store.missing({"a": "newer", "b": "k"}) == ["a"]
    np.testing.assert_array_equal(store.read(["a"], 2), [[9, 9]])
    store.add([Feature("a", "worse", None, "the file was replaced by a silent one")])
    assert np.isnan(store.read(["a"], 2)).all()


COUNTED = """
import os
from pathlib import Path
from django.conf import settings
settings.configure(DUBSCORE_ARRAYS=Path("{folder}") / "arrays", USE_TZ=True)
import numpy as np
from learner.features import Feature, FeatureStore
count = lambda: len(os.listdir("/proc/self/task"))
store = FeatureStore("voice", "1", "{folder}/features")
before = count()
store.add([Feature("a", "k", np.ones(2, dtype=np.float32))])
store.known(), store.errors(), store.holding(), store.read(["a"], 2)
print(before, count())
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted on Linux")
def test_no_thread_is_started_that_could_abort_a_process_as_it_ends(tmp_path):
    code = COUNTED.format(folder=tmp_path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = done.stdout.split()
    assert before == after


def test_the_same_rows_make_the_same_bytes(store, root):
    rows = [Feature("a", "k", vector(0.1, 0.2)), Feature("b", "k", None, "no face")]
    other = FeatureStore("voice", "2", root)
    store.add(rows)
    other.add(rows)
    (mine,), (yours,) = store.shards(), other.shards()
    assert store.files.cat_file(mine) == other.files.cat_file(yours)


def test_nothing_unfinished_is_read(tmp_path, settings):
    settings.DUBSCORE_ARRAYS = tmp_path / "arrays"
    store = FeatureStore("voice", "1", tmp_path)
    store.add([Feature("a", "k", vector(1))])
    half = tmp_path / "voice@1" / "00000002-x.parquet.1.unfinished"
    half.write_bytes(b"PAR1 half a shard")
    assert store.known() == {"a": "k"}


def test_merging_keeps_what_counts_and_says_what_went(store):
    for number in range(5):
        store.add(
            [Feature("a", f"k{number}", vector(number)), Feature(f"b{number}", "k", vector(7))]
        )
    store.add([Feature("gone", "k", vector(3))])
    assert store.merge(keep={"a", *(f"b{n}" for n in range(5))}) == 4 + 1
    assert len(store.shards()) == 1
    assert store.known() == {"a": "k4", **{f"b{n}": "k" for n in range(5)}}
    np.testing.assert_array_equal(store.read(["a", "b3"], 1), [[4], [7]])
    assert store.merge(keep=set(store.known())) == 0
    store.add([Feature("a", "k5", vector(5))])
    assert store.known()["a"] == "k5"


def test_what_is_added_while_shards_are_merged_stays_and_wins(store, monkeypatch):
    store.add([Feature("a", "old", vector(1))])
    store.add([Feature("b", "k", vector(2))])
    write = FeatureStore._write

    def write_after_another(self, table, number):
        monkeypatch.setattr(FeatureStore, "_write", write)
        self.add([Feature("a", "new", vector(9))])
        return write(self, table, number)

    monkeypatch.setattr(FeatureStore, "_write", write_after_another)
    store.merge(keep={"a", "b"})
    assert store.known() == {"a": "new", "b": "k"}
    np.testing.assert_array_equal(store.read(["a", "b"], 1), [[9], [2]])


def test_two_writers_at_once_lose_nothing(store):
    def add(letter):
        for number in range(20):
            store.add([Feature(f"{letter}{number}", "k", vector(number))])

    threads = [threading.Thread(target=add, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.known()) == 40


def test_a_damaged_shard_is_named_with_its_cure(store):
    store.add([Feature("a", "k", vector(1))])
    (shard,) = store.shards()
    store.files.pipe_file(shard, b"no parquet")
    with pytest.raises(ValueError, match="cannot be read .* delete it, and extract again"):
        store.known()


def test_vectors_of_another_width_are_refused(store):
    store.add([Feature("a", "k", vector(1, 2, 3))])
    with pytest.raises(ValueError, match="not 2 wide"):
        store.read(["a"], 2)


def test_only_a_few_arrays_are_kept(store, tmp_path):
    store.add([Feature(name, "k", vector(1)) for name in "abcdefgh"])
    for name in "abcdefgh":
        store.read([name], 1)
    assert len(list((tmp_path / "arrays").rglob("*.npy"))) == 4


def test_stores_are_listed_and_deleted_whole(store, root):
    assert stores(root) == []
    store.add([Feature("a", "k", vector(1))])
    store.read(["a"], 1)
    FeatureStore("text", "e5-3", root).add([Feature("a", "k", None, "no text")])
    assert stores(root) == [("text", "e5-3"), ("voice", "1")]
    held = FeatureStore("text", "e5-3", root).holding()
    assert (held.shards, held.rows, held.vectors, held.reasons) == (1, 1, 0, 1)
    store.delete()
    assert stores(root) == [("text", "e5-3")]
    assert store.known() == {}
