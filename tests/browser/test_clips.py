"""A mark in a chart plays its clip: by mouse, keyboard and finger, and never two at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from playwright.sync_api import Browser, Page, Route, expect

from learner.charts import mos_scatter, weight_bars
from tests.clips import write_clip

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent.parent
ADDRESS = "http://dubscore.test/"
STATE = """() => {
  const card = document.querySelector(".clip-card"), video = card.querySelector("video");
  return {is_shown: !card.hidden, words: card.querySelector("p").textContent,
    source: video.getAttribute("src"), is_playing: !video.paused, is_muted: video.muted};
}"""


class Row:
    title, weight, low, high, equal, importance = "Lips", 0.25, 0.1, 0.5, 0.3, 0.4


def page_of_charts() -> str:
    dots = [(1 + i, 1 + i, None, None, f"clip {i}", f"clip{i}") for i in range(5)]
    scatter = mos_scatter(dots, "MOS", "DubScore")
    (bar,) = weight_bars([Row()]).rows
    sheets = "".join(
        f'<link rel="stylesheet" href="/static/css/{name}.css">' for name in ("dubscore", "learner")
    )
    scripts = "".join(
        f'<script src="/static/js/{name}.js" defer></script>' for name in ("hover", "clips")
    )
    drawings = render_to_string("learner/charts/_mos_scatter.html", {"chart": scatter})
    row = render_to_string("learner/charts/_weight_bar.html", {"chart": bar})
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">{sheets}</head>'
        f'<body><main class="page"><h1>Charts</h1><div id="drawings">{drawings}</div>{row}'
        f'<a href="/end">end</a></main>{scripts}</body></html>'
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("films") / "clip.mp4"
    write_clip(path)
    return path


@pytest.fixture
def open_charts(browser: Browser, film: Path) -> Iterator:
    """Open the page under the policy of the product, and keep what its console complains about."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())
    html, contexts, troubles = page_of_charts(), [], []

    def answer(route: Route) -> None:
        place = route.request.url.removeprefix(ADDRESS)
        if place.startswith("static/"):
            route.fulfill(path=ROOT / place)
        elif place.endswith("/video"):
            route.fulfill(path=film, content_type="video/mp4")
        else:
            headers = {"Content-Security-Policy": policy}
            route.fulfill(body=html, content_type="text/html", headers=headers)

    def open_page(**options) -> Page:
        context = browser.new_context(viewport={"width": 390, "height": 844}, **options)
        contexts.append(context)
        page = context.new_page()
        page.route("**/*", answer)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: troubles.append(said.text))
        page.goto(ADDRESS)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def wait_until(page: Page, what: str) -> None:
    """Asked from outside: the page's policy lets no script be made from words."""
    for _ in range(200):
        if page.evaluate(STATE)[what]:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not {what}: {page.evaluate(STATE)}")


def dot(page: Page, i: int):
    return page.locator("a.mark .dot").nth(i)


def test_a_mark_under_the_mouse_plays_until_the_mouse_leaves(open_charts):
    page = open_charts()
    dot(page, 2).hover()
    wait_until(page, "is_playing")
    assert page.evaluate(STATE) == {
        "is_shown": True,
        "words": "clip 2",
        "source": "/clips/clip2/video",
        "is_playing": True,
        "is_muted": True,
    }
    expect(page.locator(".tip")).to_be_hidden()
    dot(page, 3).hover()
    wait_until(page, "is_playing")
    assert page.evaluate(STATE)["source"] == "/clips/clip3/video"
    page.locator(".in-row .dot").hover()
    expect(page.locator(".tip")).to_contain_text("Lips: 0.250")
    assert page.evaluate(STATE)["is_shown"] is False
    assert page.evaluate(STATE)["source"] is None


def test_arrows_walk_from_clip_to_clip_and_escape_puts_it_away(open_charts):
    page = open_charts()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    wait_until(page, "is_playing")
    assert page.evaluate(STATE)["words"] == "clip 1"
    expect(page.get_by_role("link", name="clip 1")).to_be_focused()
    page.keyboard.press("Escape")
    assert page.evaluate(STATE)["is_shown"] is False
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="end")).to_be_focused()


def test_a_first_tap_shows_and_a_second_follows(open_charts):
    page = open_charts(has_touch=True)
    dot(page, 1).tap()
    wait_until(page, "is_playing")
    assert page.url == ADDRESS
    page.locator("h1").tap()
    assert page.evaluate(STATE)["is_shown"] is False
    dot(page, 1).tap()
    dot(page, 1).tap()
    page.wait_for_url("**/clips/clip1/video")


def test_who_asks_for_less_motion_sees_none_before_a_click(open_charts):
    page = open_charts(reduced_motion="reduce")
    dot(page, 1).hover()
    wait_until(page, "source")
    assert page.evaluate(STATE)["is_playing"] is False
    dot(page, 1).click()
    wait_until(page, "is_playing")
    assert page.url == ADDRESS
    dot(page, 1).click()
    page.wait_for_url("**/clips/clip1/video")


def test_a_clip_plays_on_when_the_page_renews_itself(open_charts):
    page = open_charts()
    html = page.locator("#drawings").inner_html()
    dot(page, 2).hover()
    wait_until(page, "is_playing")
    page.evaluate(
        "html => { const all = document.querySelector('#drawings'); all.innerHTML = html;"
        "all.dispatchEvent(new Event('htmx:afterSwap', {bubbles: true})); }",
        html,
    )
    assert page.evaluate(STATE)["is_playing"] is True
    page.evaluate(
        "() => { const all = document.querySelector('#drawings'); all.innerHTML = '';"
        "all.dispatchEvent(new Event('htmx:afterSwap', {bubbles: true})); }"
    )
    assert page.evaluate(STATE)["is_shown"] is False
