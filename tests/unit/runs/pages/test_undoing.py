"""Semantic 6 on the canvas: a card says how far undoing its step is."""

from __future__ import annotations

import pytest

from runs.engine import commands
from runs.pages.canvas import cards
from runs.pages.drawing import draw
from runs.pages.undoing import band
from tests.unit.runs.pages.conftest import Story

NOTHING = {"type": "transform", "config": {"output": 1}}
DOCUMENT = {
    "name": "Order",
    "steps": [
        {"key": key, "type": "transform", "name": key.capitalize(), "config": {"output": 1},
         "retry": {"max_attempts": 2}, **more}
        for key, more in (("first", {}), ("pay", {"compensate": NOTHING}), ("book", {"compensate": NOTHING}))
    ],
    "edges": [{"source": "first", "target": "pay"}, {"source": "pay", "target": "book"}],
}  # fmt: skip


@pytest.fixture
def rolling():
    """A run of three steps that is rolled back to the first: what undoes Book is under way."""
    told = Story(DOCUMENT)
    told.complete("first").complete("pay").complete("book")
    return told.do(commands.Rollback("first", "anna", "No"))


def seen(told):
    shown = cards(told.scene(), draw(told.document), {}, "")
    return {
        one["key"]: (one["now"]["status"], f"{one['now']['lead']} {one['now']['line']}".strip())
        for one in shown
    }


def fail(told, **error):
    return told.do(commands.UndoFailed("book", 1, 1, {"code": "x", "message": "It is shut.", **error}))


def test_what_is_undone_next_later_and_set_back_in_the_end(rolling):
    assert seen(rolling) == {
        "first": ("ROLLING_BACK", "Set back in the end"),
        "pay": ("ROLLING_BACK", "Still to be undone"),
        "book": ("ROLLING_BACK", "Undoing what it did"),
    }
    rolling.do(commands.Undone("book", 1, 1, None))
    assert seen(rolling)["book"] == ("ROLLED_BACK", "What it did is undone")
    assert seen(rolling)["pay"] == ("ROLLING_BACK", "Undoing what it did")


def test_another_attempt_says_when(rolling):
    fail(rolling, retryable=True)
    status, line = seen(rolling)["book"]
    assert status == "ROLLING_BACK"
    assert line.startswith("Undoing is tried again at ")
    assert line.endswith("It is shut.")
    assert band(rolling.scene(), may_act=True)[0]["may"] is False


def test_one_that_is_stuck_says_why_and_asks_who_may_act(rolling):
    fail(rolling)
    assert seen(rolling)["book"] == ("NOT_UNDONE", "Not undone: It is shut.")
    assert [one["may"] for one in band(rolling.scene(), may_act=True)] == [True, False]
    assert not any(one["may"] for one in band(rolling.scene(), may_act=False))


def test_what_a_person_left_says_so_and_one_that_was_given_up_stays(rolling):
    fail(rolling)
    rolling.do(commands.Resolve("book", "skip", "anna", "It may stay"))
    assert seen(rolling)["book"] == ("ROLLED_BACK", "Left as it is, by a person")
    rolling.do(commands.UndoFailed("pay", 1, 1, {"code": "x", "message": "Shut too."}))
    rolling.do(commands.Resolve("pay", "give_up", "anna", ""))
    assert seen(rolling)["first"][0] == "COMPLETED"
    assert seen(rolling)["book"] == ("ROLLED_BACK", "Left as it is, by a person")


def test_a_second_attempt_is_counted(rolling):
    fail(rolling)
    rolling.do(commands.Resolve("book", "retry", "anna", ""))
    assert seen(rolling)["book"] == ("ROLLING_BACK", "Undoing attempt 2")
