"""What the demo's clips are made of: single files of wheels, pinned by SHA-256.

Nothing here is imported or installed by pip; the speech library runs in a process of its own. See
docs/demo.md for the licences.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from learner.demo.portrait import ASTRONAUT, OFFICER

_PUBLIC_DOMAIN = "public domain (work of the US government)"
_GPL = "GPL-3.0-or-later"
_DATA = "espeakng_loader/espeak-ng-data"


@dataclass(frozen=True)
class Material:
    """One file of one wheel, and where it goes under the materials folder."""

    package: str
    version: str
    member: str
    path: str
    sha256: str
    licence: str


def _espeak(member: str, sha256: str) -> Material:
    return Material("espeakng-loader", "0.2.4", member, member, sha256, _GPL)


SPEECH_LIBRARY = "espeakng_loader/libespeak-ng.so"
MATERIALS: tuple[Material, ...] = (
    Material(
        "scikit-image",
        "0.25.2",
        "skimage/data/astronaut.png",
        ASTRONAUT.photo,
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        _PUBLIC_DOMAIN,
    ),
    Material(
        "matplotlib",
        "3.10.8",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        OFFICER.photo,
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        _PUBLIC_DOMAIN,
    ),
    _espeak(SPEECH_LIBRARY, "b15ce0803b26254e8a0d088c6b9281a2637b2b02613147cc320cfdefaf2c3ccf"),
    _espeak(f"{_DATA}/en_dict", "1053f74a34af38abb6fbd64b7838dacbc655a687c48ce1bb663d364a127b05de"),
    _espeak(f"{_DATA}/hi_dict", "5a68c9532624e57ac845b26ce1e2e5034c4f6353bede46ecbe57e583ec8effd6"),
    _espeak(
        f"{_DATA}/intonations", "031a105bf6bb2ebcd73a2c579ccfb42469b27266db0078af65ae298fd3588b21"
    ),
    _espeak(
        f"{_DATA}/lang/gmw/en-US",
        "41534c2a22df5dd4f1052ff9e1a33a3ea7bff5a26b5c02bdad5ba8ddb7524704",
    ),
    _espeak(
        f"{_DATA}/lang/inc/hi", "3c1c3f916f57f2d6d6cbf7923c0f39a36ac2140e2a69ddffce917d7b8bf3ccab"
    ),
    _espeak(
        f"{_DATA}/phondata", "a0b643b155cb6b12628d9e7865b57d9fca0d35844614f2594a5e009c80c80bb4"
    ),
    _espeak(
        f"{_DATA}/phonindex", "384e5fa6f714ba5356c58008249b78699c31c1ad044b243068d263fb806b7d73"
    ),
    _espeak(f"{_DATA}/phontab", "1b40690667e1e9aa1ba5e5234773c799e7e72ea751426e5150423d53c3f24fa2"),
    _espeak(
        f"{_DATA}/voices/!v/Alicia",
        "6d3f60ec866706e9d4ab7da2a79eedb8c11b50f63620f87e58317f316ea3d58e",
    ),
    _espeak(
        f"{_DATA}/voices/!v/adam",
        "b21efbf56fd7d58470e7ce4759c6ef9f23949706b269f2d777832204658ee0dd",
    ),
    _espeak(
        f"{_DATA}/voices/!v/f2", "62b17f6c8f94add0310db032f5e463c13510c5ff83ef1f21e8894ccbf00b00e3"
    ),
    _espeak(
        f"{_DATA}/voices/!v/grandma",
        "e033d57ba9b098971fdb995c13830f9c709206add081c586daaec323ff69a392",
    ),
    _espeak(
        f"{_DATA}/voices/!v/steph",
        "78186aeddce4c449348f368046b2665375b1a492e948d739249b0c964f082861",
    ),
)


def library_fits() -> bool:
    """Whether the speech library in the materials was built for this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def missing(materials: Path) -> list[str]:
    """Paths that the clip maker needs and the folder lacks, in catalogue order.

    Where the speech library does not fit the machine an installed one is used, so that there only
    the photographs count.

    >>> from pathlib import Path
    >>> missing(Path("nowhere"))[:2]
    ['astronaut.png', 'grace_hopper.jpg']
    """
    needed = [m for m in MATERIALS if library_fits() or m.licence == _PUBLIC_DOMAIN]
    return [m.path for m in needed if not (materials / m.path).is_file()]
