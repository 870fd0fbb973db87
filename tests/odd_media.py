"""Two hundred broken and odd files, and what a process makes of them.

Run as `python -m tests.odd_media FOLDER` it asks everything of every file, one JSON object a line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.clips import write_clip
from tests.parts import man, write_sound

BASES = ("a.mp4", "a.mkv", "a.mpg", "a.wav")
CUTS = 20


def make(folder: Path) -> None:
    """Fill a folder with them; each file's name says what is wrong with it."""
    base = {name: _base(folder / name) for name in BASES}
    _damaged(folder, base)
    _mislabelled(folder, base)
    _odd_pictures(folder)
    _odd_times(folder)
    _odd_sounds(folder)
    _odd_streams(folder, base)


def _base(path: Path) -> bytes:
    codec = {".mpg": "mpeg1video", ".mkv": "mpeg4"}.get(path.suffix, "libx264")
    if path.suffix == ".wav":
        write_sound(path, man(0.8))
    else:
        write_clip(path, seconds=0.8, codec=codec)
    content = path.read_bytes()
    path.unlink()
    return content


# Bytes


def _damaged(folder: Path, base: dict[str, bytes]) -> None:
    """Cut off at 20 places, bytes turned over, holes: 34 of each base."""
    for name, content in base.items():
        kind = name[2:]
        for number in range(CUTS):
            length = len(content) * number // CUTS
            (folder / f"cut-{number:02}.{kind}").write_bytes(content[:length])
        for seed in range(10):
            random = np.random.default_rng(seed)
            bytes_ = bytearray(content)
            for place in random.integers(0, len(bytes_), 4 ** (seed % 5)):
                bytes_[place] ^= 1 << int(random.integers(8))
            (folder / f"bits-{seed}.{kind}").write_bytes(bytes_)
        for number in range(4):
            first, last = (len(content) * (number + end) // 4 for end in (0, 1))
            hole = content[:first] + bytes(last - first) + content[last:]
            (folder / f"hole-{number}.{kind}").write_bytes(hole)


def _mislabelled(folder: Path, base: dict[str, bytes]) -> None:
    """No media at all, or media under another name."""
    noise = np.random.default_rng(0).bytes(50_000)
    for name, content in (
        ("nothing.mp4", b""),
        ("letter.mp4", b"Dear reader, this is no film.\n" * 50),
        ("page.mp4", b"<!doctype html><title>404</title>"),
        ("noise.mp4", noise),
        ("noise.mp3", noise),
        ("zeros.mp4", bytes(50_000)),
        ("half.mp4", base["a.mp4"][len(base["a.mp4"]) // 2 :]),
        ("twice.mp4", base["a.mp4"] * 2),
        ("twice.mpg", base["a.mpg"] * 2),
        ("wave.mp4", base["a.wav"]),
        ("film.wav", base["a.mkv"]),
        ("film.txt", base["a.mp4"]),
        ("film", base["a.mpg"]),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile /etc/hostname\n"),
        ("-i concat:a|b.mp4", base["a.mp4"]),
        ("http:nowhere.mp4", base["a.mp4"]),
        ("\u0938\u0902\u0935\u093e\u0926 \N{FILM FRAMES}\n.mp4", base["a.mp4"]),
    ):
        (folder / name).write_bytes(content)


# Pictures


def _film(
    path: Path,
    *,
    size: tuple[int, int] = (64, 48),
    fps: Fraction | int = 25,
    times: list[int] | None = None,
    codec: str = "mpeg4",
    pix_fmt: str = "yuv420p",
    stretch: Fraction | None = None,
    options: dict[str, str] | None = None,
    of: Callable[[int], np.ndarray] | None = None,
) -> Path:
    """A film without sound; `times` are in pictures of its rate."""
    width, height = size
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if stretch:
            stream.codec_context.sample_aspect_ratio = stretch
        for number, at in enumerate(times if times is not None else range(10)):
            still = np.full((height, width, 3), 20 + number * 7 % 200, dtype=np.uint8)
            pixels = of(number) if of else still
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = at, 1 / Fraction(fps)
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def _blank(path: Path, size: tuple[int, int], codec: str, pix_fmt: str) -> None:
    """One large picture of nothing."""
    frame = av.VideoFrame(*size, pix_fmt)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(codec, rate=1)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))


def _odd_pictures(folder: Path) -> None:
    for width, height in ((1, 1), (2, 2), (3, 5), (1, 1000), (1000, 1), (64, 4096)):
        size = (width, height)
        _film(folder / f"{width}x{height}.mov", size=size, codec="png", pix_fmt="rgb24", times=[0])
    _blank(folder / "8k.mkv", (7680, 4320), "mjpeg", "yuvj420p")
    _blank(folder / "too-large.mov", (8192, 6144), "png", "gray")
    for pix_fmt in ("yuv420p10le", "yuv444p12le", "gray", "gray16le", "yuva420p", "bgra"):
        _film(folder / f"{pix_fmt}.mkv", codec="ffv1", pix_fmt=pix_fmt)
    hdr = {"x264-params": "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"}
    _film(folder / "hdr.mp4", codec="libx264", pix_fmt="yuv420p10le", options=hdr)
    for stretch in ("16/15", "1/3", "20/1", "1/255"):
        name = f"stretched-{stretch.replace('/', '-')}.mkv"
        _film(folder / name, stretch=Fraction(stretch))
    upright = _film(folder / "turned-0.mp4", codec="libx264").read_bytes()
    for degrees in (90, 180, 270):
        (folder / f"turned-{degrees}.mp4").write_bytes(with_rotation(upright, degrees))


def with_rotation(film: bytes, degrees: int) -> bytes:
    """An mp4 with a flag that its pictures are to be turned clockwise."""
    cos, sin = (round(value(np.radians(degrees))) for value in (np.cos, np.sin))
    matrix = b"".join(
        round(entry * scale).to_bytes(4, "big", signed=True)
        for entry, scale in zip(
            (cos, sin, 0, -sin, cos, 0, 0, 0, 1), (1 << 16, 1 << 16, 1 << 30) * 3, strict=True
        )
    )
    place = film.index(b"tkhd") + 4 + 40
    return film[:place] + matrix + film[place + 36 :]


def _odd_times(folder: Path) -> None:
    for fps in (Fraction(1, 10), 1, Fraction(24000, 1001), 240):
        name = f"{float(fps):.4g}-fps.mkv"
        _film(folder / name, fps=fps, times=list(range(3 if fps <= 1 else 12)))
    _film(folder / "variable.mkv", times=[0, 1, 2, 10, 11, 30, 31, 32, 60])
    _film(folder / "one-picture.mkv", times=[0])
    _film(folder / "late.mkv", times=[250 + number for number in range(10)])
    _film(folder / "a-day-later.mkv", times=[0, 1, 25 * 86_400])
    _film(folder / "ten-years-later.mkv", times=[0, 1, 25 * 86_400 * 3650])


# Sound


def _odd_sounds(folder: Path) -> None:
    minutes = np.zeros(10 * 60 * 8000, dtype=np.float32)
    write_sound(folder / "ten-silent-minutes.flac", minutes, rate_hz=8000, codec="flac")
    minutes[:: 8000 * 10] = 0.5
    write_sound(folder / "clicks.flac", minutes[: 40 * 8000], rate_hz=8000, codec="flac")
    voice = man(0.8)
    with_gap = voice.copy()
    with_gap[300:310] = np.nan
    for name, wave in (
        ("short", voice[:800]),
        ("one-sample", voice[:1]),
        ("faint", voice * 1e-5),
        ("no-numbers", with_gap),
        ("loud", voice * 1e20),
        ("standing", np.full(8000, 0.5)),
        ("clicks", np.eye(1, 12_800, 6400)[0]),
    ):
        write_sound(folder / f"{name}.wav", wave)
    for rate_hz, codec, name in (
        *((8000, "pcm_u8", "8-bit.wav"), (96_000, "pcm_s24le", "96-khz.wav")),
        *((44_100, "libmp3lame", "a.mp3"), (48_000, "libopus", "a.ogg"), (11_025, "aac", "a.m4a")),
        *((22_050, "adpcm_ima_wav", "adpcm.wav"), (384_000, "flac", "384-khz.flac")),
    ):
        write_sound(folder / name, voice, voice, rate_hz=rate_hz, codec=codec)


# Streams


def _odd_streams(folder: Path, base: dict[str, bytes]) -> None:
    write_clip(folder / "only-pictures.mp4", has_sound=False)
    write_clip(folder / "only-sound.mp4", has_picture=False)
    write_clip(folder / "late-sound.mkv", codec="mpeg4", sound_late_s=0.5)
    write_clip(folder / "hardly-any-sound.mkv", codec="mpeg4", sound_late_s=0.98)
    with av.open(str(folder / "no-stream.mkv"), "w") as sink:
        sink.add_stream("mpeg4", rate=25)
    _with_cover(folder / "cover.mp3")
    first = _transport(folder / "first.ts", 1, 16_000)
    second = _transport(folder / "second.ts", 2, 44_100)
    (folder / "kind-changes.ts").write_bytes(first + second)
    (folder / "a-folder.mp4").mkdir()
    (folder / "loop.mp4").symlink_to(folder / "loop.mp4")
    os.mkfifo(folder / "pipe.mp4")


def _with_cover(path: Path) -> None:
    """A song with a picture: no film."""
    picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
    with av.open(str(path), "w") as sink:
        sound = sink.add_stream("libmp3lame", rate=16_000, layout="mono")
        cover = sink.add_stream("png", rate=1)
        cover.width = cover.height = 64
        cover.pix_fmt = "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        sink.mux(cover.encode(picture))
        sink.mux(cover.encode(None))
        wave = man(0.8)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        sink.mux(sound.encode(frame))
        sink.mux(sound.encode(None))


def _transport(path: Path, n_channels: int, rate_hz: int) -> bytes:
    write_sound(path, *[man(0.8)] * n_channels, rate_hz=rate_hz, codec="aac")
    return path.read_bytes()


# Asking


def ask_all(folder: Path, weights: Path) -> Iterator[dict[str, Any]]:
    """What everything says of each file: its value in short, or the words of its reason."""
    from learner.media import ClipMedia

    parts = loaded(weights)
    for path in sorted(folder.iterdir()):
        yield {"file": path.name}  # if the process dies, it was this one
        began = time.monotonic()
        media = ClipMedia(path)
        answers = {name: _answer(ask, media) for name, ask in parts.items()}
        yield {"file": path.name, "answers": answers, "seconds": time.monotonic() - began}


def loaded(weights: Path) -> dict[str, Callable[[Any], Any]]:
    """Everything that can be asked of a clip and is cheap."""
    from learner.encoders.face_fer import FaceFER
    from learner.media import Unavailable
    from learner.media.faces import FaceFinder
    from learner.media.inspection import NoMedia, inspect
    from learner.media.pitch import pitch
    from learner.media.voice_activity import VoiceActivity
    from learner.metrics.emotion_alignment import EmotionAlignment
    from learner.metrics.log_f0_rmse import LogF0RMSE

    faces, speaks, fer = FaceFinder(), VoiceActivity(), FaceFER()
    emotion, melody = EmotionAlignment(), LogF0RMSE()
    for part in (faces, speaks, fer, emotion, melody):
        part.load(weights)

    def against_itself(media: Any) -> float:
        media.source = media
        return melody.score(media)

    def inspected(media: Any) -> float:
        try:
            return inspect(media.path).duration_s
        except NoMedia as reason:
            raise Unavailable(str(reason)) from reason

    return {
        "inspected": inspected,
        "speech": lambda media: media.speech,
        "picture_size": lambda media: np.array(media.picture_size),
        "frames": lambda media: media.frames(2.0, (24, 32)),
        "pitch": lambda media: pitch(media).f0_T,
        "voice_activity": speaks.find,
        "faces": lambda media: faces.find(media).score_T,
        "crops": lambda media: faces.crops(media, 5.0, (32, 32))[0],
        "face_fer": fer.embed,
        "emotion_alignment": emotion.score,
        "log_f0_rmse": against_itself,
    }


def _answer(ask: Callable[[Any], Any], media: Any) -> str:
    """`value`, `unavailable: why`, or the name of an error, which is none of the two."""
    from learner.media import Unavailable

    try:
        value = np.asarray(ask(media))
    except Unavailable as missing:
        return f"unavailable: {missing}"
    except FileNotFoundError as error:
        return f"lost: {error}"
    except Exception as error:  # the point of the exercise: nothing else may come
        return f"ERROR {type(error).__name__}: {error}"
    return "value" if value.size and np.isfinite(value).all() else "ERROR: no finite value"


def main(folder: Path, weights: Path) -> None:
    """Ask, and say at last how much memory it took, before files and at most, in MiB."""
    loaded(weights)
    before = most_mib()
    for line in ask_all(folder, weights):
        print(json.dumps(line), flush=True)
    print(json.dumps({"before_mib": before, "most_mib": most_mib()}))


def most_mib() -> float:
    """The most memory this process ever held; `getrusage` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
