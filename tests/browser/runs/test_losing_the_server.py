import pytest
from playwright.sync_api import expect


@pytest.mark.timeout(240)
def test_a_killed_server_is_said_and_nothing_is_missed(page, login, site, start, becomes, card, noise, shot):
    noise.allow("WebSocket|ERR_CONNECTION|ERR_EMPTY_RESPONSE|Failed to load resource")
    login(page, "user")
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    page.get_by_label("Comment").fill("Written before the crash")
    site.kill()
    expect(page.get_by_text("Live updates are interrupted.")).to_be_visible()
    shot(page, "run-lost")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer, so nothing has happened.")
    site.start()
    expect(page.get_by_text("Back, nothing was missed.")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Comment")).to_have_value("Written before the crash")
    page.get_by_role("button", name="Reject").click()
    becomes(page, "Completed")
    expect(page.locator("[data-lost]")).to_be_hidden()
