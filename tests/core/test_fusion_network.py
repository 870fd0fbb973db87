"""The network's own rules, whatever it is trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from learner.fusion.checkpoints import load_member, save_member
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.network import FusionNetwork
from learner.fusion.training import loss_of

SPECS = (
    EncoderSpec("voice", "1", "audio", 12),
    EncoderSpec("tone", "1", "audio", 8),
    EncoderSpec("words", "1", "text", 10),
)
CONFIG = FusionConfig(SPECS, width=16, layers=2, heads=4)


def batch(n=6, seed=0):
    torch.manual_seed(seed)
    return {spec.name: torch.randn(n, spec.width) for spec in SPECS}


@pytest.fixture
def network():
    torch.manual_seed(1)
    return FusionNetwork(CONFIG).eval()


def test_gates_sum_to_one_and_a_lone_encoder_has_all_of_its_modality(network):
    output = network(batch())
    assert torch.allclose(output.gates_BS.sum(dim=1), torch.ones(6))
    assert torch.allclose(output.inner_gates["audio"].sum(dim=1), torch.ones(6))
    assert torch.equal(output.inner_gates["text"], torch.ones(6, 1))


def test_what_is_absent_weighs_nothing(network):
    features = batch()
    features["words"][0] = float("nan")
    features["tone"][1] = float("nan")
    output = network(features)
    assert output.gates_BS[0, 1] == 0 and output.gates_BS[0, 0] == 1
    assert output.inner_gates["audio"][1, 1] == 0
    assert torch.isfinite(output.mean_B).all()


def test_an_absent_modality_could_have_been_anything(network):
    features = batch()
    features["words"][0] = float("nan")
    before = network(features).mean_B[0]
    features["words"][1:] += 5
    assert network(features).mean_B[0] == before


def test_a_clip_with_nothing_at_all_still_gets_a_finite_score(network):
    features = {name: torch.full_like(x, float("nan")) for name, x in batch().items()}
    output = network(features)
    assert torch.isfinite(output.mean_B).all()
    assert torch.equal(output.gates_BS, torch.zeros(6, 2))


@pytest.mark.parametrize("stage", ["ws", "ft"])
def test_a_gradient_reaches_every_trained_parameter_and_no_frozen_one(network, stage):
    network.train()
    network.train_stage(stage)
    with torch.no_grad():
        for adapter in network.adapters.values():
            adapter.up.weight.normal_()  # at 0 the way to `down` would be closed
    loss_of(network(batch()), torch.rand(6), torch.ones(6), 0.5).backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        is_lone_gate = name.startswith("inner.text")  # its gate is 1 whatever it says
        assert reached == (parameter.requires_grad and not is_lone_gate), name


def test_the_low_rank_term_starts_at_nothing(network):
    assert not any(adapter.up.weight.any() for adapter in network.adapters.values())


def test_the_same_clip_gets_the_same_score(network):
    assert torch.equal(network(batch()).mean_B, network(batch()).mean_B)


def test_it_can_learn_a_handful_of_clips_by_heart():
    torch.manual_seed(2)
    config = FusionConfig(SPECS, width=32, layers=2, dropout=0.0)
    network, features, target = FusionNetwork(config), batch(8), torch.rand(8)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(300):
        loss = ((network(features).mean_B - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 1e-3


def test_a_network_comes_back_from_disk_as_it_was(network, tmp_path):
    save_member(network, tmp_path / "member.safetensors")
    again = load_member(tmp_path / "member.safetensors")
    assert again.config == CONFIG
    assert torch.equal(again(batch()).mean_B, network(batch()).mean_B)


def test_vectors_of_another_width_are_refused_by_name(network):
    with pytest.raises(ValueError, match="'words' are 9 wide; this network takes 10"):
        network({**batch(), "words": torch.zeros(6, 9)})
    with pytest.raises(ValueError, match="no vectors of encoder 'words'"):
        network({name: x for name, x in batch().items() if name != "words"})


def test_configurations_that_make_no_sense_are_refused():
    for wrong in ({"encoders": ()}, {"width": 30}, {"folds": 1}):
        with pytest.raises(ValueError):
            FusionConfig(**{"encoders": SPECS, **wrong})


def test_standardising_takes_the_clips_own_scale(network):
    features = {name: 100 + 7 * x for name, x in batch(50).items()}
    network.standardise(features)
    shift = network.adapters["voice"].shift.numpy()
    assert np.allclose(shift, features["voice"].mean(dim=0).numpy(), rtol=1e-4)
