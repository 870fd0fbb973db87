"""The network of UTMOS's strong learner, so that its weights can be used without its code.

Wav2Vec 2.0 is that of transformers; a recurrent network and two layers read a score off each of its
frames, told which listening test and which listener they are to answer for.

Shape letters: B sounds, N samples, T frames of 20 ms, D width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

STRIDES = (5, 2, 2, 2, 2, 2, 2)  # as published: no tensor tells them
HEAD = 64  # numbers of a head of attention, in every published size
# The rows that its authors ask for: their main listening test, and the mean of its listeners.
TEST, LISTENER = 0, 288
MIDDLE, HALF_SPAN = 3.0, 2.0  # it was trained on scores from 1 to 5, moved to -1 to 1

# From the names of its authors' program to shorter ones, which another publisher uses.
_SHORTER = (
    (r"feature_extractors\.0\.ssl_model\.", "wav2vec2."),
    (r"output_layers\.0\.decoder_rnn\.", "blstm."),
    (r"output_layers\.1\.net\.0\.", "projection.0."),
    (r"output_layers\.1\.net\.3\.", "projection.2."),
)
_PLACE = "encoder.pos_conv_embed.conv"
# From fairseq's names to those of transformers.
_TRANSFORMERS = (
    (r"(feature_extractor\.conv_layers\.\d+)\.0\.", r"\1.conv."),
    (r"(feature_extractor\.conv_layers\.\d+)\.2\.", r"\1.layer_norm."),
    (r"post_extract_proj\.", "feature_projection.projection."),
    (r"layer_norm\.", "feature_projection.layer_norm."),
    (r"encoder\.pos_conv\.0\.weight_g$", f"{_PLACE}.parametrizations.weight.original0"),
    (r"encoder\.pos_conv\.0\.weight_v$", f"{_PLACE}.parametrizations.weight.original1"),
    (r"encoder\.pos_conv\.0\.bias$", f"{_PLACE}.bias"),
    (r"(encoder\.layers\.\d+)\.self_attn\.", r"\1.attention."),
    (r"(encoder\.layers\.\d+)\.self_attn_layer_norm\.", r"\1.layer_norm."),
    (r"(encoder\.layers\.\d+)\.fc1\.", r"\1.feed_forward.intermediate_dense."),
    (r"(encoder\.layers\.\d+)\.fc2\.", r"\1.feed_forward.output_dense."),
)


class Utmos(nn.Module):
    """Naturalness of each frame of speech; sizes are read from the checkpoint.

    Source: Saeki et al. (2022), UTMOS: UTokyo-SaruLab system for VoiceMOS Challenge 2022, the
    strong learner without phonemes; Baevski et al. (2020), wav2vec 2.0.

    Args:
        tensors: Of a published checkpoint, by its authors' names or by the shorter ones.

    Raises:
        KeyError, RuntimeError, ValueError: they are those of something else.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        named = _with_short_names(tensors)
        inner = {
            name.removeprefix("wav2vec2."): one
            for name, one in named.items()
            if name.startswith("wav2vec2.")
        }
        hidden, heard = named["blstm.weight_hh_l0"].shape[1], named["blstm.weight_ih_l0"].shape[1]
        between, self.width = len(named["projection.0.bias"]), len(named["projection.2.bias"])
        with torch.device("meta"):  # nothing is made that the checkpoint overwrites
            self.wav2vec2 = Wav2Vec2Model(_sizes(inner))
            self.blstm = nn.LSTM(heard, hidden, batch_first=True, bidirectional=True)
            self.projection = nn.Sequential(
                nn.Linear(2 * hidden, between), nn.ReLU(), nn.Linear(between, self.width)
            )
        self.domain_emb = nn.Parameter(torch.empty_like(named["domain_emb"]))
        self.judge_emb = nn.Parameter(torch.empty_like(named["judge_emb"]))
        about = self.wav2vec2.config.hidden_size
        about += named["domain_emb"].shape[1] + named["judge_emb"].shape[1]
        if heard != about:
            raise ValueError(f"its recurrent network hears {heard} numbers, not {about}")
        self.load_state_dict(_as_here(named), assign=True)

    def forward(self, speech_BN: Tensor) -> Tensor:
        """Scores about 1 to 5 of frames of 20 ms, shape (B, T).

        Args:
            speech_BN: Mono at 16 kHz, at its own loudness.
        """
        frames_BTD = self.wav2vec2(speech_BN).last_hidden_state
        asked = torch.cat([self.domain_emb, self.judge_emb], dim=1)
        asked_BTD = asked.expand(*frames_BTD.shape[:2], -1)
        heard_BTD, _ = self.blstm(torch.cat([frames_BTD, asked_BTD], dim=2))
        scores_BT: Tensor = self.projection(heard_BTD)[..., 0]
        return MIDDLE + HALF_SPAN * scores_BT


def _with_short_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same by the shorter names, in single precision; of tests and listeners one row each."""
    named = {_renamed(name, _SHORTER): one.float() for name, one in tensors.items()}
    named.pop("wav2vec2.mask_emb", None)  # for training only; some have left it out
    for short, long, row in (
        ("domain_emb", "feature_extractors.1.embedding.weight", TEST),
        ("judge_emb", "output_layers.0.judge_embedding.weight", LISTENER),
    ):
        if long in named:
            table = named.pop(long)
            if len(table) <= row:
                raise ValueError(f"{long} has {len(table)} rows; row {row} is needed")
            named[short] = table[row : row + 1]
    return named


def _as_here(named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of the modules here."""
    inside = "wav2vec2."
    return {
        inside + _renamed(name.removeprefix(inside), _TRANSFORMERS)
        if name.startswith(inside)
        else name: one
        for name, one in named.items()
    }


def _renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """The name by the first rule that fits its beginning."""
    for old, new in rules:
        changed, n_times = re.subn(rf"\A{old}", new, name)
        if n_times:
            return changed
    return name


def _sizes(inner: Mapping[str, Tensor]) -> Wav2Vec2Config:
    """What can be read off the shapes of a Wav2Vec 2.0 of fairseq."""
    convolutions = [
        inner[f"feature_extractor.conv_layers.{number}.0.weight"].shape
        for number in range(len(STRIDES))
    ]
    width, per_group, reach = inner["encoder.pos_conv.0.weight_v"].shape
    return Wav2Vec2Config(
        hidden_size=width,
        num_hidden_layers=sum(name.endswith(".fc1.weight") for name in inner),
        num_attention_heads=max(1, width // HEAD),
        intermediate_size=len(inner["encoder.layers.0.fc1.bias"]),
        conv_dim=[shape[0] for shape in convolutions],
        conv_kernel=[shape[2] for shape in convolutions],
        conv_stride=list(STRIDES),
        num_conv_pos_embeddings=reach,
        num_conv_pos_embedding_groups=width // per_group,
        mask_time_prob=0.0,  # nothing is masked here, so no vector for it is made
    )
