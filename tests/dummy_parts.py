"""An installed package of somebody else, whose parts do what their clip's words tell them."""

from __future__ import annotations

from pathlib import Path

PARTS = """
import os, signal, time
import numpy as np
from learner.media import Unavailable
from learner.registry import Card


def obey(words):
    order, _, rest = words.partition(" ")
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "once":
        try:
            os.close(os.open(rest, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "fail":
        raise ZeroDivisionError("by the clip's own words")
    if order == "nothing":
        raise Unavailable("the clip has nothing to say")
    if order == "wait":
        time.sleep(0.2)
    if order == "threads":
        import torch
        raise Unavailable(f"threads: {torch.get_num_threads()}")


class Letters:
    card = Card("dummy_letters", "1", "Letters", "a test", "Apache-2.0", modality="text",
                needs=("text",), direction=1)

    def load(self, weights):
        if not weights.is_dir():
            raise FileNotFoundError(f"{weights} is not there")

    def score(self, media):
        obey(media.text)
        return float("nan") if media.text == "nan" else len(media.text)


class Codes:
    card = Card("dummy_codes", "1", "Codes", "a test", "Apache-2.0", modality="text",
                needs=("text",), width=3)

    @classmethod
    def prepare(cls, media, weights):
        media.once("dummy@1", lambda: np.array([ord(c) for c in media.text[-3:]]))

    def load(self, weights):
        pass

    def embed(self, media):
        if "DUMMY_LOG" in os.environ:
            time.sleep(0.05)
            with open(os.environ["DUMMY_LOG"], "a") as log:
                log.write(media.text + chr(10))
        return media.once("dummy@1", lambda: 1 / 0)
"""
POINTS = """
[dubscore.metrics]
letters = dubscore_dummy:Letters
[dubscore.encoders]
codes = dubscore_dummy:Codes
"""


def install(folder: Path) -> Path:
    """Put the package into a folder that Python may look into."""
    info = folder / "dubscore_dummy-1.dist-info"
    info.mkdir(parents=True)
    (folder / "dubscore_dummy.py").write_text(PARTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dubscore-dummy\nVersion: 1\n")
    (info / "entry_points.txt").write_text(POINTS)
    return folder
