"""Bringing clips in: from real files of every sad kind to rows that can be rated."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from django.core.management import CommandError, call_command

from annotator.actions import importing
from annotator.models import Clip, Corpus
from annotator.models.corpora import ClipQuerySet
from annotator.rendition import probe, render
from tests.clips import write_clip


def run(listing, capsys, corpus="films"):
    """Import; exit code, and what was written."""
    try:
        call_command("import_clips", str(listing), corpus=corpus)
        code = 0
    except CommandError:
        code = 1
    written = capsys.readouterr()
    return code, written.out + written.err


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.django_db
def test_a_manifest_brings_in_everything_it_says(tmp_path, capsys):
    write_clip(tmp_path / "source.mp4", tone_hz=300)
    write_clip(tmp_path / "dub.mkv", tone_hz=500, codec="mpeg4")
    listing = manifest(
        tmp_path,
        "clip_id,path,source,system,src_lang,tgt_lang,speaker,condition,content_id,emotion,"
        "transcript,translation,studio\n"
        "d1,dub.mkv,s1,acme,en,hi,asha,clean,c1,joy,Good day,नमस्ते,Mumbai\n"
        "s1,source.mp4,,,en,en,asha,,c1,joy,Good day,,\n",
    )
    code, out = run(listing, capsys)
    assert (code, "2 new" in out) == (0, True)
    dub = Clip.objects.get(name="d1")
    assert (dub.source.name, dub.system, dub.target_language) == ("s1", "acme", "hi")
    assert (dub.translation, dub.metadata) == ("नमस्ते", {"studio": "Mumbai"})
    assert Path(dub.original.path).read_bytes() == (tmp_path / "dub.mkv").read_bytes()
    assert probe(Path(dub.rendition.path)).is_playable
    assert Path(dub.rendition.name).stem == dub.public_id  # and nothing that tells


@pytest.mark.django_db
def test_importing_twice_is_importing_once(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4")
    assert "1 new" in run(tmp_path, capsys)[1]
    code, out = run(tmp_path, capsys)
    assert code == 0 and "0 new, 1 known" in out
    assert Clip.objects.count() == 1


@pytest.mark.django_db
def test_what_is_refused_is_named_with_its_reason_and_the_rest_goes_on(tmp_path, capsys):
    good = tmp_path / "good.mp4"
    write_clip(good, seconds=3)
    (tmp_path / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "text.mp4").write_text("This is a letter, not a film.")
    (tmp_path / "empty.mp4").write_bytes(b"")
    write_clip(tmp_path / "silent.mp4", tone_hz=0)
    write_clip(tmp_path / "deaf.mp4", has_sound=False)
    write_clip(tmp_path / "blind.mp4", has_picture=False)
    code, out = run(tmp_path, capsys)
    assert code == 1
    assert "1 new, 0 known, 0 updated, 6 refused" in out
    for name, reason in {
        "cut": "cut off",
        "text": "not a media file",
        "empty": "empty (0 bytes)",
        "silent": "silent",
        "deaf": "no audio stream",
        "blind": "no video stream",
    }.items():
        line = next(line for line in out.splitlines() if line.startswith(f"refused: {name}:"))
        assert reason in line
    assert [clip.name for clip in Clip.objects.all()] == ["good"]


@pytest.mark.django_db
def test_a_known_name_with_another_file_is_refused(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", tone_hz=300)
    run(tmp_path, capsys)
    write_clip(tmp_path / "a.mp4", tone_hz=600)
    code, out = run(tmp_path, capsys)
    assert code == 1 and "give the new file a new clip_id" in out


@pytest.mark.django_db
def test_the_same_file_under_two_names_is_one_clip(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4")
    (tmp_path / "b.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    code, out = run(tmp_path, capsys)
    assert code == 1 and "already here as 'a'" in out


@pytest.mark.django_db
def test_changed_words_are_taken_over(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4")
    run(manifest(tmp_path, "clip_id,path,speaker\na,a.mp4,ann\n"), capsys)
    code, out = run(manifest(tmp_path, "clip_id,path,speaker\na,a.mp4,ben\n"), capsys)
    assert code == 0 and "1 updated" in out
    assert Clip.objects.get().speaker == "ben"


@pytest.mark.django_db
def test_a_source_given_only_as_a_file_becomes_a_clip(tmp_path, capsys):
    write_clip(tmp_path / "dub.mp4", tone_hz=300)
    write_clip(tmp_path / "orig.mp4", tone_hz=500)
    listing = manifest(tmp_path, "clip_id,path,source_path\nd,dub.mp4,orig.mp4\n")
    assert run(listing, capsys)[0] == 0
    assert Clip.objects.get(name="d").source.name == "source/orig"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["has space", ""])
def test_a_corpus_name_that_cannot_stand_in_an_address_is_refused(tmp_path, capsys, name):
    write_clip(tmp_path / "a.mp4")
    assert run(tmp_path, capsys, corpus=name)[0] == 1
    assert Corpus.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.slow
def test_all_real_clips_come_in_and_become_playable(real_data, capsys):
    code, out = run(real_data / "clips", capsys)
    assert code == 0 and "14 new" in out
    for clip in Clip.objects.all():
        assert probe(Path(clip.rendition.path)).is_playable


@pytest.mark.django_db
def test_what_no_table_can_hold_is_refused_and_the_rest_goes_on(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4", tone_hz=300)
    write_clip(tmp_path / "b.mp4", tone_hz=500)
    listing = manifest(tmp_path, f"clip_id,path\n{'x' * 300},a.mp4\nb,b.mp4\n")
    code, out = run(listing, capsys)
    assert code == 1 and "1 new, 0 known, 0 updated, 1 refused" in out
    assert "at most 200 characters" in out
    assert [clip.name for clip in Clip.objects.all()] == ["b"]


@pytest.mark.django_db
def test_an_empty_cell_takes_nothing_away(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4")
    run(manifest(tmp_path, "clip_id,path,transcript,system\na,a.mp4,Good day,acme\n"), capsys)
    code, out = run(manifest(tmp_path, "clip_id,path,transcript\na,a.mp4,\n"), capsys)
    assert code == 0 and "1 known" in out
    clip = Clip.objects.get()
    assert (clip.transcript, clip.system) == ("Good day", "acme")


@pytest.mark.django_db
def test_one_file_in_two_corpora_lies_on_the_disk_once(tmp_path, capsys, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "a.mp4")
    for corpus in ("films", "series"):
        assert run(tmp_path / "in", capsys, corpus)[0] == 0
    first, second = Clip.objects.all()
    assert first.original.name == second.original.name
    assert len(list((settings.MEDIA_ROOT / "originals").rglob("*.mp4"))) == 1


@pytest.mark.django_db
def test_two_imports_at_once_bring_a_clip_in_once(tmp_path, capsys, monkeypatch, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "a.mp4")
    run(tmp_path / "in", capsys)
    nobody = Clip.objects.filter(pk=-1)
    monkeypatch.setattr(ClipQuerySet, "filter", lambda self, **asked: nobody)  # not seen yet
    code, out = run(tmp_path / "in", capsys)
    monkeypatch.undo()
    assert code == 1 and "import again" in out
    assert Clip.objects.count() == 1
    assert len(list((settings.MEDIA_ROOT / "renditions").rglob("*.mp4"))) == 1


@pytest.mark.django_db
def test_two_sources_of_one_name_in_two_folders_both_come_in(tmp_path, capsys):
    for number, folder in enumerate(("1", "2")):
        (tmp_path / folder).mkdir()
        write_clip(tmp_path / folder / "en.mp4", tone_hz=300 + 100 * number)
        write_clip(tmp_path / folder / "hi.mp4", tone_hz=500 + 100 * number)
    text = "path,source_path\n1/hi.mp4,1/en.mp4\n2/hi.mp4,2/en.mp4\n"
    assert run(manifest(tmp_path, text), capsys)[0] == 0
    assert {clip.source.name for clip in Clip.objects.dubs()} == {"source/1/en", "source/2/en"}


@pytest.mark.django_db
def test_a_source_named_like_another_clip_is_refused_in_words(tmp_path, capsys):
    for number, name in enumerate("abc"):
        write_clip(tmp_path / f"{name}.mp4", tone_hz=300 + 100 * number)
    listing = manifest(tmp_path, "clip_id,path,source,source_path\na,a.mp4,,\nb,b.mp4,a,c.mp4\n")
    code, out = run(listing, capsys)
    assert code == 1
    assert "refused: b: its source 'a' is here with another file than c.mp4" in out


@pytest.mark.django_db
@pytest.mark.parametrize("is_here", [False, True])
def test_a_clip_that_is_its_own_source_file_is_refused(tmp_path, capsys, is_here):
    write_clip(tmp_path / "a.mp4")
    if is_here:
        run(manifest(tmp_path, "clip_id,path\na,a.mp4\n"), capsys)
    code, out = run(manifest(tmp_path, "clip_id,path,source_path\na,a.mp4,a.mp4\n"), capsys)
    assert code == 1 and "refused: a: it is its own source" in out
    assert Clip.objects.count() == is_here


@pytest.mark.django_db
def test_a_file_that_cannot_be_opened_stops_no_other(tmp_path, capsys):
    write_clip(tmp_path / "b.mp4")
    listing = manifest(tmp_path, f"clip_id,path\na,{'x' * 300}.mp4\nb,b.mp4\n")
    code, out = run(listing, capsys)
    assert code == 1 and "refused: a: File name too long" in out
    assert [clip.name for clip in Clip.objects.all()] == ["b"]


@pytest.mark.django_db
def test_a_copy_that_cannot_be_made_stops_no_other(tmp_path, capsys, monkeypatch):
    write_clip(tmp_path / "a.mkv", codec="mpeg4")
    write_clip(tmp_path / "b.mp4")

    def fail(*_):
        raise av.error.InvalidDataError(1, "Invalid data")

    monkeypatch.setattr(render, "_encode", fail)
    code, out = run(tmp_path, capsys)
    assert code == 1 and "refused: a: no copy could be made of it: Invalid data" in out
    assert [clip.name for clip in Clip.objects.all()] == ["b"]


@pytest.mark.django_db
def test_an_empty_cell_of_an_own_column_takes_nothing_away_either(tmp_path, capsys):
    write_clip(tmp_path / "a.mp4")
    run(manifest(tmp_path, "clip_id,path,studio,take\na,a.mp4,Mumbai,2\n"), capsys)
    code, out = run(manifest(tmp_path, "clip_id,path,studio,take\na,a.mp4,Pune,\n"), capsys)
    assert code == 0 and "1 updated" in out
    assert Clip.objects.get().metadata == {"studio": "Pune", "take": "2"}


@pytest.mark.django_db
def test_an_original_cut_off_by_a_crash_is_never_taken_for_the_file(tmp_path, capsys, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "in").mkdir()
    whole = write_clip(tmp_path / "in" / "a.mp4").read_bytes()
    run(tmp_path / "in", capsys)
    clip = Clip.objects.get()
    Path(clip.original.path).write_bytes(whole[:100])
    clip.delete()
    assert run(tmp_path / "in", capsys)[0] == 0
    assert Path(Clip.objects.get().original.path).read_bytes() == whole


@pytest.mark.django_db
def test_the_suffix_of_an_original_is_kept_only_where_it_is_one(tmp_path, capsys, settings):
    settings.MEDIA_ROOT = tmp_path / "media"
    odd = f"a.{'y' * 200}"
    write_clip(tmp_path / "a.mp4").rename(tmp_path / odd)
    assert run(manifest(tmp_path, f"clip_id,path\na,{odd}\n"), capsys)[0] == 0
    clip = Clip.objects.get()
    assert Path(clip.original.name).name == clip.sha256


@pytest.mark.django_db
def test_a_corpus_that_another_import_has_just_made_is_used(tmp_path, capsys, monkeypatch):
    write_clip(tmp_path / "a.mp4")
    clean = Corpus.clean_fields

    def clean_while_another_makes_it(self, *args, **kwargs):
        clean(self, *args, **kwargs)
        Corpus(name="films").save()

    monkeypatch.setattr(Corpus, "clean_fields", clean_while_another_makes_it)
    code, out = run(tmp_path, capsys)
    assert code == 0 and "1 new" in out


@pytest.mark.django_db
def test_a_clip_that_another_import_brings_in_meanwhile_is_known(
    tmp_path, capsys, monkeypatch, settings
):
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "a.mp4")

    def render_while_another_imports(*args):
        monkeypatch.undo()
        call_command("import_clips", str(tmp_path / "in"), corpus="films")
        render.make_rendition(*args)

    monkeypatch.setattr(importing, "make_rendition", render_while_another_imports)
    code, out = run(tmp_path / "in", capsys)
    assert code == 0 and "0 new, 1 known" in out
    assert sum(path.is_file() for path in (tmp_path / "media").rglob("*")) == 2
