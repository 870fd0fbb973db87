"""The whole loop as its people walk it: a rater with a keyboard, a researcher with a mouse."""

from __future__ import annotations

import csv

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.rating import rate_with_keys, set_up, wait_for_another, wait_for_clip
from tests.installation import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Bob's three ratings, in the order of the rubric.
BOB = ["543215", "444444", "123451"]
ASPECTS = ["sync", "speaker", "clarity", "emotion", "prosody", "overall"]


def test_a_rater_and_a_researcher_close_the_loop_on_real_clips(
    installation, real_data, new_page, shoot, tmp_path
):
    campaign = set_up(installation, real_data / "clips", first=3)
    installation.env["DUBSCORE_STALE_SECONDS"] = "20"
    _, address = installation.start_server()
    installation.start_worker()

    rater = new_page()
    sign_in(rater, address, "bob")
    shoot(rater, "home-rater")
    rater.get_by_role("link", name="Start rating").press("Enter")
    for number, scores in enumerate(BOB, start=1):
        expect(rater.locator(".count")).to_have_text(f"{number} of 3")
        if number == 2:
            shoot(rater, "rating")
        rate_with_keys(rater, scores)
    expect(rater.get_by_text("All done. Thank you!")).to_be_visible()
    shoot(rater, "finished")

    page = new_page()
    sign_in(page, address, "alice")
    page.get_by_role("link", name="Films", exact=True).click()
    expect(page.get_by_text("3 / 3").first).to_be_visible()
    shoot(page, "campaign")
    page.get_by_role("link", name="Reliability", exact=True).click()
    expect(page.get_by_role("heading", name="MOS by clip")).to_be_visible()
    shoot(page, "reliability")

    page.get_by_role("link", name="Learning").click()
    page.get_by_role("link", name="Launch a round").click()
    page.get_by_label("Strategy").select_option("hybrid")
    page.get_by_label("Budget ratings").fill("8")
    page.get_by_label("Ratings per clip").fill("1")
    shoot(page, "launch")
    page.get_by_role("button", name="Launch the round").click()
    expect(page.locator("#round")).to_have_attribute("data-stage", "collecting", timeout=240_000)
    shoot(page, "round-collecting")

    rater.goto(f"{address}/rate/{campaign}/")
    round_scores = ["432134", "345234", "234521", "555555", "111222", "343434", "222111", "545454"]
    for scores in round_scores:
        rate_with_keys(rater, scores)
        wait_for_another(rater)
    expect(rater.get_by_text("All done. Thank you!")).to_be_visible()

    expect(page.locator("#round")).to_have_attribute("data-stage", "trained", timeout=180_000)
    expect(page.locator("#round")).to_have_attribute("data-state", "done")
    shoot(page, "round-trained")
    page.get_by_role("link", name="Learning").click()
    expect(page.get_by_role("heading", name="DubScore beside MOS")).to_be_visible()
    shoot(page, "learning")

    page.get_by_role("link", name="Collection").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Labels as CSV").click()
    started.value.save_as(tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    got: dict[str, dict[str, int]] = {}
    for row in rows:
        got.setdefault(row["clip_id"], {})[row["aspect"]] = int(row["score"])
    sent = [dict(zip(ASPECTS, map(int, scores), strict=True)) for scores in BOB + round_scores]
    assert sorted(map(str, got.values())) == sorted(map(str, sent))
    assert len(rows) == 6 * 11


def test_a_network_cut_neither_loses_nor_doubles_a_rating(bobs, new_page):
    _, address = bobs.start_server()
    page = new_page()
    sign_in(page, address, "bob")
    page.get_by_role("link", name="Start rating").click()
    expect(page.locator(".count")).to_have_text("1 of 2")
    page.context.set_offline(True)
    rate_with_keys(page, "444444")
    expect(page.locator("#why")).to_contain_text("kept in this browser")
    assert count_ratings(bobs) == 0
    page.context.set_offline(False)
    expect(page.locator(".count")).to_have_text("2 of 2", timeout=20_000)
    assert count_ratings(bobs) == 1


def test_a_rating_left_behind_by_a_closed_page_is_sent_by_the_next(bobs, new_page):
    server, address = bobs.start_server()
    page = new_page()
    sign_in(page, address, "bob")
    page.get_by_role("link", name="Start rating").click()
    expect(page.locator(".count")).to_have_text("1 of 2")
    wait_for_clip(page)
    bobs.kill(server)
    rate_with_keys(page, "333333")
    expect(page.locator("#why")).to_contain_text("kept in this browser")
    page.goto("about:blank")
    _, address = bobs.start_server(port=int(address.rsplit(":", 1)[1]))
    page.goto(f"{address}/rate/{bobs.campaign}/")
    wait_until(lambda: count_ratings(bobs) == 1, "the rating that was left behind")
    expect(page.locator(".count")).to_have_text("2 of 2", timeout=20_000)
    assert count_ratings(bobs) == 1


def test_a_double_click_and_a_reload_make_one_rating(bobs, new_page):
    _, address = bobs.start_server()
    page = new_page()
    sign_in(page, address, "bob")
    page.get_by_role("link", name="Start rating").click()
    wait_for_clip(page)
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("5")
        page.keyboard.press("ArrowDown")
    expect(page.locator("#watched")).to_have_class("watched is-whole")
    page.reload()  # scores and what was watched survive
    expect(page.locator("#watched")).to_have_class("watched is-whole")
    expect(page.locator("input:checked")).to_have_count(6)
    page.locator("#send").dblclick()
    expect(page.locator(".count")).to_have_text("2 of 2")
    assert count_ratings(bobs) == 1


def test_without_htmx_the_page_works_by_full_loads(bobs, new_page):
    _, address = bobs.start_server()
    page = new_page()
    page.route("**/htmx*.js", lambda route: route.abort())
    sign_in(page, address, "bob")
    page.get_by_role("link", name="Start rating").click()
    for number in (1, 2):
        expect(page.locator(".count")).to_have_text(f"{number} of 2")
        rate_with_keys(page, "345345")
    expect(page.get_by_text("All done. Thank you!")).to_be_visible()
    assert count_ratings(bobs) == 2
    page.get_by_role("link", name="Previous clip").click()
    expect(page.get_by_text("You have rated this clip.")).to_be_visible()


def test_a_clip_that_does_not_play_is_reported_and_the_next_one_comes(bobs, new_page):
    _, address = bobs.start_server()
    page = new_page()
    sign_in(page, address, "bob")
    page.get_by_role("link", name="Start rating").click()
    first = page.locator("#rating").get_attribute("data-assignment")
    page.get_by_text("The clip does not play?").click()
    page.get_by_label("There is no sound").check()
    page.get_by_role("button", name="Report it and go on").click()
    expect(page.locator(f"#rating:not([data-assignment='{first}'])")).to_be_visible()
    code = "from annotator.models import ClipReport; print(ClipReport.objects.get().reason)"
    assert bobs.shell(code) == "no_sound"


def count_ratings(installation) -> int:
    code = "from annotator.models import Rating; print(Rating.objects.count())"
    return int(installation.shell(code))
