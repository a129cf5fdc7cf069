import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def failed(page, login, start, becomes):
    """A run that failed, because its question was answered wrongly."""
    login(page, "user")
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    page.get_by_role("button", name="Approve").click()
    becomes(page, "Failed")
    return page


def test_a_failed_run_says_what_failed_in_one_sentence_and_what_to_do(failed, shot):
    band = failed.locator(".verdict")
    expect(band).to_contain_text("Is it safe to ship? failed")
    expect(band.get_by_role("heading", level=2)).to_contain_text("A fragile parcel may not go the fast way.")
    expect(band).to_contain_text("Not run: Ship it.")
    expect(band.get_by_role("link", name="Roll back")).to_be_visible()
    expect(band.get_by_role("button", name="Retry as it is")).to_be_visible()
    shot(failed, "run-failed")


def test_the_preview_numbers_what_would_be_undone_and_nothing_has_happened(failed, card, shot):
    failed.locator(".verdict").get_by_role("link", name="Roll back").click()
    expect(failed.get_by_role("heading", name="Roll back to Ship it the fast way?")).to_be_visible()
    expect(failed.get_by_text("Nothing has happened yet.")).to_be_visible()
    expect(failed.locator(".plan li")).to_have_count(3)
    for number, key in enumerate(("check", "fast", "choose"), 1):
        expect(card(failed, key).locator(".no")).to_have_text(str(number))
    expect(card(failed, "prepare")).not_to_have_class(re.compile("undo"))
    expect(failed.get_by_text("Describe the parcel: not run again")).to_be_visible()
    shot(failed, "run-preview")
    failed.get_by_role("link", name="Keep as it is").click()
    expect(failed.locator(".plan")).to_have_count(0)
    expect(failed.locator(".workbar > .status")).to_have_text("Failed")


def test_rolled_back_and_answered_differently_the_run_completes(failed, becomes, card, shot):
    failed.locator(".verdict").get_by_role("link", name="Roll back").click()
    failed.get_by_role("button", name="Roll back 3 steps").click()
    becomes(failed, "Waiting")
    expect(card(failed, "choose")).to_contain_text("for you since")
    shot(failed, "run-rolled-back")
    failed.get_by_role("button", name="Reject").click()
    becomes(failed, "Completed")
    expect(card(failed, "ship")).to_contain_text("2nd go")
    expect(card(failed, "prepare")).not_to_contain_text("2nd go")


def test_the_whole_run_can_be_rolled_back(failed, becomes, shot):
    failed.locator(".verdict").get_by_role("link", name="Roll back").click()
    failed.get_by_label("Other checkpoint").select_option("The whole run")
    expect(failed.get_by_role("heading", name="Roll back the whole run")).to_be_visible()
    failed.get_by_role("button", name="Roll back the whole run").click()
    becomes(failed, "Rolled back")
    shot(failed, "run-all-back")


def test_retrying_as_it_is_fails_the_same_way_again(failed, becomes, card):
    failed.get_by_role("button", name="Retry as it is").click()
    becomes(failed, "Failed")
    failed.get_by_role("navigation", name="Run details").get_by_text("Journal").click()
    expect(failed.get_by_text("You retried")).to_be_visible()


def test_a_step_of_a_finished_run_offers_to_roll_back_to_it(page, login, start, becomes, card):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    card(page, "live").get_by_role("link").click()
    page.get_by_role("link", name="Roll back to here").click()
    expect(page.get_by_role("button", name="Roll back 2 steps")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".plan")).to_have_count(0)


def test_cancelling_asks_once_and_the_run_can_go_on_later(page, login, start, becomes, shot):
    login(page, "user")
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    page.locator(".workbar summary", has_text="Cancel").click()
    shot(page, "run-cancel-asks")
    page.get_by_role("button", name="Let it go on").click()
    becomes(page, "Waiting")
    page.locator(".workbar summary", has_text="Cancel").click()
    page.locator("#why").fill("Wrong parcel")
    page.get_by_role("button", name="Cancel the run").click()
    becomes(page, "Cancelled")
    expect(page.locator(".workbar")).to_contain_text("cancelled")
    expect(page.locator(".workbar")).to_contain_text("by you (Wrong parcel)")
    shot(page, "run-cancelled")
    page.get_by_role("button", name="Go on").click()
    becomes(page, "Waiting")


def test_running_again_begins_with_the_same_input(page, login, start, becomes):
    login(page, "user")
    start(page, "second-thoughts", parcel="The same again")
    becomes(page, "Waiting")
    page.get_by_role("button", name="Reject").click()
    becomes(page, "Completed")
    start(page, "second-thoughts", parcel="Another")
    page.go_back()
    page.goto("/runs/?mine=1&status=COMPLETED&orchestration=second-thoughts")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    page.get_by_role("link", name="Run again", exact=True).click()
    expect(page.get_by_label("What is shipped")).to_have_value("The same again")
