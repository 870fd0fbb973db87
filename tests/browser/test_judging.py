"""A researcher at work on what ratings are worth: judging raters, storing and printing a report."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Five raters of twelve clips of two systems, the last of whom presses the same key at random.
SETUP = """
import json
import random
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from annotator.models import Campaign, Clip, Corpus, Membership, Rubric
from tests.ratings import give_table
corpus = Corpus.objects.create(name="films")
campaign = Campaign.objects.create(name="Films", corpus=corpus, rubric=Rubric.objects.get())
alice = User.objects.create_user("alice", password="alice-secret")
Membership.objects.create(campaign=campaign, user=alice, role="researcher")
for name in ("bob", "bina", "carla", "dev", "eve"):
    user = User.objects.create_user(name)
    Membership.objects.create(campaign=campaign, user=user, role="rater")
clips = []
for number in range(12):
    clip = Clip(corpus=corpus, name=f"dub-{number:02d}", sha256=f"{number:064x}", duration_s=4.0,
        width=64, height=48, system="acme" if number % 2 else "basic", condition="clean")
    clip.original.save("a.mp4", ContentFile(b"a"), save=False)
    clip.rendition.save("a.mp4", ContentFile(b"a"), save=False)
    clip.save()
    clips.append(clip)
dice = random.Random(4)
quality = [1, 2, 5, 4, 3, 5, 2, 1, 4, 5, 3, 2]
rows = [[max(1, min(5, q + dice.choice([-1, 0, 0, 1]))) for _ in range(4)] + [6 - q]
    for q in quality]
give_table(campaign, clips, rows)
print("JSON" + json.dumps(campaign.public_id))
"""


@pytest.fixture
def alice(installation, new_page):
    """Alice, signed in, and the address of her campaign."""
    campaign = json.loads(installation.shell(SETUP).rsplit("JSON", 1)[1])
    _, address = installation.start_server()
    page = new_page()
    sign_in(page, address, "alice")
    return page, f"{address}/campaigns/{campaign}"


def figures(page, campaign):
    """What the page says of the overall quality: sizes, coefficients, MOS of systems and clips."""
    page.goto(f"{campaign}/reliability/")
    numbers = page.locator(".stat b").all_inner_texts()
    for table in ("table.coefficients", "table.names"):
        for cells in page.locator(table).all_inner_texts():
            numbers += re.findall(r"-?\d+\.\d+", cells)
    return numbers


def test_a_rejected_rater_counts_in_no_figure_until_accepted_again(alice, shoot):
    page, campaign = alice
    with_all = figures(page, campaign)
    assert with_all[:3] == ["12", "60", "5"]

    page.get_by_role("link", name="Raters").click()
    row = page.get_by_role("row").filter(has_text="R05")
    expect(row).to_contain_text("correlation")
    row.get_by_text("Reject", exact=True).click()
    row.get_by_label("Reason").fill("The scores go against everyone's")
    row.get_by_role("button", name="Reject R05").click()
    expect(row).to_contain_text("The scores go against everyone's")
    shoot(page, "raters")

    without = figures(page, campaign)
    assert without[:3] == ["12", "48", "4"]
    assert len(without) == len(with_all)
    changed = [before != after for before, after in zip(with_all, without, strict=True)]
    assert sum(changed) > 0.8 * len(changed)

    page.get_by_role("link", name="Raters").click()
    row.get_by_text("Accept again", exact=True).click()
    row.get_by_label("Reason").fill("It was the scale, turned round; kept as said")
    row.get_by_role("button", name="Accept R05").click()
    expect(row).to_contain_text("accepted again")
    assert figures(page, campaign) == with_all


def test_a_report_is_stored_read_and_printed(alice, shoot, tmp_path):
    page, campaign = alice
    page.goto(f"{campaign}/reliability/")
    shoot(page, "reliability")
    page.get_by_label("Title").fill("Films, first wave")
    page.get_by_role("button", name="Store a report").click()
    expect(page.get_by_role("heading", name="Films, first wave")).to_be_visible()
    shoot(page, "report")

    page.evaluate("window.print = () => { window.wasPrinted = true; }")
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("window.wasPrinted")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.get_by_role("heading", name="Films, first wave")).to_be_visible()
    paper = page.pdf(path=tmp_path / "report.pdf")
    assert paper.startswith(b"%PDF") and paper.count(b"/Type /Page\n") >= 6

    page.emulate_media(media="screen")
    page.goto(f"{campaign}/reliability/")
    page.get_by_role("link", name="Films, first wave").click()
    expect(page.get_by_text("Scores that counted, SHA-256")).to_be_visible()


def test_a_mark_in_a_chart_says_what_it_is_at_once(alice):
    page, campaign = alice
    page.goto(f"{campaign}/reliability/")
    dot = page.locator("#clips svg.dots circle.dot").first
    dot.hover()
    tip = page.locator(".tip")
    expect(tip).to_have_text(re.compile(r"dub-00: \d\.\d\d \("))
    assert tip.bounding_box()["y"] < page.viewport_size["height"]
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_the_planner_answers_as_its_sliders_are_moved(alice, shoot):
    page, campaign = alice
    page.goto(f"{campaign}/planner/")
    slider = page.get_by_role("slider", name="Raters a clip")
    before = page.locator(".stat b").first.inner_text()
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".stat b").first).not_to_have_text(before)
    shoot(page, "planner")
