import re

from playwright.sync_api import expect


def focused(page):
    return page.evaluate("document.activeElement.textContent.trim()")


def test_g_and_a_letter_go_places(page, login, site):
    login(page, "user")
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(f"{site.url}/runs/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_letters_belong_to_the_field_one_writes_in(page, login):
    login(page, "user")
    page.goto("/orchestrations/support-answer/start/")
    page.get_by_label("Customer's question").fill("")
    page.keyboard.type("gr?")
    expect(page.get_by_label("Customer's question")).to_have_value("gr?")


def test_arrows_walk_along_the_edges_and_enter_opens_a_step(page, login, start, becomes):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    page.locator(".step[data-key=ready] a").focus()
    page.keyboard.press("ArrowDown")
    assert focused(page) == "What did it say?"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Does it answer at once?"
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Read the database's state"
    page.keyboard.press("ArrowUp")
    assert focused(page) == "What did it say?"
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="What did it say?")).to_be_visible()
    assert focused(page) == "What did it say?"


def test_digits_open_the_tabs_and_brackets_move_through_the_journal(page, login, start, becomes):
    login(page, "user")
    start(page, "health-check")
    becomes(page, "Completed")
    page.keyboard.press("4")
    expect(page.get_by_role("list", name="Journal, newest first")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator(".gantt")).to_be_visible()
    newest = re.search(r"Entry (\d+) of \1\b", page.get_by_role("main").inner_text())
    last = int(newest[1])
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile(f"at={last - 1}$"))
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile(f"at={last - 2}$"))
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(f"at={last - 1}$"))
    page.keyboard.press("End")
    expect(page).not_to_have_url(re.compile("at="))


def test_the_inbox_is_worked_off_by_keys(page, login, start, becomes):
    login(page, "admin")
    start(page, "second-thoughts", parcel="A keyed parcel")
    becomes(page, "Waiting")
    page.goto("/inbox/")
    page.locator(".mail", has_text="A keyed parcel").click()
    expect(page).to_have_url(re.compile("/inbox/.+/"))
    page.wait_for_load_state()
    page.keyboard.press("r")
    expect(page.get_by_label("Comment")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("heading", level=2).first.click()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("a")
    expect(page.locator(".mail", has_text="A keyed parcel")).to_contain_text("You approved")
