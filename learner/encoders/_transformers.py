"""The one door for models of the transformers library: a folder, wherever it came from.

A folder below `hub/` of the weights holds a model as `save_pretrained` writes it or as a snapshot
of the hub looks; nothing is fetched when it is loaded. Adapters that were trained for it lie in
`adapter` inside; with them it is another model, and has another fingerprint.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from learner.device import placed
from learner.encoders._checkpoint import HUB, fingerprint_of
from learner.encoders._lora import ADAPTER, ADAPTER_FILES, merged_lora
from learner.weights import WeightsError

CONFIG = "config.json"
TENSORS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")


def model_folder(weights: Path, part: str) -> Path | None:
    """The part's folder, if a model lies in it.

    >>> model_folder(Path("nowhere"), "wav2vec2") is None
    True
    """
    folder = weights / HUB / part
    has_tensors = any((folder / name).is_file() for name in TENSORS)
    return folder if has_tensors and (folder / CONFIG).is_file() else None


def needed_folder(weights: Path, part: str, hub_id: str) -> Path:
    """The same, or how to get it.

    Raises:
        WeightsError: there is none.
    """
    folder = model_folder(weights, part)
    if folder is None:
        raise WeightsError(
            f"{part} is not set up: run `manage.py fetch_weights --hub {part}` where the hub can "
            f"be reached, or put a model like {hub_id} into {weights / HUB / part}."
        )
    return folder


def folder_fingerprint(weights: Path, part: str) -> str:
    """Of everything in the part's folder, adapters too; empty where there is none."""
    folder = model_folder(weights, part)
    return "" if folder is None else fingerprint_of(*_files(folder), *_adapter_files(folder))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _adapter_files(folder: Path) -> list[Path]:
    paths = [folder / ADAPTER / name for name in ADAPTER_FILES]
    return [path for path in paths if path.is_file()]


def load_model(folder: Path, width: int, **settings: Any) -> Any:
    """The model of a folder, with adapters where it has any, in single precision, ready to use.

    Args:
        folder: As `model_folder` gives it.
        width: What its hidden states must be.
        settings: Changes of its config, such as layers that are not wanted.

    Raises:
        WeightsError: it cannot be read, holds only part of the weights, or is of another width.
    """
    import torch
    from transformers import AutoModel
    from transformers import logging as said

    said.set_verbosity_error()  # type: ignore[no-untyped-call] # what matters is raised below
    said.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, report = AutoModel.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32, output_loading_info=True, **settings
        )
    except Exception as error:  # whatever a damaged folder makes the library raise
        raise WeightsError(f"{folder} cannot be read as a model: {error}") from error
    lacking = [name for name in report["missing_keys"] if "pooler" not in name]
    if lacking:
        raise WeightsError(f"{folder} lacks weights: {', '.join(sorted(lacking)[:3])} and more")
    if model.config.hidden_size != width:
        raise WeightsError(
            f"{folder} holds a model of width {model.config.hidden_size}; this part needs {width}"
        )
    if (folder / ADAPTER).is_dir():
        model = merged_lora(model, folder / ADAPTER, fingerprint_of(*_files(folder)))
    return placed(model)


def settings_of(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of the folder; empty where there is none.

    Raises:
        WeightsError: it is no JSON object.
    """
    path = folder / name
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no JSON object")
    return content
