"""What one sees where there is nothing to see."""

from __future__ import annotations

from django.template.loader import render_to_string


def test_a_page_that_is_not_there_says_so_and_leads_back(client, db):
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    text = answer.content.decode()
    assert "Nothing here" in text and 'href="/"' in text and "dubscore" in text


def test_other_peoples_pages_look_like_pages_that_are_not_there(campaign, charlie, signed_in):
    answer = signed_in(charlie).get(f"/campaigns/{campaign.public_id}/")
    assert answer.status_code == 404 and "Nothing here" in answer.content.decode()


def test_the_page_of_a_fault_needs_neither_database_nor_files():
    assert "Ratings that were sent are kept" in render_to_string("500.html")


def test_a_head_request_is_answered_like_a_get_without_the_body(signed_in, bob):
    answer = signed_in(bob).head("/")
    assert answer.status_code == 200 and answer.content == b""
