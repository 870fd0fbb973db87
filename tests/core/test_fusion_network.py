"""The network's own rules, whatever it is trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from learner.fusion.attention import Layer
from learner.fusion.checkpoints import load_member, save_member
from learner.fusion.config import EncoderSpec, FusionConfig
from learner.fusion.dropout import MaskSupply
from learner.fusion.losses import concordance, loss_of
from learner.fusion.network import FusionNetwork, Output

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
    loss_of(network(batch()), torch.rand(6), torch.ones(6), CONFIG).backward()
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
    with pytest.raises(ValueError, match="no vectors of any encoder of this network"):
        network({"other": torch.zeros(6, 9)})


def test_an_encoder_that_is_left_out_is_as_one_without_an_answer(network):
    features = batch()
    without = network({name: x for name, x in features.items() if name != "words"})
    features["words"] = torch.full((6, 10), float("nan"))
    assert torch.equal(without.mean_B, network(features).mean_B)
    assert torch.equal(without.gates_BS[:, 1], torch.zeros(6))


def test_a_lone_gate_says_so(network):
    assert network.lone == ("text",)
    assert "text (its gate is 1)" in repr(network)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"encoders": ()}, "at least one encoder"),
        ({"encoders": SPECS[:1] * 2}, "stands twice"),
        ({"width": 30}, "multiple of 4 heads"),
        ({"folds": 1}, "folds must be 2 or more"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1"),
        ({"loss": "hinge"}, "loss 'hinge': give one of mse_ccc"),
        ({"precision": "half"}, "precision 'half'"),
        ({"rate_ws": 0.0}, "learning rates"),
    ],
)
def test_configurations_that_make_no_sense_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        FusionConfig(**{"encoders": SPECS, **wrong})


def test_a_configuration_comes_back_from_json_and_unknown_settings_are_named():
    assert FusionConfig.from_json(CONFIG.to_json()) == CONFIG
    with pytest.raises(ValueError, match="unknown settings of a network: colour"):
        FusionConfig.from_json(CONFIG.to_json()[:-1] + ', "colour": "red"}')


def test_the_paper_s_numbers_are_a_preset():
    paper = CONFIG.as_paper()
    assert (paper.width, paper.epochs_ws, paper.epochs_ft) == (256, 50, 50)
    assert (paper.rate_ws, paper.batch, paper.dropout, paper.rank) == (1e-4, 64, 0.2, 16)


def test_a_checkpoint_of_other_encoders_is_refused_with_the_difference(network, tmp_path):
    save_member(network, tmp_path / "member.safetensors")
    wider = (EncoderSpec("voice", "2", "audio", 13), *SPECS[1:])
    with pytest.raises(ValueError, match="'voice' at version 1, 12 wide, not 2, 13 wide: retrain"):
        load_member(tmp_path / "member.safetensors", FusionConfig(wider, width=16, layers=2))
    with pytest.raises(ValueError, match="'words', which is not wanted"):
        load_member(tmp_path / "member.safetensors", CONFIG.only(("audio",)))


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    path = tmp_path / "member.safetensors"
    path.write_bytes(b"not at all")
    with pytest.raises(ValueError, match="cannot be read as safetensors"):
        load_member(path)


def test_dropout_loses_its_share_keeps_the_mean_and_can_be_repeated():
    supply, ones = MaskSupply(0.2), torch.ones(20_003)
    torch.manual_seed(0)
    dropped = [supply.drop(ones) for _ in range(100)]
    every = torch.stack(dropped)
    assert float((every == 0).float().mean()) == pytest.approx(0.2, abs=0.005)
    assert float(every.mean()) == pytest.approx(1.0, abs=0.01)
    assert not torch.equal(dropped[0], dropped[1])
    supply.forget()
    torch.manual_seed(0)
    assert torch.equal(supply.drop(ones), dropped[0])
    assert MaskSupply(0.0).drop(ones) is ones
    assert MaskSupply(0.001).drop(ones) is ones  # rounds to none
    assert float((MaskSupply(0.9999).drop(ones) > 0).float().mean()) < 0.01


def test_a_layer_is_that_of_torch_in_numbers():
    torch.manual_seed(3)
    ours, x = Layer(16, 4, 2, MaskSupply(0.0)).eval(), torch.randn(5, 3, 16)
    theirs = torch.nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, norm_first=True)
    theirs.eval()
    with torch.no_grad():
        attention = theirs.self_attn
        attention.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        attention.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        for own, name in (
            (ours.out, "self_attn.out_proj"),
            (ours.inner, "linear1"),
            (ours.outer, "linear2"),
            (ours.before_attention, "norm1"),
            (ours.before_inner, "norm2"),
        ):
            theirs.get_submodule(name).load_state_dict(own.state_dict())
    is_absent = torch.tensor([[False, False, True]] * 5)
    absent = torch.zeros(5, 3).masked_fill(is_absent, float("-inf"))[:, None, None]
    expected = theirs(x, src_key_padding_mask=is_absent)
    assert torch.allclose(ours(x, absent)[:, :2], expected[:, :2], atol=1e-6)
    first = ours(x, absent, only_first=True)
    assert torch.allclose(first[:, 0], expected[:, 0], atol=1e-6)


def output_of(mean, log_var=0.0):
    mean_B = torch.tensor(mean, requires_grad=True)
    nothing = torch.zeros(len(mean), 1)
    return Output(mean_B, torch.full((len(mean),), log_var), nothing, {}, nothing)


@pytest.mark.parametrize("loss", ["mse_ccc", "mse", "nll", "pairwise"])
def test_every_loss_is_least_at_the_truth_and_blind_to_clips_that_weigh_nothing(loss):
    config = FusionConfig(SPECS, loss=loss)
    unit, weight = torch.tensor([0.2, 0.5, 0.9, 0.0]), torch.tensor([1.0, 2.0, 1.0, 0.0])
    right = loss_of(output_of([0.2, 0.5, 0.9, 0.7]), unit, weight, config)
    wrong = loss_of(output_of([0.3, 0.4, 0.9, 0.7]), unit, weight, config)
    other = loss_of(output_of([0.2, 0.5, 0.9, 0.1]), unit, weight, config)
    assert right < wrong
    assert torch.equal(right, other)


def test_concordance_is_that_of_its_formula():
    x, y = torch.tensor([0.1, 0.4, 0.3, 0.8]), torch.tensor([0.2, 0.3, 0.5, 0.9])
    a, b = x.numpy(), y.numpy()
    wanted = 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    assert float(concordance(x, y, torch.ones(4))) == pytest.approx(wanted, rel=1e-5)


def test_pairs_within_the_margin_cost_nothing_beyond_their_error():
    unit, weight = torch.tensor([0.2, 0.5]), torch.ones(2)
    both_high = output_of([0.3, 0.6])  # the difference is right
    plain = loss_of(both_high, unit, weight, FusionConfig(SPECS, loss="mse"))
    assert torch.equal(
        loss_of(both_high, unit, weight, FusionConfig(SPECS, loss="pairwise")), plain
    )


def test_standardising_takes_the_clips_own_scale(network):
    features = {name: 100 + 7 * x for name, x in batch(50).items()}
    network.standardise([features])
    shift = network.adapters["voice"].shift.numpy()
    assert np.allclose(shift, features["voice"].mean(dim=0).numpy(), rtol=1e-4)


def test_an_input_that_never_changed_tells_nothing_when_it_does(network):
    features = batch(50)
    features["voice"][:, 3] = 7.0
    network.standardise([features])
    before = network(features).mean_B
    features["voice"][:, 3] = 7.5
    assert torch.equal(network(features).mean_B, before)
    features["voice"][:, 4] = 1e9
    assert torch.isfinite(network(features).mean_B).all()


def test_blocks_give_the_scale_of_the_whole(network):
    features = batch(50)
    network.standardise([features])
    whole = network.adapters["voice"].scale.clone()
    network.standardise(
        [{k: x[:20] for k, x in features.items()}, {k: x[20:] for k, x in features.items()}]
    )
    assert torch.allclose(network.adapters["voice"].scale, whole)
