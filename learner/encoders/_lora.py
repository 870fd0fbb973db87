"""Low-rank adapters in the encoders themselves, to be trained where a GPU is at hand.

The default is features computed once and adapters in the fusion network; this is for those who
want the gradient to reach the encoders.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from learner.weights import WeightsError

ADAPTER = "adapter"  # in the folder of a model: its adapters, if it is to be used with them
MADE_ON = "made_on.json"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors", MADE_ON)
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


def save_lora(network: Any, folder: Path, made_on: str) -> None:
    """Keep the adapters alone, as peft does, and what they were trained on.

    Args:
        network: As `attach_lora` gives it.
        folder: Made where it is not there; becomes `adapter` in the folder of a model to be used.
        made_on: The fingerprint of that model.
    """
    network.save_pretrained(folder, save_embedding_layers=False)
    (folder / MADE_ON).write_text(json.dumps({"fingerprint": made_on}), encoding="utf-8")


def load_lora(network: Any, folder: Path) -> Any:
    """The network with adapters that were trained and saved before.

    Args:
        network: The same model that they were trained on.
        folder: Where `save_pretrained` put them.
    """
    from peft import PeftModel

    return PeftModel.from_pretrained(network, folder)


def merged_lora(network: Any, folder: Path, fingerprint: str) -> Any:
    """The network with such adapters added into its weights: it costs no more than without.

    Args:
        network: A model of transformers.
        folder: Where `save_lora` put them.
        fingerprint: Of that model.

    Raises:
        WeightsError: they cannot be read, or were trained on another model.
    """
    from safetensors import SafetensorError

    try:
        said = json.loads((folder / MADE_ON).read_text(encoding="utf-8"))
        if said["fingerprint"] != fingerprint:
            raise WeightsError(
                f"{folder} was trained on {said['fingerprint']}, which is not the model beside it "
                f"({fingerprint}): take it away, or bring that model back."
            )
        return load_lora(network, folder).merge_and_unload()
    except WeightsError:
        raise
    except (OSError, ValueError, TypeError, LookupError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{folder} cannot be read as adapters: {error}") from error
