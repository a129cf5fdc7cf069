"""Arranging steps on the canvas with the pointer."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.builder.conftest import edge, step


def test_a_step_is_added_by_a_click_and_selected(desk):
    board = desk()
    board.page.locator("#panel-add [data-add=llm]").click()
    expect(board.card("llm")).to_have_class(re.compile("selected"))
    expect(board.page.locator('#inspector [data-form="llm"]')).to_be_attached()
    assert [one["key"] for one in board.saved()["steps"]] == ["llm"]


def test_a_click_adds_after_the_selected_step_and_connects(desk):
    board = desk([step("first")])
    board.select("first")
    board.page.locator("#panel-add [data-add=delay]").click()
    expect(board.edge("first", "success", "delay")).to_be_attached()


def test_a_step_dragged_from_the_palette_stands_where_it_is_dropped(desk):
    board = desk([step("first")])
    start = board.page.locator("#panel-add [data-add=transform]").bounding_box()
    card = board.card("first").bounding_box()
    board.page.mouse.move(start["x"] + 20, start["y"] + 10)
    board.page.mouse.down()
    board.page.mouse.move(card["x"] + 108 + 240, card["y"] + 26 + 240, steps=6)
    board.page.mouse.up()
    expect(board.card("transform")).to_be_visible()
    assert board.at("transform") == (240, 240)
    assert board.saved()["edges"] == []


def test_a_step_dropped_on_an_edge_is_put_between(desk):
    board = desk([step("first"), step("last", y=192)], [edge("first", "last")])
    start = board.page.locator("#panel-add [data-add=transform]").bounding_box()
    card = board.card("first").bounding_box()
    board.page.mouse.move(start["x"] + 20, start["y"] + 10)
    board.page.mouse.down()
    board.page.mouse.move(card["x"] + 108, card["y"] + 110, steps=6)
    expect(board.page.locator(".edge.aimed")).to_have_count(1)
    board.page.mouse.up()
    expect(board.edge("first", "success", "transform")).to_be_attached()
    expect(board.edge("transform", "success", "last")).to_be_attached()
    expect(board.edge("first", "success", "last")).to_have_count(0)


def test_a_drag_from_a_port_connects(desk):
    board = desk([step("first"), step("second", x=288, y=192)])
    board.pull("first", "success", "second")
    board.page.mouse.up()
    expect(board.edge("first", "success", "second")).to_be_attached()
    assert board.saved()["edges"] == [edge("first", "second")]


def test_a_failure_port_appears_on_hover_and_connects(desk):
    board = desk([step("first"), step("rescue", x=288, y=192)])
    board.pull("first", "failure", "rescue")
    board.page.mouse.up()
    expect(board.edge("first", "failure", "rescue")).to_be_attached()
    expect(board.card("first").locator(".port[data-port=failure]")).to_be_visible()


def test_a_cycle_is_refused_with_the_reason_at_the_pointer(desk):
    board = desk([step("first"), step("second", y=120)], [edge("first", "second")])
    board.pull("second", "success", "first")
    reason = board.page.locator(".reason")
    expect(reason).to_have_text("First comes before Second, so this would run in a circle.")
    pointer, box = board.card("first").bounding_box(), reason.bounding_box()
    assert abs(box["x"] - pointer["x"] - 60) < 40
    assert abs(box["y"] - pointer["y"] - 20) < 40
    board.page.mouse.up()
    expect(board.page.locator("#says .notice")).to_contain_text("run in a circle")
    assert board.saved()["edges"] == [edge("first", "second")]


def test_escape_gives_up_a_connection(desk):
    board = desk([step("first"), step("second", x=288, y=192)])
    board.pull("first", "success", "second")
    board.page.keyboard.press("Escape")
    board.page.mouse.up()
    assert board.saved()["edges"] == []
    expect(board.page.locator(".edge.pulled")).to_have_count(0)


def test_a_dragged_card_snaps_to_the_grid_and_is_saved(desk):
    board = desk([step("first")])
    board.drag("first", 100, 53)
    expect(board.card("first")).to_have_attribute("data-x", "96")
    assert board.saved()["steps"][0]["position"] == {"x": 96, "y": 48}


def test_selected_cards_move_together(desk):
    board = desk([step("one"), step("two", x=288)])
    board.select("one")
    board.card("two").click(modifiers=["Shift"], position={"x": 60, "y": 16})
    board.drag("one", 0, 72)
    expect(board.card("two")).to_have_attribute("data-y", "72")
    assert {one["position"]["y"] for one in board.saved()["steps"]} == {72}


def test_a_box_selects_what_it_touches(desk):
    board = desk([step("one"), step("two", x=288), step("far", y=400)])
    one, two = board.card("one").bounding_box(), board.card("two").bounding_box()
    board.page.keyboard.down("Shift")
    board.page.mouse.move(one["x"] - 20, one["y"] + 70)
    board.page.mouse.down()
    board.page.mouse.move(two["x"] + 40, two["y"] + 20, steps=5)
    board.page.mouse.up()
    board.page.keyboard.up("Shift")
    expect(board.page.locator(".step.selected")).to_have_count(2)
    expect(board.card("far")).not_to_have_class(re.compile("selected"))


def test_deleting_says_so_and_can_be_taken_back(desk):
    board = desk(
        [step("first"), step("middle", y=120), step("last", y=240)],
        [edge("first", "middle"), edge("middle", "last")],
    )
    board.select("middle")
    board.page.keyboard.press("Delete")
    expect(board.card("middle")).to_have_count(0)
    expect(board.edge("first", "success", "last")).to_be_attached()
    board.page.get_by_role("button", name="Undo", exact=True).click()
    expect(board.card("middle")).to_be_visible()
    expect(board.edge("middle", "success", "last")).to_be_attached()


def test_an_edge_is_selected_by_a_click_and_deleted(desk):
    board = desk([step("first"), step("last", y=240)], [edge("first", "last")])
    box = board.card("first").bounding_box()
    board.page.mouse.click(box["x"] + 108, box["y"] + 140)
    expect(board.page.locator(".edge.chosen")).to_have_count(1)
    board.page.keyboard.press("Delete")
    expect(board.edge("first", "success", "last")).to_have_count(0)
    assert board.saved()["edges"] == []


def test_undo_and_redo_work_over_a_reload(desk):
    board = desk([step("first")])
    board.drag("first", 96, 48)
    expect(board.page.locator("[data-act=undo]")).to_have_attribute("aria-label", "Undo: move First")
    board.open()
    board.page.locator("[data-act=undo]").click()
    expect(board.card("first")).to_have_attribute("data-x", "0")
    board.open()
    board.page.keyboard.press("Control+Shift+z")
    expect(board.card("first")).to_have_attribute("data-x", "96")
    assert board.saved()["steps"][0]["position"] == {"x": 96, "y": 48}


def test_copied_steps_are_pasted_into_another_draft(page, draft):
    source = draft(
        page, [step("first", name="Say hello"), step("second", y=120)], [edge("first", "second")]
    ).open()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with page.expect_response("**/lot/**"):
        source.card("first").click(position={"x": 60, "y": 16})
    with page.expect_response("**/lot/**"):
        source.card("second").click(modifiers=["Shift"], position={"x": 60, "y": 16})
    page.keyboard.press("Control+c")
    expect(page.locator(".toast")).to_have_text("2 steps copied")
    target = draft(page).open()
    page.locator("#canvas").focus()
    page.keyboard.press("Control+v")
    expect(target.edge("first", "success", "second")).to_be_attached()
    assert target.saved()["steps"][0]["name"] == "Say hello"


def test_tidy_up_places_steps_so_that_edges_run_down(desk):
    board = desk([step("last", y=0), step("first", y=480)], [edge("first", "last")])
    board.page.get_by_role("button", name="Tidy up").click()
    expect(board.page.locator("[data-act=undo]")).to_have_attribute("aria-label", "Undo: tidy up")
    places = {one["key"]: one["position"]["y"] for one in board.saved()["steps"]}
    assert places["first"] < places["last"]


def test_the_wheel_zooms_to_the_pointer_and_cards_lose_their_second_line(desk):
    board = desk([step("first")])
    before = board.card("first").bounding_box()
    board.page.mouse.move(before["x"], before["y"])
    board.page.keyboard.down("Control")
    for _ in range(3):
        board.page.mouse.wheel(0, 50)
    board.page.keyboard.up("Control")
    expect(board.page.locator("#canvas")).to_have_attribute("data-lod", re.compile("least|far|less"))
    after = board.card("first").bounding_box()
    assert after["width"] < before["width"] * 0.7
    assert abs(after["x"] - before["x"]) < 3
    expect(board.card("first").locator(".line")).to_be_hidden()


def test_dragging_the_ground_pans_and_keeps_the_selection(desk):
    board = desk([step("first")])
    board.select("first")
    before = board.card("first").bounding_box()
    board.page.mouse.move(before["x"] - 60, before["y"] + 300)
    board.page.mouse.down()
    board.page.mouse.move(before["x"] - 20, before["y"] + 360, steps=5)
    board.page.mouse.up()
    after = board.card("first").bounding_box()
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (40, 60)
    expect(board.card("first")).to_have_class(re.compile("selected"))


def test_a_lone_card_dropped_on_an_edge_is_put_between(desk):
    steps = [step("first"), step("last", y=240), step("lone", x=-480, y=96)]
    board = desk(steps, [edge("first", "last")])
    board.drag("lone", 480, 24)
    expect(board.edge("first", "success", "lone")).to_be_attached()
    expect(board.edge("lone", "success", "last")).to_be_attached()
    expect(board.edge("first", "success", "last")).to_have_count(0)


def test_two_rollbacks_to_one_step_run_beside_each_other(desk):
    check = {"value": "{{ input }}", "checks": [{"kind": "expression", "when": "value"}]}
    back = {"on_failure": {"action": "rollback", "to": "first"}}
    steps = [
        step("first"),
        *(step(key, "validation", y=y, config=check, **back) for key, y in (("one", 120), ("two", 240))),
    ]
    board = desk(steps, [edge("first", "one"), edge("one", "two")])
    lanes = board.page.locator(".edge.back").evaluate_all(
        "paths => paths.map((path) => Math.round(path.getBBox().x))"
    )
    assert len(set(lanes)) == 2


def test_a_failure_port_never_lies_on_another_port(desk):
    board = desk(
        [step("ask", "approval", config={"message": "Go on?", "role": "admin"}), step("next", x=288, y=200)]
    )
    board.pull("ask", "expired", "next")
    board.page.mouse.up()
    expect(board.edge("ask", "expired", "next")).to_be_attached()
    board.pull("ask", "failure", "next")
    board.page.mouse.up()
    expect(board.edge("ask", "failure", "next")).to_be_attached()


def test_the_form_of_a_deleted_step_goes_with_it(desk):
    board = desk([step("first"), step("second", y=120)])
    board.select("first")
    board.page.locator("#canvas").press("Delete")
    expect(board.page.get_by_role("heading", name="No step is selected")).to_be_visible()
