"""What the network looks at: encoders' vectors, and how they differ from those of the source.

A dub is judged against its source: one throat is right for one film and wrong for another. So
beside each encoder's own vector stands its difference from the source's. The paper's network has
the vectors alone.

Shape letters: N clips, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from learner.fusion.config import EncoderSpec

KINDS = ("vectors", "differences")
PAPER_KINDS = ("vectors",)
DIFFERENCE = "~source"

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """Everything known of clips that a network could look at.

    Args:
        encoders: Name, version, modality and width of each.
        vectors: Encoder name to vectors, shape (N, D); NaN rows where there is none.
        of_source: The same of each clip's source; NaN rows where there is none.

    >>> voice = EncoderSpec("voice", "1", "audio", 2)
    >>> one = np.ones((3, 2), dtype=np.float32)
    >>> known = Inputs((voice,), {"voice": one}, {"voice": 0 * one})
    >>> [spec.name for spec in known.specs()]
    ['voice', 'voice~source']
    """

    encoders: Sequence[EncoderSpec]
    vectors: Mapping[str, Vectors]
    of_source: Mapping[str, Vectors]

    def specs(self, kinds: Sequence[str] = KINDS) -> tuple[EncoderSpec, ...]:
        """Inputs that are known of any clip, modality by modality.

        Raises:
            ValueError: a kind is unknown.
        """
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise ValueError(f"no inputs {unknown}; there are {', '.join(KINDS)}")
        found = []
        for spec in self.encoders:
            if "vectors" in kinds and _is_known(self.vectors[spec.name]):
                found.append(spec)
            if "differences" in kinds and _is_known(self._difference(spec.name)):
                found.append(replace(spec, name=f"{spec.name}{DIFFERENCE}"))
        return tuple(sorted(found, key=lambda spec: spec.modality))

    def arrays(self, specs: Sequence[EncoderSpec]) -> dict[str, Vectors]:
        """What a network with these inputs is given.

        Raises:
            ValueError: nothing is known here of an encoder that it takes.
        """
        return {spec.name: self._array(spec.name) for spec in specs}

    def _array(self, name: str) -> Vectors:
        own = encoder_of(name)
        if own not in self.vectors:
            raise ValueError(f"the network takes {own!r}, of which nothing is known here")
        return self._difference(own) if name.endswith(DIFFERENCE) else self.vectors[own]

    def _difference(self, name: str) -> Vectors:
        return self.vectors[name] - self.of_source[name]


def encoder_of(name: str) -> str:
    """The encoder behind an input.

    >>> encoder_of("voice~source")
    'voice'
    """
    return name.removesuffix(DIFFERENCE)


def encoders_of(specs: Sequence[EncoderSpec]) -> tuple[EncoderSpec, ...]:
    """The encoders that these inputs are made from, each once."""
    found = {encoder_of(spec.name): spec for spec in specs}
    return tuple(replace(spec, name=name) for name, spec in found.items())


def _is_known(vectors_ND: Vectors) -> bool:
    return bool((~np.isnan(vectors_ND)).any())
