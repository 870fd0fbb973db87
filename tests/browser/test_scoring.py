"""A researcher drops a clip on the page, watches it being scored, and reads the result."""

from __future__ import annotations

import json
import re
from base64 import b64encode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.test_rounds import SETUP
from tests.films import write_talk
from tests.flows.test_scoring import CORPUS, TRAIN
from tests.parts import man, weights_or_skip, woman

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "dub of scene 7.mp4"
# As a browser lets go of a file over an element: no test can drag one out of a file manager.
DROP = """
async ([selector, name, bytes]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
  const zone = document.querySelector(selector);
  const how = { dataTransfer: carried, bubbles: true, cancelable: true };
  for (const kind of ["dragover", "drop"]) zone.dispatchEvent(new DragEvent(kind, how));
}
"""


def test_a_clip_is_dropped_scored_and_read(installation, tmp_path_factory, new_page, shoot):
    weights_or_skip()
    folder = tmp_path_factory.mktemp("films")
    dub = write_talk(folder / "dub.mp4", man(2.0)).read_bytes()
    source = write_talk(folder / "source.mp4", woman(2.0))
    said = installation.shell("\n".join([CORPUS, SETUP, TRAIN])).rsplit("JSON", 1)[1]
    campaign = json.loads(said.splitlines()[0])
    _, address = installation.start_server()

    page = new_page()
    sign_in(page, address, "alice")
    page.goto(f"{address}/campaigns/{campaign}/learner/")
    page.get_by_role("link", name="Score a clip").click()
    page.locator("#score-file").set_input_files(str(folder / "source.mp4"))
    page.evaluate(DROP, [".drop", NAME, b64encode(dub).decode()])
    expect(page.locator("[data-chosen]").first).to_have_text(re.compile(r"\d+ kB"))
    assert page.evaluate("document.querySelector('#score-file').files[0].name") == NAME
    page.locator("#score-source-file").set_input_files(str(source))
    page.get_by_label("What the dub says").fill("Guten Tag, wie geht es Ihnen?")
    page.get_by_label("What the source says").fill("Good day, how are you?")
    page.get_by_label("Language of the dub").fill("de")
    page.get_by_label("Language of the source").fill("en")
    shoot(page, "score-form")
    page.get_by_label("Language of the dub").fill("x" * 35)
    page.evaluate("document.querySelector('#score-language').removeAttribute('maxlength')")
    page.get_by_label("Language of the dub").fill("x" * 36)
    page.get_by_role("button", name="Score it").click()
    expect(page.locator("#score-errors")).to_contain_text("at most 35")
    page.get_by_label("Language of the dub").fill("de")
    page.get_by_role("button", name="Score it").click()
    page.wait_for_url("**/scores/*/")
    expect(page.get_by_role("status")).to_have_text("Waiting for a worker")
    shoot(page, "score-waiting")

    installation.start_worker()
    expect(page.locator("#scoring")).to_have_attribute("data-state", "done", timeout=90_000)
    expect(page.locator(".dubscore-number b")).to_have_text(re.compile(r"[1-5]\.\d\d"))
    expect(page.get_by_text("Between")).to_be_visible()
    expect(page.locator("svg.strip")).not_to_have_count(0)
    shoot(page, "score-result")

    page.get_by_role("link", name="Score another clip").click()
    expect(page.get_by_role("link", name=NAME)).to_be_visible()
    page.locator("#score-file").set_input_files(
        {"name": "letter.mp4", "mimeType": "video/mp4", "buffer": b"Dear reader. " * 99}
    )
    page.get_by_role("button", name="Score it").click()
    expect(page.get_by_text("It could not be scored.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The file is text, no video.")).to_be_visible()
    shoot(page, "score-refused")
