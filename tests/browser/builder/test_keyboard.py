"""Everything without a pointer: on the canvas, and by the outline, which is its equal."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.builder.conftest import edge, step


def test_a_whole_orchestration_is_made_and_published_by_keyboard(desk):
    board = desk()
    keys = board.page.keyboard
    keys.press("/")
    keys.type("transf")
    keys.press("Enter")
    expect(board.card("transform")).to_be_focused()
    keys.press("/")
    keys.type("delay")
    keys.press("Enter")
    expect(board.edge("transform", "success", "delay")).to_be_attached()
    expect(board.card("delay")).to_be_focused()
    keys.press("Enter")
    expect(board.field("name").get_by_role("textbox")).to_be_focused()
    keys.type("Rest a little")
    keys.press("Enter")
    expect(board.card("delay").locator(".name")).to_have_text("Rest a little")
    board.page.get_by_role("link", name="Publish").focus()
    keys.press("Enter")
    keys.type("By keyboard")
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    expect(board.page.locator("#bar")).to_contain_text("Version 1, which is what runs use")


def test_c_connects_by_choosing_a_port_and_a_step(desk):
    board = desk(
        [step("first"), step("second", y=120), step("rescue", x=288, y=120)], [edge("first", "second")]
    )
    board.card("first").focus()
    board.page.keyboard.press("c")
    dialog = board.page.get_by_role("dialog", name="Connect First")
    dialog.get_by_label("From its port").select_option("failure")
    dialog.get_by_label("to the step").select_option("rescue")
    dialog.get_by_role("button", name="Connect", exact=True).press("Enter")
    expect(board.edge("first", "failure", "rescue")).to_be_attached()
    expect(board.card("first")).to_be_focused()


def test_steps_that_would_close_a_circle_cannot_be_chosen(desk):
    board = desk([step("first"), step("second", y=120)], [edge("first", "second")])
    board.card("second").focus()
    board.page.keyboard.press("c")
    option = board.page.get_by_label("to the step").locator("option")
    expect(option).to_be_disabled()
    expect(option).to_contain_text("would run in a circle")


def test_arrows_follow_edges_and_go_to_neighbours(desk):
    board = desk(
        [step("top"), step("left", x=-144, y=120), step("right", x=144, y=120)],
        [edge("top", "left"), edge("top", "right", "failure")],
    )
    board.card("left").focus()
    board.page.keyboard.press("ArrowUp")
    expect(board.card("top")).to_be_focused()
    board.page.keyboard.press("ArrowDown")
    board.page.keyboard.press("ArrowRight")
    expect(board.card("right")).to_be_focused()
    expect(board.card("right")).to_have_attribute("aria-selected", "true")


def test_alt_and_arrows_move_the_step_as_one_edit(desk):
    board = desk([step("first")])
    board.card("first").focus()
    for _ in range(3):
        board.page.keyboard.press("Alt+ArrowRight")
    board.page.keyboard.press("Alt+Shift+ArrowDown")
    expect(board.page.locator("[data-builder]")).to_have_attribute("data-revision", "2")
    assert board.saved()["steps"][0]["position"] == {"x": 72, "y": 8}


def test_tab_reads_from_top_to_bottom(desk):
    board = desk([step("last", y=240), step("first"), step("middle", y=120)])
    board.card("first").focus()
    board.page.keyboard.press("Tab")
    expect(board.card("middle")).to_be_focused()
    board.page.keyboard.press("Tab")
    expect(board.card("last")).to_be_focused()


def test_space_selects_and_with_shift_adds(desk):
    board = desk([step("one"), step("two", y=120)])
    board.card("one").focus()
    board.page.keyboard.press("Space")
    board.page.keyboard.press("Tab")
    board.page.keyboard.press("Shift+Space")
    expect(board.page.locator(".step.selected")).to_have_count(2)
    board.page.keyboard.press("Control+d")
    expect(board.page.locator(".step[data-key]")).to_have_count(4)


def test_single_letters_are_text_in_a_field(desk):
    board = desk([step("first")])
    board.select("first")
    board.field("name").get_by_role("textbox").fill("")
    board.page.keyboard.type("to f/c 0")
    expect(board.field("name").get_by_role("textbox")).to_have_value("to f/c 0")
    expect(board.page.get_by_role("dialog")).to_have_count(0)


def test_o_opens_the_outline_which_shares_the_selection(desk):
    board = desk([step("first"), step("second", y=120)], [edge("first", "second")])
    board.select("second")
    board.page.keyboard.press("o")
    expect(board.page.locator("#outline").get_by_role("link", name="Second")).to_be_focused()
    board.page.keyboard.press("ArrowUp")
    board.page.keyboard.press("Enter")
    expect(board.card("first")).to_have_class(re.compile("selected"))
    board.page.keyboard.press("Delete")
    expect(board.card("first")).to_have_count(0)


def test_a_key_is_changed_and_what_reads_it_follows(desk):
    second = step("second", y=120, config={"output": {"copy": "{{ steps.first.output.done }}"}})
    board = desk([step("first"), second], [edge("first", "second")])
    board.select("first")
    board.page.locator("#inspector").get_by_role("button", name="More for First").press("Enter")
    board.page.get_by_role("menuitem", name="Change its key").press("Enter")
    board.page.get_by_role("dialog").get_by_label("Key").fill("begin")
    board.page.keyboard.press("Enter")
    expect(board.edge("begin", "success", "second")).to_be_attached()
    assert board.saved()["steps"][1]["config"]["output"] == {"copy": "{{ steps.begin.output.done }}"}
