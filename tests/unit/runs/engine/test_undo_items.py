"""Semantic 6 for maps: what was done for each item is undone by itself, and its calls go by the ledger."""

# mypy: disable-error-code="call-arg,misc"

from typing import Any

import pytest

from runs.engine.commands import (
    ItemDone,
    ItemFail,
    ItemInterrupt,
    Listed,
    Noted,
    Received,
    Sent,
    UndoFailed,
    UndoInterrupted,
    Undone,
)
from runs.engine.unwinding import item_of
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds

UNDO = {"compensate": {"type": "task"}}
NO = {"code": "boom", "message": "no", "retryable": False}
AGAIN = {**NO, "retryable": True}


def mapped(count: int, *, concurrency: int = 3, skip: bool = False, **options: Any) -> Play:
    options = {"type": "map", **UNDO, **options}
    fields = {name: value for name, value in options.items() if value is not None}
    play = Play(dag("m, n", m=fields))
    play.do(Listed(*play.now_at("m"), count, "d", concurrency, skip, list(range(count))))
    return play


def at(play: Play, index: int) -> tuple[Any, ...]:
    return *play.now_at("m"), index, play.state.maps["m"].items[index].attempt


def sent(play: Play, index: int, call: int = 0, *received: Received) -> list:
    tried = play.state.maps["m"].items[index].attempt
    command = Sent(*play.now_at("m"), call, f"k{index}.{call}", "POST", received, index, tried=tried)
    return play.do(command)


def done(play: Play, index: int, **more: Any) -> list:
    return play.do(ItemDone(*at(play, index), output=index, **more))


def job(play: Play) -> tuple[str, int, int]:
    (key, epoch), job = next(iter(play.state.undo.items()))
    return key, epoch, job["attempt"]


def undo_all(play: Play) -> list[int | None]:
    """The items, as they are undone."""
    order = []
    while play.state.undo:
        order.append(item_of(next(iter(play.state.undo.values()))))
        play.do(Undone(*job(play), item=order[-1]))
    return order


def test_items_are_undone_one_by_one_in_reverse_order_of_completion():
    play = mapped(3)
    for index in (2, 0, 1):
        done(play, index)
    play.complete("m")
    preview = play.preview("m")
    assert (preview["compensates"], preview["items"]) == (["m"], {"m": 3})
    said = play.roll_back("m")
    assert said[-1]["data"] == {"worker": "w1", "item": 1}
    assert undo_all(play) == [1, 0, 2]
    assert play.now_at("m")[1] == 2


def test_a_map_that_never_had_an_item_has_nothing_to_undo():
    play = Play(dag("m", m={"type": "map", **UNDO}))
    play.complete("m")
    assert play.preview(None)["compensates"] == []
    plain = mapped(1, compensate=None)
    done(plain, 0)
    assert plain.preview(None)["compensates"] == []


def test_a_call_of_an_item_is_journaled_before_it_is_sent():
    """the ledger: after a crash the receipt is there, and nothing is sent again."""
    play = mapped(2)
    assert kinds(sent(play, 0)) == ["effect_sent m"]
    assert kinds(sent(play, 0, 1, Received(0, "k0.0", {"x": 1}))) == ["effect_received m", "effect_sent m"]
    assert kinds(play.do(Noted(*play.now_at("m"), (Received(1, "k0.1", 5),), 0, tried=1))) == [
        "effect_received m"
    ]
    late = Sent(*play.now_at("m"), 0, "k", "POST", (), 0, tried=1)
    said = kinds(play.do(ItemInterrupt(*at(play, 0), "w1")))
    assert said == ["item_interrupted m", "item_started m"]
    assert play.do(late) == [], "an attempt that no longer counts must not send"
    assert play.do(Sent(*play.now_at("n"), 0, "k", "POST", (), 0)) == [], "n has no items"
    assert play.state.effects["m"]["0.0"]["receipt"] == {"x": 1}
    assert play.state.effects["m"]["0.1"]["received"]
    sent(play, 1)
    said = kinds(done(play, 1, received=(Received(0, "k1.0", {"y": 2}),)))
    assert said == ["effect_received m", "item_completed m"]
    assert set(play.state.effects["m"]) == {"0.0", "0.1"}, "a completed item is not asked again"
    done(play, 0)
    assert play.state.effects == {}


def test_what_an_item_that_failed_has_done_is_undone_too():
    """semantic 6: those calls count that were answered, also of items that a map goes on without."""
    play = mapped(3, skip=True)
    for index in range(3):
        sent(play, index)
    play.do(Noted(*play.now_at("m"), (Received(0, "k0.0", 1),), 0, tried=1))
    play.do(ItemFail(*at(play, 0), NO))
    play.do(ItemFail(*at(play, 1), {**NO, "refused": True}))
    assert set(play.state.effects["m"]) == {"0.0", "2.0"}
    done(play, 2, received=(Received(0, "k2.0"),))
    play.complete("m")
    assert set(play.state.effects["m"]) == {"0.0"}
    play.roll_back("m")
    assert undo_all(play) == [2, 0]


def test_a_rollback_waits_for_items_and_undoes_what_they_say_after_they_were_given_up():
    """semantic 6: an effect that succeeds later is compensated when it reports."""
    play = mapped(3)
    for index in range(3):
        sent(play, index)
    given = {"value": "two"}
    late = [ItemDone(*at(play, index), output=index, given=given) for index in range(3)]
    done(play, 0, received=(Received(0, "k0.0"),))
    play.do(ItemFail(*at(play, 1), {"code": "timeout", "message": "slow", "retryable": False}))
    assert play.status("m") == "FAILED"
    assert kinds(play.do(late[2])) == ["late_result_ignored m"]
    play.complete("n")
    play.roll_back(None)
    assert play.state.undo["m", 1]["items"] == (2, 0), "what was late before counts, and ended last"
    assert kinds(play.do(late[1])) == ["late_result_ignored m"]
    assert play.state.undo["m", 1]["items"] == (2, 1, 0)
    assert undo_all(play) == [2, 1, 0]
    assert str(play.state.status) == "ROLLED_BACK"
    noted = Noted("m", 1, 1, (Received(0, "k2.0", "r"),), 2, tried=1)
    assert play.do(noted) == [], "it is not waited for"


def test_an_item_of_an_epoch_that_is_over_is_undone_with_what_it_brings():
    play = mapped(2)
    late = ItemDone(*at(play, 1), output="x", given={"value": "one"}, received=(Received(0, "k1.0", "r"),))
    sent(play, 1)
    done(play, 0)
    play.do(ItemFail(*at(play, 1), {"code": "timeout", "message": "slow", "retryable": False}))
    play.complete("n")
    play.roll_back("m")
    assert undo_all(play) == [0]
    assert play.now_at("m")[1] == 2
    said = kinds(play.do(late))
    assert said == ["effect_received m", "late_result_ignored m", "compensation_started m"]
    ((where, found),) = play.state.undo.items()
    assert (where, found["items"]) == (("m", 1), (1,))
    assert found["late"] == {1: {"output": "x", "given": {"value": "one"}}}
    assert undo_all(play) == [1]
    assert play.do(late) == []


def test_an_item_without_what_undoes_it_leaves_nothing_when_it_is_late():
    play = mapped(1, compensate=None)
    late = ItemDone(*at(play, 0), output="x", payload={"sha256": "0", "size": 1})
    play.do(ItemFail(*at(play, 0), {"code": "timeout", "message": "slow", "retryable": False}))
    said = play.do(late)
    assert kinds(said) == ["late_result_ignored m"]
    assert "happened" not in said[0]["data"]


@pytest.mark.parametrize("how", ["retry", "interrupted", "stuck"])
def test_undoing_an_item_is_tried_again_like_a_step(how):
    play = mapped(2, retry={"max_attempts": 2, "delay_s": 0})
    done(play, 0)
    done(play, 1)
    play.complete("m")
    play.roll_back("m")
    if how == "interrupted":
        said = play.do(UndoInterrupted(*job(play), "w1"))
        assert said[0]["data"] == {"worker": "w1", "item": 1}
        assert said[1]["data"]["item"] == 1
    elif how == "retry":
        said = play.do(UndoFailed(*job(play), AGAIN))
        assert kinds(said) == ["compensation_retry_scheduled m"]
        assert said[0]["data"]["item"] == 1
    else:
        assert play.do(UndoFailed(*job(play), NO))[0]["data"]["item"] == 1
    assert undo_all_or_stuck(play) == (how != "interrupted")


def undo_all_or_stuck(play: Play) -> bool:
    status = play.state.undo["m", 1]["status"]
    if status != "running":
        return True
    undo_all(play)
    return False


def test_a_rollback_waits_for_the_items_that_run_and_undoes_what_they_complete():
    """semantic 6: without a call, completing is the effect."""
    play = mapped(3)
    done(play, 0)
    play.roll_back(None)
    assert kinds(done(play, 2)) == ["item_completed m"]
    assert kinds(done(play, 1)) == ["item_completed m", "step_cancelled m"]
    assert play.state.undo["m", 1]["items"] == (1, 2, 0)
    play.complete("n")
    assert undo_all(play) == [1, 2, 0]
