"""A browser, and the people who sit before it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.browser.rating import set_up, two_clips
from tests.installation import Installation

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SIZES = {"1280": (1280, 800), "390": (390, 844)}
SHOTS = Path(__file__).resolve().parent.parent.parent / "var" / "screenshots"


@pytest.fixture(scope="module")  # ends with its module: other tests cannot share its event loop
def browser() -> Iterator[Browser]:
    """Headless Chromium: the system's, or Playwright's own."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        except Error as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no Chromium here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator:
    """Open a page of its own session, which must make no error in the console."""
    contexts, troubles = [], []

    def open_page(width: int = 1280, height: int = 800) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="session")
def films_for_bob(
    empty_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Two clips that Bob is to rate: set up once for all tests, and only copied."""
    with Installation(tmp_path_factory.mktemp("films"), empty_installation) as films:
        folder = two_clips(tmp_path_factory.mktemp("clips") / "in")
        films.campaign = set_up(films, folder, first=2)
        yield films


@pytest.fixture
def bobs(tmp_path: Path, films_for_bob: Installation) -> Iterator[Installation]:
    """An installation of one's own in which Bob has two clips to rate, and its campaign."""
    with Installation(tmp_path, films_for_bob) as running:
        running.campaign = films_for_bob.campaign
        yield running


@pytest.fixture
def shoot():
    """Write screenshots of a page at both sizes, to be looked at."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    def shoot_page(page: Page, name: str) -> None:
        before = page.viewport_size
        for word, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.screenshot(path=SHOTS / f"{name}-{word}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                f"{name} is wider than {width} px"
            )
        page.set_viewport_size(before)

    return shoot_page


def sign_in(page: Page, address: str, name: str) -> None:
    """Through the front door."""
    page.goto(f"{address}/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(f"{name}-secret")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{address}/")
