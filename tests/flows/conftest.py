"""A live campaign whose clips have every metric and feature, as tests wrote them."""

from __future__ import annotations

import numpy as np
import pytest

from annotator import actions as annotator
from learner.actions.extraction import inputs_key
from learner.actions.simulation import add_simulated_raters, rate_by_simulation
from learner.actions.training import ask_training, run_training
from learner.features import Feature, FeatureStore
from learner.models import MetricScore, TrainingRun
from learner.registry import shelf

CONDITIONS = ["clean", "noise", "wrong_voice", "flat_prosody"]


@pytest.fixture
def live(campaign, make_clip):
    """Twenty-four dubs of twelve sources, every metric and feature there, eight clips rated."""
    random = np.random.default_rng(5)
    clips = [
        make_clip(f"dub-{n:02d}", condition=CONDITIONS[n % 4], content_id=f"c{n % 12}")
        for n in range(24)
    ]
    MetricScore.objects.bulk_create(
        MetricScore(
            clip=clip,
            metric=card.name,
            version=card.version,
            inputs_key=inputs_key(card, clip),
            value=float(random.normal() + (number % 4 == 0)),
        )
        for number, clip in enumerate(clips)
        for card in shelf("metric").cards().values()
    )
    for card in shelf("encoder").cards().values():  # a shard each, not one a clip
        vectors = random.normal(size=(24, card.width)).astype("float32")
        features = [
            Feature(clip.public_id, inputs_key(card, clip), vector)
            for clip, vector in zip(clips, vectors, strict=True)
        ]
        FeatureStore(card.name, card.version).add(features)
    campaign.first_wave_clips = 10
    campaign.save()
    live = annotator.set_campaign_state(campaign=campaign, state="live")
    add_simulated_raters(campaign=live, wanted=3)
    rate_by_simulation(campaign=live, wave=live.waves.get())
    return live


@pytest.fixture
def model(live):
    """A small network, trained on the live campaign's labels and put to use."""
    run = ask_training(campaign=live)
    small = {"epochs_ws": 1, "epochs_ft": 1, "width": 16, "layers": 1, "folds": 2}
    TrainingRun.objects.filter(pk=run.pk).update(config=small)
    run_training(run.pk)
    run.refresh_from_db()
    assert run.state == "done", run.error_text
    return run.fusion_model
