"""Configuring a step: a form from its type's schema, saved as one leaves a field."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.builder.conftest import Desk, edge, step

INPUT = {"type": "object", "properties": {"message": {"type": "string"}, "amount": {"type": "number"}}}
CASES = [
    {"port": "small", "label": "Up to 50", "when": "input.amount <= 50"},
    {"port": "large", "label": "Over 50", "when": "input.amount > 50"},
]


def test_a_field_is_saved_as_it_is_left(desk):
    board = desk([step("wait", "delay", config={"seconds": 5})])
    board.select("wait")
    board.field("config.seconds").get_by_role("textbox").fill("90")
    board.page.keyboard.press("Tab")
    expect(board.page.locator("[data-saved]")).to_have_text("Saved")
    assert board.saved()["steps"][0]["config"]["seconds"] == 90


def test_a_new_name_is_on_the_card_at_once(desk):
    board = desk([step("first")])
    board.select("first")
    board.field("name").get_by_role("textbox").fill("Read the mail")
    board.page.keyboard.press("Enter")
    expect(board.card("first").locator(".name")).to_have_text("Read the mail")
    expect(board.page.locator("#inspector h2")).to_have_text("Read the mail")


def test_what_cannot_be_saved_stays_in_its_field_with_the_reason(desk):
    board = desk([step("first")])
    board.select("first")
    board.page.locator("#it-fails").click()
    attempts = board.field("retry.max_attempts")
    attempts.get_by_role("textbox").fill("many")
    board.page.keyboard.press("Tab")
    expect(attempts.locator(".error")).to_contain_text("whole number")
    expect(attempts.get_by_role("textbox")).to_have_value("many")
    expect(attempts.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    attempts.get_by_role("textbox").fill("3")
    board.page.keyboard.press("Tab")
    expect(attempts.locator(".error")).to_be_hidden()
    assert board.saved()["steps"][0]["retry"] == {"max_attempts": 3}


def test_a_template_completes_what_earlier_steps_give(desk):
    steps = [
        step("find", "retrieve", config={"base": "handbook", "query": "{{ input.message }}"}),
        step("make", y=120),
        step("later", y=240),
    ]
    steps[1] = step("ask", "approval", y=120, config={"message": "", "role": "admin"})
    board = desk(steps, [edge("find", "ask"), edge("ask", "later", "approved")], input=INPUT)
    board.select("ask")
    question = board.field("config.message").get_by_role("textbox")
    question.click()
    board.page.keyboard.type("About {{ st")
    offers = board.field("config.message").get_by_role("option")
    expect(offers).to_have_count(1)
    expect(offers.first).to_contain_text("steps.find")
    board.page.keyboard.press("Tab")
    board.page.keyboard.type("output.r")
    board.page.keyboard.press("Enter")
    expect(question).to_have_value("About {{ steps.find.output.results }}")
    board.page.keyboard.press("Tab")
    expect(board.page.locator("[data-saved]")).to_have_text("Saved")
    assert board.saved()["steps"][1]["config"]["message"] == "About {{ steps.find.output.results }}"


def test_escape_closes_the_completion_and_keeps_the_text(desk):
    board = desk(
        [
            step("wait", "delay", config={"seconds": 5}),
            step("ask", "approval", y=120, config={"message": "", "role": "admin"}),
        ]
    )
    board.select("ask")
    board.field("config.message").get_by_role("textbox").click()
    board.page.keyboard.type("{{ ")
    expect(board.field("config.message").locator(".pop")).to_be_visible()
    board.page.keyboard.press("Escape")
    expect(board.field("config.message").locator(".pop")).to_be_hidden()
    expect(board.field("config.message").get_by_role("textbox")).to_have_value("{{ ")


def test_a_case_becomes_a_port_and_renaming_it_keeps_its_edge(desk):
    steps = [step("route", "condition", config={"mode": "first", "cases": CASES}), step("pay", y=160)]
    board = desk(steps, [edge("route", "pay", "small")], input=INPUT)
    board.select("route")
    cases = board.field("config.cases").locator(".rows > li")
    cases.first.get_by_label("Port").fill("tiny")
    board.page.keyboard.press("Tab")
    expect(board.edge("route", "tiny", "pay")).to_be_attached()
    board.field("config.cases").get_by_role("button", name="Add a case").click()
    cases.last.get_by_label("Port").fill("huge")
    cases.last.get_by_label("When").fill("input.amount > 500")
    board.page.keyboard.press("Tab")
    expect(board.card("route").locator("[data-port=huge]")).to_be_attached()
    assert [case["port"] for case in board.saved()["steps"][0]["config"]["cases"]] == [
        "tiny",
        "large",
        "huge",
    ]


def test_cases_can_be_put_in_another_order(desk):
    board = desk([step("route", "condition", config={"mode": "first", "cases": CASES})], input=INPUT)
    board.select("route")
    board.field("config.cases").get_by_role("button", name="Move this case down").first.click()
    expect(board.card("route").locator("[data-port]").first).to_have_attribute("data-port", "large")
    assert [case["port"] for case in board.saved()["steps"][0]["config"]["cases"]] == ["large", "small"]


def test_a_check_shows_the_settings_of_its_kind(desk):
    board = desk(
        [
            step(
                "check",
                "validation",
                config={"value": "{{ input }}", "checks": [{"kind": "expression", "when": "value"}]},
            )
        ]
    )
    board.select("check")
    row = board.field("config.checks").locator(".rows > li").first
    expression = row.locator("[data-column=when]")
    expect(expression).to_be_visible()
    row.get_by_label("Kind").select_option("regex")
    expect(expression).to_be_hidden()
    row.locator("[data-column=pattern]").fill("^A")
    board.page.keyboard.press("Tab")
    expect(board.card("check").locator(".line")).to_contain_text("regex")
    assert board.saved()["steps"][0]["config"]["checks"] == [{"kind": "regex", "pattern": "^A"}]


def test_json_that_is_none_says_in_which_line(desk):
    board = desk([step("make")])
    board.select("make")
    output = board.field("config.output")
    output.get_by_role("textbox").fill('{\n  "a": 1,\n  oops\n}')
    board.page.keyboard.press("Tab")
    expect(output.locator(".error")).to_contain_text("Line 3 is not JSON")
    expect(output.get_by_role("textbox")).to_have_value('{\n  "a": 1,\n  oops\n}')
    assert board.saved()["steps"][0]["config"] == {"output": {"done": True}}


def test_json_completes_templates_and_may_be_one(desk):
    board = desk([step("first"), step("second", y=120)], [edge("first", "second")])
    board.select("second")
    output = board.field("config.output").get_by_role("textbox")
    output.fill('{"copy": "')
    board.page.keyboard.type("{{ steps.f")
    board.page.keyboard.press("Tab")
    board.page.keyboard.type("output.d")
    board.page.keyboard.press("Enter")
    board.page.keyboard.type('"}')
    board.page.keyboard.press("Tab")
    expect(board.card("second").locator(".line")).to_have_text("copy")
    assert board.saved()["steps"][1]["config"]["output"] == {"copy": "{{ steps.first.output.done }}"}
    output.fill("{{ steps.first.output }}")
    board.page.keyboard.press("Escape")
    board.page.keyboard.press("Tab")
    expect(board.page.locator("[data-builder]")).to_have_attribute("data-revision", "3")
    assert board.saved()["steps"][1]["config"]["output"] == "{{ steps.first.output }}"


def test_people_are_chosen_as_chips(desk):
    board = desk([step("ask", "approval", config={"message": "Go on?", "assignees": ["user"]})])
    board.select("ask")
    people = board.field("config.assignees")
    people.get_by_role("combobox").select_option("admin")
    expect(people.locator(".chip-item")).to_have_count(2)
    people.get_by_role("button", name=re.compile("Remove")).first.click()
    expect(people.locator(".chip-item")).to_have_count(1)
    assert board.saved()["steps"][0]["config"]["assignees"] == ["admin"]


def test_an_automatic_rollback_is_chosen_and_drawn(desk):
    steps = [
        step("write"),
        step(
            "check",
            "validation",
            y=120,
            config={"value": "{{ input }}", "checks": [{"kind": "expression", "when": "value"}]},
        ),
    ]
    board = desk(steps, [edge("write", "check")])
    board.select("check")
    board.page.locator("#it-fails").click()
    board.field("on_failure.action").get_by_role("combobox").select_option("rollback")
    board.field("on_failure.to").get_by_role("combobox").select_option("write")
    board.field("on_failure.max_times").get_by_role("textbox").fill("2")
    board.page.keyboard.press("Tab")
    expect(board.page.locator('.edge.back[data-to="write"]')).to_have_attribute("d", re.compile("^M"))
    expect(board.page.locator(".note")).to_have_text("rolls back, at most twice")
    expect(board.page.locator("#it-fails")).to_have_attribute("aria-selected", "true")


def test_the_input_is_a_list_of_fields(desk):
    board = desk([step("first")])
    board.page.get_by_role("link", name="Settings", exact=True).click()
    schema = board.field("input")
    schema.get_by_role("button", name="Add a field").click()
    row = schema.locator(".rows > li").first
    row.get_by_label("Name", exact=True).fill("message")
    row.get_by_label("Label").fill("Your question")
    row.get_by_label("Kind").select_option("long")
    row.get_by_label("Required").check()
    assert board.saved()["input"] == {
        "type": "object",
        "properties": {"message": {"type": "string", "format": "textarea", "title": "Your question"}},
        "required": ["message"],
    }


def test_a_stale_edit_is_refused_with_who_changed_what_and_nothing_is_lost(desk, visitor):
    board = desk([step("first", name="As it was")])
    other = Desk(visitor("superadmin"), board.slug).open("?step=first")
    board.select("first")
    other.field("name").get_by_role("textbox").fill("Theirs")
    other.page.keyboard.press("Enter")
    expect(other.card("first").locator(".name")).to_have_text("Theirs")
    mine = board.field("name").get_by_role("textbox")
    mine.fill("Mine")
    board.page.keyboard.press("Enter")
    expect(board.field("name").locator(".error")).to_contain_text("has changed this since you saw it")
    expect(mine).to_have_value("Mine")
    expect(board.card("first").locator(".name")).to_have_text("Theirs")
    board.field("name").get_by_role("button", name="Save mine").click()
    expect(board.card("first").locator(".name")).to_have_text("Mine")


def test_edits_of_different_things_do_not_disturb_each_other(desk, visitor):
    board = desk([step("first"), step("second", y=120)])
    other = Desk(visitor("superadmin"), board.slug).open()
    other.drag("second", 0, 96)
    expect(other.card("second")).to_have_attribute("data-y", "216")
    board.drag("first", 96, 0)
    expect(board.card("second")).to_have_attribute("data-y", "216")
    assert [one["position"] for one in board.saved()["steps"]] == [{"x": 96, "y": 0}, {"x": 0, "y": 216}]


def test_an_edit_waits_until_the_server_can_be_reached(desk, noise):
    noise.allow("ERR_FAILED|ERR_INTERNET_DISCONNECTED")
    board = desk([step("first")])
    board.page.route("**/edits/", lambda route: route.abort())
    board.drag("first", 96, 0)
    expect(board.page.locator("#says")).to_contain_text("The server cannot be reached")
    board.page.unroute("**/edits/")
    expect(board.page.locator("#says")).to_be_empty(timeout=15_000)
    assert board.saved()["steps"][0]["position"] == {"x": 96, "y": 0}


def test_a_refused_field_keeps_its_text_and_reason_while_others_are_saved(desk):
    board = desk([step("first")])
    board.select("first")
    board.page.locator("#it-fails").click()
    attempts = board.field("retry.max_attempts")
    attempts.get_by_role("textbox").fill("many")
    board.field("timeout_s").get_by_role("textbox").fill("30")
    board.page.keyboard.press("Tab")
    expect(board.page.locator("[data-saved]")).to_have_text("Saved")
    expect(attempts.locator(".error")).to_contain_text("whole number")
    board.page.locator("[data-act=undo]").click()
    expect(board.field("timeout_s").get_by_role("textbox")).to_have_value("")
    expect(attempts.get_by_role("textbox")).to_have_value("many")
    expect(attempts.locator(".error")).to_contain_text("whole number")
