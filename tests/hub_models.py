"""Small random models of the transformers library, saved as their users save theirs."""

from __future__ import annotations

import json

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    MPNetConfig,
    MPNetModel,
    PreTrainedTokenizerFast,
    TimesformerConfig,
    TimesformerForVideoClassification,
    ViTConfig,
    ViTForImageClassification,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
)

D = 768
TINY = {"hidden_size": D, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 8}
WORDS = ["[UNK]", "[PAD]", "good", "morning", "night", "नमस्ते"]


def save_wav2vec2(folder, **changes):
    sizes = {"conv_dim": (8,) * 7, "num_conv_pos_embeddings": 8, "vocab_size": 9, **TINY, **changes}
    Wav2Vec2ForCTC(Wav2Vec2Config(**sizes)).save_pretrained(folder)


def save_timesformer(folder, **changes):
    sizes = {"image_size": 32, "patch_size": 16, "num_frames": 4, **TINY, **changes}
    TimesformerForVideoClassification(TimesformerConfig(**sizes)).save_pretrained(folder)
    colours = {"image_mean": [0.45] * 3, "image_std": [0.225] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(colours))


def save_face_vit(folder, **changes):
    sizes = {"image_size": 32, "patch_size": 16, **TINY, **changes}
    ViTForImageClassification(ViTConfig(**sizes)).save_pretrained(folder)


def save_sentence_bert(folder, **changes):
    sizes = {"vocab_size": len(WORDS), "max_position_embeddings": 40, **TINY, **changes}
    MPNetModel(MPNetConfig(**sizes)).save_pretrained(folder)
    tokens = Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(folder)


SAVE = {
    "timesformer": save_timesformer,
    "face_vit": save_face_vit,
    "wav2vec2": save_wav2vec2,
    "sentence_bert": save_sentence_bert,
}


def save_all(weights):
    """Each in its folder below `hub/`."""
    for part, save in SAVE.items():
        save(weights / "hub" / part)
