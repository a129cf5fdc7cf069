import re

from playwright.sync_api import expect

from tests.browser.conftest import fill_sign_in


def test_a_wrong_password_is_said_in_one_sentence_and_nothing_more(page, shot):
    fill_sign_in(page, "user", "wrong")
    expect(page.get_by_role("alert")).to_have_text("That name and password do not match.")
    expect(page.get_by_label("Name or e-mail")).to_have_value("user")
    shot(page, "login-refused")


def test_an_address_stands_for_its_person(page):
    fill_sign_in(page, "user@example.org")
    expect(page.get_by_role("link", name="user, profile and sign out")).to_be_visible()


def test_signing_in_leads_to_the_page_that_was_asked_for(page, site):
    page.goto("/inbox/")
    page.get_by_label("Name or e-mail").fill("user")
    page.get_by_label("Password").fill("demo-for-tests")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{site.url}/inbox/")


def test_the_session_ends_with_the_browser_unless_one_stays(page):
    fill_sign_in(page, "user")
    page.wait_for_url("**/")
    session = next(one for one in page.context.cookies() if one["name"] == "sessionid")
    assert session["expires"] == -1


def test_staying_signed_in_lasts_beyond_the_browser(page):
    page.goto("/login/")
    page.get_by_label("Stay signed in").check()
    page.get_by_label("Name or e-mail").fill("user")
    page.get_by_label("Password").fill("demo-for-tests")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    session = next(one for one in page.context.cookies() if one["name"] == "sessionid")
    assert session["expires"] > 0


def test_signing_out_is_one_button_in_the_profile(page):
    fill_sign_in(page, "user")
    page.get_by_role("link", name=re.compile("profile and sign out")).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/runs/")
    expect(page).to_have_url(re.compile("/login/"))


def test_colours_and_keys_are_chosen_in_the_profile(page, login):
    login(page, "user")
    page.goto("/profile/")
    page.get_by_label("Colours").select_option("Dark")
    page.get_by_label("Single letters act as keys").uncheck()
    page.get_by_role("button", name="Keep for this browser").click()
    expect(page.get_by_role("status")).to_have_text("Kept for this browser.")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()


def test_a_password_is_changed_only_with_the_present_one(page, login):
    login(page, "user")
    page.goto("/profile/")
    page.get_by_label("Present password").fill("not this")
    page.get_by_label("New password").fill("shorter-rope-77")
    page.get_by_label("Again").fill("shorter-rope-77")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("This is not your present password.")).to_be_visible()
