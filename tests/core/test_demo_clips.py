from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from learner.demo import speech
from learner.demo.clips import COLUMNS, make_demo_clips
from learner.demo.faults import active_rms, noise_like, with_noise
from learner.demo.head import OPENING_LEVELS, TalkingHead, eyes_box, mouth_box
from learner.demo.materials import MATERIALS, missing
from learner.demo.motion import FRAMES_PER_S, opening_curve
from learner.demo.mouth import Portrait
from learner.demo.plan import CONDITIONS, ClipPlan, plan_clips
from learner.demo.portrait import LOOKS
from learner.demo.raters import ASPECTS, TRUE_QUALITY, simulate_scores

ROOT = Path(__file__).resolve().parents[2]
LOOK_NAMES = sorted(LOOKS)


@pytest.fixture(scope="module")
def materials() -> Path:
    weights = Path(os.environ.get("DUBSCORE_WEIGHTS") or ROOT / "var" / "weights")
    folder = weights / "demo"
    if not missing(folder):
        return folder
    reason = f"demo materials are not in {folder}: run manage.py fetch_weights"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def few() -> list[ClipPlan]:
    """A source with its dubs, plus one late, one noisy: clips of three speakers."""
    plans = plan_clips()
    late = next(p for p in plans if p.condition == "sync_shift" and p.shift_ms == 400)
    noisy = next(p for p in plans if p.condition == "noise" and p.noise == "babble")
    return [plans[0], *(p for p in plans if p.source == plans[0].clip_id), late, noisy]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, materials: Path, few: list[ClipPlan]) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    make_demo_clips(folder, materials, lambda done, total: None, few)
    return folder


@pytest.fixture(scope="module", params=LOOK_NAMES)
def portrait(request: pytest.FixtureRequest) -> Portrait:
    """A look over a made-up photograph: what is tested here needs no face."""
    rows, columns = np.mgrid[0:600, 0:512].astype(np.float32)
    bands = [128 + 90 * np.sin(columns / a + rows / b) for a, b in ((17, 23), (31, 13), (41, 9))]
    return Portrait(np.stack(bands, axis=-1).astype(np.float32), LOOKS[request.param])


def decoded(path: Path) -> tuple[np.ndarray, np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)])
    with av.open(str(path)) as container:
        parts = [f.to_ndarray().ravel() for f in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    return frames.astype(np.float32), np.concatenate(parts).astype(np.float32), rate_hz


def darkness_of_mouth(frames: np.ndarray, speaker: str) -> np.ndarray:
    """How dark the middle of the mouth is in each frame: read off the pixels, not off the plan."""
    look = LOOKS[speaker]
    face = look.face
    x, y = look.frame_point(face.mouth_x, face.mouth_y + 0.35 * face.max_opening)
    half_width = int(0.5 * face.mouth_half_width * look.scale)
    half_height = int(0.35 * face.max_opening * look.scale)
    rows = slice(int(y) - half_height, int(y) + half_height)
    return -frames[:, rows, int(x) - half_width : int(x) + half_width].mean(axis=(1, 2))


def lag_ms(mouth: np.ndarray, sound: np.ndarray) -> tuple[int, float]:
    """The lateness of the sound at which mouth and sound go best together, and how well."""
    n_frames = mouth.size
    fits = {
        lag: float(np.corrcoef(mouth[: n_frames - lag], sound[lag:])[0, 1]) for lag in range(16)
    } | {-lag: float(np.corrcoef(mouth[lag:], sound[:-lag])[0, 1]) for lag in range(1, 16)}
    best = max(fits, key=lambda lag: fits[lag])
    return best * 1000 // FRAMES_PER_S, fits[best]


def test_every_dub_has_a_source_by_the_same_speaker_in_the_other_language() -> None:
    plans = {plan.clip_id: plan for plan in plan_clips()}
    dubs = [plan for plan in plans.values() if plan.is_dub]
    assert len(plans) == 72
    assert len(dubs) == 48
    for dub in dubs:
        source = plans[dub.source]
        assert (source.speaker, source.content) == (dub.speaker, dub.content)
        assert {source.tgt_lang, dub.tgt_lang} == {"en", "hi"}


def test_every_condition_meets_every_speaker_both_systems_and_both_directions() -> None:
    dubs = [plan for plan in plan_clips() if plan.is_dub]
    for key, n_values, least in (("speaker", 4, 2), ("system", 2, 4), ("tgt_lang", 2, 4)):
        counts = Counter((dub.condition, getattr(dub, key)) for dub in dubs)
        assert len(counts) == len(CONDITIONS) * n_values
        assert min(counts.values()) >= least


def test_a_fault_is_planted_only_where_the_condition_says_so() -> None:
    for plan in plan_clips():
        assert (plan.shift_ms > 0) == (plan.condition == "sync_shift")
        assert (plan.snr_db is not None) == (plan.condition == "noise")
        assert (plan.speech.pitch_range == 0) == (plan.condition == "flat_prosody")
        assert ("adam" in plan.speech.voice) == (plan.condition == "wrong_voice")


def test_every_voice_of_the_plan_is_among_the_materials() -> None:
    held = {Path(material.member).name for material in MATERIALS}
    for plan in plan_clips():
        assert plan.speech.voice.split("+")[1] in held


def test_noise_lies_the_asked_distance_under_the_speech() -> None:
    rng = np.random.default_rng(5)
    voice = np.sin(np.arange(22050) / 9).astype(np.float32)
    for kind in ("white", "pink", "babble"):
        noise = noise_like(kind, voice.size, [voice[::-1].copy()], rng)
        added = with_noise(voice, noise, 7.0, 22050) - voice
        snr_db = 20 * np.log10(active_rms(voice, 22050) / np.sqrt((added**2).mean()))
        assert snr_db == pytest.approx(7.0, abs=0.05)


def test_silence_has_no_opening_and_no_level() -> None:
    silence = np.zeros(22050, dtype=np.float32)
    with pytest.raises(ValueError, match="silent"):
        opening_curve(silence, 22050, 25)
    with pytest.raises(ValueError, match="silence"):
        active_rms(silence, 22050)


def test_an_open_mouth_and_a_blink_change_nothing_outside_their_boxes(portrait: Portrait) -> None:
    rest = portrait.render()
    for box, drawn in (
        (mouth_box(portrait.look), portrait.render(opening=1.0, roundness=1.0)),
        (eyes_box(portrait.look), portrait.render(closed=1.0)),
    ):
        change = np.abs(drawn - rest).max(axis=2)
        assert change[box].max() > 20
        change[box] = 0
        assert change.max() < 0.5


@pytest.mark.parametrize("name", LOOK_NAMES)
def test_a_mouth_told_to_open_wider_shows_more_of_its_inside(name: str) -> None:
    blank = Portrait(np.full((600, 512, 3), 200, dtype=np.float32), LOOKS[name])
    box = mouth_box(blank.look)
    rest = blank.render(box=box)
    drawn = [blank.render(float(o), box=box) for o in np.linspace(0, 1, OPENING_LEVELS)]
    inside = [int((np.abs(picture - rest).max(axis=2) > 20).sum()) for picture in drawn]
    assert inside[0] == 0
    assert (np.diff(inside) > 0).all()


def test_a_still_face_keeps_moving(portrait: Portrait) -> None:
    nothing = np.zeros(30, dtype=np.float32)
    frames = [planes[0] for planes in TalkingHead(portrait).frames(nothing, nothing, nothing, 90)]
    steps = [np.abs(b.astype(int) - a).mean() for a, b in zip(frames, frames[1:], strict=False)]
    assert min(steps) > 0
    assert max(steps) < 8 * np.median(steps)  # no jump, also where the path closes


def test_missing_materials_are_named_with_their_cure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"astronaut\.png.*fetch_weights"):
        make_demo_clips(tmp_path / "out", tmp_path, lambda done, total: None)


def test_a_machine_without_a_speech_library_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(ValueError, match="apt install espeak-ng"):
        speech.speaking_command(tmp_path)


def test_an_unknown_voice_is_refused_by_name(materials: Path) -> None:
    wish = speech.Speech("Hello.", "xx-no-such", 170, 50, 50)
    with pytest.raises(ValueError, match="xx-no-such"):
        speech.speak([wish], materials)


def test_the_sound_is_as_late_as_planted(corpus: Path, few: list[ClipPlan]) -> None:
    for plan in few:
        frames, sound, rate_hz = decoded(corpus / plan.path)
        mouth = darkness_of_mouth(frames, plan.speaker)
        found_ms, fit = lag_ms(mouth, opening_curve(sound, rate_hz, len(frames)))
        assert found_ms == plan.shift_ms, plan
        assert fit > 0.8, plan


def test_clips_are_what_a_browser_plays_and_carry_no_metadata(
    corpus: Path, few: list[ClipPlan]
) -> None:
    for plan in few:
        with av.open(str(corpus / plan.path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert (video.codec.canonical_name, audio.codec.canonical_name) == ("h264", "aac")
            assert video.pix_fmt == "yuv420p"
            assert float(video.average_rate) == FRAMES_PER_S
            assert 2.5 <= container.duration / 1e6 <= 5.5
            assert abs(float(audio.duration * audio.time_base) * FRAMES_PER_S - video.frames) < 1
            assert not {"title", "comment", "encoder", "creation_time"} & set(container.metadata)
        data = (corpus / plan.path).read_bytes()
        assert data.index(b"moov") < data.index(b"mdat")


def test_the_manifest_says_what_each_clip_is(corpus: Path, few: list[ClipPlan]) -> None:
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == COLUMNS
    assert [row["clip_id"] for row in rows] == [plan.clip_id for plan in few]
    assert all((corpus / row["path"]).is_file() for row in rows)
    assert rows[0]["condition"] == "original"
    assert rows[1]["source"] == rows[0]["clip_id"]


def test_making_twice_makes_once_and_a_lost_clip_alone_is_made_again(
    corpus: Path, materials: Path, few: list[ClipPlan]
) -> None:
    paths = [corpus / plan.path for plan in few]
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in paths]
    calls: list[tuple[int, int]] = []
    make_demo_clips(corpus, materials, lambda *call: calls.append(call), few)
    assert calls == [(len(few), len(few))]

    paths[-1].unlink()
    make_demo_clips(corpus, materials, lambda *call: calls.append(call), few)
    after = [(path.stat().st_mtime_ns, path.read_bytes()) for path in paths]
    assert after[:-1] == before[:-1]
    assert after[-1][1] == before[-1][1]


def mean_scores(condition: str) -> dict[str, float]:
    draws = [
        simulate_scores(condition, ASPECTS, rater_seed=rater, clip_seed=clip)
        for rater in range(20)
        for clip in range(30)
    ]
    return {aspect: float(np.mean([draw[aspect] for draw in draws])) for aspect in ASPECTS}


def test_simulated_raters_punish_each_fault_most_on_its_own_aspect() -> None:
    means = {condition: mean_scores(condition) for condition in CONDITIONS}
    for condition, aspect in (
        ("sync_shift", "sync"),
        ("wrong_voice", "speaker"),
        ("noise", "clarity"),
        ("flat_prosody", "prosody"),
    ):
        assert min(means, key=lambda c, a=aspect: means[c][a]) == condition
        assert means[condition][aspect] < 2.2
        assert means["clean"]["overall"] > means[condition]["overall"] + 1


def test_simulated_means_come_near_the_stated_quality() -> None:
    for condition in CONDITIONS:
        means = mean_scores(condition)
        for aspect, quality in zip(ASPECTS, TRUE_QUALITY[condition], strict=True):
            assert means[aspect] == pytest.approx(quality, abs=0.25)


def test_a_simulated_score_depends_on_its_seeds_and_not_on_what_else_is_asked() -> None:
    alone = simulate_scores("clean", ["prosody"], 4, 9)
    together = simulate_scores("clean", tuple(reversed(ASPECTS)), 4, 9)
    assert alone["prosody"] == together["prosody"]
    others = [simulate_scores("clean", ASPECTS, rater, 9) for rater in range(12)]
    assert len({tuple(scores.values()) for scores in others}) > 6


@pytest.mark.parametrize(
    ("condition", "aspects", "seeds", "named"),
    [
        ("blurred", ["sync"], (1, 1), "blurred"),
        ("clean", ["taste"], (1, 1), "taste"),
        ("clean", ["sync"], (-1, 1), "-1"),
    ],
)
def test_a_question_out_of_the_model_is_refused(
    condition: str, aspects: list[str], seeds: tuple[int, int], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        simulate_scores(condition, aspects, *seeds)
