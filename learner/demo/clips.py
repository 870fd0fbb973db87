"""Make the demo corpus: talking portraits dubbed with known faults, and their manifest."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import signal

from learner.demo import materials as shelf
from learner.demo.encode import SOUND_RATE_HZ, write_clip
from learner.demo.faults import delayed, levelled, noise_like, with_noise
from learner.demo.head import POSES, TalkingHead
from learner.demo.motion import (
    FRAMES_PER_S,
    Curve,
    blink_curve,
    opening_curve,
    roundness_curve,
)
from learner.demo.mouth import Portrait
from learner.demo.plan import ClipPlan, Speech, plan_clips
from learner.demo.portrait import FRAME_HEIGHT, FRAME_WIDTH, LOOKS, read_photo
from learner.demo.speech import RATE_HZ, speak

Progress = Callable[[int, int], None]

MAKER_VERSION = 1  # raise it when the same plan would give other clips
LEAD_S, TAIL_S = 0.24, 0.32
BABBLE_VOICES = 5
COLUMNS = (
    "clip_id",
    "path",
    "source",
    "system",
    "src_lang",
    "tgt_lang",
    "speaker",
    "condition",
    "content_id",
    "transcript",
    "translation",
    "emotion",
    "shift_ms",
    "noise",
    "snr_db",
)


def make_demo_clips(
    folder: Path,
    materials: Path,
    progress: Progress,
    plans: Sequence[ClipPlan] | None = None,
) -> Path:
    """Write the demo corpus and return its manifest; what is already there is not made again.

    Args:
        folder: Where the clips and `manifest.csv` go; paths in the manifest are relative to it.
        materials: The folder with the photographs and the speech library.
        progress: Called with clips done and clips in all, from 0 to all.
        plans: The clips to make, each source before its dubs; all of the demo by default.

    Returns:
        The path of `manifest.csv`.

    Raises:
        ValueError: materials are missing or broken; the message names the cure.
    """
    plans = plan_clips() if plans is None else tuple(plans)
    manifest, stamp = folder / "manifest.csv", folder / "version.txt"
    version = _version(plans)
    is_same = stamp.is_file() and stamp.read_text() == version
    todo = [p for p in plans if not (is_same and (folder / p.path).is_file())]
    if manifest.is_file() and not todo:
        progress(len(plans), len(plans))
        return manifest
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    for stale in (manifest, *(folder / plan.path for plan in todo)):
        stale.unlink(missing_ok=True)  # else an interrupted run leaves old files that pass for new
    stamp.write_text(version)
    _make(todo, folder, materials, len(plans), progress)
    _write_manifest(manifest, plans)
    return manifest


def _version(plans: Sequence[ClipPlan]) -> str:
    return hashlib.sha256(f"{MAKER_VERSION} {plans!r}".encode()).hexdigest()


def _make(
    todo: Sequence[ClipPlan], folder: Path, materials: Path, total: int, progress: Progress
) -> None:
    if absent := shelf.missing(materials):
        raise ValueError(
            f"{materials} lacks {len(absent)} files, such as {absent[0]}; "
            "run manage.py fetch_weights"
        )
    done = total - len(todo)
    progress(done, total)
    # All of the demo's speech (a second) also for a single clip: babble is drawn from all of it.
    voices = speak([plan.speech for plan in (*plan_clips(), *todo)], materials)
    for speaker in dict.fromkeys(plan.speaker for plan in todo):
        look = LOOKS[speaker]
        head = TalkingHead(Portrait(read_photo(materials / look.face.photo), look))
        for plan in (p for p in todo if p.speaker == speaker):
            _make_clip(plan, head, voices, folder / plan.path)
            done += 1
            progress(done, total)


def _make_clip(
    plan: ClipPlan, head: TalkingHead, voices: Mapping[Speech, Curve], path: Path
) -> None:
    rng = np.random.default_rng(list(plan.clip_id.encode()))
    speech = np.pad(voices[plan.speech], (round(LEAD_S * RATE_HZ), round(TAIL_S * RATE_HZ)))
    sound = delayed(speech, plan.shift_ms / 1000, RATE_HZ)
    n_frames = int(np.ceil(sound.size / RATE_HZ * FRAMES_PER_S))
    sound = np.pad(sound, (0, round(n_frames / FRAMES_PER_S * RATE_HZ) - sound.size))
    if plan.noise and plan.snr_db is not None:
        wishes = (p.speech for p in plan_clips() if p.content != plan.content)
        others = [voices[wish] for wish in wishes]
        chosen = [others[i] for i in rng.choice(len(others), BABBLE_VOICES, replace=False)]
        noise = noise_like(plan.noise, sound.size, chosen, rng)
        sound = with_noise(sound, noise, plan.snr_db, RATE_HZ)
    frames = head.frames(
        opening_curve(speech, RATE_HZ, n_frames),
        roundness_curve(speech, RATE_HZ, n_frames),
        blink_curve(n_frames, rng),
        start=int(rng.integers(POSES)),
    )
    at_rate = signal.resample_poly(levelled(sound, RATE_HZ), SOUND_RATE_HZ // RATE_HZ, 1)
    write_clip(path, frames, at_rate.astype(np.float32), (FRAME_WIDTH, FRAME_HEIGHT))


def _row(plan: ClipPlan) -> dict[str, str]:
    return {
        "clip_id": plan.clip_id,
        "path": plan.path,
        "source": plan.source,
        "system": plan.system,
        "src_lang": plan.src_lang,
        "tgt_lang": plan.tgt_lang,
        "speaker": plan.speaker,
        "condition": plan.condition,
        "content_id": plan.content.content_id,
        "transcript": plan.content.text(plan.src_lang),
        "translation": plan.content.text(plan.tgt_lang) if plan.is_dub else "",
        "emotion": plan.content.emotion,
        "shift_ms": str(plan.shift_ms),
        "noise": plan.noise,
        "snr_db": "" if plan.snr_db is None else f"{plan.snr_db:g}",
    }


def _write_manifest(manifest: Path, plans: Sequence[ClipPlan]) -> None:
    partial = manifest.with_suffix(".part")
    with partial.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(_row(plan) for plan in plans)
    partial.replace(manifest)
