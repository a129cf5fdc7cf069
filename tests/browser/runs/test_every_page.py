"""Every page in every light: axe finds nothing, nothing is wider than the screen, and a picture is kept."""

import pytest
from playwright.sync_api import expect

LIGHTS = [(1440, False), (1440, True), (390, False), (390, True)]
PAGES = {
    "home": "/",
    "runs": "/runs/",
    "inbox": "/inbox/",
}
QUIET = {
    "home-quiet": "/",
    "inbox-empty": "/inbox/",
    "runs-none": "/runs/?status=ROLLING_BACK",
    "start": "/orchestrations/support-answer/start/",
    "profile": "/profile/",
    "limits": "/limits/",
}


def name(what, width, dark):
    return f"{what}-{width}{'-dark' if dark else ''}"


@pytest.fixture
def check(clean, shot):
    def look(page, what, width, dark):
        shot(page, name(what, width, dark), full=width < 720)
        clean(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is too wide"

    return look


@pytest.mark.parametrize(("width", "dark"), LIGHTS)
def test_signing_in(visitor, check, width, dark):
    page = visitor(width=width, dark=dark)
    page.goto("/login/")
    check(page, "login", width, dark)


@pytest.mark.parametrize(("width", "dark"), LIGHTS)
@pytest.mark.parametrize("what", PAGES)
@pytest.mark.usefixtures("busy")
def test_a_page_with_much_on_it(visitor, check, what, width, dark):
    page = visitor("user", width=width, dark=dark)
    page.goto(PAGES[what])
    expect(page.get_by_role("heading").first).to_be_visible()
    check(page, what, width, dark)


@pytest.mark.parametrize(("width", "dark"), LIGHTS)
@pytest.mark.parametrize("what", QUIET)
def test_a_page_with_nothing_on_it(visitor, check, what, width, dark):
    page = visitor("superadmin", width=width, dark=dark)
    page.goto(QUIET[what])
    check(page, what, width, dark)


@pytest.mark.parametrize(("width", "dark"), LIGHTS)
def test_a_run_that_waits_then_fails_then_is_rolled_back(visitor, start, becomes, check, width, dark):
    page = visitor("user", width=width, dark=dark)
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    expect(page.locator("form.answer")).to_be_visible()
    check(page, "run-waiting", width, dark)
    page.get_by_role("button", name="Approve").click()
    becomes(page, "Failed")
    expect(page.locator(".verdict")).to_be_visible()
    check(page, "run-failed", width, dark)
    page.locator(".verdict").get_by_role("link", name="Roll back").click()
    expect(page.locator(".plan")).to_be_visible()
    check(page, "run-preview", width, dark)
    page.get_by_role("button", name="Roll back 3 steps").click()
    becomes(page, "Waiting")
    page.get_by_role("button", name="Reject").click()
    becomes(page, "Completed")
    for tab in ("journal", "log", "data", "timeline"):
        page.goto(f"{page.url.split('?')[0]}?tab={tab}&step=choose")
        check(page, f"run-{tab}", width, dark)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nowhere/", "There is nothing at this address"),
        ("/runs/00000000-0000-7000-8000-000000000000/", "There is no such run."),
    ],
)
def test_what_is_not_there(visitor, check, noise, path, words):
    noise.allow("404")
    page = visitor("user")
    page.goto(path)
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    check(page, f"missing-{len(words)}", 1440, False)
