"""Where the parts of a trained ensemble lie in its folder."""

from __future__ import annotations

from pathlib import Path

KNOWN = "known.safetensors"


def member_path(folder: Path, fold: int, stage: str = "ft") -> Path:
    """Where a member lies, as it was after a stage."""
    return folder / f"member-{fold}{'-ws' if stage == 'ws' else ''}.safetensors"


def missing_parts(folder: Path, n_members: int) -> list[str]:
    """Names of the files that scoring needs and that are not there."""
    wanted = [*(member_path(folder, fold) for fold in range(n_members)), folder / KNOWN]
    return [path.name for path in wanted if not path.is_file()]
