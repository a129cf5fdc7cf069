"""The outline on a phone and without script; reading without the right to change; nothing for axe to find."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.builder.conftest import edge, step

CASES = [{"port": "yes", "label": "It is", "when": "input.amount > 1"}]
STEPS = [
    step("ask", "llm", config={"prompt": "Hello {{ input.message }}"}, name="Ask the model"),
    step("route", "condition", y=96, config={"mode": "first", "cases": CASES}, name="Is it large?"),
    step(
        "approve",
        "approval",
        y=216,
        config={"message": "Go on?", "role": "admin", "assignees": ["user"]},
        name="Somebody decides",
    ),
    step("call", "http", x=288, y=216, config={"method": "GET", "url": "https://example.org"}, name="Call"),
    step(
        "check",
        "validation",
        y=336,
        config={"value": "{{ input }}", "checks": [{"kind": "expression", "when": "value"}]},
        on_failure={"action": "rollback", "to": "ask"},
    ),
]
EDGES = [
    edge("ask", "route"),
    edge("route", "approve", "yes"),
    edge("route", "call", "else"),
    edge("approve", "check", "approved"),
]


@pytest.fixture
def phone(visitor, draft):
    """The builder on a phone."""

    def make(steps=(), edges=()):
        return draft(visitor("admin", width=390), steps, edges).open()

    return make


def test_a_phone_shows_the_outline_instead_of_the_canvas(phone):
    board = phone(STEPS, EDGES)
    expect(board.page.locator("#canvas")).to_be_hidden()
    expect(board.page.locator("#outline > li")).to_have_count(5)
    expect(board.page.locator("#outline > li").nth(1)).to_contain_text(
        "It is → Somebody decides · else → Call"
    )
    assert board.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_steps_are_added_opened_connected_and_deleted(phone):
    board = phone([step("first"), step("second", y=120)])
    page = board.page
    page.get_by_role("button", name="More for First").tap()
    page.get_by_role("menuitem", name="Add a step after it").tap()
    page.get_by_role("dialog", name="Add a step").get_by_role("button", name="Delay").tap()
    expect(page.locator("#outline > li")).to_have_count(3)
    expect(page.get_by_role("heading", name="Delay", level=2)).to_be_visible()
    page.get_by_role("link", name="Back to the outline").tap()
    page.get_by_role("button", name="More for Delay").tap()
    page.get_by_role("menuitem", name="Connect").tap()
    page.get_by_label("to the step").select_option("second")
    page.get_by_role("dialog").get_by_role("button", name="Connect", exact=True).tap()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="More for First").tap()
    page.get_by_role("menuitem", name="Delete").tap()
    expect(page.locator("#outline > li")).to_have_count(2)
    saved = board.saved()
    assert [one["key"] for one in saved["steps"]] == ["second", "delay"]
    assert saved["edges"] == [edge("delay", "second")]


def test_on_a_phone_a_field_is_saved_and_one_comes_back(phone):
    board = phone([step("first")])
    board.page.get_by_role("link", name="First").tap()
    board.field("name").get_by_role("textbox").fill("Renamed")
    board.page.get_by_role("link", name="Back to the outline").tap()
    expect(board.page.locator("#outline").get_by_role("link", name="Renamed")).to_be_visible()


def test_without_script_a_step_can_be_read_and_its_form_sent(visitor, draft):
    page = visitor("admin", script=False)
    board = draft(page, STEPS, EDGES)
    page.goto(f"/orchestrations/{board.slug}/edit/")
    page.get_by_role("link", name="Ask the model").first.click()
    expect(page.get_by_role("heading", name="Ask the model")).to_be_visible()
    page.get_by_label("Name").fill("Ask it politely")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("#outline").get_by_role("link", name="Ask it politely")).to_be_visible()


def test_who_may_not_edit_reads_everything_and_changes_nothing(page, draft, site, login):
    board = draft(page, STEPS, EDGES)
    site.manage("shell", "-v0", "-c", _SECOND_ADMIN)
    login(page, "reader")
    board.open("?step=ask")
    expect(page.get_by_text("You may look, not change").first).to_be_visible()
    expect(board.field("config.prompt").get_by_role("textbox")).to_be_disabled()
    expect(page.get_by_role("link", name="Publish")).to_have_count(0)
    board.drag("ask", 96, 0)
    assert board.at("ask") == (0, 0)


_SECOND_ADMIN = """
from orchestrator.models import User
person, made = User.objects.get_or_create(username="reader", defaults={"role": "admin"})
person.set_password("demo-for-tests")
person.save()
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_in_the_builder(visitor, draft, clean, shot, dark):
    board = draft(visitor("admin", dark=dark), STEPS, EDGES).open("?step=route")
    shot(board.page, f"builder-{'dark' if dark else 'light'}")
    clean(board.page)
    for key in ("check", "approve", "ask", "call"):
        board.select(key)
        clean(board.page)
    board.page.locator("#it-fails").click()
    clean(board.page)
    board.page.get_by_role("link", name="Settings", exact=True).click()
    expect(board.page.get_by_role("tab", name="Access")).to_be_visible()
    clean(board.page)
    board.page.get_by_role("tab", name="Access").click()
    clean(board.page)


def test_axe_finds_nothing_in_dialogs_menus_and_the_empty_builder(desk, clean, shot):
    board = desk()
    shot(board.page, "builder-empty")
    clean(board.page)
    board.page.locator("#panel-add [data-add=transform]").click()
    expect(board.card("transform")).to_be_visible()
    board.page.keyboard.press("c")
    clean(board.page)
    board.page.keyboard.press("Escape")
    board.page.keyboard.press("o")
    board.page.locator("#outline").get_by_role("button", name="More for Transform").click()
    expect(board.page.get_by_role("menu")).to_be_visible()
    clean(board.page)


def test_axe_finds_nothing_on_a_phone_and_in_the_list(phone, clean, shot, visitor):
    board = phone(STEPS, EDGES)
    shot(board.page, "builder-390")
    clean(board.page)
    board.page.get_by_role("link", name="Is it large?").first.tap()
    expect(board.page.locator('#inspector [data-form="route"]')).to_be_visible()
    clean(board.page)
    for dark in (False, True):
        page = visitor("admin", dark=dark)
        for path in (
            "/orchestrations/",
            "/orchestrations/new/",
            "/orchestrations/import/",
            "/orchestrations/?q=nothing-is-called-so",
        ):
            page.goto(path)
            clean(page)
