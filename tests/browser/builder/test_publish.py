"""Problems and publishing."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.builder.conftest import edge, step

BROKEN = step("ask", "llm", config={"prompt": "Hello {{ steps.later.output.text }}"})


def test_publishing_is_disabled_with_the_reason_while_there_are_problems(desk):
    board = desk([BROKEN, step("later", y=120)], [edge("ask", "later")])
    publish = board.page.get_by_role("link", name="Publish")
    expect(publish).to_have_attribute("aria-disabled", "true")
    expect(publish).to_have_accessible_description("Publishing needs the 2 problems solved first.")


def test_a_problem_jumps_to_its_step_and_field(desk):
    board = desk([step("first"), BROKEN | {"position": {"x": 900, "y": 900}}], [edge("first", "ask")])
    board.page.locator("#problems").get_by_role("link").last.click()
    expect(board.page.locator('#inspector [data-form="ask"]')).to_be_attached()
    expect(board.field("config.prompt").get_by_role("textbox")).to_be_focused()
    expect(board.card("ask")).to_be_in_viewport()


def test_f8_goes_from_problem_to_problem(desk):
    board = desk([step("a", "llm", config={"prompt": "x"}), step("b", "llm", y=120, config={"prompt": "x"})])
    board.page.keyboard.press("F8")
    expect(board.page.locator('#inspector [data-form="a"]')).to_be_attached()
    board.page.keyboard.press("F8")
    expect(board.page.locator('#inspector [data-form="b"]')).to_be_attached()


def test_solving_the_last_problem_makes_it_publishable(desk):
    board = desk([step("ask", "llm", config={"prompt": "Hello"})])
    board.select("ask")
    expect(board.card("ask")).to_contain_text("1 problem")
    model = board.field("config.model").get_by_role("combobox")
    model.select_option(index=1)
    expect(board.page.locator("#problems")).to_contain_text("None")
    expect(board.page.get_by_role("link", name="Publish")).not_to_have_attribute("aria-disabled", "true")
    expect(board.card("ask")).not_to_contain_text("problem")


def test_a_draft_is_published_with_a_note_and_then_differs_by_its_changes(desk):
    board = desk([step("first")])
    board.page.get_by_role("link", name="Publish").click()
    dialog = board.page.get_by_role("dialog", name="Publish")
    dialog.get_by_label("What changed").fill("The first one")
    dialog.get_by_role("button", name="Publish").click()
    expect(board.page.locator("#bar")).to_contain_text("Version 1, which is what runs use")
    expect(board.page.locator("[data-builder][data-ready]")).to_be_attached()
    board.select("first")
    board.field("name").get_by_role("textbox").fill("Another")
    board.page.keyboard.press("Enter")
    expect(board.page.locator("#bar")).to_contain_text("1 change since version 1, which is what runs use")
    expect(board.page.locator("#bar .chip")).to_have_text("Draft")


def test_what_has_not_changed_is_not_published_again(desk):
    board = desk([step("first")], publish=True)
    publish = board.page.get_by_role("link", name="Publish")
    expect(publish).to_have_accessible_description("Nothing has changed since version 1.")
