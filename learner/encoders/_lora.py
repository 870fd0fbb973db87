"""Low-rank adapters in the encoders themselves, to be trained where a GPU is at hand.

The default is features computed once and adapters in the fusion network; this is for those who
want the gradient to reach the encoders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LORA_RANK = 16  # section 3.1
# Attention's projections of queries and values, or all three in one, by type of model.
TARGETS = {
    "timesformer": ["qkv"],
    "wav2vec2": ["q_proj", "v_proj"],
    "whisper": ["q_proj", "v_proj"],
    "vit": ["q_proj", "v_proj"],
    "mpnet": ["attn.q", "attn.v"],
    "bert": ["query", "value"],
    "xlm-roberta": ["query", "value"],
}


def attach_lora(network: Any, rank: int = LORA_RANK) -> Any:
    r"""The network with an adapter beside each of its attention's projections.

    .. math:: h = W x + (\alpha / r) B A x

    B starts at 0, so that nothing changes before it is trained; W is frozen.

    Source: Hu et al. (2022), LoRA; the paper's section 3.1 (rank 16).

    Args:
        network: A model of transformers, as a part's `network`.
        rank: Of A and B; alpha is twice that.

    Returns:
        peft's model around it: the same calls, `save_pretrained` saves the adapters alone.

    Raises:
        ValueError: the type of the model is not known here, or the rank is below 1.
    """
    from peft import LoraConfig, get_peft_model

    kind = network.config.model_type
    if kind not in TARGETS:
        raise ValueError(f"no adapters are known for {kind!r}; known are {', '.join(TARGETS)}")
    if rank < 1:
        raise ValueError(f"rank {rank}: give at least 1")
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=TARGETS[kind])
    return get_peft_model(network, config)


def load_lora(network: Any, folder: Path) -> Any:
    """The network with adapters that were trained and saved before.

    Args:
        network: The same model that they were trained on.
        folder: Where `save_pretrained` put them.
    """
    from peft import PeftModel

    return PeftModel.from_pretrained(network, folder)
