"""Which clips the demo corpus holds: 24 sources, 48 dubs of known condition.

Twelve contents are dubbed from English to Hindi and from Hindi to English. Every source has two
dubs, one by each made-up system, in two different conditions. A speaker's dubs go round the five
conditions, so each condition meets every speaker, both directions and both systems.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from learner.demo.sentences import CONTENTS, Content

CONDITIONS = ("clean", "sync_shift", "wrong_voice", "noise", "flat_prosody")
ORIGINAL = "original"  # condition and system of a source clip
SYSTEM_RATES_WPM = {"alder": 172, "birch": 186}  # the systems differ in pace alone: no fault
SOURCE_RATE_WPM = 178
DIRECTIONS = (("en", "hi"), ("hi", "en"))
VOICES = {"speaker-a": "f2", "speaker-b": "grandma", "speaker-c": "Alicia", "speaker-d": "steph"}
# A man's voice: all four faces are women's, and the voice of another of them would be noticed only
# by who knows the source.
WRONG_VOICE = "adam"
_LANGUAGE_VOICES = {"en": "en-us", "hi": "hi"}
_SHIFTS_MS = (240, 320, 400)
_NOISES = (("babble", 5.0), ("pink", 7.0), ("white", 10.0))
_PROSODY = {  # pitch and range on espeak-ng's scale of 0 to 100, pace as a factor
    "neutral": (45, 75, 1.0),
    "happy": (50, 90, 1.04),
    "sad": (42, 55, 0.93),
    "angry": (47, 85, 1.06),
    "surprised": (50, 95, 1.0),
}
_FLAT = (60, 0)  # a monotone near the height of the same voice with its range


@dataclass(frozen=True)
class Speech:
    """What is said and how: the wish to the speaking program."""

    text: str
    voice: str
    rate_wpm: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True)
class ClipPlan:
    """One clip to be made; `source` is the clip id of its source, empty for a source itself."""

    clip_id: str
    source: str
    system: str
    src_lang: str
    tgt_lang: str
    speaker: str
    condition: str
    content: Content
    speech: Speech
    shift_ms: int = 0
    noise: str = ""
    snr_db: float | None = None

    @property
    def path(self) -> str:
        """Where the clip lies under the corpus folder."""
        return f"clips/{self.clip_id}.mp4"

    @property
    def is_dub(self) -> bool:
        return bool(self.source)


def _speech(content: Content, language: str, speaker: str, rate_wpm: int, condition: str) -> Speech:
    pitch, pitch_range, pace = _PROSODY[content.emotion]
    if condition == "flat_prosody":
        pitch, pitch_range = _FLAT
    voice = WRONG_VOICE if condition == "wrong_voice" else VOICES[speaker]
    return Speech(
        text=content.text(language),
        voice=f"{_LANGUAGE_VOICES[language]}+{voice}",
        rate_wpm=round(rate_wpm * pace),
        pitch=pitch,
        pitch_range=pitch_range,
    )


def _source(number: int, content: Content, language: str, speaker: str) -> ClipPlan:
    return ClipPlan(
        clip_id=f"source-{number:02d}",
        source="",
        system=ORIGINAL,
        src_lang=language,
        tgt_lang=language,
        speaker=speaker,
        condition=ORIGINAL,
        content=content,
        speech=_speech(content, language, speaker, SOURCE_RATE_WPM, ORIGINAL),
    )


def _dub(
    source: ClipPlan, clip_id: str, language: str, system: str, condition: str, occurrence: int
) -> ClipPlan:
    noise, snr_db = _NOISES[occurrence % len(_NOISES)]
    is_noisy = condition == "noise"
    speech = _speech(source.content, language, source.speaker, SYSTEM_RATES_WPM[system], condition)
    return ClipPlan(
        clip_id=clip_id,
        source=source.clip_id,
        system=system,
        src_lang=source.src_lang,
        tgt_lang=language,
        speaker=source.speaker,
        condition=condition,
        content=source.content,
        speech=speech,
        shift_ms=_SHIFTS_MS[occurrence % len(_SHIFTS_MS)] if condition == "sync_shift" else 0,
        noise=noise if is_noisy else "",
        snr_db=snr_db if is_noisy else None,
    )


def plan_clips() -> tuple[ClipPlan, ...]:
    """Every clip of the demo corpus, each source before its dubs; always the same.

    >>> plans = plan_clips()
    >>> len(plans), sum(plan.is_dub for plan in plans)
    (72, 48)
    """
    speakers, systems = tuple(VOICES), tuple(SYSTEM_RATES_WPM)
    plans: list[ClipPlan] = []
    slots = Counter[str]()  # dubs of each speaker so far
    occurrences = Counter[str]()  # dubs in each condition so far
    for turn in range(len(CONTENTS) * len(DIRECTIONS)):
        direction, index = divmod(turn, len(CONTENTS))
        src_lang, tgt_lang = DIRECTIONS[direction]
        speaker_number = (index + 2 * direction) % len(speakers)
        speaker = speakers[speaker_number]
        source = _source(turn + 1, CONTENTS[index], src_lang, speaker)
        plans.append(source)
        for position, system in enumerate(systems):
            condition = CONDITIONS[(slots[speaker] + 2 * speaker_number) % len(CONDITIONS)]
            clip_id = f"dub-{2 * turn + position + 1:02d}"
            occurrence = occurrences[condition]
            plans.append(_dub(source, clip_id, tgt_lang, system, condition, occurrence))
            slots[speaker] += 1
            occurrences[condition] += 1
    return tuple(plans)
