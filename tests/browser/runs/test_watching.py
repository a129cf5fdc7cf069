import re

import pytest
from playwright.sync_api import expect


@pytest.mark.timeout(300)
def test_a_run_is_watched_from_its_start_to_an_answer_and_its_result(page, login, start, becomes, card, shot):
    login(page, "user")
    start(page, "support-answer", question="How many days do I have to return something?")
    page.evaluate("document.body.dataset.sameDocument = 'yes'")
    expect(card(page, "draft").locator(".stream")).to_be_visible(timeout=90_000)
    expect(page.locator(".quote[data-text=draft]")).not_to_be_empty()
    shot(page, "run-streaming")
    becomes(page, "Waiting")
    expect(card(page, "approve")).to_contain_text("for you since")
    expect(page.locator("[data-edge].taken")).to_have_count(4)
    page.get_by_role("button", name="Approve").click()
    becomes(page, "Completed")
    expect(page.get_by_role("region", name="Result")).to_contain_text("answer")
    expect(page.locator("body")).to_have_attribute("data-same-document", "yes")
    shot(page, "run-completed")


@pytest.mark.timeout(300)
def test_home_follows_what_runs(page, login, start, shot):
    login(page, "user")
    address = start(page, "support-answer", question="Who pays when I send something back to you?")
    page.goto("/")
    running = page.locator(f"[data-watch='{address.split('/')[-2]}']")
    expect(running).to_contain_text("Draft the answer", timeout=60_000)
    expect(running.locator("[data-writes]")).to_be_visible(timeout=90_000)
    shot(page, "home-running")
    expect(running).to_have_count(0, timeout=60_000)  # it asks the reader now, above


def test_every_step_of_two_branches_and_their_join_lights_up(page, login, start, becomes, card):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    for key in ("ready", "verdict", "live", "database", "report"):
        expect(card(page, key)).to_have_class(re.compile("is-completed"))
    expect(card(page, "alarm")).to_have_class(re.compile("is-skipped"))
    expect(card(page, "alarm")).to_contain_text("Skipped: another case was true")


def test_the_tabs_tell_the_same_run_in_four_ways(page, login, start, becomes, shot):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    page.get_by_role("navigation", name="Run details").get_by_text("Journal").click()
    expect(page.get_by_text(re.compile(r"You started the run with version \d"))).to_be_visible()
    expect(page.get_by_text("The run completed")).to_be_visible()
    shot(page, "run-journal")
    page.get_by_role("navigation", name="Run details").get_by_text("Data").click()
    expect(page.get_by_role("heading", name="Output of the run")).to_be_visible()
    shot(page, "run-data")
    page.get_by_role("navigation", name="Run details").get_by_text("Log").click()
    expect(page.locator(".log li").first).to_be_visible()
    shot(page, "run-log")
    page.go_back()
    expect(page.get_by_role("heading", name="Output of the run")).to_be_visible()


def test_a_step_shows_what_it_got_and_what_came_out(page, login, start, becomes, card, shot):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    card(page, "ready").get_by_role("link").click()
    panel = page.get_by_role("region", name="Is it ready?")
    expect(panel).to_contain_text("Calls")
    expect(panel).to_contain_text("200")
    panel.get_by_text("Input").click()
    expect(panel).to_contain_text("/health/ready")
    expect(page).to_have_url(re.compile("step=ready"))
    shot(page, "run-step")


def test_looking_at_the_past_says_so_and_leads_back(page, login, start, becomes, card, shot):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    page.keyboard.press("[")
    expect(page.get_by_text("As it was at")).to_be_visible()
    page.goto(f"{page.url.split('?')[0]}?at=1")
    expect(card(page, "ready")).to_have_class(re.compile("is-running"))
    expect(card(page, "report")).to_have_class(re.compile("is-pending"))
    shot(page, "run-past")
    page.get_by_role("link", name="Back to now").click()
    becomes(page, "Completed")


def test_without_script_the_page_reads_the_same(visitor, start):
    page = visitor("user", script=False)
    page.goto("/orchestrations/health-check/start/")
    page.get_by_role("button", name="Start the run").click()
    page.goto(f"{page.url}?tab=journal")
    expect(page.get_by_text(re.compile(r"You started the run with version \d"))).to_be_visible()


def test_a_run_of_somebody_else_is_not_there(visitor, start, noise):
    noise.allow("404")
    admin, user = visitor("admin"), visitor("user")
    address = start(admin, "health-check")
    user.goto(address)
    expect(user.get_by_role("heading", name="There is no such run.")).to_be_visible()


def test_a_step_that_runs_an_orchestration_links_to_its_run_and_back(
    page, login, start, becomes, card, calls, site
):
    check = {"key": "check", "type": "orchestration", "name": "Look after it", "config": {
        "orchestration": "health-check", "input": {"address": site.url}}}  # fmt: skip
    made = calls.post(
        "orchestrations/import/?publish=1", data={"schema": 1, "name": "Twice", "steps": [check]}
    )
    assert made.ok, made.text()
    login(page, "superadmin")
    start(page, made.json()["slug"])
    becomes(page, "Completed")
    card(page, "check").click()
    page.get_by_role("region", name="Its run").get_by_role("link").click()
    expect(page.locator(".workbar")).to_contain_text("part of run 1 of Twice")
    becomes(page, "Completed")
    page.get_by_role("link", name="run 1 of Twice").click()
    expect(page.get_by_role("region", name="Its run")).to_contain_text("Completed")
