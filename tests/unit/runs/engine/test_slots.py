"""Steps that a limit bounds start when they are admitted; the rest of their run goes on as ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from runs.engine.awaiting import waits, wanted
from runs.engine.commands import Admit, Await, Due, Held, ItemDone, ItemHeld, Kick, Listed, Sent
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds

LIMIT = {"kind": "user", "subject": "mary", "what": "concurrency", "most": 1}


def bounded(text: str, *gated: str, window: int = 32, **options: Any) -> Play:
    graph = dag(text, **options)
    return Play(graph, window=window, gated=frozenset(gated or graph.steps))


def admit(play: Play, *keys: str, most: int = 1) -> list[str]:
    return kinds(play.do(Admit(frozenset(keys or play.graph.steps), most)))


def test_a_bounded_step_waits_pending_until_it_is_admitted():
    """semantic 2 says when a step may start; a limit only makes that later."""
    play = bounded("a > b, a > c")
    assert play.statuses == "a:PENDING b:PENDING c:PENDING"
    assert play.do(Kick()) == []
    assert admit(play) == ["step_started a"]
    play.complete("a")
    assert play.statuses == "a:COMPLETED b:PENDING c:PENDING"
    assert wanted(play.state, play.gated) == {"b": 1, "c": 1}
    assert admit(play, "c") == ["step_started c"]
    assert admit(play, most=5) == ["step_started b"]
    assert admit(play, most=5) == []


def test_what_no_limit_bounds_starts_at_once():
    play = bounded("a > b, a > c", "b")
    assert kinds(play.complete("a")) == ["step_completed a", "step_started c"]
    assert wanted(play.state, play.gated) == {"b": 1}


def test_they_are_admitted_in_the_order_in_which_they_became_ready_and_the_window_holds():
    play = bounded("a, b, c, d", window=2)
    assert admit(play, most=9) == ["step_started a", "step_started b"]
    play.complete("a")
    assert admit(play, most=9) == ["step_started c"]


@pytest.mark.parametrize("worker", ["", "w2"])
def test_nobody_is_admitted_where_nothing_may_start(worker):
    play = bounded("a, b")
    admit(play, "a")
    if worker:
        play.fail("a")  # semantic 5: nothing new starts
        assert play.state.status == "FAILED"
    assert play.do(Admit(play.gated, 2), worker=worker) == []
    assert wanted(play.state, play.gated) == ({} if worker else {"b": 1})


def test_a_retry_queues_for_its_slot():
    play = bounded("a", a={"retry": {"max_attempts": 2, "delay_s": 1}})
    admit(play)
    play.fail("a", retryable=True)
    play.wait(2)
    assert kinds(play.due("a", "retry")) == ["step_queued a"]
    assert admit(play) == ["step_started a"]


def test_the_wait_is_said_once_until_nothing_is_ready():
    play = bounded("a > b")
    assert not waits(play.state, "a")
    assert kinds(play.do(Await((LIMIT,)))) == ["slots_awaited"]
    assert play.do(Await((LIMIT,))) == []
    assert waits(play.state, "a")
    assert play.state.awaiting == {"since": play.now.isoformat(timespec="milliseconds"), "limits": [LIMIT]}
    assert not waits(play.state, "b")  # that one waits for its turn, not for a slot
    admit(play)
    assert play.state.awaiting is None
    assert play.do(Await((LIMIT,))) == []  # nothing waits


def test_a_run_that_fails_waits_for_no_slot():
    play = bounded("a, b")
    play.do(Await((LIMIT,)))
    admit(play, "a")
    assert waits(play.state, "b")
    play.fail("a")
    assert not waits(play.state, "b")


def listed(play: Play, count: int, concurrency: int = 2) -> list[str]:
    items = list(range(count))
    return kinds(play.do(Listed(*play.now_at("m"), count, "d", concurrency, False, items)))


def done(play: Play, index: int) -> list[str]:
    item = play.state.maps["m"].items[index]
    return kinds(play.do(ItemDone(*play.now_at("m"), index, item.attempt, output=index)))


def test_the_items_of_a_bounded_map_are_admitted_one_by_one():
    play = bounded("m > z", m={"type": "map"})
    admit(play)
    assert listed(play, 3) == ["items_listed m"]
    assert wanted(play.state, play.gated) == {"m": 2}
    assert wanted(play.state, {"z"}) == {}
    play.do(Await((LIMIT,)))
    assert waits(play.state, "m")
    assert admit(play) == ["item_started m"]
    assert not waits(play.state, "m")  # some of it goes on
    assert wanted(play.state, play.gated) == {"m": 1}
    assert admit(play, most=5) == ["item_started m"]  # its own concurrency
    assert done(play, 0) == ["item_completed m"]
    assert done(play, 1) == ["item_completed m"]
    assert admit(play, most=5) == ["item_started m"]
    assert done(play, 2) == ["item_completed m", "items_finished m"]
    assert wanted(play.state, play.gated) == {}


def test_many_bounded_maps_do_not_take_the_windows_places_from_each_other():
    """Each map has its own place, so an item of each can always be admitted."""
    play = bounded("m, n", m={"type": "map"}, n={"type": "map"}, window=2)
    admit(play, most=2)
    for key in "mn":
        play.do(Listed(*play.now_at(key), 5, "d", 5, False, list(range(5))))
    assert admit(play) == ["item_started m"]
    assert admit(play, most=9) == ["item_started n"]
    assert [len(found.running) for found in play.state.maps.values()] == [1, 1]


def test_a_call_that_a_limit_refuses_is_no_failure_and_its_step_comes_again():
    """semantic 4: only failures use up attempts."""
    play = Play(dag("a"))
    play.do(Sent(*play.now_at("a"), 0, "key", "Ask gpt"))
    until = play.now + timedelta(seconds=30)
    assert kinds(play.do(Held(*play.now_at("a"), until, LIMIT))) == ["step_waiting a"]
    assert play.state.steps["a"].wait["kind"] == "slot"
    assert play.state.effects == {}  # it was announced and not made: nothing is in doubt
    assert play.due("a", "slot") == []  # early
    play.wait(31)
    assert kinds(play.due("a", "slot")) == ["step_started a"]
    assert play.state.steps["a"].failures == 0
    assert play.do(Held("a", 1, 1, until, LIMIT)) == []  # of an earlier attempt


def test_a_bounded_step_that_was_refused_a_call_queues_again():
    play = bounded("a")
    admit(play)
    play.do(Held(*play.now_at("a"), play.now, LIMIT))
    assert kinds(play.due("a", "slot")) == ["step_queued a"]


def test_nothing_begins_to_wait_in_a_run_that_fails():
    """semantic 5."""
    play = Play(dag("a, b"))
    play.fail("b")
    assert kinds(play.do(Held(*play.now_at("a"), play.now, LIMIT))) == [
        "step_cancelled a", "late_result_ignored a", "run_failed",
    ]  # fmt: skip


def held(play: Play, index: int) -> list[str]:
    item = play.state.maps["m"].items[index]
    until = play.now + timedelta(seconds=10)
    return kinds(play.do(ItemHeld(*play.now_at("m"), index, item.attempt, until)))


def test_an_item_that_is_refused_a_call_comes_again_and_has_not_failed():
    play = Play(dag("m", m={"type": "map"}))
    listed(play, 2)
    assert held(play, 0) == ["item_waiting m"]
    assert held(play, 0) == []  # said already
    assert held(play, 1) == ["item_waiting m"]
    assert (play.status("m"), play.state.status) == ("WAITING", "WAITING")
    play.wait(11)
    assert kinds(play.do(Due("m", 1, play.state.steps["m"].wait["timer"], "items"))) == [
        "item_queued m", "item_started m",
    ]  # fmt: skip
    assert play.state.maps["m"].items[0].failures == 0


def test_a_rollback_waits_for_no_item_that_only_waits():
    """semantic 6."""
    play = Play(dag("m > z", m={"type": "map"}))
    listed(play, 1)
    play.roll_back("m") if play.status("m") == "COMPLETED" else play.roll_back(None)
    assert "step_cancelled m" in held(play, 0)
    assert play.state.status == "ROLLED_BACK"
