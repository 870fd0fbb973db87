"""What goes wrong on the way of a rating, and what a rater may do meanwhile."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.rating import rate_with_keys, wait_for_clip, wait_for_keys
from tests.installation import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCORES = """
import json
from annotator.models import Rating
print("JSON" + json.dumps([[r.revision, sorted(r.scores.values_list("value_raw", flat=True))]
    for r in Rating.objects.order_by("assignment_id", "revision")]))
"""
NO_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked"); } });
"""


@pytest.fixture
def rater(bobs, new_page):
    """Bob before the first of two clips, and the installation's address."""
    bobs.server, bobs.address = bobs.start_server()

    def open_first(prepare=lambda page: None):
        page = new_page()
        prepare(page)
        sign_in(page, bobs.address, "bob")
        page.get_by_role("link", name="Start rating").click()
        expect(page.locator(".count")).to_have_text("1 of 2")
        return page

    return open_first


def ratings(bobs):
    return json.loads(bobs.shell(SCORES).rsplit("JSON", 1)[1])


def test_one_enter_is_one_request_and_leaves_nothing_behind(bobs, rater):
    page, seen = rater(), []
    page.on("request", lambda request: seen.append((request.method, request.url)))
    rate_with_keys(page, "444444")
    expect(page.locator(".count")).to_have_text("2 of 2")
    wait_for_clip(page)
    page.wait_for_timeout(500)
    assert [method for method, _ in seen].count("POST") == 1
    assert sum("/rate/" in url for _, url in seen) == 1
    names = "Object.keys(localStorage).filter((name) => name.startsWith('dubscore:'))"
    assert page.evaluate(names) == []


def test_a_change_after_an_answer_that_was_lost_is_a_revision(bobs, rater):
    page = rater()
    lost = []

    def lose(route):
        if route.request.method != "POST" or lost:
            return route.continue_()
        lost.append(route.fetch(max_redirects=0).status)
        return route.abort()

    page.route("**/assignments/*/", lose)
    rate_with_keys(page, "444444")
    expect(page.locator("#why")).to_contain_text("kept in this browser")
    assert lost == [302]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    expect(page.locator(".count")).to_have_text("2 of 2", timeout=20_000)
    assert ratings(bobs) == [[1, [4] * 6], [2, [1, 4, 4, 4, 4, 4]]]


def test_a_change_while_a_rating_is_on_its_way_follows_it(bobs, rater):
    page = rater()

    def slowly(route):
        if route.request.method == "POST":
            page.wait_for_timeout(700)
        route.continue_()

    page.route("**/assignments/*/", slowly)
    rate_with_keys(page, "444444")
    page.keyboard.press("2")
    expect(page.locator(".count")).to_have_text("2 of 2", timeout=20_000)
    assert ratings(bobs)[-1] == [2, [2, 4, 4, 4, 4, 4]]


def test_a_browser_that_may_keep_nothing_can_still_rate(bobs, rater):
    page = rater(lambda page: page.add_init_script(NO_STORAGE))
    rate_with_keys(page, "345345")
    expect(page.locator(".count")).to_have_text("2 of 2")
    assert ratings(bobs) == [[1, [3, 3, 4, 4, 5, 5]]]


def test_reasons_for_a_report_are_chosen_with_the_arrow_keys(rater):
    page = rater()
    page.get_by_text("The clip does not play?").click()
    first = page.locator(".trouble input[type=radio]").first
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".trouble input[type=radio]").nth(1)).to_be_checked()
    page.keyboard.press("3")
    expect(page.locator("#rating-form input:checked")).to_have_count(0)


def test_a_kept_rating_that_is_refused_is_told_and_stays(bobs, rater, shoot):
    page = rater()
    wait_for_clip(page)
    ahead = page.locator("#rating").get_attribute("data-ahead").removesuffix("clip")
    bobs.kill(bobs.server)
    rate_with_keys(page, "333333")
    expect(page.locator("#why")).to_contain_text("kept in this browser")
    first = page.url
    page.goto("about:blank")
    close = "from annotator.models import Campaign; Campaign.objects.update(state={!r})"
    bobs.shell(close.format("closed"))
    bobs.start_server(port=int(bobs.address.rsplit(":", 1)[1]))
    page.goto(first)
    kept = "JSON.parse(localStorage[Object.keys(localStorage).find((n) => n.includes('outbox'))])"
    wait_until(lambda: page.evaluate(kept).get("isRefused"), "the refusal")
    expect(page.locator("#rating-form input:checked")).to_have_count(6)  # nothing is lost
    expect(page.locator("#refused")).to_contain_text("Your rating of this clip could not be taken")
    expect(page.locator("#refused a")).to_be_hidden()
    shoot(page, "rating-refused-here")
    page.goto(f"{bobs.address}{ahead}")
    expect(page.locator("#refused")).to_contain_text("A rating of another clip could not be taken")
    shoot(page, "rating-refused-other")
    page.get_by_role("link", name="Open that clip").click()
    page.wait_for_url(first)
    bobs.shell(close.format("live"))
    page.goto(first)
    expect(page.locator("#watched")).to_have_class("watched is-whole")
    page.keyboard.press("Enter")
    expect(page.locator(".count")).to_have_text("2 of 2")
    assert ratings(bobs) == [[1, [3] * 6]]


def test_a_change_that_is_refused_is_told_and_shown_until_it_is_forgotten(bobs, rater):
    page = rater()
    first = page.url
    rate_with_keys(page, "444444")
    expect(page.locator(".count")).to_have_text("2 of 2")
    page.get_by_role("link", name="Previous clip").click()
    expect(page.get_by_text("You have rated this clip.")).to_be_visible()
    wait_for_keys(page)
    bobs.shell("from annotator.models import Campaign as C; C.objects.update(state='closed')")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This campaign is closed")).to_be_visible()
    expect(page.locator("#refused")).to_be_hidden()  # once is enough
    page.goto(first)
    expect(page.locator("#refused")).to_contain_text("Your rating of this clip could not be taken")
    expect(page.locator("input[name=sync]:checked")).to_have_value("1")
    page.get_by_role("button", name="Forget it").click()
    expect(page.locator("#refused")).to_be_hidden()
    page.goto(first)
    expect(page.locator("input[name=sync]:checked")).to_have_value("4")
    assert ratings(bobs) == [[1, [4] * 6]]


def test_a_change_sent_by_a_later_page_is_what_that_page_shows(bobs, rater):
    page = rater()
    first = page.url
    rate_with_keys(page, "444444")
    expect(page.locator(".count")).to_have_text("2 of 2")
    page.get_by_role("link", name="Previous clip").click()
    expect(page.get_by_text("You have rated this clip.")).to_be_visible()
    wait_for_keys(page)
    page.route("**/assignments/*/", lambda route: route.abort())
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_contain_text("kept in this browser")
    page.unroute_all()
    page.goto(first)
    expect(page.locator("input[name=sync]:checked")).to_have_value("1")
    wait_until(lambda: len(ratings(bobs)) == 2, "the change that was left behind")
    assert ratings(bobs) == [[1, [4] * 6], [2, [1, 4, 4, 4, 4, 4]]]


@pytest.fixture
def torn_answer():
    """The address of a server that promises a thousand bytes, sends ten and hangs up."""
    asked = []

    class Torn(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"0123456789")
            asked.append(self.path)

        def log_message(self, *_):
            """Nothing: what it says is no part of the test."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Torn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/torn", asked
    server.shutdown()
    server.server_close()


def test_a_next_clip_that_is_cut_half_way_is_loaded_again_by_its_page(bobs, rater, torn_answer):
    address, asked = torn_answer

    def tear(route):
        is_ahead = route.request.resource_type == "fetch" and route.request.method == "GET"
        route.continue_(url=address if is_ahead else None)

    page = rater(lambda page: page.route("**/assignments/*/clip", tear))
    wait_until(lambda: page.evaluate("1") and asked, "the next clip to be asked for")
    rate_with_keys(page, "444444")
    expect(page.locator(".count")).to_have_text("2 of 2")
    wait_for_clip(page)


def test_a_clip_played_fast_is_held_at_its_own_speed(rater):
    page = rater()
    wait_for_clip(page)
    page.evaluate("document.querySelector('#clip').playbackRate = 4")
    wait_until(
        lambda: page.evaluate("document.querySelector('#clip').playbackRate") == 1, "its own speed"
    )


def test_without_javascript_the_page_says_what_it_needs(bobs, rater, browser):
    rater()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, bobs.address, "bob")
    page.get_by_role("link", name="rating", exact=False).first.click()
    expect(page.locator("noscript p")).to_be_visible()
    context.close()
