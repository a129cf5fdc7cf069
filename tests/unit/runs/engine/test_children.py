"""A step, or an item of a map, waits for a run of its own; undoing it rolls that run back."""

# mypy: disable-error-code="call-arg,misc"

from typing import Any

import pytest

from orchestrator.errors import Conflict
from runs.engine.commands import (
    ChildBegins,
    ChildUndoes,
    Complete,
    Due,
    Fail,
    ItemBegins,
    ItemDone,
    ItemFail,
    Listed,
    Resolve,
    RetryRun,
    Start,
    UndoFailed,
    UndoInterrupted,
    Undone,
)
from runs.engine.flight import in_flight
from runs.engine.kin import children_of, wanted
from runs.engine.state import replay
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds

NO = {"code": "child_failed", "message": "no", "retryable": False}
AGAIN = {**NO, "retryable": True}


def child(name: str = "c1", since: int = 0) -> dict[str, Any]:
    return {"id": name, "orchestration": "o", "name": "O", "version": 1, "number": 7, "since": since}


def begin(play: Play, key: str = "a", name: str = "c1") -> list:
    return play.do(ChildBegins(*play.now_at(key), child(name)))


def item_begins(play: Play, index: int) -> list:
    tried = play.state.maps["m"].items[index].attempt
    return play.do(ItemBegins(*play.now_at("m"), index, tried, child(f"i{index}")))


def mapped(count: int, *, concurrency: int = 2, skip: bool = False, **options: Any) -> Play:
    play = Play(dag("m > z", m={"type": "map", **options}))
    play.do(Listed(*play.now_at("m"), count, "d", concurrency, skip, list(range(count))))
    return play


def job(play: Play) -> tuple[str, int, int]:
    (key, epoch), job = next(iter(play.state.undo.items()))
    return key, epoch, job["attempt"]


def undo(play: Play, name: str = "c1") -> list:
    play.do(ChildUndoes(*job(play), {"id": name, "number": 7, "since": 5}))
    return play.do(Undone(*job(play)))


def test_a_child_knows_its_parent():
    play = Play(dag("a"), start=False)
    play.do(Start({}, {}, 1, {"id": "p", "number": 1, "step": "a", "epoch": 1}))
    assert play.state.parent == {"id": "p", "number": 1, "step": "a", "epoch": 1}
    assert Play(dag("a")).state.parent is None


def test_a_step_waits_for_its_child_and_takes_its_output():
    play = Play(dag("a > b"))
    assert kinds(begin(play)) == ["child_started a"]
    assert begin(play) == [], "a second delivery says nothing"
    assert (play.statuses, str(play.state.status)) == ("a:WAITING b:PENDING", "WAITING")
    assert list(in_flight(play.state, "w1")) == []
    assert play.state.steps["a"].wait == {"kind": "child", "child": "c1"}
    assert wanted(play.state, "c1", "a", None)[0] == "go"
    assert wanted(play.state, "other", "a", None) == ("nothing", {})
    assert play.do(Complete("a", 1, 9)) == play.do(Complete("a", 2, 1)) == []
    assert kinds(play.complete("a", output=3)) == ["step_completed a", "step_started b"]
    assert wanted(play.state, "c1", "a", None)[0] == "stop"
    assert play.complete("a", output=4) == [], "it is told once"


def test_a_child_that_fails_is_tried_again_as_the_step_says():
    """semantic 4: retries come first; the wait goes on, with a pause."""
    play = Play(dag("a", a={"retry": {"max_attempts": 2, "delay_s": 5}}))
    begin(play)
    assert kinds(play.do(Fail(*play.now_at("a"), AGAIN))) == ["retry_scheduled a"]
    assert (play.statuses, wanted(play.state, "c1", "a", None)[0]) == ("a:WAITING", "stop")
    play.wait(5)
    assert kinds(play.due("a", "retry")) == ["step_started a"]
    begin(play)
    assert kinds(play.do(Fail(*play.now_at("a"), AGAIN))) == ["step_failed a", "run_failed"]


def test_a_run_is_tried_again_only_as_it_was_seen():
    """Two who have the same child tried again do it once."""
    play = Play(dag("a"))
    play.fail("a")
    assert play.do(RetryRun("mary", seen=1)) == []
    assert kinds(play.do(RetryRun("mary", seen=play.state.seq)))[0] == "run_retried"
    assert play.do(RetryRun("mary", seen=play.state.seq - 1)) == []


def test_what_a_child_says_after_it_was_given_up_is_ignored_and_written_down_once():
    play = Play(dag("a, b"))
    begin(play)
    play.fail("b")
    assert play.statuses == "a:CANCELLED b:FAILED", "semantic 5: waiting steps stop"
    assert wanted(play.state, "c1", "a", None)[0] == "stop"
    late = Complete("a", 1, 1, output=1)
    assert kinds(play.do(late)) == ["late_result_ignored a"]
    assert play.do(late) == []
    play.retry()
    assert kinds(begin(play)) == ["child_started a"]
    assert play.do(late) == [], "it is of an earlier attempt"


def test_a_step_whose_run_fails_begins_no_child():
    """semantic 5."""
    play = Play(dag("a, b"))
    play.fail("b")
    assert kinds(begin(play)) == ["step_cancelled a", "late_result_ignored a", "run_failed"]


def test_items_wait_for_their_children_outside_of_the_window():
    play = mapped(3)
    assert kinds(item_begins(play, 0)) == ["child_started m"]
    assert item_begins(play, 0) == []
    assert play.statuses == "m:RUNNING z:PENDING"
    assert [item for item, _ in children_of(play.state, "m")] == [0], "the other one has none yet"
    item_begins(play, 1)
    assert (play.statuses, str(play.state.status)) == ("m:WAITING z:PENDING", "WAITING")
    assert play.state.steps["m"].wait == {"kind": "items", "due_at": None, "timer": 0}
    found = play.state.maps["m"]
    assert (found.under_way, list(found.running), dict(found.children)) == (2, [], {0: "i0", 1: "i1"})
    assert wanted(play.state, "i0", "m", 0)[0] == "go"
    assert kinds(play.do(ItemDone(*play.now_at("m"), 1, 1, "x"))) == ["item_completed m", "item_started m"]
    assert wanted(play.state, "i1", "m", 1)[0] == "stop"
    assert play.do(ItemBegins(*play.now_at("m"), 1, 1, child("i1"))) == []
    item_begins(play, 2)
    play.do(ItemDone(*play.now_at("m"), 0, 1, "x"))
    said = kinds(play.do(ItemDone(*play.now_at("m"), 2, 1, "x")))
    assert said == ["item_completed m", "items_finished m"]
    play.complete("m", output={})
    assert [item for item, _ in children_of(play.state, "m")] == [1, 0, 2]


def test_an_item_whose_child_fails_gives_up_the_others():
    play = mapped(3)
    item_begins(play, 0)
    item_begins(play, 1)
    said = kinds(play.do(ItemFail(*play.now_at("m"), 0, 1, NO)))
    assert said == ["item_failed m", "step_failed m", "run_failed"]
    assert wanted(play.state, "i1", "m", 1)[0] == "stop"
    late = ItemDone(*play.now_at("m"), 1, 1, "x")
    assert kinds(play.do(late)) == ["late_result_ignored m"]
    assert play.do(late) == []


def test_an_item_is_tried_again_with_the_same_child():
    play = mapped(1, retry={"max_attempts": 2, "delay_s": 5})
    item_begins(play, 0)
    assert kinds(play.do(ItemFail(*play.now_at("m"), 0, 1, AGAIN))) == ["item_failed m"]
    play.wait(5)
    wait = play.state.steps["m"].wait or {}
    said = kinds(play.do(Due("m", 1, wait["timer"], "items")))
    assert said == ["item_queued m", "item_started m"]
    assert kinds(item_begins(play, 0)) == ["child_started m"]
    assert play.state.children["m", 1, 0]["tried"] == 2


def test_rolling_back_undoes_the_child_whatever_came_of_it():
    """semantic 6: in reverse order of completion, with what other steps did."""
    play = Play(dag("a > b > c", b={"compensate": {"type": "task"}}))
    begin(play)
    play.complete("a")
    play.complete("b")
    begin(play, "c", "c2")
    assert play.preview(None)["compensates"] == ["c", "b", "a"]
    assert play.preview(None, effect_of=lambda spec: "compensatable")["cannot"] == []
    said = kinds(play.roll_back(None))
    assert said == ["rollback_started", "step_cancelled c", "compensation_started c"]
    assert wanted(play.state, "c2", "c", None)[0] == wanted(play.state, "c1", "a", None)[0] == "rest"
    stranger = ChildUndoes("c", 1, 9, {"id": "c2", "number": 7, "since": 5})
    assert play.do(stranger) == play.do(ChildUndoes("z", 1, 1, {})) == []
    assert kinds(play.do(ChildUndoes(*job(play), {"id": "c2", "number": 7, "since": 5}))) == [
        "compensation_waiting c"
    ]
    want, known = wanted(play.state, "c2", "c", None)
    assert (want, known["since"], known["undoing"]) == ("undo", 5, 1)
    assert list(in_flight(play.state, "w1")) == []
    assert play.do(UndoInterrupted(*job(play), "w1")) == [], "no worker is lost that does it"
    assert kinds(play.do(Undone(*job(play)))) == ["step_compensated c", "compensation_started b"]
    assert kinds(play.do(Undone(*job(play)))) == ["step_compensated b", "compensation_started a"]
    assert kinds(undo(play))[-2:] == ["rollback_finished", "run_rolled_back"]
    assert play.state == replay(play.graph, play.journal)


def test_an_epoch_has_its_own_child():
    """semantic 6: the step is executed again, by another run."""
    play = Play(dag("a"))
    begin(play)
    play.complete("a")
    play.roll_back("a")
    undo(play)
    assert play.now_at("a")[1] == 2
    assert wanted(play.state, "c1", "a", None)[0] == "nothing"
    begin(play, "a", "c2")
    assert [known["id"] for _, known in children_of(play.state, "a")] == ["c2"]


@pytest.mark.parametrize("way", ["retry", "skip", "give_up", "in the child"])
def test_a_child_that_cannot_be_rolled_back_waits_for_a_person(way):
    """semantic 6: in the parent, or in the child, whose rollback then ends after all."""
    play = Play(dag("a"))
    begin(play)
    play.complete("a")
    play.roll_back(None)
    play.do(ChildUndoes(*job(play), {"id": "c1", "number": 7, "since": 5}))
    failed = UndoFailed(*job(play), NO)
    assert kinds(play.do(failed)) == ["compensation_failed a"]
    assert play.do(failed) == []
    assert wanted(play.state, "c1", "a", None)[0] == "stuck"
    if way == "in the child":
        assert kinds(play.do(Undone(*job(play))))[0] == "step_compensated a"
        assert str(play.state.status) == "ROLLED_BACK"
        return
    said = kinds(play.do(Resolve("a", way, "mary", "why")))
    ends = {
        "retry": "compensation_started a",
        "skip": "run_rolled_back",
        "give_up": "run_failed",
    }
    assert said[-1] == ends[way]
    if way == "give_up":
        play.roll_back(None)
        assert kinds(undo(play))[-1] == "run_rolled_back"


def test_the_children_of_a_map_are_undone_one_after_the_other():
    """semantic 6: in reverse order of their ends."""
    play = mapped(3, concurrency=3)
    for index in range(3):
        item_begins(play, index)
    play.do(ItemDone(*play.now_at("m"), 1, 1, "x"))
    play.do(ItemDone(*play.now_at("m"), 0, 1, "x"))
    assert play.preview(None)["items"] == {"m": 3}
    play.roll_back(None)
    order = []
    while play.state.undo:
        order.append(play.journal[-1][2][-1]["data"]["item"])
        name = f"i{order[-1]}"
        assert wanted(play.state, name, "m", order[-1])[0] == "rest"
        undo(play, name)
        assert not play.state.undo or wanted(play.state, name, "m", order[-1])[0] == "rest"
    assert order == [2, 0, 1]
    assert str(play.state.status) == "ROLLED_BACK"


def test_a_map_that_is_half_undone_goes_on_only_by_another_rollback():
    """semantic 6: nothing is undone twice for one epoch."""
    play = mapped(2, concurrency=2, compensate={"type": "task"})
    for index in range(2):
        play.do(ItemDone(*play.now_at("m"), index, 1, "x"))
    play.complete("m")
    play.complete("z")
    play.roll_back("m")
    play.do(Undone(*job(play)))
    play.do(UndoFailed(*job(play), NO))
    play.do(Resolve("m", "give_up", "mary", "no"))
    with pytest.raises(Conflict) as refused:
        play.retry()
    assert refused.value.code == "half_undone"
    play.roll_back("m")
    assert play.journal[-1][2][-1]["data"]["item"] == 0
    play.do(Undone(*job(play)))
    assert play.now_at("m")[1] == 2


def test_the_results_are_put_together_when_the_window_has_a_place():
    """A map that waits for children has none; other steps have taken it."""
    play = Play(dag("m, b > c, d", m={"type": "map"}), window=2)
    play.do(Listed(*play.now_at("m"), 2, "d", 1, False, [0, 1]))
    item_begins(play, 0)
    assert play.statuses == "m:WAITING b:RUNNING c:PENDING d:RUNNING"
    assert [item for item, _ in children_of(play.state, "m")] == [0]
    assert kinds(play.do(ItemDone(*play.now_at("m"), 0, 1, "x"))) == ["item_completed m"]
    play.complete("d")
    item_begins(play, 1)
    play.do(ItemDone(*play.now_at("m"), 1, 1, "x"))
    assert list(in_flight(play.state, "w1"))[-1] == ("m", 1, 1, "gather")
    full = Play(dag("m, b > c, d", m={"type": "map"}), window=2)
    full.do(Listed(*full.now_at("m"), 1, "d", 1, False, [0]))
    item_begins(full, 0)
    assert kinds(full.do(ItemDone(*full.now_at("m"), 0, 1, "x"))) == ["item_completed m"]
    assert kinds(full.complete("d")) == ["step_completed d", "items_finished m"]


def test_a_map_whose_items_change_after_it_has_done_something_fails():
    """semantic 6: what was done for the earlier ones would be forgotten."""
    play = mapped(2, retry={"max_attempts": 1})
    item_begins(play, 0)
    play.do(ItemFail(*play.now_at("m"), 0, 1, NO))
    play.retry()
    said = play.do(Listed(*play.now_at("m"), 2, "other", 1, False, ["x", "y"]))
    assert kinds(said) == ["step_failed m", "run_failed"]
    assert play.error("m")["code"] == "items_changed"
