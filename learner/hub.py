"""Bringing a model from a hub into the folder of weights, at one commit, and saying which."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import mkdtemp

from learner.encoders._checkpoint import HUB
from learner.registry import shelf
from learner.weights import WeightsError

NOTE = "dubscore.json"
WANTED = ["*.json", "*.txt", "*.model", "*.safetensors", "*.ckpt", "*.pt"]
# Of two forms of the same tensors one is enough.
SECOND_CHOICE = ["*.bin"]


def hub_ids() -> dict[str, str]:
    """Part to the model that it was written for, of those that a hub can serve."""
    return {
        name: part.hub_id
        for kind in ("encoder", "metric")
        for name, part in shelf(kind).parts.items()
        if hasattr(part, "hub_id")
    }


def fetch_from_hub(
    part: str,
    weights: Path,
    model_id: str = "",
    revision: str = "main",
    endpoint: str | None = None,
) -> str:
    """Put a model below `hub/` of the weights, whole or not at all; what lay there goes.

    Args:
        part: Which part is to use it.
        weights: The folder of weights.
        model_id: On the hub; by default the one that the part was written for.
        revision: A branch, tag or commit; the commit it stands for is kept beside the model.
        endpoint: Of another hub than huggingface.co.

    Returns:
        The commit.

    Raises:
        ValueError: no hub serves this part.
        WeightsError: the hub cannot be reached, or has no such model.
    """
    from huggingface_hub import HfApi

    known = hub_ids()
    if part not in known:
        raise ValueError(f"no hub serves {part!r}; parts that a hub serves: {', '.join(known)}")
    model_id = model_id or known[part]
    place = weights / HUB
    place.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=".fetching-", dir=place))
    try:
        hub = HfApi(endpoint=endpoint)
        about = hub.model_info(model_id, revision=revision)
        names = [file.rfilename for file in about.siblings or []]
        has_tensors = any(name.endswith((".safetensors", ".ckpt", ".pt")) for name in names)
        hub.snapshot_download(
            model_id,
            revision=about.sha,
            local_dir=scratch / part,
            allow_patterns=WANTED if has_tensors else [*WANTED, *SECOND_CHOICE],
        )
        note = {"model": model_id, "revision": revision, "commit": about.sha}
        (scratch / part / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
        shutil.rmtree(scratch / part / ".cache", ignore_errors=True)
        shutil.rmtree(place / part, ignore_errors=True)
        (scratch / part).replace(place / part)
    except Exception as error:  # whatever a network makes the library raise
        raise WeightsError(
            f"{model_id} at {revision} could not be fetched for {part}: {error}. Check the network "
            f"and the model's name, or put the model into {place / part} yourself."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return str(about.sha)
