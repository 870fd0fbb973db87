"""Lists of clips, and what is said of bad ones."""

from __future__ import annotations

import os

import pytest

from annotator.manifest import ManifestError, read_listing


def write(tmp_path, text):
    path = tmp_path / "manifest.csv"
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def test_columns_are_known_by_their_manifest_names_and_others_are_kept(tmp_path):
    path = write(
        tmp_path,
        "clip_id,path,src_lang,tgt_lang,system,studio\n a , in/a.mp4 ,en,hi,acme,Mumbai\n",
    )
    (row,) = read_listing(path)
    assert (row.name, row.path) == ("a", tmp_path / "in" / "a.mp4")
    assert row.known == {"source_language": "en", "target_language": "hi", "system": "acme"}
    assert row.metadata == {"studio": "Mumbai"}


def test_a_clip_without_a_name_is_named_by_its_path(tmp_path):
    (row,) = read_listing(write(tmp_path, "path\nin/a.b.mp4\n"))
    assert row.name == "in/a.b"


def test_sources_come_before_what_was_dubbed_from_them(tmp_path):
    path = write(tmp_path, "clip_id,path,source\nd1,1.mp4,s\nd2,2.mp4,s\ns,3.mp4,\n")
    assert [row.name for row in read_listing(path)] == ["s", "d1", "d2"]


def test_a_folder_lists_its_videos_and_nothing_else(tmp_path):
    for name in ("b.MP4", "sub/a.mpg", "notes.txt", ".hidden.mp4", ".cache/x.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [row.name for row in read_listing(tmp_path)] == ["b", "sub/a"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("clip_id\na\n", "column 'path' is missing"),
        ("path\n", "lists no clip"),
        ("clip_id,path\na,\n", "line 2, column 'path': empty"),
        ("clip_id,path\na,1.mp4\na,2.mp4\n", "listed twice"),
        ("clip_id,path,source\na,1.mp4,a\n", "names itself"),
        ("clip_id,url\na,http://x\n", "not fetched from the network"),
        ("clip_id,path\na,1.mp4,extra\n", "more values than columns"),
    ],
)
def test_a_bad_manifest_is_refused_with_line_and_column(tmp_path, text, word):
    with pytest.raises(ManifestError, match=word):
        read_listing(write(tmp_path, text))


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ("path,speaker\na.mp4,José\n".encode("latin-1"), "not UTF-8"),
        ("path\na.mp4\n".encode("utf-16"), "not UTF-8"),
        (b"path,transcript\na.mp4," + b"x" * 140_000 + b"\n", "line 2"),
        (b"path,system,path\na.mp4,x,b.mp4\n", "several columns 'path'"),
        (b"clip_id,path,source\na,1.mp4,b\nb,2.mp4,c\nc,3.mp4,a\n", "names itself in the end"),
        (b"path,src_lang,source_language\na.mp4,en,de\n", "'src_lang' and 'source_language'"),
        ("path\na.mp4\n".encode("utf-16-le"), "NUL character"),
        (b"clip_id,path\na\0b,a.mp4\n", "line 2: a NUL character"),
        (b"path,,\na.mp4,x,\n", "line 2: a value in a column that has no name"),
        (b"path\n.\n", "line 2, column 'path': '.' names no file"),
        (b"path,source_path\na.mp4,..\n", "line 2, column 'source_path': '..' names no file"),
    ],
)
def test_what_is_no_manifest_is_refused_in_words(tmp_path, raw, word):
    path = tmp_path / "manifest.csv"
    path.write_bytes(raw)
    with pytest.raises(ManifestError, match=word):
        read_listing(path)


def test_a_chain_of_dubs_is_read_from_its_beginning(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("clip_id,path,source\nc,3.mp4,b\nb,2.mp4,a\na,1.mp4,\n")
    assert [row.name for row in read_listing(path)] == ["a", "b", "c"]


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(ManifestError, match="no manifest and no folder"):
        read_listing(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="holds no video"):
        read_listing(tmp_path)


def test_columns_that_a_spreadsheet_left_empty_are_nothing(tmp_path):
    (row,) = read_listing(write(tmp_path, "clip_id,path,,\na,1.mp4,,\n"))
    assert (row.name, row.metadata) == ("a", {})


def test_sources_of_one_name_in_several_folders_are_told_apart(tmp_path):
    path = write(tmp_path, "path,source_path\n1/hi.mp4,1/en.mp4\n2/hi.mp4,../2/en.mp4\n")
    assert [row.source_name for row in read_listing(path)] == ["source/1/en", "source/2/en"]


def test_a_file_whose_name_is_no_text_is_refused_with_its_name(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"")
    with pytest.raises(ManifestError, match=r"'caf\\udce9.mp4' is not UTF-8"):
        read_listing(tmp_path)


def test_what_the_system_will_not_open_is_said(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read: File name too long"):
        read_listing(tmp_path / ("x" * 300))
