"""What it takes to have Bob rate clips with a keyboard."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.clips import write_clip
from tests.installation import wait_until

SETUP = """
import json
from django.contrib.auth.models import Group, User
from annotator.actions import set_campaign_state
from annotator.models import Campaign, Corpus, Membership, Rubric
corpus = Corpus.objects.get(name="films")
campaign = Campaign.objects.create(name="Films", corpus=corpus, rubric=Rubric.objects.get(),
    ratings_per_clip=1, first_wave_clips={first}, seed=3, clips_per_rater=99)
alice = User.objects.create_user("alice", password="alice-secret", is_staff=True)
alice.groups.add(Group.objects.get(name="Researchers"))
Membership.objects.create(campaign=campaign, user=alice, role="researcher")
bob = User.objects.create_user("bob", password="bob-secret")
Membership.objects.create(campaign=campaign, user=bob, role="rater")
set_campaign_state(campaign=campaign, state="live")
print("JSON" + json.dumps(campaign.public_id))
"""


def set_up(installation, folder, first):
    """Import the clips and take a campaign live in which Bob is to rate the first few."""
    installation.manage("import_clips", str(folder), "--corpus", "films")
    return json.loads(installation.shell(SETUP.format(first=first)).rsplit("JSON", 1)[1])


def wait_for_keys(page):
    """Until the page that has just come heeds keys, which is when it says what it waits for."""
    expect(page.locator("#why")).not_to_be_empty()


def wait_for_clip(page):
    """Until the player has the clip; asked from outside, for the page itself forbids eval."""
    wait_for_keys(page)
    ready = "document.querySelector('#clip')?.readyState >= 3"
    wait_until(lambda: page.evaluate(ready), "the clip to be loaded")


def wait_for_another(page):
    """Until the clip that was just sent has made way."""
    sent = page.evaluate("window.sentAssignment")
    now = "document.querySelector('#rating')?.dataset.assignment"
    wait_until(lambda: page.evaluate(now) != sent, "the next clip")


def rate_with_keys(page, scores):
    """Play to the end, score each aspect and send, with the keyboard alone."""
    wait_for_clip(page)
    page.keyboard.press("Space")
    for score in scores:
        page.keyboard.press(score)
        page.keyboard.press("ArrowDown")
    expect(page.locator("#watched")).to_have_class("watched is-whole", timeout=40_000)
    page.evaluate("window.sentAssignment = document.querySelector('#rating').dataset.assignment")
    page.keyboard.press("Enter")


def two_clips(folder):
    folder.mkdir()
    write_clip(folder / "one.mp4", seconds=1.2, tone_hz=300)
    write_clip(folder / "two.mp4", seconds=1.2, tone_hz=500)
    return folder
