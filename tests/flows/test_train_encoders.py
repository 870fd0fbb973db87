"""`manage.py train_encoders`: from a campaign's clips to trained adapters, on small models."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest
import torch
from django.core.management import CommandError, call_command

from learner.features import FeatureStore
from learner.fusion.inside_files import load_inside
from learner.models import MetricScore
from learner.registry import shelf
from tests.clips import write_clip
from tests.hub_models import SAVE

pytestmark = pytest.mark.slow

WORDS = ("good morning", "good night", "morning night")
FEW = ("--folds", "2", "--epochs-ws", "1", "--epochs-ft", "1", "--rank", "2")


@pytest.fixture
def hub(tmp_path, settings):
    """Small models where the encoders look for theirs, and nothing else."""
    torch.manual_seed(0)
    settings.DUBSCORE_WEIGHTS = tmp_path / "weights"
    settings.DUBSCORE_MODELS = tmp_path / "models"
    for name in ("wav2vec2", "sentence_bert"):
        SAVE[name](settings.DUBSCORE_WEIGHTS / "hub" / name)
    return settings.DUBSCORE_WEIGHTS


@pytest.fixture
def seen(hub, live):
    """The live campaign; its clips can be heard, but for a damaged one and one that is gone."""
    for number, clip in enumerate(live.pool().order_by("name")):
        clip.transcript = WORDS[number % 3]
        clip.save()
        if number > 1:
            write_clip(Path(clip.original.path), seconds=0.3, tone_hz=200 + 20 * number)
    gone = live.pool().order_by("name")[1]
    gone.original.storage.delete(gone.original.name)
    return live


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ask(*options, encoders="wav2vec2,sentence_bert"):
    out = StringIO()
    call_command(
        *("train_encoders", "--campaign", "Spring", "--encoders", encoders), *options, stdout=out
    )
    return out.getvalue()


def test_encoders_are_trained_fold_by_fold_judged_and_not_trained_again(seen, hub, settings):
    said = ask("--cpu", *FEW)
    assert "1 clips without wav2vec2: the file is gone" in said
    assert said.count("is trained") == 2
    folder = settings.DUBSCORE_MODELS / f"encoders-{seen.public_id}"
    proxy, own = json.loads((folder / "evaluation.json").read_text())
    assert own["n"] == 10 and 0 <= own["mse"] <= 16
    assert proxy["n"] in (5, 10)  # in a fold without a rising line there is no proxy
    first = [json.loads((folder / f"fold-{n}" / "scores.json").read_text()) for n in (1, 2)]
    assert not set(first[0]) & set(first[1])
    names = {spec.name for spec in load_inside(folder / "fold-1", hub).fusion.config.encoders}
    assert names == {"wav2vec2", "sentence_bert", *shelf("encoder").set_up()}

    marks = [path.stat().st_mtime_ns for path in sorted(folder.glob("*/standing.safetensors"))]
    words, again = (re.sub(r"[-\d.]+", "#", text) for text in (said, ask("--cpu", *FEW)))
    assert again == words
    assert marks == [
        path.stat().st_mtime_ns for path in sorted(folder.glob("*/standing.safetensors"))
    ]
    with pytest.raises(CommandError, match="start anew in another folder"):
        ask("--cpu", *FEW, "--seed", "1")
    assert "fold-2 is trained" in ask("--cpu", *FEW, "--name", "other", "--fold", "2")
    assert not (settings.DUBSCORE_MODELS / "other" / "fold-1").exists()


def test_kept_vectors_of_encoders_inside_are_left_out(seen, hub):
    from learner.actions.inside import read_work
    from learner.fusion.inside import Recipe

    card = shelf("encoder").cards()["wav2vec2"]
    assert FeatureStore(card.name, card.version).known()
    recipe = Recipe(("wav2vec2",))
    work = read_work(campaign=seen, target="overall", recipe=recipe, changes={"folds": 2})
    assert "wav2vec2" not in work.features and "sentence_bert" in work.features
    assert work.version("wav2vec2") == f"{card.version}+inside"


@pytest.mark.parametrize(
    ("options", "encoders", "words"),
    [
        ((), "wav2vec2", r"There is no GPU here .* --cpu tries it"),
        (("--cpu",), "wav3vec", "there is no encoder 'wav3vec'"),
        (("--cpu",), "sentence_e5", "'sentence_e5' cannot be trained; those that can: face_vit"),
        (("--cpu",), "timesformer", "timesformer is not set up: run `manage.py fetch_weights"),
        (("--cpu",), " , ", "name at least one encoder"),
        (("--cpu", "--aspect", "smell"), "wav2vec2", "has no aspect 'smell'"),
        (("--cpu", "--folds", "1"), "wav2vec2", "folds must be 2 or more"),
        (("--cpu", "--rank", "0"), "wav2vec2", "rank must be above 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_the_cure(
    live, hub, monkeypatch, options, encoders, words
):
    monkeypatch.setenv("DUBSCORE_DEVICE", "cpu")
    with pytest.raises(CommandError, match=words):
        ask(*options, encoders=encoders)


def test_a_campaign_without_metrics_is_refused_with_the_cure(live, hub):
    MetricScore.objects.all().delete()
    with pytest.raises(CommandError, match="No metric has a value for any clip"):
        ask("--cpu", encoders="wav2vec2")
