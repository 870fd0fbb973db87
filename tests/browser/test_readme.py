"""The picture in the README is what the product shows today, made from the demo's own clips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from learner.demo.clips import make_demo_clips
from learner.demo.materials import missing
from learner.demo.plan import plan_clips
from tests.browser.conftest import SHOTS, sign_in
from tests.browser.rating import set_up, wait_for_clip
from tests.installation import ROOT

pytestmark = pytest.mark.browser


def test_the_readmes_picture_of_the_rating_page(installation, new_page, tmp_path_factory):
    materials = Path(os.environ.get("DUBSCORE_WEIGHTS", ROOT / "var" / "weights")) / "demo"
    if missing(materials) and os.environ.get("CI") != "true":
        pytest.skip("the demo's materials are not here: run manage.py fetch_weights")
    source, dub = plan_clips()[0], next(plan for plan in plan_clips() if plan.is_dub)
    folder = tmp_path_factory.mktemp("demo")
    plans = [plan for plan in (source, dub) if plan.clip_id in {source.clip_id, dub.source}]
    make_demo_clips(folder, materials, lambda done, total: None, [*plans, dub])
    set_up(installation, folder / "manifest.csv", first=1)
    _, address = installation.start_server()
    page = new_page(1280, 800)
    sign_in(page, address, "bob")
    page.get_by_role("link", name="Start rating").click()
    wait_for_clip(page)
    page.keyboard.press("Space")
    for score in "4543":
        page.keyboard.press(score)
        page.keyboard.press("ArrowDown")
    page.wait_for_timeout(900)
    page.keyboard.press("Space")
    expect(page.locator("input:checked")).to_have_count(4)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "readme-rating.png")
