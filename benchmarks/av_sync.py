"""Does the offset between lips and speech follow planted shifts, on people it was not fitted on?

`--clips FOLDER` names the clips (default: `clips` in DUBSCORE_DATA). Where they are those that the
shipped map was fitted on, each speaker is left out of a fit and then tried: the speech really
moved, Whisper asked again, and the speech of other clips put in its place. In any other folder
every video is taken for a speaker of its own, in sync, and the shipped map is tried on it. `--fit`
also fits the shipped map and writes it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.reporting import aim, report
from learner.media import ClipMedia, Unavailable
from learner.metrics._sync_fit import Figures, Take, cross_validate, fit_sync_map, try_on
from learner.metrics._sync_map import Located, SyncMap, locate, read_map
from learner.metrics.av_sync import SHIPPED, AVSync

# Everything in sync that may be used for this, and by whose leave. Each is another speaker.
CLIPS = {
    "grid": (
        "CC BY 4.0, GRID corpus, Cooke et al. (2006)",
        ("bbaf2n.mpg", "brbk7n.mpg", "lbax4n.mpg", "lrwp9a.mpg", "lwbsza.mpg", "sbia1a.mpg"),
    ),
    "open_dubbing": ("Apache-2.0, Softcatala/open-dubbing", ("englishvideo.mp4",)),
    "sonitranslate": ("Apache-2.0, R3gm/SoniTranslate", ("Video.mp4",)),
    "video_retalking": (
        "Apache-2.0, OpenTalker/video-retalking",
        ("1.mp4", "2.mp4", "3.mp4", "4.mp4", "5.mp4"),
    ),
}
SHIFTS_MS = (-640, -320, -160, -80, -40, 40, 80, 160, 320, 640)
QUICK_SHIFTS_MS = (-320, -80, 80, 320)
CLOSE_MS = 80.0
RATE_HZ = 16_000


def moved(metric: AVSync, path: Path, take: Take, fitted: SyncMap, shift_ms: int) -> Located | None:
    """Where the offset is found once the speech comes so much later."""
    media = ClipMedia(path)
    wave = shifted(ClipMedia(path).speech, shift_ms)
    media.once("speech", lambda: wave)
    heard_SK = fitted.heard(metric.whisper.windows(media))
    return locate(fitted.curve(take.mouth_TM, heard_SK))


def shifted(speech: np.ndarray, shift_ms: int) -> np.ndarray:
    """The same number of samples, later or earlier, zeros where nothing is known."""
    samples, moved = shift_ms * RATE_HZ // 1000, np.zeros_like(speech)
    if samples >= 0:
        moved[samples:] = speech[: len(speech) - samples]
    else:
        moved[:samples] = speech[-samples:]
    return moved


def tracked(
    metric: AVSync,
    clips: list[tuple[Path, Take]],
    shifts: tuple[int, ...],
    level: float,
    shipped: SyncMap | None,
) -> dict[str, dict[int, list[float]]]:
    """Each planted shift of each clip: how far from it the found one lies, in ms."""
    miss: dict[int, list[float]] = {shift: [] for shift in shifts}
    scores: dict[int, list[float]] = {shift: [] for shift in (0, *shifts)}
    takes = [take for _, take in clips]
    for path, take in clips:
        fitted = shipped or fit_sync_map([one for one in takes if one.speaker != take.speaker])
        fitted = replace(fitted, level=level)
        own = moved(metric, path, take, fitted, 0)
        scores[0].append(fitted.score(own))
        for shift in shifts:
            found = moved(metric, path, take, fitted, shift)
            miss[shift].append(found.offset_ms - own.offset_ms - shift)
            scores[shift].append(fitted.score(found))
        print(f"  {path.parent.name}/{path.name}: own offset {own.offset_ms:.0f} ms", flush=True)
    return {"miss": miss, "scores": scores}


def files(folder: Path) -> tuple[list[Path], bool]:
    """The clips of the table and True, or of another folder every video it holds."""
    known = [folder / place / name for place, (_, names) in CLIPS.items() for name in names]
    if all(path.is_file() for path in known):
        return known, True
    found = sorted(p for p in folder.rglob("*") if p.suffix in {".mp4", ".mpg", ".mkv", ".mov"})
    if not found:
        raise SystemExit(f"{folder} holds no videos: name a folder of clips by --clips")
    return found, False


def taken(metric: AVSync, paths: list[Path]) -> list[tuple[Path, Take]]:
    """Clips with a face and speech; the others are told."""
    clips = []
    for path in paths:
        try:
            clips.append((path, metric.take(ClipMedia(path), str(path))))
        except Unavailable as reason:
            print(f"  {path.parent.name}/{path.name}: left out, {reason}")
    return clips


def write_shipped(takes: list[Take], figures: Figures) -> None:
    """Fit on everything and keep it beside the code."""
    licences = "; ".join(
        f"{len(names)} clips of {place} ({by})" for place, (by, names) in CLIPS.items()
    )
    fitted = replace(fit_sync_map(takes), level=figures.level)
    SHIPPED.write_bytes(fitted.to_bytes(f"Fitted on {licences}."))
    print(f"wrote {SHIPPED.name}, {SHIPPED.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Measure, and fit if asked."""
    root = Path(__file__).resolve().parents[1]
    asked = argparse.ArgumentParser(description=__doc__)
    data = os.environ.get("DUBSCORE_DATA", "")
    asked.add_argument("--clips", type=Path, default=Path(data) / "clips" if data else None)
    asked.add_argument(
        "--weights",
        type=Path,
        default=Path(os.environ.get("DUBSCORE_WEIGHTS") or root / "var" / "weights"),
    )
    asked.add_argument("--fit", action="store_true", help="write the shipped map")
    asked.add_argument("--quick", action="store_true")
    options = asked.parse_args()
    if options.clips is None:
        raise SystemExit("Name a folder of clips by --clips or DUBSCORE_DATA.")
    started = time.perf_counter()
    metric, (paths, is_known) = AVSync(), files(options.clips)
    if options.fit and not is_known:
        raise SystemExit("The shipped map is fitted on the clips of the table, which are not here.")
    metric.load(options.weights)
    clips = taken(metric, paths)
    takes = [take for _, take in clips]
    shipped = None if is_known else read_map(SHIPPED.read_bytes())
    figures = try_on(shipped, takes) if shipped else cross_validate(takes)
    shifts = QUICK_SHIFTS_MS if options.quick else SHIFTS_MS
    found = tracked(metric, clips, shifts, figures.level, shipped)
    miss = np.array(list(found["miss"].values()))
    for shift, off in found["miss"].items():
        share = np.mean(np.abs(off) <= CLOSE_MS)
        print(
            f"{shift:5d} ms: {share:.2f} within 80 ms, median miss {np.median(np.abs(off)):.0f} ms"
        )
    for shift, scores in sorted(found["scores"].items()):
        print(
            f"{shift:5d} ms: score {np.median(scores):.2f} ({min(scores):.2f} to {max(scores):.2f})"
        )
    if options.fit:
        write_shipped(takes, figures)
    report(
        "av_sync",
        {
            "shifts_tracked_within_80_ms_frac": aim(float(np.mean(np.abs(miss) <= CLOSE_MS)), 0.95),
            "own_against_swapped_speech_auc": aim(figures.auc, 0.97),
        },
        packages=("numpy", "torch", "transformers", "ai-edge-litert"),
        clips=figures.n_clips,
        is_shipped_map=not is_known,
        own_offset_within_80_ms_frac=round(figures.tracked_frac, 3),
        swapped_level=round(figures.level, 3),
        offsets_ms=[round(offset) for offset in figures.offsets_ms],
        confidences=[round(value, 2) for value in figures.confidences],
        seconds=round(time.perf_counter() - started, 1),
    )


if __name__ == "__main__":
    main()
