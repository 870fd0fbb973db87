"""A live campaign whose clips have every metric and feature, as tests wrote them."""

from __future__ import annotations

import numpy as np
import pytest

from annotator import actions as annotator
from learner.actions.extraction import inputs_key
from learner.actions.simulation import add_simulated_raters, rate_by_simulation
from learner.features import Feature, FeatureStore
from learner.models import MetricScore
from learner.registry import shelf

CONDITIONS = ["clean", "noise", "wrong_voice", "flat_prosody"]


@pytest.fixture
def live(campaign, make_clip):
    """Twenty-four dubs of twelve sources, every metric and feature there, eight clips rated."""
    random = np.random.default_rng(5)
    for number in range(24):
        clip = make_clip(
            f"dub-{number:02d}", condition=CONDITIONS[number % 4], content_id=f"c{number % 12}"
        )
        for card in shelf("metric").cards().values():
            MetricScore.objects.create(
                clip=clip,
                metric=card.name,
                version=card.version,
                inputs_key=inputs_key(card, clip),
                value=float(random.normal() + (number % 4 == 0)),
            )
        for card in shelf("encoder").cards().values():
            vector = random.normal(size=card.width).astype("float32")
            store = FeatureStore(card.name, card.version)
            store.add([Feature(clip.public_id, inputs_key(card, clip), vector)])
    campaign.first_wave_clips = 10
    campaign.save()
    live = annotator.set_campaign_state(campaign=campaign, state="live")
    add_simulated_raters(campaign=live, wanted=3)
    rate_by_simulation(campaign=live, wave=live.waves.get())
    return live
