"""A researcher's round from trying it to its audit; its raters rate on the real pages."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.rating import rate_with_keys, wait_for_another
from tests.clips import write_clip

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATERS = ("bob", "bina", "carla")
# Fifty-four clips that are rated, whose metrics tell something of their quality, beside twelve that
# can be played and are not.
SETUP = """
import json
import numpy as np
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from annotator.actions import set_campaign_state
from annotator.models import Campaign, Clip, Corpus, Membership, Rubric
from learner.actions.extraction import inputs_key
from learner.features import Feature, FeatureStore
from learner.models import MetricScore
from learner.registry import shelf
from tests.ratings import give_table
corpus = Corpus.objects.get(name="films")
campaign = Campaign.objects.create(name="Films", corpus=corpus, rubric=Rubric.objects.get(),
    ratings_per_clip=3, first_wave_clips=0, seed=3, clips_per_rater=999)
alice = User.objects.create_user("alice", password="alice-secret", is_staff=True)
alice.groups.add(Group.objects.get(name="Researchers"))
Membership.objects.create(campaign=campaign, user=alice, role="researcher")
for name in ("bob", "bina", "carla"):
    user = User.objects.create_user(name, password=f"{name}-secret")
    Membership.objects.create(campaign=campaign, user=user, role="rater")
dice = np.random.default_rng(5)
rated, rows = [], []
for number in range(54):
    clip = Clip(corpus=corpus, name=f"rated-{number:02d}", sha256=f"{number:064x}", duration_s=4.0,
        width=64, height=48, condition=("clean", "noise", "late")[number % 3],
        source_language="en", target_language="hi")
    clip.original.save("a.mp4", ContentFile(b"a"), save=False)
    clip.rendition.save("a.mp4", ContentFile(b"a"), save=False)
    clip.save()
    rated.append(clip)
cards = {kind: list(shelf(kind).set_up().values()) for kind in ("metric", "encoder")}
quality = {clip.pk: dice.normal() for clip in Clip.objects.order_by("pk")}
for clip in Clip.objects.order_by("pk"):
    for m, card in enumerate(cards["metric"]):
        value = card.direction * (quality[clip.pk] * (1.0 if m < 3 else 0.2) + dice.normal())
        MetricScore.objects.create(clip=clip, metric=card.name, version=card.version,
            inputs_key=inputs_key(card, clip), value=float(value))
for card in cards["encoder"]:
    FeatureStore(card.name, card.version).add([
        Feature(clip.public_id, inputs_key(card, clip),
            dice.normal(size=card.width).astype("float32"))
        for clip in Clip.objects.order_by("pk")])
for clip in rated:
    scores = 3 + quality[clip.pk] + dice.normal(size=3) * 0.6
    rows.append([int(s) for s in np.clip(scores.round(), 1, 5)])
campaign = set_campaign_state(campaign=campaign, state="live")
give_table(campaign, rated, rows)
print("JSON" + json.dumps(campaign.public_id))
"""


@pytest.fixture
def films(installation, tmp_path_factory):
    """The campaign's id, a server and a worker."""
    folder = tmp_path_factory.mktemp("clips") / "in"
    folder.mkdir()
    for number in range(12):
        write_clip(folder / f"new-{number:02d}.mp4", seconds=1.2, tone_hz=300 + 20 * number)
    installation.manage("import_clips", str(folder), "--corpus", "films")
    campaign = json.loads(installation.shell(SETUP).rsplit("JSON", 1)[1])
    _, address = installation.start_server()
    installation.start_worker()
    return campaign, address


def fill_in(page, address):
    """The launch form, for three ratings of each of six clips, the first of two stages."""
    page.goto(f"{address}/admin/learner/round/add/")
    page.get_by_label("Campaign").select_option(label="Films")
    page.get_by_label("Budget ratings").fill("36")
    page.get_by_label("Ratings per clip").fill("3")
    page.get_by_label("Stages of a plan").fill("50, 100")


def test_a_round_is_tried_launched_rated_learned_from_and_audited(films, new_page, shoot):
    campaign, address = films
    page = new_page()
    sign_in(page, address, "alice")

    fill_in(page, address)
    shoot(page, "launch-form")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator("#dry-run")).to_have_attribute("data-state", "done", timeout=60_000)
    expect(page.get_by_text("Stage 1 of 2 of a plan of 36 ratings.")).to_be_visible()
    tried = page.locator("table a[data-clip]").all_inner_texts()
    assert len(tried) == 6 and all(name.startswith("new-") for name in tried)
    expect(page.get_by_text("reserve", exact=True)).to_have_count(1)
    page.locator("table a[data-clip]").first.hover()
    expect(page.locator("video")).to_be_visible()
    page.keyboard.press("Escape")
    shoot(page, "dry-run")
    page.get_by_role("button", name="Launch: ask about these 6 clips").click()
    expect(page.locator("#round")).to_have_attribute("data-stage", "collecting", timeout=60_000)
    asked = page.locator("table a[data-clip]").all_inner_texts()
    assert asked == tried

    second = new_page()
    sign_in(second, address, "alice")
    fill_in(second, address)
    second.get_by_role("button", name="Launch the round").click()
    expect(second.get_by_text("Round 1 of Films is still open")).to_be_visible()

    for number, name in enumerate(RATERS):
        rater = new_page()
        sign_in(rater, address, name)
        rater.goto(f"{address}/rate/{campaign}/")
        for turn in range(6):
            rate_with_keys(rater, f"{3 + (turn + number) % 3}" * 6)
            wait_for_another(rater)
        expect(rater.get_by_text("All done. Thank you!")).to_be_visible()
        expect(page.get_by_role("status")).to_contain_text(
            re.compile(rf"{6 * number + 6} of 18 ratings are in|All 18|trained|Learning|Training"),
            timeout=30_000,
        )

    expect(page.locator("#round")).to_have_attribute("data-state", "done", timeout=180_000)
    expect(page.get_by_role("heading", name="What came of it")).to_be_visible()
    expect(page.get_by_text("Stage 2 of 2 of the plan is next: 18 ratings.")).to_be_visible()
    shoot(page, "round-done")

    page.get_by_role("link", name="Proxy", exact=True).click()
    expect(page.get_by_role("heading", name="Calibration", exact=True)).to_be_visible()
    for words in ("equal weights", "best single metric", "learned weights", "weights used"):
        expect(page.get_by_role("cell", name=words, exact=True)).to_be_visible()
    page.get_by_text("Fit again on the labels that are in").click()
    page.get_by_label("Weighting").select_option("shrunk")
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(page.get_by_text("Learned from 60 clips")).to_be_visible(timeout=60_000)
    shoot(page, "proxy")

    proxy_page = page.url
    retrain_compare_and_promote(page, address, campaign, shoot)

    page.goto(proxy_page)
    page.get_by_role("link", name="Replay the labels").click()
    shoot(page, "audits")
    page.get_by_role("button", name="Run the audit").click()
    expect(page.locator("#audit")).to_have_attribute("data-state", "done", timeout=180_000)
    expect(
        page.get_by_role("heading", name="Labels saved, for the same correlation")
    ).to_be_visible()
    shoot(page, "audit")
    page.get_by_role("link", name="Learning").click()
    shoot(page, "learning-overview")


def retrain_compare_and_promote(page, address, campaign, shoot):
    """From the finished round: train anew, watch the curves, compare with the model in use."""
    page.goto(f"{address}/campaigns/{campaign}/rounds/1/")
    page.get_by_role("link", name="Look at the model, compare, promote").click()
    expect(page.get_by_text("in use", exact=True)).to_be_visible()
    first = page.url.rstrip("/").rsplit("/", 1)[1]
    page.goto(f"{address}/campaigns/{campaign}/models/")
    page.get_by_label("Seed").fill("1")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#training")).to_have_attribute("data-state", "running", timeout=60_000)
    expect(page.locator(".is-loss polyline.line").first).to_be_visible(timeout=60_000)
    assert page.locator("#training").get_attribute("data-state") in {"running", "done"}
    expect(page.locator("#training")).to_have_attribute("data-state", "done", timeout=180_000)
    shoot(page, "training")
    page.get_by_role("link", name="Look at the model").click()
    expect(page.get_by_role("heading", name="Beside another model")).to_be_visible()
    expect(page.get_by_text("On 60 clips that both score")).to_be_visible()
    expect(page.get_by_label("Compared with")).to_have_value(first)
    shoot(page, "model")
    page.get_by_label("Reason").fill("another seed, to see it done")
    doubt = page.get_by_label("although it is not shown to be as good")
    if doubt.count():
        doubt.check()
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text("is in use now")).to_be_visible()
    page.goto(f"{address}/campaigns/{campaign}/models/")
    expect(page.get_by_text("another seed, to see it done")).to_be_visible()
    shoot(page, "models")
    page.get_by_role("button", name="Roll back to model").click()
    expect(page.get_by_text("is in use again")).to_be_visible()
