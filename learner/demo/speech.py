"""Speech from eSpeak NG, which runs as a program of its own (see `speaking_process`)."""

from __future__ import annotations

import ctypes.util
import json
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from learner.demo import materials as shelf
from learner.demo.motion import Curve
from learner.demo.plan import Speech

RATE_HZ = 22_050


def speaking_command(materials: Path) -> list[str]:
    """The program that speaks: on the fetched library, else on one the system has.

    Raises:
        ValueError: there is neither.
    """
    program = str(Path(__file__).with_name("speaking_process.py"))
    library = (materials / shelf.SPEECH_LIBRARY).resolve()
    if library.is_file() and shelf.library_fits():
        return [sys.executable, program, str(library), str(library.parent)]
    installed = ctypes.util.find_library("espeak-ng")
    if installed is None:
        raise ValueError(
            f"no speech library {library} for this platform and none installed; "
            "run manage.py fetch_weights, or install espeak-ng (Debian: apt install espeak-ng)"
        )
    return [sys.executable, program, installed]


def speak(wishes: Iterable[Speech], materials: Path) -> dict[Speech, Curve]:
    """Say every distinct wish; mono sound at 22.05 kHz, full scale 1, by wish.

    Raises:
        ValueError: the speaking program is missing, fails or refuses a wish; its words are given.
    """
    distinct = list(dict.fromkeys(wishes))
    with tempfile.TemporaryDirectory(prefix="dubscore-speech-") as folder:
        paths = [Path(folder) / f"{i}.wav" for i in range(len(distinct))]
        requests = [_request(wish, path) for wish, path in zip(distinct, paths, strict=True)]
        _run(speaking_command(materials), requests)
        return {wish: _read(path) for wish, path in zip(distinct, paths, strict=True)}


def _request(wish: Speech, path: Path) -> str:
    return json.dumps(
        {
            "text": wish.text,
            "voice": wish.voice,
            "rate": wish.rate_wpm,
            "pitch": wish.pitch,
            "range": wish.pitch_range,
            "path": str(path),
        }
    )


def _run(command: list[str], requests: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own program on a path of ours, no shell
        command, input="\n".join(requests) + "\n", capture_output=True, text=True, check=False
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    refused = [answer["error"] for answer in answers if "error" in answer]
    if refused:
        raise ValueError(f"the speaking program refused {len(refused)} wishes: {refused[0]}")
    if done.returncode != 0 or len(answers) != len(requests):
        raise ValueError(
            f"the speaking program ended with {done.returncode} after {len(answers)} of "
            f"{len(requests)} wishes: {done.stderr.strip()[-500:]}"
        )


def _read(path: Path) -> Curve:
    with wave.open(str(path), "rb") as sound:
        if sound.getframerate() != RATE_HZ:
            raise ValueError(f"speech at {sound.getframerate()} Hz; this maker expects {RATE_HZ}")
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return _trimmed((samples / 32768.0).astype(np.float32))


def _trimmed(sound_L: Curve) -> Curve:
    """Without the silence that espeak-ng leaves at both ends."""
    loud = np.flatnonzero(np.abs(sound_L) > 0.01)
    return sound_L[loud[0] : loud[-1] + 1] if loud.size else sound_L
