"""The synchrony metric is fitted on a corpus's own originals, and its values are made again."""

from __future__ import annotations

import io

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from annotator.models import Clip
from learner.actions.extraction import queue_extraction, run_extraction
from learner.actions.sync import originals_of
from learner.metrics.av_sync import OWN, SHIPPED
from learner.models import MetricScore
from learner.registry import shelf
from tests.clips import write_clip
from tests.parts import weights_or_skip

ORIGINALS = [
    *(f"grid/{name}.mpg" for name in ("bbaf2n", "brbk7n", "lbax4n", "lrwp9a", "lwbsza", "sbia1a")),
    *(f"video_retalking/{number}.mp4" for number in (2, 3, 4)),
]


@pytest.fixture
def weights(tmp_path, settings):
    """A folder of weights of this test's own, which it may write into."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for path in weights_or_skip().iterdir():
        if path.name != OWN:
            (folder / path.name).symlink_to(path.resolve())
    settings.DUBSCORE_WEIGHTS = folder
    settings.MEDIA_ROOT = tmp_path / "media"
    return folder


@pytest.fixture
def add(corpus):
    """Bring a file as a clip of the corpus."""

    def bring(path, **fields) -> Clip:
        n = corpus.clips.count()
        clip = Clip(corpus=corpus, name=f"clip-{n:02d}", sha256=f"{n:064x}", duration_s=3.0)
        clip.width, clip.height = 64, 48
        for name, value in fields.items():
            setattr(clip, name, value)
        clip.original.save(path.name, ContentFile(path.read_bytes()), save=False)
        clip.rendition.save("seen.mp4", ContentFile(b"-"), save=False)
        clip.save()
        return clip

    return bring


def said(**options) -> str:
    out = io.StringIO()
    call_command("fit_sync", stdout=out, **options)
    return out.getvalue()


def test_an_unknown_corpus_is_answered_with_the_known_ones(corpus):
    with pytest.raises(CommandError, match=r"no corpus 'nowhere'.*festival"):
        said(corpus="nowhere")


def test_too_few_clips_or_faces_change_nothing_and_are_told_why(weights, corpus, add, tmp_path):
    for number in range(2):
        add(write_clip(tmp_path / f"{number}.mp4", seconds=2, tone_hz=300 + number))
    with pytest.raises(CommandError, match=r"0 originals of festival.*clip-00: a face is seen on"):
        said(corpus="festival")
    assert not (weights / OWN).exists()


def test_dubs_and_what_systems_made_are_no_originals(make_clip, corpus):
    source = make_clip("source", speaker="Ada")
    make_clip("dub", source=source)
    make_clip("made", system="a system")
    make_clip("long", duration_s=3600.0)
    others = [make_clip(f"other-{n}", speaker="Ada") for n in range(2)] + [make_clip("nobody's")]
    names = [clip.name for clip in originals_of(corpus)]
    assert set(names) == {"source", *(clip.name for clip in others)}
    assert "nobody's" in names[:2]  # speakers take turns


@pytest.mark.slow
def test_a_fit_is_kept_used_and_forgotten_again(weights, corpus, add, real_data):
    for name in ORIGINALS:
        add(real_data / "clips" / name)
    dub = add(real_data / "clips" / "sonitranslate" / "video_dub.mp4", system="a system")
    shipped = shelf("metric").cards()["av_sync"].version

    told = said(corpus="festival")
    assert "9 clips by 9 speakers" in told
    is_kept = "The new map counts" in told
    assert (weights / OWN).exists() == is_kept
    if not is_kept:
        (weights / OWN).write_bytes(SHIPPED.read_bytes()[:-8] + bytes(8))
    own = shelf("metric").cards()["av_sync"].version
    assert own != shipped

    corpus.clips.exclude(pk__in=[dub.pk, corpus.clips.order_by("name").first().pk]).delete()
    for _ in range(2):
        run_extraction(queue_extraction(corpus=corpus, metrics=["av_sync"]).pk)
    rows = {row.clip.name: row for row in MetricScore.objects.all()}
    assert [row.version for row in rows.values()] == [own, own]
    in_sync, dubbed = rows["clip-00"], rows[dub.name]
    assert in_sync.value > 0.6
    assert in_sync.details["is_located"] == 1
    assert abs(in_sync.details["offset_ms"]) <= 100
    assert dubbed.value < 0.2

    assert "shipped map counts again" in said(shipped=True)
    assert shelf("metric").cards()["av_sync"].version == shipped
    assert "as before" in said(shipped=True)
