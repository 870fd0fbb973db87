"""From shards to what a network looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from annotator.models import Clip
from learner.features import FeatureStore
from learner.fusion.config import EncoderSpec
from learner.fusion.inputs import Inputs
from learner.registry import shelf


def encoders_here() -> tuple[EncoderSpec, ...]:
    """Every encoder that is set up."""
    return tuple(
        EncoderSpec(card.name, card.version, card.modality, card.width)
        for card in shelf("encoder").set_up().values()
    )


def read_inputs(clips: list[Clip], encoders: Sequence[EncoderSpec]) -> Inputs:
    """Vectors of clips and of their sources by encoders at their versions.

    Args:
        clips: With `source` selected.
        encoders: Those set up, or those a network was trained with.
    """
    return Inputs(
        encoders=encoders,
        vectors={spec.name: _vectors(spec, clips) for spec in encoders},
        of_source={spec.name: _source_vectors(spec, clips) for spec in encoders},
    )


def _vectors(spec: EncoderSpec, clips: list[Clip]) -> Any:
    ids = [clip.public_id for clip in clips]
    return FeatureStore(spec.name, spec.version).read(ids, spec.width)


def _source_vectors(spec: EncoderSpec, clips: list[Clip]) -> Any:
    """Of each clip's source; NaN rows for a clip without one."""
    sources = sorted({clip.source.public_id for clip in clips if clip.source})
    place = {public_id: row for row, public_id in enumerate(sources)}
    known = FeatureStore(spec.name, spec.version).read(sources, spec.width)
    found = np.full((len(clips), spec.width), np.nan, dtype=np.float32)
    rows = [row for row, clip in enumerate(clips) if clip.source]
    if rows:
        found[rows] = known[[place[clips[row].source.public_id] for row in rows]]
    return found
