"""A draft of 500 steps and 800 edges opens and can be worked on."""

from __future__ import annotations

import random

from playwright.sync_api import expect

from tests.browser.builder.conftest import edge, step

WIDE = 20


def _large():
    chance = random.Random(7)
    steps = [step(f"s{n}", x=n % WIDE * 264, y=n // WIDE * 120) for n in range(500)]
    pairs = set()
    while len(pairs) < 800:
        source = chance.randrange(480)
        column = min(WIDE - 1, max(0, source % WIDE + chance.randrange(-2, 3)))
        pairs.add((source, (source // WIDE + 1) * WIDE + column))
    return steps, [edge(f"s{a}", f"s{b}") for a, b in sorted(pairs)]


def test_five_hundred_steps_are_drawn_and_one_of_them_is_moved(desk):
    board = desk(*_large())
    expect(board.page.locator(".step[data-key]")).to_have_count(500)
    assert board.page.locator(".edge[d]").count() == 800
    board.page.get_by_role("button", name="Zoom, now").click()
    board.card("s210").focus()
    board.page.keyboard.press("ArrowRight")
    expect(board.card("s211")).to_be_in_viewport()
    before = board.at("s211")
    board.drag("s211", 48, 24)
    expect(board.page.locator("[data-builder]")).to_have_attribute("data-revision", "2")
    assert board.at("s211") == (before[0] + 48, before[1] + 24)


def test_only_what_an_edit_changed_is_sent(desk):
    board = desk(*_large())
    board.card("s45").focus()
    with board.page.expect_response("**/edits/") as answered:
        board.page.keyboard.press("Alt+ArrowDown")
    assert set(answered.value.json()["cards"]) == {"s45"}
    assert len(answered.value.body()) < 40_000


def test_the_outline_of_a_large_draft_is_there_once_it_is_opened(desk):
    board = desk(*_large())
    board.page.get_by_role("tab", name="Outline").click()
    expect(board.page.locator("#outline > li")).to_have_count(500)
