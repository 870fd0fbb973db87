"""Films of faces that tests make of the demo's two photographs."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from scipy import ndimage

from learner.demo.portrait import ASTRONAUT, OFFICER
from tests.parts import RATE_HZ, weights_or_skip


def photo(face=ASTRONAUT) -> np.ndarray:
    """The photograph of a face, shape (H, W, 3); without it the test waits."""
    with av.open(str(weights_or_skip() / "demo" / face.photo)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def officer() -> np.ndarray:
    """The other one."""
    return photo(OFFICER)


def placed(picture: np.ndarray, size: tuple[int, int], at: tuple[int, int]) -> np.ndarray:
    """A picture on grey, its upper left corner at a place that may lie outside."""
    height, width = size
    canvas = np.full((height, width, 3), 96, dtype=np.uint8)
    top, left = at
    part = picture[max(0, -top) : height - top, max(0, -left) : width - left]
    canvas[max(0, top) :, max(0, left) :][: part.shape[0], : part.shape[1]] = part
    return canvas


def zoomed(picture: np.ndarray, by: float) -> np.ndarray:
    """A picture at another size."""
    return ndimage.zoom(picture, (by, by, 1), order=1)


def turned(picture: np.ndarray, degrees: float) -> np.ndarray:
    """A picture turned clockwise as seen, at its own size."""
    return ndimage.rotate(picture, -degrees, reshape=False, order=1)


def write_film(path: Path, pictures: Iterable[np.ndarray], fps: int = 25) -> Path:
    """Write pictures without loss and without sound."""
    with av.open(str(path), "w") as sink:
        stream = None
        for pixels in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if stream is None:
                stream = sink.add_stream("ffv1", rate=fps)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "bgr0"
            sink.mux(stream.encode(frame))
        if stream is not None:
            sink.mux(stream.encode(None))
    return path


def write_talk(path: Path, wave: np.ndarray) -> Path:
    """A made-up voice, and the face of a photograph that nods to it."""
    head = photo()[:320, 60:380]
    loud = np.abs(wave[: len(wave) // 640 * 640]).reshape(-1, 640).max(axis=1)
    with av.open(str(path), "w") as sink:
        film = sink.add_stream("libx264", rate=25)
        film.width, film.height, film.pix_fmt = 320, 320, "yuv420p"
        sound = sink.add_stream("aac", rate=RATE_HZ, layout="mono")
        for number, peak in enumerate(loud / loud.max()):
            pixels = np.roll(head, round(8 * float(peak)), axis=0)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            sink.mux(film.encode(frame))
        heard = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        for packets in (film.encode(None), sound.encode(heard), sound.encode(None)):
            sink.mux(packets)
    return path
